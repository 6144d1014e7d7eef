"""The shipped watchlists: their form, the companies of the index with source and day, and the comparison with a list of today.

    python3 -m unittest infra/tests/test_watchlists.py
"""

import contextlib
import datetime
import importlib.util
import io
import json
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SPEC = importlib.util.spec_from_file_location("watchlist_check", ROOT / "scripts/watchlist-check.py")
check = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check)


class Shipped(unittest.TestCase):
    def test_no_list_has_a_fault(self):
        paths = sorted(check.FOLDER.glob("*.json"))
        self.assertIn(check.FTSE, paths)
        for path in paths:
            with self.subTest(path.name):
                self.assertEqual(check.faults(path), [])

    def test_the_index_has_a_hundred_companies_a_source_and_a_day(self):
        written = json.loads(check.FTSE.read_text())
        self.assertEqual(len({row["symbol"] for row in written["symbols"]}), 100)
        self.assertRegex(written["description"], r"Source: .*(CC BY|licen[cs]e|downloaded)")
        self.assertLessEqual(check.as_of(written["description"]), datetime.date.today())
        self.assertEqual(check.text_of(written), check.FTSE.read_text(), "written as --write writes it")

    def test_each_fault_is_found(self):
        good = json.loads(check.FTSE.read_text())

        def of(**changed):
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder, "ftse100.json")
                path.write_text(json.dumps({**good, **changed}))
                return " ".join(check.faults(path))

        self.assertEqual(of(), "")
        rows = good["symbols"]
        self.assertIn("AAF.L is there twice", of(symbols=[rows[0], *rows]))
        self.assertIn("101 symbols", of(symbols=[rows[0], *rows]))
        self.assertIn("99 symbols", of(symbols=rows[1:]))
        self.assertIn("not in order", of(symbols=rows[::-1]))
        self.assertIn("BP is not of the form", of(symbols=[{"symbol": "BP"}, *rows[1:]]))
        self.assertIn("names no source", of(description="As of 2026-03-02."))
        self.assertIn("has no day", of(description="Source: a list."))
        self.assertIn("the name is", of(name="ftse"))


class Comparison(unittest.TestCase):
    def test_tickers_are_written_as_yahoo_does(self):
        for written, wanted in {"BP.": "BP.L", "BA.": "BA.L", "BT.A": "BT-A.L", "BT/A": "BT-A.L", "BT-A.L": "BT-A.L", "bt.a.l": "BT-A.L",
                                "LON:AV.": "AV.L", " III ": "III.L"}.items():
            self.assertEqual(check.yahoo(written), wanted)

    def test_lines_above_the_header_and_rows_of_no_share_are_passed_over(self):
        text = ('"A fund"\nFund Holdings as of,"30/Nov/2026"\n\n'
                'Ticker,Name,Asset Class,Weight (%)\nAZN,"ASTRAZENECA, PLC",Equity,8.1\nBP.,BP,Equity,3.0\n'
                'GBP,GBP CASH,Cash,0.3\nZ Z6,FTSE FUTURE,Futures,0.1\n-,,,\n')
        self.assertEqual(check.read(text), ({"AZN.L", "BP.L"}, 3))
        self.assertEqual(check.read("Code;Name\nBT.A;BT\n"), ({"BT-A.L"}, 0))
        self.assertEqual(check.read("Kürzel;Name\nIII;3i\n", "Kürzel"), ({"III.L"}, 0))
        for wrong in ("Name\nBP\n", "Ticker,Name\nTOOLONG,x\n"):
            with self.assertRaises(SystemExit):
                check.read(wrong)

    def test_reviews_take_effect_on_the_monday_behind_the_third_friday(self):
        found = list(check.reviews(datetime.date(2026, 3, 2), datetime.date(2026, 11, 30)))
        self.assertEqual([str(day) for day in found], ["2026-03-23", "2026-06-22", "2026-09-21"])
        self.assertEqual(list(check.reviews(datetime.date(2026, 3, 23), datetime.date(2026, 3, 30))), [])
        # 2024-06-24: as the index provider said of that review.
        self.assertEqual(list(check.reviews(datetime.date(2024, 6, 1), datetime.date(2024, 7, 1))), [datetime.date(2024, 6, 24)])

    def test_who_joined_and_left_is_told_and_written(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            watchlist, today = folder / "ftse100.json", folder / "today.csv"
            written = json.loads(check.FTSE.read_text())
            written["symbols"][1]["currency"] = "GBP"
            watchlist.write_text(check.text_of(written))
            symbols = [row["symbol"] for row in written["symbols"]]
            today.write_text("Ticker\n" + "\n".join([*symbols[1:], "ZZZ"]) + "\n")

            def run(*more):
                said = io.StringIO()
                with unittest.mock.patch.object(sys, "argv", ["x", "--watchlist", str(watchlist), "--against", str(today), *more]):
                    with contextlib.redirect_stdout(said):
                        try:
                            check.main()
                            code = 0
                        except SystemExit as end:
                            code = end.code
                return code, said.getvalue()

            code, said = run()
            self.assertEqual(code, 1)
            self.assertEqual(said.splitlines()[1:], ["  + ZZZ.L", "  - AAF.L"])
            self.assertIn("--as-of", run("--write")[0])
            self.assertEqual(run("--write", "--as-of", "2026-11-30", "--source", "a list, downloaded")[0], 0)
            self.assertEqual(run()[0], 0)
            self.assertEqual(check.faults(watchlist), [])
            now = json.loads(watchlist.read_text())
            self.assertIn("As of 2026-11-30. Source: a list, downloaded. The index", now["description"])
            self.assertEqual(now["symbols"][0], {"symbol": symbols[1], "currency": "GBP"}, "what was known of it stays")


if __name__ == "__main__":
    unittest.main()
