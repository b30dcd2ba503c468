"""Two officers decide about a recovery: two different people, each with a reason, audited."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from idp.cli import callers
from tests.cli.conftest import Operator
from tests.cli.test_accounts import REASON, events, seed  # noqa: F401


@pytest.fixture
def another(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], None]:
    """From here on somebody else types, by way of sudo: their shell stands above this process (test_callers.py: truly)."""

    def typing() -> None:
        for number, parent, uid in ((os.getpid(), 71, 0), (71, 70, 0), (70, 1, 4242), (1, 0, 0)):
            (tmp_path / "proc" / str(number)).mkdir(parents=True)
            (tmp_path / "proc" / str(number) / "status").write_text(f"Name:\tx\nPPid:\t{parent}\nUid:\t{uid}\t0\t0\t0\n")
        monkeypatch.setattr(callers, "PROC", tmp_path / "proc")

    return typing


@pytest.fixture
def disputed(equipped: Operator, seed: tuple[Path, str]) -> Operator:  # noqa: F811
    """A provisional recovery of a fictional person's account."""
    shutil.copytree(seed[0], equipped.var, dirs_exist_ok=True)
    equipped.reads("db", "upgrade")
    becomes(equipped, "provisional", 4_000_000_000)
    return equipped


def becomes(operator: Operator, state: str, until: int) -> None:
    engine = create_engine(f"sqlite:///{operator.var}/idp.db")
    with engine.begin() as connection:
        (subject,) = connection.execute(text("SELECT subject FROM accounts ORDER BY created_at, subject LIMIT 1")).one()
        connection.execute(text("DELETE FROM recoveries"))
        connection.execute(
            text(
                "INSERT INTO recoveries (id, subject, nik_index, state, self_service, started_at, until)"
                " VALUES ('recovery-1', :subject, 'x', :state, 1, 1700000000, :until)"
            ),
            {"subject": subject, "state": state, "until": until},
        )
        if state == "frozen_for_officer":
            connection.execute(text("UPDATE accounts SET state = 'locked' WHERE subject = :s"), {"s": subject})
    engine.dispose()


def state_of(operator: Operator) -> tuple[str, str]:
    engine = create_engine(f"sqlite:///{operator.var}/idp.db")
    with engine.connect() as connection:
        found = connection.execute(
            text("SELECT r.state, a.state FROM recoveries r JOIN accounts a ON a.subject = r.subject")
        ).one()
    engine.dispose()
    return tuple(found)


def test_it_takes_two_different_officers(
    disputed: Operator, another: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "recovery-1" in disputed.reads("recovery", "list")
    assert "another officer" in disputed.reads("recovery", "approve", "recovery-1", *REASON)
    assert "signed once for approve" in disputed.reads("recovery", "list")
    assert "signed already" in disputed.errs("recovery", "approve", "recovery-1", *REASON)
    # A variable that names a user makes nobody another person.
    monkeypatch.setenv("USER", "someone")
    monkeypatch.setenv("LOGNAME", "someone")
    monkeypatch.setenv("SUDO_UID", "1")
    monkeypatch.setenv("SUDO_USER", "someone")
    assert "signed already" in disputed.errs("recovery", "approve", "recovery-1", *REASON)
    another()
    assert "opposite" in disputed.errs("recovery", "undo", "recovery-1", *REASON)
    assert state_of(disputed)[0] == "provisional"
    assert "fully" in disputed.reads("recovery", "approve", "recovery-1", *REASON)
    assert state_of(disputed)[0] == "final"
    reasons = [fact["reason"] for fact in events(disputed, "recovery_decided")]
    assert len(reasons) == 2 and all(reason.endswith(": tiket 4711") for reason in reasons) and len(set(reasons)) == 2


def test_no_decision_without_a_reason(disputed: Operator) -> None:
    assert "--reason" in disputed.errs("recovery", "approve", "recovery-1")
    assert "too little" in disputed.errs("recovery", "approve", "recovery-1", "--reason", "x")
    assert "signed once" not in disputed.reads("recovery", "list")


def test_a_frozen_account_is_unlocked_by_two_officers_only(disputed: Operator, another: Callable[[], None]) -> None:
    becomes(disputed, "frozen_for_officer", 0)
    who = disputed.reads("recovery", "list").split()[1]
    assert "two officers" in disputed.errs("accounts", "unlock", "-", *REASON, typed=f"{who}\n")
    assert state_of(disputed) == ("frozen_for_officer", "locked")
    disputed.reads("recovery", "undo", "recovery-1", *REASON)
    another()
    disputed.reads("recovery", "undo", "recovery-1", *REASON)
    assert state_of(disputed) == ("vetoed", "active")


def test_what_is_over_is_told(disputed: Operator) -> None:
    becomes(disputed, "vetoed", 0)
    assert "vetoed" in disputed.errs("recovery", "approve", "recovery-1", *REASON)
    assert "There is none" in disputed.reads("recovery", "list")
    assert "No recovery" in disputed.errs("recovery", "approve", "nothing", *REASON)
