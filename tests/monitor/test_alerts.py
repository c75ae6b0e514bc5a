"""Each alert rule fires when it should; `alerts_test.yaml` beside this says when."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.test_docs import ROOT

RULES = ROOT / "docs/alerts.yaml"
CASES = Path(__file__).with_name("alerts_test.yaml")
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not on this machine (Debian has it in the package prometheus)"
)


@needs_promtool
@pytest.mark.parametrize(("words", "file"), [("check", RULES), ("test", CASES)])
def test_prometheus_takes_the_rules_and_each_fires(words: str, file: Path) -> None:
    done = subprocess.run(["promtool", words, "rules", file], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alert_has_a_case_in_which_it_is_quiet_and_one_in_which_it_fires() -> None:
    rules = [rule["alert"] for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]
    tried = [each for case in yaml.safe_load(CASES.read_text("utf-8"))["tests"] for each in case["alert_rule_test"]]
    for wanted in (False, True):
        assert sorted(each["alertname"] for each in tried if ("exp_alerts" in each) is wanted) == sorted(rules)
