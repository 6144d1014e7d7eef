#!/usr/bin/env python3
"""The parts of a release that are no build: what the tag has to agree with, archives, licences, notes, checksums.

    release.py check TAG [REPOSITORY]        the tag is `v` and the version of Cargo.toml, the change log has that version with its day,
                                             and Cargo.toml names REPOSITORY; prints the version
    release.py notes VERSION                 the version's section of CHANGELOG.md
    release.py licences TARGET FILE          the licences of every crate that the program has on TARGET, from Cargo's own sources
    release.py pack PROGRAM TARGET LICENCES FOLDER
                                             FOLDER/quotelake-<version>-<target>.tgz: the same bytes for the same files
    release.py sums FOLDER                   FOLDER/SHA256SUMS, of every other file in it
"""

import gzip
import hashlib
import io
import json
import pathlib
import re
import subprocess
import sys
import tarfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What released programs have: the adapters of AWS and the SQL engine.
FEATURES = "aws,sql"
LICENCE = re.compile(r"(?i)^(licen[cs]e|copying|notice|unlicense|copyright)")


class Refused(Exception):
    """What stops a release, as one sentence."""


def workspace(root=ROOT):
    return tomllib.loads((root / "Cargo.toml").read_text())["workspace"]["package"]


def notes(version, root=ROOT):
    """The version's section of the change log, without its heading."""
    text = (root / "CHANGELOG.md").read_text()
    found = re.search(rf"^## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    if not found:
        raise Refused(f"CHANGELOG.md has no heading `## {version} (YYYY-MM-DD)`")
    return found.group(1).strip() + "\n"


def check(tag, repository=None, root=ROOT):
    package = workspace(root)
    version = package["version"]
    if tag != f"v{version}":
        raise Refused(f"the tag is {tag}, the version of Cargo.toml {version}")
    if repository is not None and package["repository"] != repository:
        raise Refused(f"Cargo.toml names the repository {package['repository']}, this is {repository}: `cargo binstall` would look there")
    notes(version, root)
    return version


def licences(target, metadata=None, listed=None):
    """One text: name, version and licence of each crate, and the files of licence that it brings."""
    if metadata is None:
        metadata = json.loads(subprocess.check_output(["cargo", "metadata", "--locked", "--all-features", "--format-version", "1"], cwd=ROOT))
        listed = subprocess.check_output(
            ["cargo", "tree", "--locked", "--package", "quotelake", "--features", FEATURES, "--target", target,
             "--edges", "normal", "--prefix", "none", "--format", "{p}"], cwd=ROOT, text=True)
    packages = {(package["name"], package["version"]): package for package in metadata["packages"]}
    named = sorted({(name, version) for name, version in re.findall(r"^(\S+) v(\S+)", listed, re.M)})
    parts, first = [], {}
    for key in named:
        package = packages[key]
        # Ours have the licence of the archive itself.
        if package["source"] is None:
            continue
        if not package["license"] and not package["license_file"]:
            raise Refused(f"{key[0]} {key[1]} names no licence")
        parts.append(f"{'=' * 80}\n{key[0]} {key[1]}: {package['license'] or package['license_file']}\n")
        folder = pathlib.Path(package["manifest_path"]).parent
        for path in sorted(folder.iterdir()):
            if path.is_file() and LICENCE.match(path.name):
                text = path.read_text(errors="replace").strip()
                # The text of a licence is there once; a copyright line makes it another one.
                before = first.setdefault(" ".join(text.split()), f"{key[0]} {key[1]}: {path.name}")
                own = before == f"{key[0]} {key[1]}: {path.name}"
                parts.append(f"--- {path.name}\n{text if own else f'the same as {before}'}\n")
    return "\n".join(parts)


def pack(program, target, licence_text, folder, root=ROOT):
    version = workspace(root)["version"]
    name = f"quotelake-{version}-{target}"
    echarts = root / "crates/cli/assets/echarts"
    files = [
        ("LICENSE", (root / "LICENSE").read_bytes(), 0o644),
        ("THIRD-PARTY-LICENSES.txt", pathlib.Path(licence_text).read_bytes(), 0o644),
        ("quotelake", pathlib.Path(program).read_bytes(), 0o755),
    ]
    # The report embeds the chart library, whose notices have to go with it.
    notices = [path for path in sorted(echarts.rglob("*")) if path.is_file() and path.suffix != ".js" and path.name != "README.md"]
    files += [(f"echarts/{path.relative_to(echarts)}", path.read_bytes(), 0o644) for path in notices]
    out = pathlib.Path(folder, f"{name}.tgz")
    out.parent.mkdir(parents=True, exist_ok=True)
    with open(out, "wb") as raw, gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for path, content, mode in sorted(files):
                entry = tarfile.TarInfo(f"{name}/{path}")
                entry.size, entry.mode = len(content), mode
                archive.addfile(entry, io.BytesIO(content))
    return out


def sums(folder):
    folder = pathlib.Path(folder)
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != "SHA256SUMS")
    if not names:
        raise Refused(f"{folder} has no file")
    out = folder / "SHA256SUMS"
    out.write_text("".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names))
    return out


def main():
    try:
        match sys.argv[1:]:
            case ["check", tag, *repository] if len(repository) < 2:
                print(check(tag, *repository))
            case ["notes", version]:
                sys.stdout.write(notes(version))
            case ["licences", target, path]:
                pathlib.Path(path).write_text(licences(target))
            case ["pack", program, target, licence_text, folder]:
                print(pack(program, target, licence_text, folder))
            case ["sums", folder]:
                print(sums(folder))
            case _:
                sys.stderr.write(__doc__)
                sys.exit(64)
    except Refused as reason:
        sys.exit(f"not released: {reason}")


if __name__ == "__main__":
    main()
