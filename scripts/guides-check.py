#!/usr/bin/env python3
"""Runs what README.md, guides, concepts and runbooks show, and holds each printed block against what is printed.

    scripts/guides-check.py PROGRAM [PAGE ...]           run the pages, all of them where none is named
    scripts/guides-check.py --write PROGRAM [PAGE ...]   the same, and put what is printed into blocks that differ
    scripts/guides-check.py --self-test                  check this check: it has to find the faults of made-up pages

A block with one line `...` keeps it when it is written; one with several is written whole.

PROGRAM is a `quotelake` that is built with the SQL engine. Nothing is compiled: `make demo`, `make full` and `make query` of a page
take PROGRAM. A page is one walk: its blocks run in order, in one fresh folder that looks like a checkout, and keep the environment
of those before. `quotelake`, `duckdb` and `python3` with Polars and DataFusion are on the PATH.

A block in a fence is, by the word behind the fence,

- `sh` or `python`: run. It has to end with exit code 0, and a command that fails ends it;
- none: what the block before it printed, standard output and standard error as a terminal shows them;
- any other word: shown, and neither run nor printed (`text` where no language fits).

Comments right above a block, which no reader of the page sees:

    <!-- not run: REASON -->       what needs an account, the network, a key; counted, and the reasons are listed
    <!-- exit code: 2 -->          the block ends with this code
    <!-- write: PATH -->           the block is put into this file
    <!-- run with: COMMAND -->     the block is the standard input of the command
    <!-- before: COMMAND -->       is run before the block, and prints nothing that counts
    <!-- prints: COMMAND -->       above a printed block: the command that prints it, where it is said in a sentence
    <!-- drawn -->                 above a block without a word: it shows no output

and anywhere in a page:

    <!-- starts with: demo -->         the lake of `quotelake demo` is in quotelake-data
    <!-- starts with: postgresql -->   a PostgreSQL server listens on the loopback address, where PGHOST, PGPORT and PGUSER say

Held is the text. Different may be, by these rules and no other:

- `...` alone in a line stands for lines that are left out, in a line for text that is left out;
- spaces at the end of a line, how many of them stand between two words, and how long a drawn line is;
- a date or an instant that the run itself made: one from the day before the run to the day after it, and a path of such an hour;
- a size (`1.7 MB`): to a tenth, since packers and ids of runs move some bytes;
- a duration (`in 1.2 s`);
- a random id: a UUID, and what is behind the instant of a run's id.
"""

import concurrent.futures
import dataclasses
import datetime
import difflib
import glob
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
FENCE = re.compile(r"^(\s*)(```+|~~~+)\s*([\w+-]*)\s*$")
MARK = re.compile(r"^\s*<!--\s*([a-z ]+?)(?::\s*(.*?))?\s*-->\s*$")
BLOCK_MARKS = {"not run", "exit code", "write", "run with", "before", "prints", "drawn"}
PAGE_MARKS = {"starts with"}
STARTS = {"demo", "postgresql"}
BLOCK_SECONDS = 240
PYTHON = ["guides", "duckdb==2.0.0", "duckdb-cli==1.5.6", "pytz", "polars==2.1.0", "datafusion==55.0.0"]


@dataclasses.dataclass
class Block:
    """A fenced block: where its text begins in the page (from 0), its language, its text, its marks."""

    line: int
    indent: str
    language: str
    text: list
    marks: list

    def mark(self, name):
        return next((value for key, value in self.marks if key == name), None)

    def marked(self, name):
        return any(key == name for key, _ in self.marks)


def blocks_of(lines):
    """The blocks of a page, its marks, and what is wrong with its marks: `(blocks, page_marks, [(line, what)])`."""
    blocks, page_marks, faults, waiting = [], [], [], []
    number = 0
    while number < len(lines):
        line = lines[number]
        fence, mark = FENCE.match(line), MARK.match(line)
        if fence:
            end = number + 1
            while end < len(lines) and lines[end].strip() != fence.group(2):
                end += 1
            indent = fence.group(1)
            text = [inner.removeprefix(indent) for inner in lines[number + 1:end]]
            blocks.append(Block(number + 1, indent, fence.group(3), text, waiting))
            waiting, number = [], end
        elif mark and mark.group(1) in BLOCK_MARKS:
            waiting.append((mark.group(1), mark.group(2) or ""))
            if mark.group(1) == "not run" and not mark.group(2):
                faults.append((number, "`not run` without a reason"))
        elif mark and mark.group(1) in PAGE_MARKS:
            page_marks.append((mark.group(1), mark.group(2)))
            if mark.group(2) not in STARTS:
                faults.append((number, f"a page cannot start with {mark.group(2)!r}"))
        elif line.strip():
            if mark and ":" in line:
                faults.append((number, f"no mark is called {mark.group(1)!r}"))
            if waiting:
                faults.append((number, "a mark is not right above a block"))
            waiting = []
        number += 1
    return blocks, page_marks, faults


# What may differ between two runs: a pattern for the text of the document, the pattern that a printed text has to fit, and a
# function that says whether the two are the same.
NUMBER = r"\d[\d,]*(?:\.\d+)?"
SIZE = re.compile(rf"({NUMBER}) ([kMGT]?i?B)\b")
BYTES = {"B": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


def same_size(written, printed):
    """Two sizes are the same to a tenth."""
    def count(text):
        number, unit = SIZE.fullmatch(text).groups()
        return float(number.replace(",", "")) * BYTES[unit]
    return abs(count(written) - count(printed)) <= 0.1 * max(count(written), count(printed))


def of_the_run(text):
    """Whether the date at the beginning of a text is one that the run itself made."""
    digits = re.sub(r"\D", "", text)[:8]
    try:
        day = datetime.datetime.strptime(digits, "%Y%m%d").date()
    except ValueError:
        return False
    return abs((day - datetime.datetime.now(datetime.UTC).date()).days) <= 1


def same_date(written, printed):
    return written == printed or of_the_run(printed)


def anything(_written, _printed):
    return True


CLOCK = r"T\d{2}:?\d{2}:?\d{2}(?:\.\d+)?Z?"
VOLATILE = [
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", None, anything),
    (rf"\b\d{{8}}{CLOCK}-[0-9a-z]+\b", None, same_date),
    (rf"\b\d{{4}}-\d{{2}}-\d{{2}}{CLOCK}", None, same_date),
    (rf"\b\d{{8}}{CLOCK}", None, same_date),
    (r"\b20\d\d([-/])\d{2}\1\d{2}(?:/\d{2}\b)?", r"20\d\d[-/]\d{2}[-/]\d{2}(?:/\d{2}\b)?", same_date),
    (rf"\bin {NUMBER} (?:ms|s)\b", None, anything),
    (SIZE.pattern, SIZE.pattern, same_size),
]


def plain(line):
    """A line without what says nothing: spaces at its end, the number of spaces between words, the length of drawn lines."""
    line = re.sub(r"([─═━┄-])\1{2,}", r"\1\1\1", line.rstrip())
    return re.sub(r"(?<=\S) {2,}", "  ", re.sub(r"^ +", " ", line))


def pattern_of(written):
    """The pattern of a document's line, and for each of its groups the text and the function that compares it."""
    either = re.compile("|".join(f"(?P<v{index}>{volatile})" for index, (volatile, _, _) in enumerate(NUMBERED)))
    pattern, compared = "", []
    for index, part in enumerate(plain(written).split("...")):
        pattern += ".*" if index else ""
        at = 0
        for found in either.finditer(part):
            kind = int(next(name for name, text in found.groupdict().items() if text is not None)[1:])
            _, printed, same = VOLATILE[kind]
            pattern += words(part[at:found.start()]) + f"(?P<g{len(compared)}>{printed or VOLATILE[kind][0]})"
            compared.append((found.group(0), same))
            at = found.end()
        pattern += words(part[at:])
    return re.compile(pattern), compared


def words(text):
    """A literal text as a pattern, with any number of spaces where it has more than one."""
    return re.sub(r"(?:\\ ){2,}", r" +", re.escape(text))


# `\1` of the pattern of dates counts groups; inside the alternatives it has to be its own.
NUMBERED = [(volatile.replace("([-/])", f"(?P<sep{index}>[-/])").replace(r"\1", f"(?P=sep{index})"), printed, same)
            for index, (volatile, printed, same) in enumerate(VOLATILE)]


def same_line(written, printed):
    pattern, compared = pattern_of(written)
    found = pattern.fullmatch(plain(printed))
    return found is not None and all(same(text, found.group(f"g{index}")) for index, (text, same) in enumerate(compared))


def same_text(written, printed):
    """Whether lines of a document are what was printed, where a line `...` stands for any number of lines."""
    reached = {0}
    for line in written:
        if line.strip() == "...":
            reached = set(range(min(reached), len(printed) + 1))
        else:
            reached = {at + 1 for at in reached if at < len(printed) and same_line(line, printed[at])}
        if not reached:
            return False
    return len(printed) in reached


def trimmed(lines):
    """Lines without empty ones at the beginning and the end."""
    lines = [line.rstrip() for line in lines]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def shortened(written, printed):
    """What is printed, with the lines left out that the block left out: as many at the beginning and the end as it has."""
    gaps = [index for index, line in enumerate(written) if line.strip() == "..."]
    if len(gaps) != 1:
        return printed
    head, tail = gaps[0], len(written) - gaps[0] - 1
    if head + tail >= len(printed):
        return printed
    return [*printed[:head], "...", *printed[len(printed) - tail:]]


# The groups of processes that this program began, for the case that it is stopped.
RUNNING = set()


def end_group(group):
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        pass


def stopped(number, _frame):
    for group in list(RUNNING):
        end_group(group)
    os._exit(128 + number)


class Server:
    """A PostgreSQL server in a temporary folder, on the loopback address; it stops with `stop`."""

    def __init__(self, folder):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        if not found:
            raise SystemExit("PostgreSQL is not installed: apt-get install postgresql")
        programs, who = pathlib.Path(found[-1]).parent, {}
        if os.getuid() == 0:
            # The server refuses root.
            user = pwd.getpwnam("postgres")
            who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
            os.chown(folder, user.pw_uid, user.pw_gid)
        subprocess.run([programs / "initdb", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "-D", folder / "data"],
                       check=True, stdout=subprocess.DEVNULL, cwd=folder, **who)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        self.environment = {"PGHOST": "127.0.0.1", "PGPORT": port, "PGUSER": "postgres"}
        with open(folder / "log", "w") as log:
            self.process = subprocess.Popen(
                [programs / "postgres", "-D", folder / "data", "-k", folder, "-p", port, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"],
                stdout=subprocess.DEVNULL, stderr=log, cwd=folder, start_new_session=True, **who)
        RUNNING.add(self.process.pid)
        until = time.monotonic() + 60
        while subprocess.run([programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", port]).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"PostgreSQL does not start: {(folder / 'log').read_text()}")
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()
        RUNNING.discard(self.process.pid)


class Walk:
    """One page, walked through."""

    def __init__(self, check, page):
        self.check, self.page = check, page
        self.lines = (check.root / page).read_text(encoding="utf-8").split("\n")
        self.blocks, page_marks, marks_faults = blocks_of(self.lines)
        self.starts = {value for name, value in page_marks if name == "starts with"}
        self.faults = [f"{page}:{line + 1}: {what}" for line, what in marks_faults]
        self.not_run, self.run, self.held, self.written = [], 0, 0, []

    def fault(self, block, what):
        self.faults.append(f"{self.page}:{block.line}: {what}")

    def runs(self, block):
        return not block.marked("not run") and (
            block.language in ("sh", "python") or any(block.marked(name) for name in ("run with", "write", "before", "prints")))

    def demos(self):
        return sum(len(re.findall(r"^(?:quotelake|make) demo\b", "\n".join(block.text), re.M)) for block in self.blocks if self.runs(block))

    def go(self):
        began = time.monotonic()
        try:
            return self.walk()
        finally:
            self.seconds = time.monotonic() - began

    def walk(self):
        if not any(self.runs(block) for block in self.blocks):
            self.go_in(None)
            return self
        with tempfile.TemporaryDirectory(prefix="guides-check-") as outer:
            self.folder = pathlib.Path(outer).resolve() / "quotelake"
            self.check.make_checkout(self.folder)
            self.environment = self.check.environment(self.folder)
            server = None
            try:
                if "demo" in self.starts:
                    shutil.copytree(self.check.lake, self.folder / "quotelake-data", symlinks=True)
                if "postgresql" in self.starts:
                    os.chmod(outer, 0o755)
                    (pathlib.Path(outer) / "server").mkdir()
                    server = Server(pathlib.Path(outer).resolve() / "server")
                    self.environment.update(server.environment)
                self.go_in(self.folder)
            finally:
                if server:
                    server.stop()
        return self

    def go_in(self, folder):
        """Each block in turn. `printed` is what the block before printed; nothing where it was not run."""
        printed, was_left_out = None, False
        for block in self.blocks:
            if block.marked("not run"):
                self.not_run.append((block, block.mark("not run")))
                printed, was_left_out = None, block.language != ""
                continue
            if block.marked("before"):
                for name, command in block.marks:
                    if name == "before":
                        self.shell(block, command, 0)
            if block.marked("write"):
                path = folder / block.mark("write")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text("\n".join(block.text) + "\n")
            if block.marked("run with"):
                printed, was_left_out = self.shell(block, block.mark("run with"), self.code(block), "\n".join(block.text) + "\n"), False
            elif block.language == "sh":
                printed, was_left_out = self.shell(block, "\n".join(block.text), self.code(block)), False
            elif block.language == "python":
                printed, was_left_out = self.shell(block, "python3 -", self.code(block), "\n".join(block.text) + "\n"), False
            elif block.language == "" and not block.marked("drawn") and not block.marked("write"):
                if block.marked("prints"):
                    printed = self.shell(block, block.mark("prints"), self.code(block))
                elif was_left_out:
                    self.fault(block, "what was not run prints nothing that can be held: mark this block `not run`, too")
                    continue
                self.hold(block, printed)
                printed = None

    def code(self, block):
        return int(block.mark("exit code") or 0)

    def shell(self, block, commands, code, given=""):
        """What commands print. The environment that they leave is that of the blocks after."""
        self.run += 1
        kept = self.folder.parent / "environment"
        script = f"set -e\ntrap 'code=$?; env -0 >\"{kept}\"; exit $code' EXIT\n{commands}\n"
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as source:
            source.write(given.encode())
            source.seek(0)
            process = subprocess.Popen(["bash", "-c", script], cwd=self.folder, env=self.environment, stdin=source,
                                       stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
            RUNNING.add(process.pid)
            try:
                ended = process.wait(BLOCK_SECONDS)
            except subprocess.TimeoutExpired:
                ended = f"none within {BLOCK_SECONDS} seconds"
            finally:
                # What a block left behind in the background ends with it.
                end_group(process.pid)
                process.wait()
                RUNNING.discard(process.pid)
            output.seek(0)
            text = output.read().decode(errors="replace").replace(f"{self.folder}", "...")
        if kept.exists():
            pairs = (pair.partition("=") for pair in kept.read_text(errors="replace").split("\0") if pair)
            self.environment = {name: value for name, _, value in pairs if name not in ("_", "SHLVL", "PWD", "OLDPWD")}
        lines = trimmed(text.split("\n"))
        self.sound = ended == code
        if not self.sound:
            shown = "".join(f"\n    {line}" for line in lines[-12:])
            self.fault(block, f"exit code {ended}, not {code}: {commands.strip()}{shown}")
        return lines

    def hold(self, block, printed):
        if printed is None:
            self.fault(block, "a block without a language is what a command printed, and none was run before it: "
                              "give it a language (`text`), or mark it")
            return
        self.held += 1
        if same_text(block.text, printed):
            return
        if self.check.write and self.sound:
            self.written.append((block, shortened(block.text, printed)))
            return
        matched = difflib.unified_diff([plain(line) for line in block.text], [plain(line) for line in printed],
                                       "the page", "printed", lineterm="", n=2)
        self.fault(block, "the block is not what is printed" + "".join(f"\n    {line}" for line in list(matched)[:60]))

    def rewrite(self):
        """Puts what was printed into the page."""
        for block, printed in reversed(self.written):
            self.lines[block.line:block.line + len(block.text)] = [block.indent + line if line else "" for line in printed]
        if self.written:
            (self.check.root / self.page).write_text("\n".join(self.lines), encoding="utf-8")


class Check:
    """What all pages share: the program, the demo's lake, the tools."""

    def __init__(self, root, program, pages, write=False, tools=True):
        self.root, self.program, self.write = root, pathlib.Path(program).resolve(), write
        self.pages = pages or ["README.md", *sorted(str(path.relative_to(root)) for folder in ("guides", "concepts", "runbooks")
                                                    for path in (root / "docs" / folder).glob("*.md"))]
        self.python = None
        if tools:
            made = subprocess.run([ROOT / "scripts" / "venv", *PYTHON], check=True, capture_output=True, text=True)
            self.python = pathlib.Path(made.stdout.strip()).parent
        self.lake = None

    def make_checkout(self, folder):
        """A folder with the files of the repository, where a program seems to be built."""
        folder.mkdir()
        for path in self.root.iterdir():
            if path.name == "samples":
                shutil.copytree(path, folder / path.name)
            elif path.name not in ("target", ".git", "quotelake-data"):
                (folder / path.name).symlink_to(path)
        (folder / "target" / "release").mkdir(parents=True)
        (folder / "target" / "release" / "quotelake").symlink_to(self.program)

    def environment(self, folder):
        programs = folder.parent / "bin"
        programs.mkdir()
        (programs / "quotelake").symlink_to(self.program)
        (programs / "make").write_text(f"#!/bin/sh\nexec {shutil.which('make')} --no-print-directory PROGRAM={self.program} \"$@\"\n")
        (programs / "make").chmod(0o755)
        for name in ("duckdb", "python3") if self.python else ():
            (programs / name).write_text(f"#!/bin/sh\nexec {self.python / name} \"$@\"\n")
            (programs / name).chmod(0o755)
        path = os.pathsep.join([str(programs), *(folder for folder in os.environ["PATH"].split(os.pathsep) if folder)])
        return {"PATH": path, "HOME": str(folder.parent), "LANG": "C.UTF-8", "TZ": "UTC", "NO_COLOR": "1", "COLUMNS": "140"}

    def make_demo_lake(self, folder):
        self.make_checkout(folder)
        subprocess.run([self.program, "demo", "--lake", "quotelake-data"], cwd=folder, check=True, capture_output=True, timeout=300)
        self.lake = folder / "quotelake-data"

    def go(self):
        walks = [Walk(self, page) for page in self.pages]
        with tempfile.TemporaryDirectory(prefix="guides-check-") as shared, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            if any("demo" in walk.starts for walk in walks):
                self.make_demo_lake(pathlib.Path(shared).resolve() / "quotelake")
            # The longest first, which are those that run the demo.
            list(pool.map(Walk.go, sorted(walks, key=lambda walk: -walk.demos())))
        for walk in walks:
            walk.rewrite()
        return walks


def report(walks):
    """Says what was run and what was not; the faults."""
    reasons = {}
    for walk in walks:
        for block, reason in walk.not_run:
            reasons.setdefault(reason, []).append(f"{walk.page}:{block.line}")
    for reason, places in sorted(reasons.items()):
        print(f"not run, {reason}: {', '.join(places)}")
    for walk in walks:
        for block, _ in walk.written:
            print(f"written: {walk.page}:{block.line}")
    print("seconds: " + ", ".join(f"{walk.page} {walk.seconds:.0f}" for walk in walks if walk.run))
    faults = [fault for walk in walks for fault in walk.faults]
    print(f"{len(walks)} pages: {sum(walk.run for walk in walks)} blocks run, {sum(walk.held for walk in walks)} printed blocks held, "
          f"{sum(len(walk.not_run) for walk in walks)} blocks not run, {len(faults)} faults")
    for fault in faults:
        print(fault)
    return faults


TODAY = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d")
# A page, and what has to be said of it; nothing where it is sound. `$` stands for a fence.
CASES = [
    ("$sh\necho one\n$\n\nThen:\n\n$\none\n$\n", None),
    ("$sh\necho one\n$\n\n$\ntwo\n$\n", "the block is not what is printed"),
    ("$sh\necho one; echo two\n$\n\n$\none\n$\n", "the block is not what is printed"),
    ("$sh\necho one; echo two; echo three\n$\n\n$\none\n...\nthree\n$\n", None),
    ("$sh\necho one; echo two; echo three\n$\n\n$\none\n...\nfour\n$\n", "the block is not what is printed"),
    ("$sh\necho a  b   c\n$\n\n$\na b c\n$\n", None),
    ("$sh\nexport GIVEN=7\n$\n\n$sh\necho $GIVEN >&2\n$\n\n$\n7\n$\n", None),
    ("$sh\nfalse\necho after\n$\n", "exit code 1, not 0"),
    ("$python\nprint(6 * 7)\n$\n\n$\n42\n$\n", None),
    ("$python\nraise ValueError\n$\n", "exit code 1, not 0"),
    ("$sh\nsleep 60 & echo begun\n$\n\n$\nbegun\n$\n", None),
    ("<!-- exit code: 2 -->\n$sh\nexit 2\n$\n", None),
    ("<!-- exit code: 2 -->\n$sh\ntrue\n$\n", "exit code 0, not 2"),
    ("<!-- not run: needs an account -->\n$sh\nfalse\n$\n", None),
    ("<!-- not run: needs an account -->\n$sh\nfalse\n$\n\n$\nprinted\n$\n", "mark this block"),
    ("<!-- not run: needs an account -->\n$sh\nfalse\n$\n\n<!-- not run: needs an account -->\n$\nprinted\n$\n", None),
    ("<!-- not run -->\n$sh\nfalse\n$\n", "without a reason"),
    ("<!-- not run: needs an account -->\nText.\n\n$sh\ntrue\n$\n", "not right above a block"),
    ("<!-- not ran: needs an account -->\n$sh\ntrue\n$\n", "no mark is called"),
    ("<!-- starts with: fame -->\n", "cannot start with"),
    ("$\nnobody prints this\n$\n", "none was run before it"),
    ("$text\nshown\n$\n", None),
    ("<!-- drawn -->\n$\nshown\n$\n", None),
    ("<!-- write: a/b.txt -->\n$text\none\n$\n\n$sh\ncat a/b.txt\n$\n\n$\none\n$\n", None),
    ("<!-- run with: tr a-z A-Z -->\n$sql\nselect\n$\n\n$\nSELECT\n$\n", None),
    ("<!-- before: echo kept > file -->\n<!-- prints: cat file -->\n$\nkept\n$\n", None),
    ("$sh\npwd\n$\n\n$\n...\n$\n", None),
    ("$sh\nquotelake demo\n$\n\n$\nthe program, demo\n$\n", None),
    (f"$sh\necho on {TODAY}, {TODAY}T01:02:03Z\n$\n\n$\non 2020-02-03, 2020-02-03T04:05:06.789Z\n$\n", None),
    ("$sh\necho on 2013-03-01\n$\n\n$\non 2020-02-03\n$\n", "the block is not what is printed"),
    ("$sh\necho 277.2 kB and 1,234,567 B\n$\n\n$\n270 kB and 1.2 MB\n$\n", None),
    ("$sh\necho 277.2 kB\n$\n\n$\n77.2 kB\n$\n", "the block is not what is printed"),
    ("$sh\necho 12,250 rows in 1.2 s\n$\n\n$\n12,250 rows in 31 ms\n$\n", None),
    ("$sh\necho 12,250 rows\n$\n\n$\n12,251 rows\n$\n", "the block is not what is printed"),
    ("$sh\necho ──────\n$\n\n$\n────\n$\n", None),
]
# A page and what `--write` makes of it.
WRITTEN = [
    ("$sh\necho one; echo two; echo three\n$\n\n  $\n  ten\n  ...\n  $\n", "$sh\necho one; echo two; echo three\n$\n\n  $\n  one\n  ...\n  $\n"),
    ("$sh\necho one\n$\n\n$\n$\n\nEnd.\n", "$sh\necho one\n$\n\n$\none\n$\n\nEnd.\n"),
]


def self_test():
    """Each case of CASES and WRITTEN, as the README of a repository whose program prints its arguments."""
    failed = []

    def walk(page, write=False):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "samples").mkdir()
            (root / "README.md").write_text(page)
            program = root / "quotelake"
            program.write_text("#!/bin/sh\necho \"the program, $*\"\n")
            program.chmod(0o755)
            [walked] = Check(root, program, ["README.md"], write, tools=False).go()
            return walked.faults, (root / "README.md").read_text()

    for page, wanted in CASES:
        faults, _ = walk(page.replace("$\n", "```\n").replace("$sh", "```sh").replace("$text", "```text").replace("$sql", "```sql")
                         .replace("$python", "```python"))
        if wanted is None and faults:
            failed.append(f"a sound page: {page!r}: {faults}")
        if wanted is not None and not any(wanted in fault for fault in faults):
            failed.append(f"{page!r}: {wanted!r} is not in {faults}")
    for page, wanted in WRITTEN:
        page, wanted = (text.replace("$", "```") for text in (page, wanted))
        _, written = walk(page, write=True)
        if written != wanted:
            failed.append(f"{page!r} became {written!r}")
    print(f"{len(CASES) + len(WRITTEN) - len(failed)} passed, {len(failed)} failed")
    return failed


def main(arguments):
    if arguments == ["--self-test"]:
        faults = self_test()
        for fault in faults:
            print(fault)
        return 1 if faults else 0
    write = arguments[:1] == ["--write"]
    arguments = arguments[write:]
    if not arguments or arguments[0].startswith("-"):
        print(__doc__)
        return 64
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stopped)
    began = time.monotonic()
    faults = report(Check(ROOT, arguments[0], arguments[1:], write).go())
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
