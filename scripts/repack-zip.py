#!/usr/bin/env python3
"""Packs a function's zip anew, as tightly as deflate can and without times: the same bytes for the same program.

    repack-zip.py ZIP

ZIP has one file, `bootstrap`. Python's own zipfile packs with zlib alone, so the archive's records are written here (PKWARE's
APPNOTE, 4.3) and read back by zipfile. Needs the package `deflate` (libdeflate).
"""

import os
import struct
import sys
import zipfile
import zlib

import deflate

LOCAL, CENTRAL, END = 0x04034B50, 0x02014B50, 0x06054B50
NAME = b"bootstrap"
VERSION, FLAGS, DEFLATED, TIME, DATE = 20, 0, 8, 0, 1 << 5 | 1  # 1980-01-01
MADE_BY_UNIX, EXECUTABLE = 3 << 8 | VERSION, 0o100755 << 16


def archive(program):
    """The bytes of a zip with this program as its one file."""
    packed = bytes(deflate.deflate_compress(program, 12))
    facts = struct.pack(
        "<HHHHHIIIHH", VERSION, FLAGS, DEFLATED, TIME, DATE, zlib.crc32(program), len(packed), len(program), len(NAME), 0
    )
    local = struct.pack("<I", LOCAL) + facts + NAME + packed
    central = struct.pack("<IH", CENTRAL, MADE_BY_UNIX) + facts + struct.pack("<HHHII", 0, 0, 0, EXECUTABLE, 0) + NAME
    return local + central + struct.pack("<IHHHHIIH", END, 0, 0, 1, 1, len(central), len(local), 0)


def main():
    path = sys.argv[1]
    with zipfile.ZipFile(path) as source:
        program = source.read(NAME.decode())
    with open(path + ".new", "wb") as target:
        target.write(archive(program))
    with zipfile.ZipFile(path + ".new") as written:
        if written.read(NAME.decode()) != program:
            raise SystemExit(f"{path}: packed anew, it is another program")
    os.replace(path + ".new", path)


if __name__ == "__main__":
    main()
