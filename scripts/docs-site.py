#!/usr/bin/env python3
"""Builds the site of the documents: prints the folder that it is in.

    scripts/docs-site.py FOLDER            build it below FOLDER
    scripts/docs-site.py FOLDER --draw     and look whether Chromium draws every diagram

The pages are those that docs/SUMMARY.md lists, some of which lie outside docs/: the README, the reference of the rule language. They
are put together in the places that they have in the repository, with every file that they link to, so that the same links hold here
and there. mdBook makes pages of them (scripts/docs-tools.txt pins it with its hash). Diagrams are mermaid's text in the pages; the
library that draws them is a file of the npm package `mermaid`, pinned with its hash, and a part of the site. Where there is no npm
(or no registry) the site shows diagrams as their text, and the build says so.
"""

import hashlib
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile

MERMAID = "11.12.0"
MERMAID_SHA256 = "07e37dfa97b337ccc85365d57eddf99b9706f09db3b59b260d0333b23b343c4b"
ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "quotelake"
STRICT = os.environ.get("STRICT") == "1"

_spec = importlib.util.spec_from_file_location("docs_check", ROOT / "scripts/docs-check.py")
check = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(check)


def mdbook():
    """The path of mdBook, installed once for each list of tools."""
    tools = ROOT / "scripts/docs-tools.txt"
    name = f"docs-{hashlib.sha256(tools.read_bytes()).hexdigest()[:12]}"
    python = subprocess.run(
        [ROOT / "scripts/venv", name, "--require-hashes", "--requirement", tools],
        check=True, capture_output=True, text=True).stdout.strip()
    return pathlib.Path(python).parent / "mdbook"


def mermaid():
    """The library that draws diagrams, or None where it cannot be had."""
    library = CACHE / f"mermaid-{MERMAID}.min.js"
    if not library.exists():
        with tempfile.TemporaryDirectory() as folder:
            try:
                subprocess.run(["npm", "pack", "--silent", "--pack-destination", folder, f"mermaid@{MERMAID}"],
                               check=True, capture_output=True)
            except (OSError, subprocess.CalledProcessError) as error:
                print(f"NOT CHECKED: diagrams stay text in this build, no mermaid@{MERMAID} from npm ({error})", file=sys.stderr)
                return None
            with tarfile.open(next(pathlib.Path(folder).glob("*.tgz"))) as package:
                content = package.extractfile("package/dist/mermaid.min.js").read()
        CACHE.mkdir(parents=True, exist_ok=True)
        part = library.with_suffix(f".{os.getpid()}")
        part.write_bytes(content)
        part.replace(library)
    found = hashlib.sha256(library.read_bytes()).hexdigest()
    if found != MERMAID_SHA256:
        library.unlink()
        sys.exit(f"mermaid.min.js of mermaid@{MERMAID} has the SHA-256 {found}, not {MERMAID_SHA256}")
    return library


def as_index(name):
    """A folder's README is its index in the site."""
    return re.sub(r"(^|[/(])README\.md", r"\1index.md", name)


def stage(book):
    """Puts the pages and what they link to below `book`/src, and the list of pages into its SUMMARY.md."""
    source = book / "src"
    shutil.rmtree(book, ignore_errors=True)
    source.mkdir(parents=True)
    summary = (ROOT / "docs/SUMMARY.md").read_text()
    pages = [check.normal(f"docs/{target}") for _, target in check.links(summary)]
    (source / "SUMMARY.md").write_text(
        re.sub(r"\]\(([^)]+)\)", lambda link: f"]({as_index(check.normal('docs/' + link.group(1)))})", summary))
    library = mermaid()
    outside = set()
    for page in pages:
        for _, target in check.links((ROOT / page).read_text()):
            path = target.partition("#")[0]
            if path and not check.EXTERNAL.match(path):
                outside.add(check.normal(pathlib.PurePosixPath(page).parent / path))
    for name in {*pages, *outside}:
        if not (ROOT / name).is_file():
            continue
        place = source / as_index(name)
        place.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".md"):
            text = (ROOT / name).read_text()
            if not library:
                text = re.sub(r"(?m)^```mermaid$", "*(A diagram, as its mermaid text.)*\n\n```mermaid", text)
            place.write_text(re.sub(r"\]\([^)\s]*README\.md", lambda link: as_index(link.group(0)), text))
        else:
            shutil.copyfile(ROOT / name, place)
    config = (ROOT / "docs/book.toml").read_text()
    if library:
        shutil.copyfile(library, book / "mermaid.min.js")
        shutil.copyfile(ROOT / "docs/diagrams.js", book / "diagrams.js")
    else:
        config = re.sub(r"(?m)^additional-js.*\n", "", config)
    (book / "book.toml").write_text(config)
    unlisted = sorted(name for name in outside if name.endswith(".md") and name not in pages)
    return unlisted, library


def draw(site):
    """Opens every page with a diagram in Chromium: each has to become a drawing. Returns what did not."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        if STRICT:
            sys.exit("no Chromium to draw diagrams with")
        print("SKIPPED: no Chromium to draw diagrams with", file=sys.stderr)
        return []
    faults = []
    for page in sorted(site.rglob("*.html")):
        wanted = page.read_text().count('class="language-mermaid"')
        if page.name in ("print.html", "404.html") or not wanted:
            continue
        with tempfile.TemporaryDirectory() as profile:
            drawn = subprocess.run(
                [browser, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
                 "--virtual-time-budget=20000", "--dump-dom", page.resolve().as_uri()],
                capture_output=True, text=True, timeout=120).stdout
        found = len(re.findall(r'<pre class="mermaid"[^>]*data-processed="true"[^>]*><svg', drawn))
        wrong = drawn.count('aria-roledescription="error"')
        print(f"{page.relative_to(site)}: {found - wrong} of {wanted} diagrams drawn", file=sys.stderr)
        if found - wrong != wanted:
            faults.append(f"{page.relative_to(site)}: {wanted} diagrams, {found - wrong} drawn")
    return faults


def main(arguments):
    if not arguments or arguments[1:] not in ([], ["--draw"]):
        print(__doc__)
        return 64
    book = pathlib.Path(arguments[0])
    unlisted, library = stage(book)
    site = book / "site"
    subprocess.run([mdbook(), "build", book, "--dest-dir", site.resolve()], check=True)
    faults, count = check.check_site(site)
    print(f"{len(list(site.rglob('*.html')))} pages, {count} links", file=sys.stderr)
    faults += [f"docs/SUMMARY.md: lacks {name}, which a page links to" for name in unlisted]
    if arguments[1:] and library:
        faults += draw(site)
    for fault in faults:
        print(fault, file=sys.stderr)
    print(site)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
