"""deploy/monitoring: every metric, label and event that a rule or a panel names exists, and every alert says what to do."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from ruamel.yaml import YAML

from idp.audit.trail import EVENTS
from idp.maintenance import queues
from idp.web import metrics

ROOT = Path(__file__).resolve().parents[2]
MONITORING = ROOT / "deploy" / "monitoring"
RULES = YAML(typ="safe").load((MONITORING / "alerts.yml").read_text())
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
PANELS = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
# What Prometheus makes of a counter and a histogram.
SUFFIXES = ("_total", "_bucket", "_count", "_sum", "")


def expressions() -> Iterator[str]:
    """All that is asked of Prometheus."""
    yield from (rule["expr"] for rule in ALERTS)
    yield from (target["expr"] for panel in PANELS for target in panel["targets"])


def our_metrics() -> dict[str, set[str]]:
    """The metrics of the program and their labels."""
    registry = metrics._meters().registry
    labels = {name: set(collector._labelnames) for name, collector in registry._names_to_collectors.items()}
    return labels


@pytest.mark.parametrize("expression", sorted(set(expressions())))
def test_each_metric_that_is_asked_for_exists(expression: str) -> None:
    """O12: an alert on a metric that nobody has never rings."""
    known = our_metrics()
    for name in re.findall(r"\bidp_\w+", expression):
        assert any(name == f"{metric}{suffix}" for metric in known for suffix in SUFFIXES), name
    for name, matched in re.findall(r"(idp_\w+)\{([^}]*)\}", expression):
        allowed = {"le"} | set().union(*(known[m] for m in known if name.startswith(m)))
        assert set(re.findall(r"(\w+)=~?\"", matched)) <= allowed
    for named in re.findall(r'event=~?"([^"]+)"', expression):
        assert set(named.split("|")) <= EVENTS
    for grouped in re.findall(r"by \(([^)]*)\)", expression):
        assert set(re.split(r",\s*", grouped)) <= {"le", "endpoint", "status", "event", "queue", "error"}


def test_each_queue_that_is_asked_for_is_measured(here: Flask) -> None:
    asked = {name for expression in expressions() for name in re.findall(r'queue="(\w+)"', expression)}
    assert asked == set(queues.lengths())


def test_each_endpoint_that_is_asked_for_exists(app: Flask) -> None:
    known = {rule.endpoint for rule in app.url_map.iter_rules()}
    for expression in expressions():
        for blueprint, views in re.findall(r'endpoint=~"(\w+)\.\(([^)]+)\)"', expression):
            assert {f"{blueprint}.{view}" for view in views.split("|")} <= known


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_each_alert_says_what_to_do(alert: dict[str, Any]) -> None:
    """O9: whoever is woken at night reads what it means and what to do, under a heading of its own."""
    page, _, anchor = alert["annotations"]["runbook"].partition("#")
    headings = {re.sub(r"[^a-z0-9 -]", "", line.lstrip("# ").lower()).replace(" ", "-")
                for line in (ROOT / page).read_text().splitlines() if line.startswith("#")}  # fmt: skip
    assert anchor in headings
    assert alert["labels"]["severity"] in ("page", "ticket")
    assert alert["annotations"]["summary"].endswith(".")


def test_prometheus_takes_the_rules() -> None:
    """Where Debian's package prometheus is installed, its own tool reads them; the tests above are there without it."""
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not installed")
    subprocess.run([tool, "check", "rules", str(MONITORING / "alerts.yml")], check=True, timeout=60, capture_output=True)


def test_the_dashboard_is_one_that_grafana_takes() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in PANELS]
    assert len(set(places)) == len(places)
    assert all(panel["targets"] and panel["title"] for panel in PANELS)
