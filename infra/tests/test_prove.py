"""`make prove-aws`: its receipt shows nothing of whose account it was, and everything else; what was made is destroyed.

    python3 -m unittest infra/tests/test_prove.py
"""

import contextlib
import io
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(REPOSITORY / "scripts/prove"))
import questions
import receipt
import steps

ACCOUNT = "482719305561"
ARN = f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Admin_0a1b/jane.doe@example.com"
KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
# The digits of a hash may read as an account's.
DIGEST = "9" * 12 + "ab" * 26
TEXTS = [
    ARN, f"arn:aws:s3:::quotelake-proof-dev-lake-{ACCOUNT}/bronze/x", f"arn:aws-cn:iam::{ACCOUNT}:role/x", f"arn%3Aaws%3Asqs%3Aus-east-1%3A{ACCOUNT}%3Aq",
    f"bucket quotelake-proof-dev-lake-{ACCOUNT} is there", f"https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/quotelake-proof-dev-check", f"account{ACCOUNT}x",
    "4827-1930-5561", f"{ACCOUNT}0000", KEY, "ASIA" + KEY[4:], "AROA" + KEY[4:] + ":jane", SECRET, "jane.doe@example.com",
    "https://abcdefghijklmnop.lambda-url.us-east-1.on.aws/", "abcdefghijklmnop.lambda-url.us-east-1.on.aws", "/home/jane/quotelake/x", "/Users/jane/x",
]


def whole(**more):
    """A receipt with all its parts."""
    return {
        "outcome": "passed", "failure": None, "where": "AWS", "region": "eu-west-1", "began": "2026-11-29T15:44:46Z", "seconds": 1234, "commit": "1a2b3c4d5e",
        "changed": False, "versions": {"terraform": "1.11.0"}, "functions": {"quotelake-fetch": receipt.grouped(DIGEST)}, "architecture": "arm64",
        "estimate": {"profile": "s", "month_usd": 1.69, "month_list_usd": 9.63, "resources": {"aws_sqs_queue": 12}},
        "steps": [{"name": "apply", "seconds": 120, "outcome": "passed", "found": "164 resources"}],
        "tables": [{"name": "daily_bars", "rows": 13000, "laptop_rows": 13000, "sha256": receipt.grouped(DIGEST)}],
        "questions": [{"name": "view daily_bars_dash", "by": "Athena", "here": "13000", "there": "13000"}],
        "alarms": {"dead-letters": "OK"}, "tags": {"aws_sqs_queue": {"tagged": 12, "all": 12}}, "not_checked": [{"what": "faults", "why": "no proxy"}], **more,
    }


def written(one, secrets=()):
    """The texts of both files."""
    with tempfile.TemporaryDirectory() as folder:
        return [path.read_text() for path in receipt.write(one, pathlib.Path(folder) / "new", secrets)]


class Receipt(unittest.TestCase):
    def assert_clean(self, text):
        self.assertIsNone(re.search(r"\d{12}", text), text)
        self.assertIsNone(re.search(r"arn(:|%3A)aws", text, re.I), text)
        self.assertIsNone(re.search(r"(AKIA|ASIA|AROA)[A-Z0-9]{12}", text), text)
        for known in (ACCOUNT, "4827-1930", SECRET, "jane", "abcdefghijklmnop"):
            self.assertNotIn(known, text)

    def test_whatever_a_step_says_is_taken_out_of_both_files(self):
        for said in TEXTS:
            for place in ({"failure": f"apply: {said}, and so on"}, {"steps": [{"name": "apply", "seconds": 1, "outcome": "failed", "found": said}]},
                          {"not_checked": [{"what": said, "why": f"({said})"}]}, {"alarms": {said: "OK"}}):
                with self.subTest(said=said, place=next(iter(place))):
                    for text in written(whole(**place)):
                        self.assert_clean(text)

    def test_what_is_known_of_the_caller_is_taken_out_by_itself(self):
        for text in written(whole(failure="JaneTheAdmin may not; /srv/checkout/x; odd-secret"), ("JaneTheAdmin", "/srv/checkout", "odd-secret")):
            for known in ("JaneTheAdmin", "checkout", "odd-secret"):
                self.assertNotIn(known, text)

    def test_a_number_that_could_be_an_account_is_no_number_of_a_receipt(self):
        self.assertEqual(receipt.scrub({"rows": int(ACCOUNT), "seconds": 7, "ok": True, "none": None}), {"rows": "<number>", "seconds": 7, "ok": True, "none": None})

    def test_what_is_not_secret_stays(self):
        one = whole()
        self.assertEqual(receipt.scrub(one), one)
        text, markdown = written(one)
        self.assertEqual(json.loads(text), one)
        for word in ("eu-west-1", "1a2b3c4d5e", "13000", "164 resources", receipt.grouped(DIGEST), "dead-letters", "faults", "1.69"):
            self.assertIn(word, markdown)

    def test_a_hash_is_never_twelve_digits_in_a_row(self):
        self.assert_clean(receipt.grouped("1" * 64))
        self.assertEqual(receipt.grouped(DIGEST).replace(":", ""), DIGEST)

    def test_nothing_is_written_where_the_scrubbing_fails(self):
        scrub, receipt.scrub = receipt.scrub, lambda value, secrets=(): value
        try:
            for said in TEXTS:
                with self.subTest(said), tempfile.TemporaryDirectory() as folder:
                    with self.assertRaises(receipt.Leak):
                        receipt.write(whole(failure=said), pathlib.Path(folder))
                    self.assertEqual(os.listdir(folder), [])
        finally:
            receipt.scrub = scrub

    def test_a_cell_of_markdown_breaks_no_table(self):
        _, markdown = written(whole(steps=[{"name": "x", "seconds": 1, "outcome": "failed", "found": "a | b\nc"}]))
        self.assertIn("| x | 1 | failed | a \\| b c |", markdown)


class Questions(unittest.TestCase):
    QUERIES = {path.stem: path.read_text() for path in (REPOSITORY / "infra/modules/query/queries").glob("*.sql")}

    def test_every_view_and_query_is_asked(self):
        views = {"daily_bars_dash": {"sql": "", "columns": {"symbol": "varchar", "group": "date"}}, "runs_dash": {"sql": "", "columns": {"day": "date"}}}
        asked = {one.name: one.sql for one in questions.questions(views, self.QUERIES)}
        self.assertEqual(asked["view daily_bars_dash"], 'SELECT count(*), count("symbol"), count("group") FROM "daily_bars_dash"')
        self.assertIn("GROUP BY", asked["view runs_dash"])
        self.assertLessEqual({f"query {name}" for name in self.QUERIES}, set(asked))
        self.assertTrue(any(questions.NEWEST in sql for sql in asked.values()))

    def test_what_is_summed_is_there(self):
        views = REPOSITORY / "infra/modules/catalog/views"
        self.assertLessEqual(set(questions.OF_RUNS), {path.stem for path in views.glob("*.sql")})
        self.assertLessEqual(set(questions.OF_NAMED), set(self.QUERIES))


class Fake:
    """A proof whose steps do what they are told."""

    def __init__(self, folder, **does):
        self.folder, self.does, self.steps, self.left_out, self.up = pathlib.Path(folder), does, [], [], False

    def __getattr__(self, step):
        def one():
            does = self.does.get(step)
            self.up = {"apply": True, "destroy": isinstance(does, BaseException)}.get(step, self.up)
            if isinstance(does, BaseException):
                raise does
            return "found"

        return one

    def made(self):
        return self.up

    def leave_out(self, what, why):
        self.left_out.append(what)


class Steps(unittest.TestCase):
    def carry_out(self, keep=False, **does):
        """What failed, the steps that were done, the proof."""
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            proof = Fake(folder, **does)
            failure = steps.carry_out(proof, ["clean", "apply", "url"], keep, (ValueError, SystemExit))
        return failure, [step["name"] for step in proof.steps], proof

    def test_what_was_made_is_destroyed(self):
        self.assertEqual(self.carry_out()[:2], (None, ["clean", "apply", "url", "destroy"]))

    def test_so_it_is_after_a_failure_of_any_kind(self):
        for error, words in ((ValueError("as known"), "as known"), (SystemExit("terraform"), "terraform"), (KeyError("x"), "KeyError: 'x'"), (KeyboardInterrupt(), "stopped by hand")):
            with self.subTest(words):
                self.assertEqual(self.carry_out(apply=error)[:2], (f"apply: {words}", ["clean", "apply", "destroy"]))

    def test_nothing_is_destroyed_where_nothing_was_made(self):
        self.assertEqual(self.carry_out(clean=ValueError("not confirmed"))[:2], ("clean: not confirmed", ["clean"]))

    def test_what_is_kept_is_not_destroyed_and_said_to_be(self):
        failure, done, proof = self.carry_out(keep=True)
        self.assertEqual((failure, done, proof.left_out), (None, ["clean", "apply", "url"], ["that nothing remains"]))

    def test_a_destroy_that_fails_fails_the_proof(self):
        self.assertEqual(self.carry_out(destroy=ValueError("one is left"))[:2], ("destroy: one is left", ["clean", "apply", "url", "destroy"]))
        self.assertEqual(self.carry_out(url=ValueError("500"), destroy=ValueError("one is left"))[0], "url: 500; destroy: one is left")


class Refusals(unittest.TestCase):
    def test_a_build_for_this_machine_goes_to_no_account(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ("terraform", "aws"):
                program = pathlib.Path(folder) / name
                program.write_text("#!/bin/sh\nexit 0\n")
                program.chmod(0o755)
            done = subprocess.run([REPOSITORY / "scripts/prove-aws", "--dev"], env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
                                  capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, "only with --emulator" in done.stderr), (64, True), done)


if __name__ == "__main__":
    unittest.main()
