"""The page, the dashboard and the alert rules speak of the metrics that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from bot.metrics import Metrics

DOCS = Path(__file__).parents[2] / "docs"
NAME = re.compile(r"\b(?:newsdesk|process)_\w+")
OURS = {name for name in Metrics().sample_names() if name.startswith("newsdesk_")}


def _alert_rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DOCS / "alerts.yaml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def _dashboard_panels() -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = json.loads((DOCS / "grafana-dashboard.json").read_text("utf-8"))["panels"]
    return panels


def _metric_names(expressions: list[str]) -> set[str]:
    return {name for expression in expressions for name in NAME.findall(expression)}


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    requests = _metric_names([target["expr"] for panel in _dashboard_panels() for target in panel["targets"]])
    assert requests
    assert requests <= Metrics().sample_names()


def test_the_dashboard_shows_every_metric() -> None:
    requests = _metric_names([target["expr"] for panel in _dashboard_panels() for target in panel["targets"]])
    assert {_family_name(name) for name in OURS} == {
        _family_name(name) for name in requests if name.startswith("newsdesk_")
    }


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in _dashboard_panels())
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_the_alerts_ask_for_metrics_that_there_are_and_say_what_to_do() -> None:
    rules = _alert_rules()
    # Prometheus itself makes `up` for every target; the job is named newsdesk, which is no metric
    assert _metric_names([rule["expr"] for rule in rules]) <= Metrics().sample_names()
    for rule in rules:
        assert NAME.search(rule["expr"]) or rule["expr"].startswith("up{"), rule["alert"]
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}
        assert set(rule["annotations"]) == {"summary", "action"}
    assert len({rule["alert"] for rule in rules}) == len(rules)


def test_the_page_explains_every_metric_and_no_other() -> None:
    page = (DOCS / "operations.md").read_text("utf-8")
    explained = re.findall(r"^\| `(newsdesk_\w+)` \|", page, re.MULTILINE)
    assert sorted(explained) == sorted({_family_name(name) for name in OURS})


def _family_name(name: str) -> str:
    return re.sub(r"_(?:bucket|sum|count)$", "", name)
