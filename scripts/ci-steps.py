#!/usr/bin/env python3
"""Prints the seconds of CI's steps beside those that were kept, and names a step that grew by half.

    ci-steps.py cold|warm STEPS KEPT

STEPS has a line for each step, `name<TAB>seconds`. KEPT (docs/ci-steps.tsv) has `name<TAB>cold<TAB>warm`; where a figure is missing
there is nothing to compare with. It only tells: other work on the machine makes every step longer.
"""

import pathlib
import sys

# Shorter steps vary by more than half without a reason.
LEAST_SECONDS = 20


def main():
    kind, steps, kept = sys.argv[1:]
    column = {"cold": 1, "warm": 2}[kind]
    figures = {}
    for line in pathlib.Path(kept).read_text().splitlines():
        fields = line.split("\t")
        if len(fields) > column and fields[column].isdigit():
            figures[fields[0]] = int(fields[column])
    grown = []
    print(f"{'step':34} {'seconds':>8} {'kept':>8}   ({kind})")
    for line in pathlib.Path(steps).read_text().splitlines():
        name, seconds = line.split("\t")
        before = figures.get(name)
        print(f"{name:34} {seconds:>8} {before if before is not None else '-':>8}")
        if before is not None and int(seconds) > max(1.5 * before, before + LEAST_SECONDS):
            grown.append(f"{name}: {before} s before, {seconds} s now")
    for line in grown:
        print(f"GREW BY HALF: {line}")


if __name__ == "__main__":
    main()
