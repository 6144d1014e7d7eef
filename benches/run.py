#!/usr/bin/env python3
"""Times the product beside what a user would run instead, and writes docs/performance.md.

    run.py --peers FOLDER [--work FOLDER] [--sizes "100000 1000000 5000000"] [--runs N] [--quick] [--out FILE]

FOLDER holds the peers: a generator with an oracle, one script for each tool, `run_peers.sh` and `verify.py`. Every job's output is
verified before anything is timed; jobs run in turn, whole processes, and medians are taken. --quick: 100,000 rows, DuckDB and
chDB only, and nothing is written. The page's sections between `<!-- bench:... -->` marks are replaced, the rest is kept.
"""

import argparse
import os
import pathlib
import platform
import re
import subprocess
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
PAGE = REPOSITORY / "docs/performance.md"
PLOT = REPOSITORY / "docs/images/raw-to-lake.svg"
NAMES = {"extra": "**Quotelake**", "duckdb": "DuckDB", "chdb": "chDB", "polars": "Polars", "pyarrow": "pyarrow", "pandas": "pandas",
         "spark": "PySpark"}
BEST_OF = ("duckdb", "chdb")
ROW = re.compile(r"^\| (\w+) \| ([\d.]+) \([\d.]+\) \| ([\d.]+) \| (\d+) \|")


def measured(options):
    """By size: by job, (wall s, CPU s, peak MiB, bytes out)."""
    environment = {**os.environ, "PEERS": options.jobs, "EXTRA": f"product={REPOSITORY}/benches/peers/load.sh {{in}} {{out}} {{q}}"}
    command = ["bash", str(options.peers / "run_peers.sh"), str(options.work), options.sizes, str(options.runs)]
    sizes, size = {}, None
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    outputs = {}
    for line in process.stdout:
        print(line, end="", flush=True)
        if found := re.match(r"^(\d+) (\w+) (\{.*\})$", line.strip()):
            if '"ok": true' not in found[3]:
                sys.exit(f"{found[2]} is wrong at {found[1]} rows")
            outputs[found[1], found[2]] = int(re.search(r'"bytes_out": (\d+)', found[3])[1])
        elif found := re.match(r"^### (\d+) rows", line):
            size = found[1]
            sizes[size] = {}
        elif found := ROW.match(line):
            sizes[size][found[1]] = (float(found[2]), float(found[3]), int(found[4]), outputs[size, found[1]])
    if process.wait() != 0:
        sys.exit("the peers did not run to the end")
    return sizes


def quality(options, size):
    """The peers' quality rules over the table that the product published: by job, (wall s, CPU s, peak MiB)."""
    python = options.work / "venv/bin/python"
    lake = options.work / "out" / size / "extra/lake"
    jobs = {"extra": f"{REPOSITORY}/benches/peers/dq.sh {lake}"}
    jobs |= {name: f"{python} {options.peers}/dq_{name}.py --input {lake}" for name in ("duckdb", "polars")}
    for name, command in jobs.items():
        done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{name} does not pass the table of {size} rows: {done.stdout[-500:]}{done.stderr[-500:]}")
    command = [python, options.peers / "measure.py", "--runs", str(options.runs), "--warmup", "0", "--rows", size,
               "--out-dir", options.work / "logs", "--", *(f"{name}={command}" for name, command in jobs.items())]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = (ROW.match(line) for line in output.splitlines())
    return {found[1]: (float(found[2]), float(found[3]), int(found[4])) for found in rows if found}


def quality_table(sizes):
    """The quality job's figures as Markdown."""
    lines = ["| rows | job | wall s | CPU s | peak MiB | wall / DuckDB | CPU / DuckDB |", "|---|---|---|---|---|---|---|"]
    for size, jobs in sizes.items():
        for name, (wall, cpu, peak) in jobs.items():
            lines.append(f"| {int(size):,} | {NAMES[name]} | {wall:.2f} | {cpu:.2f} | {peak} "
                         f"| {wall / jobs['duckdb'][0]:.2f} | {cpu / jobs['duckdb'][1]:.2f} |")
    return "\n".join(lines)


def table(jobs):
    """A size's figures as Markdown, the product first, each beside the best peer's."""
    best = [min(jobs[name][column] for name in BEST_OF if name in jobs) for column in range(2)]
    smallest = min(figures[3] for name, figures in jobs.items() if name != "extra")
    lines = ["| job | wall s | CPU s | peak MiB | out MB | wall / best peer | CPU / best peer | bytes / smallest peer |",
             "|---|---|---|---|---|---|---|---|"]
    for name in sorted(jobs, key=lambda name: (name != "extra", jobs[name][1])):
        wall, cpu, peak, out = jobs[name]
        lines.append(f"| {NAMES.get(name, name)} | {wall:.2f} | {cpu:.2f} | {peak} | {out / 1e6:.1f} "
                     f"| {wall / best[0]:.2f} | {cpu / best[1]:.2f} | {out / smallest:.2f} |")
    return "\n".join(lines)


def plot(sizes):
    """CPU seconds a million rows, a bar for each job and size, as SVG."""
    largest = max(figures[1] / int(size) * 1e6 for size, jobs in sizes.items() for name, figures in jobs.items() if name != "spark")
    rows, y = [], 10
    for size, jobs in sizes.items():
        rows.append(f'<text x="10" y="{y + 14}" font-weight="bold">{int(size):,} rows</text>')
        y += 22
        for name in sorted(jobs, key=lambda name: jobs[name][1]):
            if name == "spark":
                continue
            value = jobs[name][1] / int(size) * 1e6
            width = max(1, round(480 * value / largest))
            color = "#0b6e4f" if name == "extra" else "#9aa5b1"
            rows.append(f'<text x="130" y="{y + 13}" text-anchor="end">{NAMES.get(name, name).strip("*")}</text>'
                        f'<rect x="138" y="{y + 2}" width="{width}" height="14" fill="{color}"/>'
                        f'<text x="{144 + width}" y="{y + 13}">{value:.2f}</text>')
            y += 20
        y += 12
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="700" height="{y + 10}" font-family="sans-serif" font-size="12">'
            f'<rect width="100%" height="100%" fill="white"/>{"".join(rows)}'
            f'<text x="10" y="{y + 4}" fill="#555">CPU seconds a million rows, raw NDJSON to Parquet; less is better</text></svg>\n')


def machine(options):
    """Where the figures are from."""
    cpu = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1]) / 1024**2
    python = options.work / "venv/bin/python"
    versions = subprocess.run([python, "-c", "import duckdb, chdb, polars, pandas, pyarrow\n"
                               "print(', '.join(f'{m.__name__} {m.__version__}' for m in (duckdb, chdb, polars, pandas, pyarrow)))"],
                              capture_output=True, text=True, check=True).stdout.strip()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout.strip()
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    return (f"{os.cpu_count()} cores ({cpu[1] if cpu else platform.machine()}), {memory:.0f} GiB, {platform.system()}. Quotelake at {commit}, "
            f"rustc {rustc}; {versions}. Medians of {options.runs} runs, jobs in turn, files in the page cache.")


def write(options, sizes, checks):
    """Replaces the page's marked sections."""
    text = PAGE.read_text()
    tables = "\n\n".join(f"### {int(size):,} rows\n\n{table(jobs)}" for size, jobs in sizes.items())
    for name, content in (("machine", machine(options)), ("raw-to-lake", tables), ("quality", quality_table(checks))):
        text = re.sub(rf"(<!-- bench:{name} -->\n).*?(<!-- /bench:{name} -->)", lambda found: f"{found[1]}\n{content}\n\n{found[2]}", text, flags=re.S)
    PAGE.write_text(text)
    PLOT.parent.mkdir(exist_ok=True)
    PLOT.write_text(plot(sizes))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("target/bench"))
    parser.add_argument("--sizes", default="100000 1000000 5000000")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--jobs", default="duckdb chdb polars pyarrow pandas")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if not (options.peers / "run_peers.sh").exists():
        sys.exit(f"there are no peers in {options.peers}: name their folder with PEERS=")
    options.peers, options.work = options.peers.resolve(), options.work.resolve()
    if options.quick:
        options.sizes, options.runs, options.jobs = "100000", 3, "duckdb chdb"
    sizes = measured(options)
    for size, jobs in sizes.items():
        print(f"\n{int(size):,} rows\n{table(jobs)}")
    if not options.quick:
        checks = {size: quality(options, size) for size in sizes}
        print(f"\n{quality_table(checks)}")
        write(options, sizes, checks)


if __name__ == "__main__":
    main()
