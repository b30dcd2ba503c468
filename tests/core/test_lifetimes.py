"""The one table of times: nothing else holds one, settings change those that they say, and operators can read all of it."""

import ast
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask

from idp.cli import main
from idp.core import lifetimes
from idp.core.lifetimes import DAY, HOUR, LIFETIMES, MINUTE, Lifetime
from idp.core.settings import Settings
from idp.gateways import sms_dialects
from idp.one_time_codes import otp
from idp.web import cookies

IDP = Path(lifetimes.__file__).resolve().parents[1]
# A time that a name promises; waits between attempts, leases and deadlines of calls belong to what waits.
PROMISES = ("LIFE", "LIFETIME", "RETENTION", "EXPIRES", "SWEEP_AFTER", "GRACE", "GIVE_UP")
# Marks of housekeeping, which nobody is promised anything by.
HOUSEKEEPING = {
    "audit/head.py HEAD_LIFE",
    "audit/trail.py LOCK_LIFE",
    "maintenance/resealing.py MARK_LIFE",
    "maintenance/retention.py MARK_LIFE",
    "maintenance/schedule.py RETENTION_EVERY",
}


def test_every_time_stands_in_the_table_once() -> None:
    assert len({known.name for known in LIFETIMES}) == len(LIFETIMES) > 50
    assert all(known.description and known.description.endswith(".") for known in LIFETIMES)


def test_no_other_module_holds_a_time_of_its_own() -> None:
    found = {
        f"{path.relative_to(IDP).as_posix()} {name}"
        for path in IDP.rglob("*.py")
        if path != Path(lifetimes.__file__) and "versions" not in path.parts
        for name in _numbers_named(path)
        if any(word in name for word in PROMISES)
    }
    assert {one for one in found if not one.startswith("cli/")} <= HOUSEKEEPING


def _numbers_named(path: Path) -> list[str]:
    """Names of a module's own that are plain numbers, however they are reckoned."""
    names = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and not {type(part) for part in ast.walk(node.value)} & {ast.Attribute, ast.Call}:
            if any(isinstance(part, ast.Constant) and isinstance(part.value, int | float) for part in ast.walk(node.value)):
                names += [part.id for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name)]
    return names


@pytest.mark.parametrize("known", [known for known in LIFETIMES if isinstance(known.amount, str)], ids=lambda known: known.name)
def test_a_setting_changes_the_time_that_names_it(here: Flask, known: Lifetime) -> None:
    usual = Settings.model_fields[str(known.amount)].default
    assert known.seconds == usual * known.unit
    settings = here.extensions["idp.settings"]
    here.extensions["idp.settings"] = settings.model_copy(update={str(known.amount): usual + 1})
    assert known.seconds == (usual + 1) * known.unit
    assert known.in_words.startswith(f"{usual} ")
    assert f"IDP_{str(known.amount).upper()}" in known.in_words


def test_a_time_is_told_in_the_unit_that_people_read() -> None:
    assert Lifetime("x", 1, HOUR, "").in_words == "1 hour"
    assert Lifetime("x", 90, MINUTE, "").in_words == "90 minutes"
    assert Lifetime("x", 548, DAY, "").months == 18
    assert Lifetime("x", 72, HOUR, "").days == 3


def test_what_depends_on_a_time_follows_it(here: Flask) -> None:
    assert otp.LIFE == sms_dialects.CODE_LIFE == lifetimes.ONE_TIME_CODE.seconds
    assert cookies.KNOWN_DEVICE.max_age == lifetimes.KNOWN_DEVICE.seconds
    assert lifetimes.ENDED_SESSION.seconds > lifetimes.ACCESS_TOKEN.seconds, "no token outlives what says that it is over"
    assert lifetimes.ENDINGS_KEPT.seconds >= lifetimes.SESSION.seconds
    assert lifetimes.REPLACED_CONTACTS_KEPT.seconds >= lifetimes.VETO.seconds, "the old owner is known as long as he may say no"
    assert lifetimes.RECOVERIES_KEPT.seconds >= lifetimes.VETO.seconds + lifetimes.RECOVERY_READY.seconds


def test_operators_read_them_beside_the_settings() -> None:
    told = CliRunner().invoke(main, ["config", "table"]).output
    assert "| `IDP_SESSION_HOURS` |" in told
    assert lifetimes.table() in told
