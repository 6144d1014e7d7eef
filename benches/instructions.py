#!/usr/bin/env python3
"""Counts the instructions of four fixed jobs under callgrind: a slowdown is seen on any machine, however busy it is.

    instructions.py PROGRAM              counts, and compares with benches/instructions.json; exit code 1 past the tolerance
    instructions.py PROGRAM --write      counts, and writes them

The jobs: `load` of 20,000 rows into an empty lake, `load` of 2,000 revised rows into the same months, `check` of them against a
ruleset, `rebuild` of the sample recording from its vendor pages. The program runs on one core, so that it always does the same.
Needs valgrind; in CI (CI=true) it has to be there. Libraries choose their code by the processor and the C library: where these are
others than the kept counts are from, the tolerance is wider, and that is said.
"""

import argparse
import gzip
import json
import os
import pathlib
import platform
import random
import re
import shutil
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
BASELINE = REPOSITORY / "benches/instructions.json"
TOLERANCE = 0.03
TOLERANCE_ELSEWHERE = 0.15
CONTRACT = REPOSITORY / "samples/contracts/vendor_bars.yaml"
RULES = REPOSITORY / "samples/contracts/vendor_bars.dqdl"
DAY_MS = 86_400_000
FLAGS = {"avx", "avx2", "bmi1", "bmi2", "erms", "fsrm", "movbe", "pclmulqdq", "sse4_2"}


def bars(folder, rows, seed, ingested_at):
    """Vendor bars as NDJSON, gzip, one file: 50 symbols in turn, a hundredth of them wrong in some way."""
    numbers = random.Random(seed)
    lines = []
    for row in range(rows):
        day, symbol = divmod(row, 50)
        price = 2_000 + 37 * symbol + numbers.randrange(-300, 300)
        bar = {
            "provider": "polygon", "symbol": f"S{symbol:02}", "timespan": "day", "ts": 1_735_689_600_000 + day * DAY_MS,
            "open": price / 100, "high": (price + 40) / 100, "low": (price - 35) / 100, "close": (price + 7) / 100,
            "volume": numbers.randrange(10_000, 9_000_000), "vwap": (price * 10 + 3) / 1000, "trades": numbers.randrange(100, 90_000),
            "currency": "USD", "ingested_at": ingested_at,
        }
        line = json.dumps(bar, separators=(",", ":"))
        match row % 400:
            case 100:
                line = line.replace('"close":', '"close":null,"was":')
            case 200:
                line = line[:-20]
            case 300:
                line = line.replace('"high":', '"high":-')
        lines.append(line)
    folder.mkdir()
    (folder / "part-0.ndjson.gz").write_bytes(gzip.compress("\n".join(lines).encode(), mtime=0))
    return folder


def run(program, *arguments, count=False):
    """Runs the program; its instructions, if they are counted."""
    # One heap, as the program sets it for itself by starting over, and one thread beside the main one.
    environment = {**os.environ, "MALLOC_ARENA_MAX": "1", "TOKIO_WORKER_THREADS": "1"}
    command = [str(program), *map(str, arguments)]
    if count:
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command]
    if shutil.which("taskset"):
        command = ["taskset", "--cpu-list", str(min(os.sched_getaffinity(0))), *command]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=REPOSITORY)
    # 2: rows are in quarantine, as they should be here.
    if done.returncode not in (0, 2):
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout[-1000:]}\n{done.stderr[-2000:]}")
    found = re.search(r"Collected : (\d+)", done.stderr)
    return int(found.group(1)) if found else None


def host():
    """What libraries choose their code by."""
    flags = re.search(r"^flags\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    known = set(flags[1].split()) if flags else set()
    return {"machine": platform.machine(), "libc": " ".join(platform.libc_ver()), "flags": sorted(known & FLAGS)}


def measure(program, folder):
    """Instructions by job."""
    first = bars(folder / "first", 20_000, 1, "2026-11-21T05:00:00.123Z")
    second = bars(folder / "second", 2_000, 2, "2026-11-22T05:00:00.123Z")
    load = ["--lake", folder / "lake", "--dataset", "vendor_bars", "--contract", CONTRACT]
    counts = {"load": run(program, "load", *load, first, count=True)}
    counts["merge"] = run(program, "load", *load, second, count=True)
    counts["check"] = run(program, "check", "--dataset", "vendor_bars", "--contract", CONTRACT, "--rules", RULES, first, count=True)
    run(program, "demo", "--lake", folder / "demo")
    counts["rebuild"] = run(program, "rebuild", "--from", folder / "demo", "--lake", folder / "again", count=True)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    if not shutil.which("valgrind"):
        print("SKIPPED: instructions are counted by valgrind, which is not here")
        return 1 if os.environ.get("CI") == "true" else 0
    tolerance = TOLERANCE
    if not chosen.write and (kept := json.loads(BASELINE.read_text()))["host"] != host():
        tolerance = TOLERANCE_ELSEWHERE
        print(f"instruction counts are kept for {kept['host']}, this is {host()}: the tolerance is {tolerance:.0%}")
    with tempfile.TemporaryDirectory(prefix="quotelake-instructions-") as folder:
        counts = measure(chosen.program.resolve(), pathlib.Path(folder))
    if chosen.write:
        BASELINE.write_text(json.dumps({"host": host(), "instructions": counts}, indent=2) + "\n")
    kept = json.loads(BASELINE.read_text())["instructions"]
    worse = []
    for job, count in counts.items():
        change = count / kept[job] - 1
        print(f"{job:8} {count:>14,} instructions, {change:+.1%} of {kept[job]:,}")
        if change > tolerance:
            worse.append(job)
        elif change < -tolerance:
            print("         better than kept: `make instructions-write` keeps it")
    if worse:
        print(f"SLOWER by more than {tolerance:.0%}: {', '.join(worse)}. Correct it, or say why in the commit that runs `make instructions-write`.")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
