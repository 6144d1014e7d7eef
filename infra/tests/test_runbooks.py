"""What the runbooks tell people to look for is in the logs: their filters are run over lines as Lambda and the functions write them.

    python3 -m unittest infra/tests/test_runbooks.py
"""

import json
import pathlib
import re
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
RUNBOOKS = REPOSITORY / "docs/runbooks"
FUNCTION = (REPOSITORY / "infra/modules/function/main.tf").read_text()

# Lines of Lambda in the format JSON, and the level from which each is written:
# https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
REPORT = {"type": "platform.report", "record": {"requestId": "1", "status": "success",
          "metrics": {"durationMs": 99000.5, "billedDurationMs": 99001, "memorySizeMB": 512, "maxMemoryUsedMB": 88}}}
LEVELS = {"platform.report": "INFO", "platform.start": "INFO", "platform.runtimeDone": "DEBUG"}


def report(status):
    return json.dumps({**REPORT, "record": {**REPORT["record"], "status": status}})


FAILURES = {
    "out of time": report("timeout"),
    "killed": report("failure"),
    "answered with an error": report("error"),
    "a line of ours": json.dumps({"level": "ERROR", "location": "quotelake_publish", "message": "...", "error": "AccessDenied"}),
    "a panic": "thread 'main' panicked at crates/publish/src/drain.rs:1:1:",
    "the wrong architecture": "fork/exec /var/task/bootstrap: exec format error",
}
FINE = {
    "a report": report("success"),
    "a start": json.dumps({"type": "platform.start", "record": {"requestId": "1", "version": "3"}}),
    "a line of ours": json.dumps({"level": "INFO", "message": "staged rows are published"}),
    "a metric": json.dumps({"_aws": {}, "rows_staged": 12}),
}


def field(line, name):
    """The field of a JSON line that a path names; None for plain text."""
    try:
        value = json.loads(line)
    except json.JSONDecodeError:
        return None
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def matches(line, condition):
    """A condition of Logs Insights, or of a filter pattern: `or`, `and`, `=`, `!=`, `>`, `like /.../`. What is missing equals nothing
    and differs from nothing."""
    condition = condition.strip()
    for words, combine in ((r" or | \|\| ", any), (r" and | && ", all)):
        parts = split(condition, words)
        if len(parts) > 1:
            return combine(matches(line, part) for part in parts)
    if condition.startswith("(") and condition.endswith(")"):
        return matches(line, condition[1:-1])
    like = re.fullmatch(r"@message like /(.*)/", condition)
    if like:
        return re.search(like.group(1), line) is not None
    name, comparison, wanted = re.fullmatch(r'(?:\$\.)?([\w.]+) (=|!=|>) "?([^"]*)"?', condition).groups()
    value = field(line, name)
    if value is None:
        return False
    return {"=": str(value) == wanted, "!=": str(value) != wanted}.get(comparison, comparison == ">" and float(value) > float(wanted or 0))


def split(condition, words):
    """The parts of a condition between these words, outside of parentheses."""
    parts, depth, start = [], 0, 0
    for place, letter in enumerate(condition):
        depth += {"(": 1, ")": -1}.get(letter, 0)
        word = re.match(words, condition[place:])
        if depth == 0 and word:
            parts.append(condition[start:place])
            start = place + word.end()
    return [*parts, condition[start:]]


def insights(name):
    """The `filter` lines of a runbook's queries."""
    return re.findall(r"^(?:\| )?filter (.*?)(?: \| .*)?$", (RUNBOOKS / f"{name}.md").read_text(), re.M)


def patterns(name):
    """The filter patterns of a runbook's commands."""
    return re.findall(r"--filter-pattern '\{ (.*) \}'", (RUNBOOKS / f"{name}.md").read_text())


class Runbooks(unittest.TestCase):
    def test_function_errors_finds_every_failure_and_nothing_else(self):
        query = insights("function-errors")[0]
        for what, line in FAILURES.items():
            self.assertTrue(matches(line, query), what)
        for what, line in FINE.items():
            self.assertFalse(matches(line, query), what)

    def test_its_command_finds_what_is_json(self):
        pattern = patterns("function-errors")[0]
        for what, line in FAILURES.items():
            self.assertEqual(matches(line, pattern), line.startswith("{"), what)
        for what, line in FINE.items():
            self.assertFalse(matches(line, pattern), what)

    def test_the_alarms_count_the_same_lines(self):
        alarms = (REPOSITORY / "infra/modules/alarms/main.tf").read_text().replace('\\"', '"')
        failed = re.search(r'pattern  = "\{ (\(\$\.type.*status.*\)) \}"', alarms).group(1)
        slow = re.search(r'pattern  = "\{ (\(\$\.type.*durationMs.*\)) \}"', alarms).group(1)
        slow = re.sub(r"\$\{[^}]*\}", "96000", slow)
        for status in ("timeout", "failure", "error"):
            self.assertTrue(matches(report(status), failed), status)
        self.assertFalse(matches(report("success"), failed))
        self.assertTrue(matches(report("success"), slow))
        quick = json.loads(report("success"))
        quick["record"]["metrics"]["durationMs"] = 95999.9
        self.assertFalse(matches(json.dumps(quick), slow))

    def test_slow_functions_reads_reports_that_are_written(self):
        self.assertTrue(matches(report("success"), insights("slow-functions")[0]))
        for name in re.findall(r"record\.[\w.]+", (RUNBOOKS / "slow-functions.md").read_text()):
            self.assertIsNotNone(field(report("success"), name), name)
        level = re.search(r'system_log_level\s*= "(\w+)"', FUNCTION).group(1)
        order = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]
        self.assertLessEqual(order.index(level), order.index(LEVELS["platform.report"]))

    def test_messages_that_are_looked_for_are_said(self):
        code = "\n".join(path.read_text() for path in (REPOSITORY / "crates").glob("*/src/**/*.rs"))
        for path in RUNBOOKS.glob("*.md"):
            text = path.read_text()
            wanted = re.findall(r'\$\.message = "([^"]*)"', text)
            for found in re.findall(r"message in \[([^\]]*)\]", text):
                wanted += re.findall(r'"([^"]*)"', found)
            for message in wanted:
                with self.subTest(f"{path.name}: {message}"):
                    self.assertIn(f'"{message}"', code)

    def test_no_runbook_looks_for_the_words_of_plain_text_logs(self):
        for path in RUNBOOKS.glob("*.md"):
            for word in ("Task timed out", "REPORT RequestId", "Runtime exited with error"):
                self.assertNotIn(word, path.read_text(), path.name)


if __name__ == "__main__":
    unittest.main()
