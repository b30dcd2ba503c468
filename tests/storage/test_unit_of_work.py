"""A change, its notices and its audit events happen together or not at all; what follows a commit follows it, and only it."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from idp import accounts, notices
from idp.audit import trail
from idp.core import clock
from idp.gateways.outbox import messages
from idp.storage.database import db
from idp.storage.outbox import OUTBOX
from idp.storage.unit_of_work import NestedUnitFailed, UnitOfWork, current_unit, unit_of_work
from tests.account_rows import an_account, elsewhere, nowhere, phone, queued_events, the


class Interrupted(Exception):
    """What comes in between."""


@pytest.fixture
def siti(here: Flask) -> str:
    return an_account().subject


@pytest.fixture(autouse=True)
def finished(here: Flask) -> Iterator[Callable[[], None]]:
    """Waits for what was begun behind the answer."""

    def wait() -> None:
        behind = here.extensions.pop("idp.core.background", None)
        if behind is not None:
            behind.shutdown()

    yield wait
    wait()


def change(subject: str) -> None:
    """A change of three kinds at once."""
    account = the(subject)
    accounts.set_locale(account, "en")
    notices.notify([phone()], notices.contacts_changed(clock.now()), subject)
    trail.record("contacts_changed", account=subject)


def rows() -> list[str]:
    with db.engine.connect() as connection:
        return list(connection.scalars(select(OUTBOX.c.about)))


def events() -> list[str]:
    return [row["event"] for row in queued_events() if row["event"] not in ("account_created", "notice_sent")]


@pytest.mark.every_store
def test_all_of_it_is_there_after_the_commit_and_nothing_before(here: Flask, siti: str, finished: Callable[[], None]) -> None:
    seen: list[tuple[list[str], str | None]] = []
    with unit_of_work() as work:
        change(siti)
        if db.engine.dialect.name == "postgresql":  # SQLite lets nobody else look at what is being written
            elsewhere(here, lambda: seen.append((rows(), accounts.reader_of(siti).locale)))
        work.after_commit(lambda: seen.append((rows(), accounts.reader_of(siti).locale)))
        assert messages() == []
    assert seen[-1] == (["contacts_changed"], "en")
    assert len(seen) == 1 or seen[0] == ([], "id")
    assert events() == ["locale_changed", "contacts_changed"]
    finished()
    assert [message.to for message in messages()] == [phone().value]


@pytest.mark.every_store
def test_an_exception_leaves_nothing_behind(here: Flask, siti: str, finished: Callable[[], None]) -> None:
    ran: list[str] = []
    with pytest.raises(Interrupted), unit_of_work() as work:
        work.after_commit(lambda: ran.append("after the commit"))
        work.after_rollback(lambda: ran.append("after the rollback"))
        change(siti)
        raise Interrupted
    finished()
    assert (rows(), events(), messages(), accounts.reader_of(siti).locale) == ([], [], [], "id")
    assert ran == ["after the rollback"]
    assert current_unit() is None


def test_a_unit_inside_another_is_part_of_it(siti: str) -> None:
    order: list[str] = []
    with pytest.raises(Interrupted), unit_of_work():
        with unit_of_work() as inner:
            inner.after_commit(lambda: order.append("inner"))
            change(siti)
        assert order == [], "the inner block commits nothing"
        raise Interrupted
    assert (order, events(), accounts.reader_of(siti).locale) == ([], [], "id")


def test_half_a_change_is_never_committed(siti: str) -> None:
    """Whoever swallows the failure of an inner unit cannot commit what it had begun."""
    with pytest.raises(NestedUnitFailed), unit_of_work():
        try:
            with unit_of_work():
                change(siti)
                raise Interrupted
        except Interrupted:
            pass
    assert (rows(), events(), accounts.reader_of(siti).locale) == ([], [], "id")


def test_what_comes_before_the_commit_can_still_prevent_it(siti: str) -> None:
    def refuse() -> None:
        raise Interrupted

    with pytest.raises(Interrupted), unit_of_work() as work:
        work.before_commit(refuse)
        change(siti)
    assert (rows(), events(), accounts.reader_of(siti).locale) == ([], [], "id")


def test_one_step_that_fails_after_the_commit_stops_no_other(siti: str) -> None:
    ran: list[str] = []

    def fails() -> None:
        raise Interrupted

    with unit_of_work() as work:
        work.after_commit(fails)
        work.after_commit(lambda: ran.append("the next"))
        change(siti)
    assert ran == ["the next"]
    assert accounts.reader_of(siti).locale == "en"


def test_a_change_is_audited_though_the_store_is_away(here: Flask, siti: str) -> None:
    """The event is a row of the transaction: no crash and no outage of the store lets a change happen unaudited."""
    known = here.extensions["idp.storage.redis_store"]
    with unit_of_work():
        trail.record("contacts_changed", account=siti)
        here.extensions["idp.storage.redis_store"] = nowhere()
    here.extensions["idp.storage.redis_store"] = known
    assert [row["event"] for row in queued_events()] == ["account_created", "contacts_changed"]
    assert trail.drain_all() == 2
    assert queued_events() == []
    assert [row["event"] for row in trail.history(siti, None, None, 9)] == ["contacts_changed", "account_created"]
    assert trail.verify() == 2


def test_events_of_changes_and_others_are_chained_in_the_order_of_their_time(here: Flask, siti: str, clock) -> None:  # type: ignore[no-untyped-def]
    trail.drain_all()
    clock.shift(1)
    trail.record("sign_in", account=siti)
    clock.shift(1)
    accounts.set_locale(the(siti), "en")
    clock.shift(1)
    trail.record("sign_out", account=siti)
    trail.drain_all()
    assert [row["event"] for row in trail.history(siti, None, None, 3)] == ["sign_out", "locale_changed", "sign_in"]


def test_a_commit_of_unknown_outcome_is_no_rollback(siti: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection broke after COMMIT was sent: nobody may take it that nothing happened."""
    ran: list[str] = []

    def lost() -> None:
        raise OperationalError("COMMIT", {}, Exception("gone"))

    with pytest.raises(OperationalError), unit_of_work() as work:
        work.after_commit(lambda: ran.append("committed"))
        work.after_rollback(lambda: ran.append("rolled back"))
        monkeypatch.setattr(db.session(), "commit", lost)
    assert ran == []


def test_two_requests_have_units_of_their_own(here: Flask, siti: str) -> None:
    seen: list[UnitOfWork | None] = []
    with unit_of_work():
        elsewhere(here, lambda: seen.append(current_unit()))
    assert seen == [None]
