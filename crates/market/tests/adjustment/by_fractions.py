#!/usr/bin/env python3
"""Adjustment factors in rational arithmetic, written from the definition and from nothing else.

Reads chains from standard input, writes `chain` and the rows of `adjustment_factors` of each:

    chain raw|split
    bar DATE CLOSE
    split DATE FROM TO
    dividend DATE AMOUNT DIVIDED      DIVIDED is 1 where the amount was divided by later splits
"""

import datetime as dt
import sys
from decimal import Decimal
from fractions import Fraction

STALE = dt.timedelta(days=10)


def chains():
    chain = None
    for line in sys.stdin.read().splitlines():
        kind, *cells = line.split()
        if kind == "chain":
            if chain:
                yield chain
            chain = {"basis": cells[0], "bar": [], "split": [], "dividend": []}
        else:
            chain[kind].append((dt.date.fromisoformat(cells[0]), *map(Fraction, cells[1:])))
    yield chain


def text(number):
    """18 places, half to even, without zeros at the end."""
    scaled = round(number * 10**18)  # Python rounds a Fraction half to even
    digits = f"{Decimal(scaled).scaleb(-18):.18f}".rstrip("0").rstrip(".")
    return digits


def product(numbers):
    result = Fraction(1)
    for number in numbers:
        result *= number
    return result


def rows(chain):
    bars = dict(chain["bar"])
    dates = sorted(bars)
    raw = chain["basis"] == "raw"
    ratios = {date: to / before for date, before, to in chain["split"]}

    def session(date):
        """The session on which something of that date shows and the one before, where there are both."""
        if not dates[0] <= date <= dates[-1]:
            return None
        effective = min(other for other in dates if other >= date)
        earlier = [other for other in dates if other < effective]
        return (effective, earlier[-1]) if earlier else None

    splits, cash = {}, {}
    for date, ratio in ratios.items():
        if raw and session(date):
            splits.setdefault(session(date)[0], []).append((date, ratio))
    for date, amount, divided in chain["dividend"]:
        if not session(date):
            continue
        effective, before = session(date)
        if effective - before > STALE:
            continue
        later = product(ratio for other, ratio in ratios.items() if other > date)
        if raw:
            amount *= later if divided else 1
        else:
            amount /= 1 if divided else later
        cash.setdefault(effective, []).append((date, amount))

    split, previous_close, ex_close = Fraction(1), Fraction(1), Fraction(1)
    found, end = [], None

    def row(begin):
        factors = split, 1 / split, previous_close, ex_close, split * previous_close, split * ex_close
        found.append(" ".join([str(begin), str(end) if end else "-", *map(text, factors)]))

    for effective in reversed(dates[1:]):
        of_day = splits.get(effective, [])
        new_for_old = product(ratio for _, ratio in of_day)
        price = bars[dates[dates.index(effective) - 1]]
        # in the shares of the day before: those of a split that came first count as so many
        paid = sum(
            amount * product(ratio for other, ratio in of_day if other <= date)
            for date, amount in cash.get(effective, [])
        )
        if paid >= price:
            paid = 0
        if not of_day and not paid:
            continue
        row(effective)
        end = effective - dt.timedelta(days=1)
        split /= new_for_old
        previous_close *= 1 - paid / price
        ex_close *= bars[effective] / (bars[effective] + paid / new_for_old)
    row(dates[0])
    return reversed(found)


for chain in chains():
    print("chain")
    for line in rows(chain):
        print(line)
