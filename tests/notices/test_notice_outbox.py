"""No notice is lost by a crash, none is sent twice, none is tried for ever, and each is in the account's language."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from idp import notices
from idp.audit import trail
from idp.core.clock import timestamp
from idp.core.values import EmailAddress, PhoneNumber
from idp.gateways.outbox import messages
from idp.notices.delivery import BACK_OFF, GIVE_UP_AFTER, LEASE
from idp.storage import outbox, redis_store
from idp.storage.database import db
from idp.storage.outbox import OUTBOX
from idp.storage.unit_of_work import unit_of_work
from tests.account_rows import an_account, at_once, nowhere
from tests.gateways.servers import Call, scripted
from tests.waiting import wait_until

AT = datetime(2026, 3, 2, 5, 30, tzinfo=UTC)
PHONE = PhoneNumber.parse("081234562797")
REFUSED = PhoneNumber.parse("081234560002")
MAIL = EmailAddress.parse("siti@example.com")
CHANGED = notices.password_changed(AT)

Moved = time_machine.Traveller


def rows() -> list[Any]:
    with db.engine.connect() as connection:
        return list(connection.execute(select(OUTBOX).order_by(OUTBOX.c.destination)))


def settled(expected: int) -> list[Any]:
    """The rows, once so many are settled: the first attempt is made in the background."""
    wait_until(lambda: sum(row.state != outbox.PENDING for row in rows()) >= expected)
    return rows()


def audited(event: str) -> list[bytes]:
    return [row for row in redis_store.store().listed(trail.QUEUE) if f'"{event}"'.encode() in row]


@pytest.mark.every_store
def test_what_was_kept_before_a_crash_is_sent_afterwards(here: Flask) -> None:
    notices.enqueue([PHONE, MAIL], CHANGED, "subject-1")  # and here the process dies
    assert messages() == []
    notices.deliver_due()
    (text,), (letter,) = messages(PHONE.value), messages(MAIL.value)
    assert text.text.startswith("SIAPkerja: password akun Anda diubah 02/03 12.30 WIB.")
    assert "2 Maret 2026 pukul 12.30 WIB" in letter.text
    assert len(messages()) == 2
    notices.deliver_due()
    assert len(messages()) == 2


@pytest.mark.every_store
def test_two_workers_send_it_once(here: Flask) -> None:
    (kept,) = notices.enqueue([PHONE], CHANGED)
    won: list[str] = []

    def work() -> None:
        claimed = outbox.claim(kept)
        if claimed is not None:
            won.append(claimed.id)

    at_once(here, [work] * 8)
    assert won == [kept]


@pytest.mark.every_store
def test_who_claimed_and_died_leaves_it_to_another_when_the_lease_is_over(here: Flask, clock: Moved) -> None:
    (kept,) = notices.enqueue([PHONE], CHANGED)
    assert outbox.claim(kept) is not None
    clock.shift(LEASE - 1)
    notices.deliver_due()
    assert messages() == []
    clock.shift(1)
    notices.deliver_due()
    assert len(messages(PHONE.value)) == 1


def test_what_was_sent_is_never_claimed_again_nor_reopened_by_a_late_worker(here: Flask, clock: Moved) -> None:
    (kept,) = notices.enqueue([PHONE], CHANGED)
    slow = outbox.claim(kept)
    assert slow is not None
    clock.shift(LEASE)
    notices.deliver_due()
    outbox.postpone(slow, "unreachable")
    clock.shift(LEASE)
    assert (rows()[0].state, rows()[0].last_answer) == (outbox.SENT, "accepted")
    with db.engine.begin() as connection:
        connection.execute(update(OUTBOX).values(next_at=0))
    assert outbox.claim(kept) is None
    assert len(messages(PHONE.value)) == 1


@pytest.mark.every_store
def test_a_notice_in_the_callers_transaction_stands_and_falls_with_it(here: Flask) -> None:
    with pytest.raises(ZeroDivisionError), unit_of_work():
        notices.notify([PHONE], CHANGED)
        raise ZeroDivisionError
    assert rows() == []
    with unit_of_work():
        notices.notify([PHONE], CHANGED)
    assert [row.state for row in settled(1)] == [outbox.SENT]


def test_nothing_personal_stays_in_the_row(here: Flask) -> None:
    veto = "https://akun.kemnaker.go.id/veto/" + "x" * 22
    notices.enqueue([PHONE], notices.recovery_completed(AT, PHONE, veto), "subject-1")
    (waiting,) = rows()
    assert PHONE.value not in str(waiting)
    assert veto not in str(waiting)
    notices.deliver_due()
    (sent,) = rows()
    assert (sent.state, sent.message_sealed) == (outbox.SENT, "")
    assert veto in messages(PHONE.value)[0].text


def test_a_message_moved_to_another_row_is_never_sent(here: Flask) -> None:
    mine, theirs = notices.enqueue([PHONE, PhoneNumber.parse("081299991234")], CHANGED)
    sealed = {row.id: row.message_sealed for row in rows()}
    with db.engine.begin() as connection:
        connection.execute(update(OUTBOX).where(OUTBOX.c.id == mine).values(message_sealed=sealed[theirs]))
    notices.deliver_due()
    assert messages(PHONE.value) == []
    assert len(messages()) == 1, "and it holds up no other"
    assert {row.id: row.state for row in rows()} == {mine: outbox.GIVEN_UP, theirs: outbox.SENT}


@pytest.fixture
def gateway(make_app: Callable[..., Flask]) -> Iterator[tuple[Flask, list[int], list[str]]]:
    """An application whose SMS provider answers the statuses in a list, last first, and what it was asked to send."""
    answers, asked = [200], []

    def script(call: Call) -> tuple[int, bytes]:
        status = answers.pop() if len(answers) > 1 else answers[0]
        if status == 200:
            asked.append(f"{call.json['to']} {call.json['text']}")
        return status, b"{}"

    with scripted(script) as server:
        app = make_app(sms_url=f"http://:secret@127.0.0.1:{server.port}/sms")
        with app.app_context():
            yield app, answers, asked
            app.extensions["idp.sms"].close()
            app.extensions["idp.storage.redis_store"].redis.close()
            db.engine.dispose()


def test_an_outage_of_the_gateway_only_delays_it(gateway: tuple[Flask, list[int], list[str]], clock: Moved) -> None:
    _, answers, asked = gateway
    answers += [429, 429]
    notices.enqueue([PHONE], CHANGED)
    for wait in BACK_OFF[:2]:
        notices.deliver_due()
        assert rows()[0].last_answer == "too_many"
        clock.shift(wait - 1)
        notices.deliver_due()
        assert asked == []
        clock.shift(1)
    notices.deliver_due()
    (sent,) = asked
    assert sent.startswith(f"{PHONE.value} SIAPkerja: password akun Anda diubah")
    assert (rows()[0].state, rows()[0].attempts) == (outbox.SENT, 3)


def test_after_72_hours_it_is_given_up_and_audited(here: Flask, clock: Moved) -> None:
    notices.enqueue([REFUSED], CHANGED, "subject-1")
    for _ in range(40):
        notices.deliver_due()
        assert rows()[0].state == outbox.PENDING or rows()[0].created_at + GIVE_UP_AFTER <= timestamp()
        clock.shift(2 * 3600)
    (row,) = rows()
    assert (row.state, row.message_sealed, row.last_answer) == (outbox.GIVEN_UP, "", "refused")
    (given_up,) = audited("notice_given_up")
    assert b"subject-1" in given_up
    assert b"refused" in given_up


def test_without_the_store_nobody_is_told_uncounted(here: Flask, clock: Moved) -> None:
    notices.enqueue([MAIL], CHANGED)
    known = here.extensions["idp.storage.redis_store"]
    here.extensions["idp.storage.redis_store"] = nowhere()
    notices.deliver_due()
    here.extensions["idp.storage.redis_store"] = known
    assert [(row.state, row.attempts, row.last_answer) for row in rows()] == [(outbox.PENDING, 0, "store")]
    clock.shift(BACK_OFF[0])
    notices.deliver_due()
    assert len(messages(MAIL.value)) == 1


def test_without_sql_it_is_sent_all_the_same(make_app: Callable[..., Flask], here: Flask) -> None:
    lamed = make_app(database_url="postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    with lamed.app_context():
        notices.notify_in_constant_time([MAIL], CHANGED)
    lamed.extensions["idp.core.background"].shutdown()
    lamed.extensions["idp.storage.redis_store"].redis.close()
    assert [message.to for message in messages()] == [MAIL.value]


@pytest.mark.parametrize(
    ("locale", "has", "lacks"),
    [("id", "Password akun SIAPkerja Anda diubah pada", "was changed on"), ("en", "was changed on", "diubah pada")],
)
def test_an_account_is_told_in_its_language(here: Flask, locale: str, has: str, lacks: str) -> None:
    account = an_account(1, locale=locale)
    notices.enqueue([PHONE, MAIL], CHANGED, account.subject)
    notices.deliver_due()
    (letter,), (text,) = messages(MAIL.value), messages(PHONE.value)
    assert has in letter.text
    assert lacks not in letter.text
    assert " / " not in letter.subject
    assert ("was changed" in text.text) is (locale == "en")


def test_a_stranger_is_told_in_both(here: Flask) -> None:
    notices.enqueue([MAIL], CHANGED, "nobody-we-know")
    notices.deliver_due()
    (letter,) = messages(MAIL.value)
    assert "diubah pada" in letter.text
    assert "was changed on" in letter.text
