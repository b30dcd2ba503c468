"""What an operator may do to an account: masked, with a reason, and audited."""

import json
import re
import shutil
import sqlite3
from pathlib import Path

import pytest

from idp.cli.demo import SEEDED
from idp.core.values import FullName
from tests.cli.conftest import Operator

REASON = ("--reason", "tiket 4711")


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory, operators_redis: str) -> tuple[Path, str]:
    """A directory with seeded tables and their keys, and the NIK of one of the fictional people."""
    operator = Operator(tmp_path_factory.mktemp("seed"), {"IDP_REDIS_URL": operators_redis})
    operator.reads("db", "upgrade")
    found = re.search(r"\b99\d{14}\b", operator.reads("demo", "seed"))
    assert found, "`idp demo seed` tells the fictional people's data"
    return operator.var, found[0]


@pytest.fixture
def nik(seed: tuple[Path, str]) -> str:
    return seed[1]


@pytest.fixture
def seeded(equipped: Operator, seed: tuple[Path, str]) -> Operator:
    shutil.copytree(seed[0], equipped.var, dirs_exist_ok=True)
    return equipped


def events(operator: Operator, name: str) -> list[dict[str, str]]:
    with sqlite3.connect(operator.var / "idp.db") as connection:
        rows = connection.execute("SELECT facts FROM audit_events WHERE event = ? ORDER BY position", (name,))
        return [json.loads(facts) for (facts,) in rows]


def test_an_account_is_found_masked_and_the_look_is_audited(seeded: Operator, nik: str) -> None:
    said = seeded.reads("accounts", "find", "-", *REASON, typed=f"{nik}\n")
    assert f"99*****{nik[-4:]}" in said
    assert nik not in said
    assert not re.search(r"\b08\d{8,}|\+62\d+", said)
    (fact,) = events(seeded, "account_found")
    assert re.fullmatch(r"\S+: tiket 4711", fact["reason"]), "who and why"


def test_an_account_is_locked_and_unlocked(seeded: Operator, nik: str) -> None:
    assert "is locked" in seeded.reads("accounts", "lock", nik, *REASON)
    assert "locked" in seeded.reads("accounts", "find", nik, *REASON)
    assert "is unlocked" in seeded.reads("accounts", "unlock", nik, *REASON)
    assert "sessions of" in seeded.reads("accounts", "end-sessions", nik, *REASON)
    for event in ("account_locked", "account_unlocked", "sessions_ended"):
        assert any(": tiket 4711" in fact.get("reason", "") for fact in events(seeded, event)), event


def test_the_person_is_told_of_what_an_officer_did(seeded: Operator, nik: str) -> None:
    for command in ("lock", "unlock", "end-sessions"):
        seeded.reads("accounts", command, nik, *REASON)
    with sqlite3.connect(seeded.var / "idp.db") as connection:
        kept = connection.execute(
            "SELECT about, destination, state FROM outbox WHERE kind = 'notice' ORDER BY about, destination"
        ).fetchall()
    kinds = ("account_locked", "account_unlocked", "signed_out_everywhere")
    assert kept == [(kind, channel, "pending") for kind in kinds for channel in ("mail", "sms")]
    said = [line.split() for line in seeded.reads("notices", "deliveries").splitlines()]
    assert said == [["mail", "pending", "-", "3"], ["sms", "pending", "-", "3"]]


def test_whoever_an_officer_has_seen_reaches_the_full_class_until_that_is_withdrawn(seeded: Operator, nik: str) -> None:
    seeded.reads("accounts", "assure", nik, "--withdraw", *REASON)
    assert "acr:data" in seeded.reads("accounts", "find", nik, *REASON)
    assert "is of the full class" in seeded.reads("accounts", "assure", nik, *REASON)
    assert "acr:penuh" in seeded.reads("accounts", "find", nik, *REASON)
    assert [fact["acr"].rpartition(":")[2] for fact in events(seeded, "account_assured")] == ["data", "penuh"]
    seeded.reads("accounts", "lock", nik, *REASON)
    assert "settle that first" in seeded.errs("accounts", "assure", nik, *REASON)


def test_roles_are_set_and_unknown_ones_refused(seeded: Operator, nik: str) -> None:
    assert "is company, jobseeker." in seeded.reads("accounts", "roles", nik, "jobseeker", "company", *REASON)
    assert "company, jobseeker" in seeded.reads("accounts", "find", nik, *REASON)
    assert "king is no role: choose from jobseeker," in seeded.errs("accounts", "roles", nik, "king", *REASON)
    assert "nothing in particular" in seeded.reads("accounts", "roles", nik, *REASON)
    assert len(events(seeded, "roles_changed")) == 2 + SEEDED


def test_a_name_is_corrected_as_dukcapil_has_it_by_now(seeded: Operator, nik: str) -> None:
    people = seeded.var / "citizens.yaml"
    people.write_text(f'- {{nik: "{nik}", name: "SITI NURHALIZA", mothers_name: "AMINAH RAHAYU"}}\n')
    correct, now = ("accounts", "correct", nik, *REASON), {"IDP_CIVIL_REGISTRY_URL": f"fixture:{people}"}
    assert "mended at the local Dukcapil" in seeded.errs(*correct, typed="SITI ZUBAEDAH\nAMINAH RAHAYU\n", **now)
    assert "letters" in seeded.errs(*correct, typed="S1T1\nAMINAH RAHAYU\n", **now)
    said = seeded.reads(*correct, typed="SITI NURHALIZA\nAMINAH RAHAYU\n", **now)
    assert "has the name that Dukcapil has" in said and "AMINAH" not in said
    assert f"name       {FullName('SITI NURHALIZA').masked}" in seeded.reads("accounts", "find", nik, *REASON)
    assert len(events(seeded, "name_corrected")) == 1
    assert not any("AMINAH" in str(fact) for name in ("identity_proved", "name_corrected") for fact in events(seeded, name))


def test_guesses_at_the_command_line_are_counted(seeded: Operator, nik: str) -> None:
    correct = ("accounts", "correct", nik, *REASON)
    said = [seeded.errs(*correct, typed="SITI NURHALIZA RAHAYU\nSALAH SEKALI\n") for _ in range(6)]
    assert "asked about too often" in said[-1]


@pytest.mark.parametrize("command", ["find", "lock", "unlock", "end-sessions", "hold", "release", "assure", "correct", "roles"])
def test_no_act_without_a_reason(seeded: Operator, nik: str, command: str) -> None:
    assert "--reason" in seeded.errs("accounts", command, nik)
    assert "too little" in seeded.errs("accounts", command, nik, "--reason", " x ")
    assert "no NIK" in seeded.errs("accounts", command, nik, "--reason", f"about {nik}")
    assert events(seeded, "account_locked") == events(seeded, "account_found") == []


@pytest.mark.parametrize("who", ["nobody@example.com", "9901010101900099", "081299998888", "no such thing"])
def test_nobody_is_one_sentence_that_repeats_nothing(seeded: Operator, who: str) -> None:
    said = seeded.errs("accounts", "find", who, *REASON)
    assert "No account" in said
    assert who not in said
