"""Tables as programs and people write them to files, for crates/cli/tests/suggest_files.rs.

usage: suggest_files.py FOLDER SEEDS

Writes FOLDER/<n>/<file> and prints a line of JSON for each: the file, the rows that it has, its columns' names as the table's writer
meant them, and what is special about it. Rows are read back with Python's csv module, so that the count is not this project's.
"""

import csv
import io
import json
import os
import random
import sys

WORDS = ["red", "blue, light", 'five "inch"', "größer", "naïve", "line\nbreak", "  padded", "x", "NULL", "O'Neil"]


def value(random, kind, row):
    if random.random() < 0.05 and kind != "id":
        return ""
    day = f"{1 + row % 28:02}"
    return {
        "id": str(1000 + row),
        "word": random.choice(WORDS),
        "int": str(random.randrange(-500, 5000)),
        "money": f"{random.randrange(-9999, 99999) / 100:.2f}",
        "float": repr(random.uniform(-1, 1)),
        "date": f"2026-{1 + row % 12:02}-{day}",
        "german": f"{day}.{1 + row % 12:02}.2026",
        "instant": f"2026-03-{day} 03:04:{row % 60:02}+00:00",
        "flag": random.choice(["yes", "no"]),
    }[kind]


def table(random):
    kinds = ["id"] + random.choices(["word", "int", "money", "float", "date", "german", "instant", "flag"], k=random.randint(2, 6))
    random.shuffle(kinds)
    # A table of texts alone has no header that could be told from its rows.
    rows = [[value(random, kind, row) for kind in kinds] for row in range(random.randint(8, 60))]
    names = [f"{kind} {at}" if random.random() < 0.5 else f"{kind}_{at}" for at, kind in enumerate(kinds)]
    return names, rows


def write(random, folder):
    names, rows = table(random)
    special = random.choice(["", "", "title", "wide title", "two headers", "units", "total", "remark", "comment", "excel", "utf-16", "latin", "escape", "no header"])
    dialect = dict(
        delimiter=random.choice([",", ";", "\t", "|"]),
        quoting=random.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
        lineterminator=random.choice(["\n", "\r\n"]),
    )
    width = len(names)
    above, header, below = [], [names], []
    encoding = "utf-8"
    if special == "title":
        above = [["Sales of the year"], ["printed on 2026-03-04"]]
    elif special == "wide title":
        above = [["Sales"] + [""] * (width - 1), [""] * width]
    elif special == "two headers":
        header = [["group"] * width, names]
    elif special == "units":
        header = [names, ["EUR"] * width]
    elif special == "total":
        below = [["Total"] + [""] * (width - 2) + ["99.5"]]
    elif special == "remark":
        below = [["Source: the accounts"]]
    elif special == "comment":
        above = [["# made by a program"]]
    elif special == "excel":
        dialect.update(delimiter=";", lineterminator="\r\n")
        encoding = random.choice(["cp1252", "utf-8-sig"])
    elif special == "utf-16":
        encoding = random.choice(["utf-16", "utf-16-le", "utf-16-be"])
        dialect.update(delimiter="\t")
    elif special == "latin":
        encoding = "latin-1"
    elif special == "escape":
        dialect.update(doublequote=False, escapechar="\\")
    elif special == "no header":
        header = []
    text = io.StringIO(newline="")
    csv.writer(text, **dialect).writerows(above + header + rows + below)
    path = os.path.join(folder, "table.csv")
    with open(path, "wb") as file:
        file.write(text.getvalue().encode(encoding))
    with open(path, encoding=encoding.replace("utf-16-le", "utf-16-le"), newline="") as file:
        read = list(csv.reader(file, **{k: v for k, v in dialect.items() if k != "quoting"}))
    read = read[len(above) + len(header) : len(read) - len(below)]
    assert [cell for row in read for cell in row] == [cell for row in rows for cell in row], path
    return dict(path=path, rows=len(read), names=[] if special == "no header" else names, special=special, dialect=repr(dialect), encoding=encoding)


def main():
    folder, seeds = sys.argv[1], int(sys.argv[2])
    for seed in range(seeds):
        own = os.path.join(folder, str(seed))
        os.makedirs(own)
        print(json.dumps(write(random.Random(seed), own)))


main()
