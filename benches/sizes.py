#!/usr/bin/env python3
"""What a function's binary is made of, by crate: machine code and constants that have a name, from the symbol table.

    sizes.py BINARY [--most N]

BINARY still has its symbols, which the zips' do not; the code is the same:

    CARGO_PROFILE_LAMBDA_STRIP=none cargo lambda build --profile lambda --disable-optimizations --package quotelake-check \\
      --features quotelake-check/aws

A generic function counts for the crate that it is written in. Constants without a name (texts, tables) are only in the last lines.
"""

import argparse
import collections
import re
import subprocess

# `<alloc::vec::Vec<T> as serde::Serialize>::f`, `core::ptr::drop_in_place<a::B>`: the first name of a path is the crate.
CRATE = re.compile(r"(?<![\w:])([a-z_][a-z0-9_]*)(?:\[[0-9a-f]+\])?::")
STANDARD = {"core", "alloc", "std", "hashbrown"}


def crate_of(name):
    """The crate of a demangled symbol; the standard library's only where no other crate is named."""
    crates = CRATE.findall(name)
    return next((crate for crate in crates if crate not in STANDARD), crates[0] if crates else "C and others")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--most", type=int, default=25)
    arguments = parser.parse_args()
    symbols = subprocess.run(["nm", "--print-size", "--demangle", arguments.binary], check=True, capture_output=True, text=True).stdout
    bytes_of, seen = collections.Counter(), set()
    for line in symbols.splitlines():
        parts = line.split(maxsplit=3)
        # A folded function has several names at one place.
        if len(parts) == 4 and parts[2] in "tTrRdDwWvV" and parts[0] not in seen:
            seen.add(parts[0])
            bytes_of[crate_of(parts[3])] += int(parts[1], 16)
    for crate, size in bytes_of.most_common(arguments.most):
        print(f"{size / 1000:9.0f} kB  {crate}")
    print(f"{sum(bytes_of.values()) / 1000:9.0f} kB  all that has a name")
    sections = subprocess.run(["size", "--format=sysv", arguments.binary], check=True, capture_output=True, text=True).stdout
    for line in sections.splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[1].isdigit() and int(parts[1]) > 100_000 and not parts[0].startswith(".debug"):
            print(f"{int(parts[1]) / 1000:9.0f} kB  section {parts[0]}")


if __name__ == "__main__":
    main()
