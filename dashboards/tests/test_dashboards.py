"""Dashboards keep to the rules of lint.py, and each rule notices what breaks it."""

import copy
import json
import re
import subprocess
import sys
import unittest

import lint

FOLDER = lint.REPOSITORY / "dashboards/grafana"
WANTED = {"prices", "adjusted", "quality", "freshness", "cost"}


class Dashboards(unittest.TestCase):
    def setUp(self):
        self.known = lint.views()
        self.dashboards = {path.stem: json.loads(path.read_text()) for path in sorted((FOLDER / "dashboards").glob("*.json"))}

    def test_all_are_there_and_current(self):
        self.assertEqual(set(self.dashboards), WANTED)
        done = subprocess.run([sys.executable, FOLDER / "make_dashboards.py", "--check"], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_they_keep_to_the_rules(self):
        for name, dashboard in self.dashboards.items():
            with self.subTest(name):
                self.assertEqual(lint.dashboard_faults(dashboard, self.known), [])

    def test_the_views_are_those_of_the_catalog(self):
        listed = (lint.REPOSITORY / "infra/modules/catalog/views.tf").read_text()
        for view in (path.stem for path in (lint.REPOSITORY / "infra/modules/catalog/views").glob("*.sql")):
            self.assertRegex(listed, rf"\b{view} = \{{")

    def test_what_breaks_a_rule_is_noticed(self):
        def sql(change):
            def spoil(dashboard):
                target = dashboard["panels"][0]["targets"][0]
                target["rawSQL"] = change(target["rawSQL"])
            return spoil

        def argument(name, value):
            return lambda dashboard: dashboard["panels"][0]["targets"][0]["connectionArgs"].update({name: value})

        breaking = {
            "no view": sql(lambda text: text.replace("daily_series_dash", "splits")),
            "every series": sql(lambda text: text.replace("daily_series_dash", "daily_bars_dash")),
            "one adjustment": sql(lambda text: text + " AND adjustment = 'raw'"),
            "any series": sql(lambda text: text.replace(", preference", "")),
            "no unit": lambda dashboard: dashboard["panels"][0]["fieldConfig"]["defaults"].pop("unit"),
            "no name": lambda dashboard: dashboard["panels"][0]["fieldConfig"]["defaults"].pop("displayName"),
            "no words": lambda dashboard: dashboard["panels"][0].pop("description"),
            "no legend": lambda dashboard: dashboard["panels"][0]["options"]["legend"].update(showLegend=False),
            "no bound": sql(lambda text: text.replace("$__dateFilter(trading_date)", "true")),
            "no partition": sql(lambda text: re.sub(r"month BETWEEN '[^']*' AND '[^']*'", "true", text)),
            "time filter": sql(lambda text: text + " AND $__timeFilter(bar_start)"),
            "decimal": sql(lambda text: text.replace("close", "CAST(close AS decimal(18,8))", 1)),
            "no reuse": argument("resultReuseEnabled", False),
            "no age": argument("resultReuseMaxAgeInMinutes", 0),
            "refresh": lambda dashboard: dashboard.update(refresh="1m"),
            "refresh offered": lambda dashboard: dashboard["timepicker"].update(refresh_intervals=["5s"]),
            "wide range": lambda dashboard: dashboard["time"].update({"from": "now-5y"}),
            "no query": lambda dashboard: dashboard["panels"][0].update(targets=[]),
            "eager variable": lambda dashboard: dashboard["templating"]["list"][0].update(refresh=2),
        }
        for name, spoil in breaking.items():
            with self.subTest(name):
                dashboard = copy.deepcopy(self.dashboards["prices"])
                spoil(dashboard)
                self.assertEqual(len(lint.dashboard_faults(dashboard, self.known)), 1)


if __name__ == "__main__":
    unittest.main()
