"""Sizes of infra/stages.json: settings that AWS takes, the table of the guide, and whether a size keeps up with the installation of that
name in infra/prices.json. A day is played through second by second: what arrives, against what is worked on at a time.

    python3 -m unittest infra/tests/test_sizes.py
"""

import collections
import heapq
import json
import pathlib
import re
import unittest

INFRA = pathlib.Path(__file__).resolve().parent.parent
STAGES = json.loads((INFRA / "stages.json").read_text())
PRICES = json.loads((INFRA / "prices.json").read_text())
MODEL = PRICES["model"]
SIZES = ("s", "m", "l")

# crates/fetch/src/run.rs
UNITS_PER_MESSAGE = int(re.search(r"UNITS_PER_MESSAGE: usize = (\d+);", (INFRA.parent / "crates/fetch/src/queues.rs").read_text()).group(1))
SESSION_MINUTES = 390
# The stream writes an object when this much waits, or this time has passed: infra/modules/stream.
OBJECT_MB, OBJECT_SECONDS = 5, MODEL["stream_seconds"]
# The alarm waiting-messages.
LONGEST_WAIT = 3600
# Per second, by region: https://docs.aws.amazon.com/firehose/latest/dev/limits.html
FIREHOSE_MIB = {"us-east-1, us-west-2, eu-west-1": 5, "elsewhere": 1}


def work_off(arrivals, workers, seconds):
    """When each piece of work is done, and how long the one that waited longest did: `arrivals` are (second, work of one message),
    `seconds` the time that a message of so much work takes."""
    free = [0] * workers
    longest, done = 0, []
    for arrived, work in sorted(arrivals):
        start = max(heapq.heappop(free), arrived)
        end = start + seconds(work)
        heapq.heappush(free, end)
        longest = max(longest, start - arrived)
        done.append((start, end, work))
    return done, longest


def pages_of_a_day(profile):
    """The runs of a day, as (second, pages): those of the session, and the daily one after it."""
    step = SESSION_MINUTES * 60 // profile["intraday_runs_per_day"]
    runs = [(run * step, profile["intraday_tickers"]) for run in range(profile["intraday_runs_per_day"])]
    return [*runs, (SESSION_MINUTES * 60 + 3600, profile["daily_tickers"] * profile["datasets_per_daily_run"])]


def fetched(runs, settings):
    """Pages by the second in which they are put on the stream, and the longest wait in the units queue. A run asks until its time is
    up and hands the rest to the queue, whose messages are worked on so many at a time."""
    pages, messages = collections.Counter(), []
    share = int(settings["timeout_seconds"] * 0.9 / MODEL["seconds_per_page"])
    for second, count in runs:
        own = min(count, share)
        for page in range(own):
            pages[second + int(page * MODEL["seconds_per_page"])] += 1
        rest = count - own
        while rest > 0:
            messages.append((second + settings["timeout_seconds"], min(rest, UNITS_PER_MESSAGE)))
            rest -= UNITS_PER_MESSAGE
    done, longest = work_off(messages, settings["maximum_concurrency"], lambda count: count * MODEL["seconds_per_page"])
    for start, _, count in done:
        for page in range(count):
            pages[int(start + page * MODEL["seconds_per_page"])] += 1
    return pages, longest


def landed(pages):
    """Objects that the stream writes, as (second, MB)."""
    objects, waiting, since = [], 0.0, None
    for second in range(min(pages), max(pages) + OBJECT_SECONDS + 1):
        if pages[second]:
            waiting += pages[second] * MODEL["page_kb"] / 1000
            since = second if since is None else since
        if since is not None and (waiting >= OBJECT_MB or second - since >= OBJECT_SECONDS):
            objects.append((second, waiting))
            waiting, since = 0.0, None
    return objects


def day(size, settings=None):
    """How long messages wait in each queue on a day of the installation `size`, with the settings of that size or of another."""
    profile, settings = PRICES["profiles"][size], STAGES["sizes"][settings or size]
    waits = {}
    pages, waits["fetch"] = fetched(pages_of_a_day(profile), settings["fetch"])
    objects = landed(pages)
    # Half of an object's time is opening and closing it; a full one takes twice that of a small one.
    checks, waits["check"] = work_off(
        objects, settings["check"]["maximum_concurrency"],
        lambda megabytes: MODEL["seconds_per_check"] * MODEL["datasets_per_object"] * (1 + megabytes / OBJECT_MB),
    )
    # One group for each dataset: as many workers at most, however many there may be.
    groups = min(MODEL["datasets_per_object"], settings["publish"]["maximum_concurrency"])
    requests = [(end, 1) for _, end, _ in checks for _ in range(MODEL["datasets_per_object"])]
    # A batch publishes all that is staged: its other messages find nothing left.
    _, waits["publish"] = work_off(requests, groups, lambda _: MODEL["seconds_per_publish"] / settings["publish"]["batch_size"])
    return waits, max(pages.values()) * MODEL["page_kb"] * 1000 / 2**20


class Sizes(unittest.TestCase):
    def test_there_is_a_size_for_each_installation_and_settings_for_each_stage(self):
        self.assertEqual(set(STAGES["sizes"]), set(PRICES["profiles"]))
        for size, stages in STAGES["sizes"].items():
            self.assertEqual(set(stages), set(STAGES["stages"]), size)

    def test_settings_are_such_as_aws_takes(self):
        for size, stages in STAGES["sizes"].items():
            for stage, settings in stages.items():
                with self.subTest(f"{size}, {stage}"):
                    queue = STAGES["stages"][stage]["queue"]
                    self.assertTrue(128 <= settings["memory_mb"] <= 10240)
                    self.assertTrue(1 <= settings["timeout_seconds"] <= 900)
                    self.assertEqual("batch_size" in settings, queue is not None)
                    if queue:
                        self.assertTrue(2 <= settings["maximum_concurrency"] <= 1000)
                        # Without a batching window ten is the most of any queue; a FIFO queue takes none.
                        window = settings.get("batching_window_seconds", 0)
                        self.assertTrue(0 <= window <= 300 and not (window and queue["fifo"]))
                        self.assertTrue(1 <= settings["batch_size"] <= (10_000 if window else 10))
                        # Six times the timeout is at most what SQS takes.
                        self.assertLessEqual(6 * settings["timeout_seconds"], 43200)

    def test_a_larger_size_gives_no_stage_less(self):
        for smaller, larger in zip(SIZES, SIZES[1:]):
            for stage in STAGES["stages"]:
                for setting, value in STAGES["sizes"][smaller][stage].items():
                    self.assertGreaterEqual(STAGES["sizes"][larger][stage][setting], value, f"{larger}, {stage}, {setting}")

    def test_each_size_keeps_up_with_its_installation(self):
        for size in SIZES:
            waits, _ = day(size)
            for stage, longest in waits.items():
                with self.subTest(f"{size}, {stage}"):
                    self.assertLess(longest, LONGEST_WAIT, waits)

    def test_settings_of_a_small_installation_do_not_keep_up_with_a_large_one(self):
        waits, _ = day("l", settings="s")
        self.assertGreater(waits["fetch"], LONGEST_WAIT)

    def test_the_stream_takes_what_a_size_sends(self):
        for size in SIZES:
            _, mebibytes = day(size)
            for regions, quota in FIREHOSE_MIB.items():
                with self.subTest(f"{size}, {regions}"):
                    self.assertLess(mebibytes, quota)

    def test_the_account_has_room(self):
        # A thousand at once is what an account has unless AWS was asked for more; the stream's own invocations come on top.
        for size in SIZES:
            self.assertLess(sum(s.get("maximum_concurrency", 10) for s in STAGES["sizes"][size].values()), 500, size)

    def test_the_guide_has_the_same_table(self):
        guide = (INFRA.parent / "docs/guides/deploy.md").read_text()
        for stage in STAGES["stages"]:
            cells = []
            for size in SIZES:
                settings = STAGES["sizes"][size][stage]
                cells.append(f"{settings['memory_mb']} MB, {settings['timeout_seconds']} s" + (
                    f", {settings['batch_size']} × {settings['maximum_concurrency']}" if "batch_size" in settings else ""))
            self.assertIn(f"| `{stage}` | {' | '.join(cells)} |", guide)


if __name__ == "__main__":
    unittest.main()
