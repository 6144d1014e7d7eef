#!/usr/bin/env python3
"""Holds the documents against the repository. Prints each fault as `file:line: what` and exits with 1 where there is one.

    scripts/docs-check.py               check the repository
    scripts/docs-check.py --self-test   check this check: it has to find the faults of a small made-up repository
    scripts/docs-check.py --site DIR    check the HTML of the site: every link and anchor in it

What is checked, over the files that git knows:

- every relative link of every Markdown file names a file (the site has no page of a folder), and its anchor a heading (as GitHub
  spells anchors);
- every path that a page names (`crates/core/src/keys.rs`, or `sources/src/registry.rs` for one of a crate) is there;
- every file of code that a page names without its folder (`keys.rs`) is there under that name;
- every type, function, variable or value that a page names as code is a word of the code, or one of FOREIGN;
- what a page says is in a file (`` `commit` in `crates/table/src/published/commit.rs` ``) is defined there;
- every page below docs/ is in docs/SUMMARY.md, and once;
- every page that the code names (`docs/concepts/runs.md`) is there;
- a `cargo` command names packages and tests that are there;
- the table of crates in docs/ARCHITECTURE.md says of each crate what its Cargo.toml says, and none depends on one further down.
"""

import html.parser
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib
import urllib.parse

FENCE = re.compile(r"^\s*(```+|~~~+)")
CODE = re.compile(r"(`+)(.+?)\1")
INLINE = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE = re.compile(r"^\s{0,3}\[[^\]]+\]:\s*(\S+)")
ATTRIBUTE = re.compile(r"<(?:a|img)\b[^>]*\b(?:href|src)=\"([^\"]+)\"")
ANCHOR = re.compile(r"<a\b[^>]*\b(?:id|name)=\"([^\"]+)\"")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")
EXTERNAL = re.compile(r"^[a-z][a-z0-9+.-]*:", re.I)
ROOTS = "crates|docs|infra|scripts|benches|samples|dashboards"
PATH = re.compile(rf"(?<![\w/.<-])(?:{ROOTS})/[\w.@*{{}},/-]*\w(?:/(?=\W|$))?")
FILE = re.compile(r"(?:[\w-]+/)*[\w-]+\.(?:rs|py|tf|sh|toml|dqdl|tsv)")
NAME = re.compile(r"(?:[A-Za-z_]\w*::)*[A-Za-z_]\w*(?:\(\))?")
# A name and the file of it: `name` in `path`, or `name` (`path`).
CODE_FILE = rf"`((?:{ROOTS})/[\w./-]+\.(?:rs|py))`"
PLACE = re.compile(rf"`((?:\w+::)*\w+)(?:\(\))?` (?:in {CODE_FILE}|\({CODE_FILE}\))")
PAGE_IN_CODE = re.compile(r"(?<![\w/.-])docs/[\w./-]+\.md")
# Words of AWS, of other programs and of examples, which are no words of this code.
FOREIGN = set("""
    ERROR_CODE GetDatabases GetQueryExecution GetQueryResults GetTableMetadata ListDatabases RULE_ARN SCHEDULE_ARN StopQueryExecution
    requestPayload ITUB4 MGLU3 SerializedRowGroupWriter TF_CLI_CONFIG_FILE TransformedStateOk aws_lambda_events recently_deleted
    bokeh_sampledata serde_yaml shift_jis timeout_ms truncated_object _outside_range
""".split())
# Texts that git knows and people did not write as pages of this project: what they name is theirs.
NOT_OURS = ("crates/cli/assets/", "crates/dqdl/tests/", "crates/cli/tests/fixtures/")
# Decisions say what was so when they were made, the change log what was so in a version.
OF_THEIR_TIME = ("CHANGELOG.md",)
# What a page tells people to make, and what lies beside the repository.
EXAMPLES = re.compile(r"<|infra/envs/dev/tables|sales\.dqdl|backend_override\.tf|limits\.py")


def tracked(root):
    """The files that git knows or would add, by their path from the root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root, check=True, capture_output=True, text=True)
    return sorted(name for name in listed.stdout.splitlines() if (root / name).is_file())


def lines_of(text):
    """Line number, line, and whether it is in a fenced block."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        mark = FENCE.match(line)
        if mark and fence is None:
            fence = mark.group(1)
            yield number, "", True
        elif mark and mark.group(1).startswith(fence):
            fence = None
            yield number, "", True
        else:
            yield number, line, fence is not None


def slug(heading):
    """A heading's anchor, as GitHub makes it."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    text = re.sub(r"<[^>]+>", "", text).replace("`", "").replace("*", "").lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


def anchors(text):
    """Every anchor of a page."""
    found, seen = set(ANCHOR.findall(text)), {}
    for _, line, fenced in lines_of(text):
        heading = None if fenced else HEADING.match(line)
        if heading:
            name = slug(heading.group(1))
            count = seen.get(name, 0)
            seen[name] = count + 1
            found.add(f"{name}-{count}" if count else name)
    return found


def links(text):
    """Line number and target of every link."""
    for number, line, fenced in lines_of(text):
        if fenced:
            continue
        line = CODE.sub(lambda code: "`" * len(code.group(0)), line)
        for pattern in (INLINE, REFERENCE, ATTRIBUTE):
            for target in pattern.findall(line):
                yield number, target


class Repository:
    """The files of a repository, and what was found wrong with its documents."""

    def __init__(self, root):
        self.root = root
        self.files = tracked(root)
        self.known = set(self.files)
        for name in self.files:
            self.known.update(str(parent) for parent in pathlib.PurePosixPath(name).parents)
        self.base_names = {name.rsplit("/", 1)[-1] for name in self.files}
        self.pages = [name for name in self.files if name.endswith(".md")]
        self.faults = []
        self.counts = {"links": 0, "paths": 0, "names": 0, "places": 0}

    def read(self, name):
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def fault(self, name, number, what):
        self.faults.append(f"{name}:{number}: {what}")

    def check_links(self):
        anchors_of = {}
        for page in self.pages:
            for number, target in links(self.read(page)):
                if EXTERNAL.match(target) or target.startswith("//"):
                    continue
                self.counts["links"] += 1
                path, _, anchor = target.partition("#")
                path = urllib.parse.unquote(path)
                place = normal(pathlib.PurePosixPath(page).parent / path) if path else page
                if place not in self.known:
                    self.fault(page, number, f"link to {target}: there is no {place}")
                    continue
                if place not in self.files:
                    self.fault(page, number, f"link to {target}: {place} is a folder, of which the site has no page")
                    continue
                if anchor and place.endswith(".md"):
                    if place not in anchors_of:
                        anchors_of[place] = anchors(self.read(place))
                    if anchor not in anchors_of[place]:
                        self.fault(page, number, f"link to {target}: {place} has no heading of that anchor")

    def has(self, path):
        """Whether a path that a page names is there: whole, as a pattern, or below `crates/`."""
        path = path.rstrip("/.")
        for alternative in alternatives(path):
            for place in (alternative, f"crates/{alternative}"):
                if place in self.known:
                    break
                if "*" in place:
                    pattern = re.compile(re.escape(place).replace(r"\*", "[^/]*"))
                    if any(pattern.fullmatch(name) for name in self.known):
                        break
            else:
                return False
        return True

    def check_paths(self):
        for page in self.pages:
            if page.startswith(NOT_OURS) or page in OF_THEIR_TIME:
                continue
            for number, line, fenced in lines_of(self.read(page)):
                named = set(PATH.findall(re.sub(r"\]\([^)]*\)|https?://\S+", "", line)))
                for _, code in [] if fenced else CODE.findall(line):
                    if FILE.fullmatch(code):
                        named.add(code)
                for path in named:
                    if EXAMPLES.search(path):
                        continue
                    self.counts["paths"] += 1
                    below = pathlib.PurePosixPath(page).parent
                    beside = any(normal(folder / path) in self.known for folder in (below, *below.parents))
                    if not beside and not self.has(path) and not ("/" not in path and path in self.base_names):
                        self.fault(page, number, f"names {path}, which is not there")

    def check_names(self):
        words = set(FOREIGN)
        for name in self.files:
            if name.endswith((".rs", ".tf", ".py", ".sh", ".yaml", ".yml", ".toml", ".json", ".dqdl")) or name == "Makefile":
                if not name.startswith(("docs/", "samples/")):
                    words.update(re.findall(r"[A-Za-z_]\w*", self.read(name)))
        for page in self.pages:
            if page.startswith(NOT_OURS) or page in OF_THEIR_TIME:
                continue
            for number, line, fenced in lines_of(self.read(page)):
                for _, code in [] if fenced else CODE.findall(line):
                    if NAME.fullmatch(code) and (re.search(r"[A-Z_]|::|\(", code)):
                        self.counts["names"] += 1
                        last = re.findall(r"\w+", code)
                        missing = [word for word in last if word not in words and in_camel_case(word) not in words]
                        if missing:
                            self.fault(page, number, f"names {code}, and no code has the word {missing[-1]}")

    def check_places(self):
        for page in self.pages:
            if page.startswith(NOT_OURS) or page in OF_THEIR_TIME:
                continue
            # A line may break between the two.
            text = self.read(page)
            for found in PLACE.finditer(re.sub(r"(?<!\n)\n(?!\n)", " ", text)):
                name, path = found.group(1).rsplit("::", 1)[-1], found.group(2) or found.group(3)
                if path not in self.files:
                    continue
                self.counts["places"] += 1
                defined = rf"\b(?:fn|struct|enum|trait|type|mod|const|static|def|class) (?:mut )?{name}\b|^{name} ="
                if name[0].isupper():
                    defined += rf"|^ +{name}(?:,| \{{|\()"  # a variant
                if not re.search(defined, self.read(path), re.M):
                    self.fault(page, text[:found.start()].count("\n") + 1, f"says that {name} is in {path}, which does not define it")

    def check_summary(self):
        if "docs/SUMMARY.md" not in self.known:
            return
        listed = [normal(pathlib.PurePosixPath("docs") / target.partition("#")[0])
                  for _, target in links(self.read("docs/SUMMARY.md"))]
        for page in self.pages:
            if page.startswith("docs/") and page != "docs/SUMMARY.md" and page not in listed:
                self.fault("docs/SUMMARY.md", 1, f"lacks {page}")
        for page in sorted({page for page in listed if listed.count(page) > 1}):
            self.fault("docs/SUMMARY.md", 1, f"lists {page} twice")

    def check_code(self):
        for name in self.files:
            if not name.endswith((".rs", ".py", ".tf", ".sh", ".yml", ".yaml", ".dqdl", ".toml")):
                continue
            crate = re.match(r"crates/[\w-]+", name)
            for number, line in enumerate(self.read(name).splitlines(), 1):
                for page in PAGE_IN_CODE.findall(re.sub(r"https?://\S+", "", line)):
                    if page not in self.known and not (crate and f"{crate.group(0)}/{page}" in self.known):
                        if name != "scripts/docs-check.py":
                            self.fault(name, number, f"names {page}, which is not there")

    def check_commands(self):
        """`cargo test -p PACKAGE --test NAME`, in pages, code and the Makefile: both are there."""
        folder_of = {tomllib.loads(self.read(name))["package"]["name"]: name.rpartition("/")[0]
                     for name in self.files if re.fullmatch(r"crates/[\w-]+/Cargo\.toml", name)}
        for name in self.files:
            if not name.endswith((".md", ".rs", ".sh", ".yml")) and name != "Makefile" and not name.startswith((".ci/", "scripts/")):
                continue
            if name in ("scripts/docs-check.py", *OF_THEIR_TIME):
                continue
            for number, line in enumerate(self.read(name).splitlines(), 1):
                command = re.search(r"(?:cargo|\$\(CARGO\)) (?:test|build|run|bench)\b.*", line)
                packages = re.findall(r"(?:-p|--package) ([a-z][\w-]*)", command.group(0)) if command else []
                for package in packages:
                    if package not in folder_of:
                        self.fault(name, number, f"names the package {package}, which is not there")
                for test in re.findall(r"--test (\w+)", command.group(0)) if command else []:
                    places = [f"{folder_of[package]}/tests/{test}" for package in packages if package in folder_of]
                    if places and not any(place in self.known or f"{place}.rs" in self.known for place in places):
                        self.fault(name, number, f"names the test {test}, which {' and '.join(packages)} does not have")

    def check_crates(self):
        """The rows `| name | depends on | holds |` below `### Crates` against each Cargo.toml."""
        page = "docs/ARCHITECTURE.md"
        if page not in self.known:
            return
        crates = {name.split("/")[1]: tomllib.loads(self.read(name))
                  for name in self.files if re.fullmatch(r"crates/[\w-]+/Cargo\.toml", name)}
        folder_of = {manifest["package"]["name"]: crate for crate, manifest in crates.items()}
        folder_of["arrow"] = "arrow"
        rows = {}
        section = None
        for number, line, fenced in lines_of(self.read(page)):
            if line.startswith("#"):
                section = line
            row = re.match(r"\| `([\w-]+)` \| ([^|]*) \|", line)
            if section == "### Crates" and row:
                rows[row.group(1)] = (number, row.group(2))
        for crate, manifest in sorted(crates.items()):
            if crate not in rows:
                self.fault(page, 1, f"the table of crates lacks {crate}")
                continue
            number, text = rows[crate]
            said = set(re.findall(r"`([\w-]+)`", text))
            true = {folder_of[name] for name in manifest.get("dependencies", {}) if name in folder_of}
            if said != true:
                self.fault(page, number, f"{crate} depends on {', '.join(sorted(true)) or 'none'}, "
                                         f"and the table says {', '.join(sorted(said)) or 'none'}")
            for below in sorted(true & set(rows)):
                if rows[below][0] >= number:
                    self.fault(page, number, f"{crate} depends on {below}, which the table has further down")
        for crate in sorted(set(rows) - set(crates)):
            self.fault(page, rows[crate][0], f"there is no crate {crate}")

    def check(self):
        self.check_links()
        self.check_paths()
        self.check_names()
        self.check_places()
        self.check_summary()
        self.check_code()
        self.check_commands()
        self.check_crates()
        return self.faults


def alternatives(path):
    """`a/{b,c}.rs` is `a/b.rs` and `a/c.rs`."""
    choice = re.search(r"\{([^{}]*)\}", path)
    if not choice:
        return [path]
    before, after = path[:choice.start()], path[choice.end():]
    return [one for part in choice.group(1).split(",") for one in alternatives(before + part + after)]


def in_camel_case(word):
    """`over_limit` is how JSON spells the variant `OverLimit`."""
    return "".join(part.capitalize() for part in word.split("_"))


def normal(path):
    """A path without `.` and `..`; one that leaves the repository stays one that leaves it."""
    parts = []
    for part in pathlib.PurePosixPath(path).parts:
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts) or "."


class Page(html.parser.HTMLParser):
    """Links and anchors of one page of HTML."""

    def __init__(self):
        super().__init__()
        self.links, self.anchors = [], set()

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        for key in ("id", "name"):
            if values.get(key):
                self.anchors.add(values[key])
        target = values.get("href") if tag in ("a", "link") else values.get("src")
        if target:
            self.links.append((self.getpos()[0], target))


def check_site(folder):
    """Every link of the built site that stays in it."""
    pages, faults, count = {}, [], 0
    for path in sorted(folder.rglob("*.html")):
        page = Page()
        page.feed(path.read_text(encoding="utf-8"))
        pages[path.resolve()] = page
    for path, page in pages.items():
        if path.name in ("print.html", "toc.html", "404.html"):
            continue
        for number, target in page.links:
            if EXTERNAL.match(target) or target.startswith("//"):
                continue
            count += 1
            name, _, anchor = target.partition("#")
            name = urllib.parse.unquote(name.partition("?")[0])
            place = (path.parent / name).resolve() if name else path
            if place.is_dir():
                place = place / "index.html"
            where = f"{path.relative_to(folder.resolve())}:{number}: link to {target}"
            if not place.exists():
                faults.append(f"{where}: there is no such file")
            elif anchor and place in pages and urllib.parse.unquote(anchor) not in pages[place].anchors:
                faults.append(f"{where}: the page has no such anchor")
    return faults, count


GOOD = {
    "README.md": "# A\n\nSee [docs](docs/b.md#one-two), `crates/core/src/keys.rs`, `core/src/keys.rs`, `keys.rs`, `crates/*/src`, `used` in `crates/core/src/used.rs`.\n",
    "docs/SUMMARY.md": "# S\n\n- [B](b.md)\n- [Map](ARCHITECTURE.md)\n",
    "docs/b.md": "# B\n\n## One, `two`\n\n```\n[no link](nowhere.md)\n```\n\n`[no](nowhere.md)` [up](../README.md)\n",
    "docs/ARCHITECTURE.md": "# M\n\n### Crates\n\n| crate | depends on | holds |\n|---|---|---|\n| `core` | - | keys |\n\n`ObjectKey`\n",
    "crates/core/Cargo.toml": "[package]\nname = \"quotelake-core\"\n",
    "crates/core/src/keys.rs": "//! See docs/b.md.\nstruct ObjectKey;\nfn other() { used() }\n",
    "crates/core/src/used.rs": "fn used() {}\n",
}
# What is put at the end of a file, and what has to be said of it.
BAD = [
    ("docs/b.md", "[x](missing.md)", "there is no docs/missing.md"),
    ("docs/b.md", "[x](../../outside.md)", "there is no ../outside.md"),
    ("docs/b.md", "[x](../crates/core)", "is a folder, of which the site has no page"),
    ("docs/b.md", "[x](../README.md#nothing)", "no heading of that anchor"),
    ("docs/b.md", "[x]: gone.md", "there is no docs/gone.md"),
    ("docs/b.md", "<img src=\"gone.svg\">", "there is no docs/gone.svg"),
    ("docs/b.md", "The file `crates/core/src/gone.rs`.", "names crates/core/src/gone.rs"),
    ("docs/b.md", "The file crates/core/src/gone.rs.", "names crates/core/src/gone.rs"),
    ("docs/b.md", "The file `core/src/gone.rs`.", "names core/src/gone.rs"),
    ("docs/b.md", "The file `gone.rs`.", "names gone.rs"),
    ("docs/ARCHITECTURE.md", "The type `GoneKey`.", "names GoneKey"),
    ("docs/b.md", "See `used` in\n`crates/core/src/keys.rs`.", "says that used is in crates/core/src/keys.rs"),
    ("docs/b.md", "See `Core::other` (`crates/core/src/used.rs`).", "says that other is in crates/core/src/used.rs"),
    ("docs/b.md", "    cargo test -p quotelake-gone", "names the package quotelake-gone"),
    ("docs/b.md", "    cargo test -p quotelake-core --test gone", "names the test gone"),
    ("docs/new.md", "# New", "lacks docs/new.md"),
    ("docs/SUMMARY.md", "- [B](b.md)", "lists docs/b.md twice"),
    ("crates/core/src/keys.rs", "//! See docs/gone.md.", "names docs/gone.md"),
    ("crates/new/Cargo.toml", "[package]\nname = \"quotelake-new\"", "the table of crates lacks new"),
    ("crates/core/Cargo.toml", "[dependencies]\nquotelake-core = \"1\"", "core depends on core, and the table says none"),
    ("crates/core/Cargo.toml", "[dependencies]\nquotelake-core = \"1\"", "which the table has further down"),
]


def self_test():
    """The faults of BAD are found one by one, and the repository of GOOD has none."""
    failed = []
    for name, added, wanted in [("README.md", "", None), *BAD]:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for path, text in GOOD.items():
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(text)
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            with (root / name).open("a") as file:
                file.write(f"{added}\n")
            subprocess.run(["git", "init", "--quiet", folder], check=True)
            faults = Repository(root).check()
            if wanted is None and faults:
                failed.append(f"a sound repository: {faults}")
            if wanted is not None and not any(wanted in fault for fault in faults):
                failed.append(f"{added!r} in {name}: {wanted!r} is not in {faults}")
    print(f"{len(BAD) + 1 - len(failed)} passed, {len(failed)} failed")
    return failed


def main(arguments):
    if arguments == ["--self-test"]:
        faults = self_test()
    elif arguments[:1] == ["--site"] and len(arguments) == 2:
        faults, count = check_site(pathlib.Path(arguments[1]))
        print(f"site: {count} links, {len(faults)} faults")
    elif not arguments:
        root = pathlib.Path(__file__).resolve().parent.parent
        repository = Repository(root)
        faults = repository.check()
        counts = ", ".join(f"{count} {what}" for what, count in repository.counts.items())
        print(f"{len(repository.pages)} pages: {counts}, {len(faults)} faults")
    else:
        print(__doc__)
        return 64
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
