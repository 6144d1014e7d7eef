"""The queries that guides show are the files that `make test-trino` runs, and nothing that is shipped mixes or leaves out series."""

import json
import pathlib
import re
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent.parent
SAMPLES = REPOSITORY / "samples/queries"
QUICKSIGHT = REPOSITORY / "infra/modules/quicksight/queries"
# A filter that leaves a lake of other adjustments empty, and the view in which all series are one.
WRONG = re.compile(r"(WHERE|AND)\s+[\w.]*adjustment\s*=\s*'|\bdaily_bars_dash\b", re.I)


class Guides(unittest.TestCase):
    def test_a_guide_shows_the_files(self):
        for guide, folder in (("metabase", SAMPLES / "metabase"), ("quicksight", QUICKSIGHT)):
            with self.subTest(guide):
                page = (REPOSITORY / f"docs/guides/{guide}.md").read_text()
                shown = re.findall(r"^```sql\n(.*?)^```$", page, re.M | re.S)
                files = [path.read_text() for path in folder.glob("*.sql")]
                self.assertTrue(files)
                self.assertEqual(sorted(shown), sorted(files))

    def test_nothing_keeps_one_adjustment(self):
        cells = json.loads((REPOSITORY / "samples/notebooks/explore.ipynb").read_text())["cells"]
        texts = {path.name: path.read_text() for path in [*SAMPLES.rglob("*.sql"), *QUICKSIGHT.glob("*.sql"), *(REPOSITORY / "infra/modules/query/queries").glob("*.sql"),
                                                          *(REPOSITORY / f"docs/guides/{name}.md" for name in ("grafana", "metabase", "quicksight"))]}
        texts["explore.ipynb"] = "\n".join("".join(cell["source"]) for cell in cells)
        for name, text in texts.items():
            with self.subTest(name):
                self.assertIsNone(WRONG.search(text))

    def test_what_is_wrong_is_noticed(self):
        for text in ("FROM daily_bars_dash", "WHERE month > '1' AND adjustment = 'raw'", "where b.adjustment='raw'"):
            self.assertIsNotNone(WRONG.search(text), text)


if __name__ == "__main__":
    unittest.main()
