"""Proving identity: three facts, few tries, nothing kept of the mother's name, and nobody guesses uncounted."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import orjson
import pytest
import time_machine
from flask import Flask, Response
from sqlalchemy import select

from idp.accounts.model import Account
from idp.audit import trail
from idp.audit.trail import AuditEvent
from idp.core.values import FullName, Nik, PhoneNumber
from idp.gateways.civil_registry import Purpose, RegistryUnavailable
from idp.identity import proofing
from idp.identity.proofing import FactsDoNotMatch, IdentityProof, NikNotFound, NumberNeeded, RecordNeedsAttention
from idp.limits import rate_limits
from idp.limits.rate_limits import DAY, TooManyAttempts
from idp.storage.database import db
from idp.storage.redis_store import StoreUnavailable
from idp.storage.sealing import sealer
from idp.web.cookies import BROWSER
from tests.account_rows import at_once, nowhere
from tests.tripwire import Tripwire

pytestmark = pytest.mark.usefixtures("clock")

SITI = Nik.parse("9901015708900001")
NAME, MOTHER, WRONG = (FullName.parse(text) for text in ("Siti Nurhaliza Rahayu", "Aminah Rahayu", "Kartini Wulandari"))
NUMBER, ANOTHER = (PhoneNumber.parse(number) for number in ("081377771231", "081377771232"))
OTHERS = [
    ("9901011204850002", "Budi Santoso", "Sri Wahyuni"),
    ("9902026911880004", "Dewi Lestari Putri", "Kartini Lestari"),
    ("9903030101750005", "Agus Wijaya", "Tuti Herawati"),
    ("9903034107000006", "Putu Ayu Saraswati", "Ni Made Sukerti"),
    ("9904043112990007", "Yohanes Kaleb Wenda", "Maria Tabuni"),
]


def proved(
    app: Flask,
    mother: FullName = MOTHER,
    *,
    nik: Nik = SITI,
    name: FullName = NAME,
    purpose: Purpose = "registration",
    device: str | None = None,
    address: str = "203.0.113.7",
    number: PhoneNumber | None = None,
) -> IdentityProof:
    headers = {"Cookie": f"{BROWSER.base}={device}"} if device else {}
    with app.test_request_context(environ_base={"REMOTE_ADDR": address}, headers=headers):
        return proofing.prove(nik, name, mother, purpose, number)


def wrong(act: Callable[[], Any]) -> int:
    with pytest.raises(FactsDoNotMatch) as fact:
        act()
    return fact.value.remaining


def limited(act: Callable[[], Any]) -> TooManyAttempts:
    with pytest.raises(TooManyAttempts) as fact:
        act()
    return fact.value


def left(name: str) -> int:
    return rate_limits.remaining(name, sealer().index(SITI.value, "facts"))


def of_asker(address: str = "203.0.113.7") -> int:
    return rate_limits.remaining("facts_asker_day", sealer().index(SITI.value, "facts"), address)


def needs_number(act: Callable[[], Any]) -> NumberNeeded:
    with pytest.raises(NumberNeeded) as fact:
        act()
    return fact.value


def recorded(event: str) -> list[dict[str, Any]]:
    trail.drain_all()
    rows = db.session.scalars(select(AuditEvent).where(AuditEvent.event == event).order_by(AuditEvent.position))
    return [orjson.loads(row.facts) for row in rows]


def test_facts_that_match_are_proof_for_a_quarter_of_an_hour(here: Flask, clock: time_machine.Traveller) -> None:
    proof = proved(here)
    assert (proof.nik, proof.name.text, proof.fresh) == (SITI, "SITI NURHALIZA RAHAYU", True)
    clock.shift(15 * 60 - 1)
    assert proof.fresh
    clock.shift(1)
    assert not proof.fresh


def test_a_proof_keeps_no_mothers_name_and_shows_nothing(here: Flask) -> None:
    proof = proved(here)
    notes = proof.to_dict()
    assert IdentityProof.from_dict(orjson.loads(orjson.dumps(notes))) == proof
    assert notes.keys() == {"nik", "name", "verified_at", "reference"}
    assert "Aminah" not in str(notes).title()
    assert "Siti" not in repr(proof)
    assert SITI.value not in repr(proof)


def test_no_fact_is_left_in_a_log_or_in_the_store(here: Flask, tripwire: Tripwire) -> None:
    tripwire.facts |= {SITI.value, NAME.text, MOTHER.text, WRONG.text, "AMINAH", "WULANDARI"}
    proved(here)
    wrong(lambda: proved(here, WRONG))
    with pytest.raises(RegistryUnavailable):
        proved(here, name=FullName.parse("Siti Rusak"))


def test_the_trail_knows_the_index_only(here: Flask) -> None:
    proved(here)
    wrong(lambda: proved(here, WRONG))
    index = sealer().index(SITI.value, "facts")
    assert recorded("identity_proved") == [{"purpose": "registration", "nik": index}]
    assert recorded("identity_refused") == [{"purpose": "registration", "nik": index, "verdict": "mismatch"}]


def test_three_wrong_a_day_and_then_not_even_the_right_ones(here: Flask, clock: time_machine.Traveller) -> None:
    assert [wrong(lambda: proved(here, WRONG)) for _ in range(3)] == [2, 1, 0]
    refusal = limited(lambda: proved(here))
    assert (refusal.limit, refusal.retry_after) == ("facts_asker_day", DAY)
    clock.shift(DAY)
    assert proved(here).nik == SITI


def test_what_a_stranger_guesses_is_counted_on_the_stranger(here: Flask) -> None:
    """S25: three wrong facts from one address, or four, close the NIK for nobody at another."""
    for _ in range(3):
        wrong(lambda: proved(here, WRONG, address="198.51.100.9"))
    wrong(lambda: proved(here, WRONG, address="198.51.100.10"))
    assert proved(here).nik == SITI


def test_after_five_wrong_of_anybody_a_number_is_needed_which_is_good_for_one_try_a_day(
    here: Flask, clock: time_machine.Traveller
) -> None:
    """S25: guessing costs a number a try, and whoever knows the facts always gets through."""
    for last in range(5):
        wrong(lambda last=last: proved(here, WRONG, address=f"198.51.100.{last}"))
    assert needs_number(lambda: proved(here)).used is False
    assert wrong(lambda: proved(here, WRONG, number=NUMBER)) == 2
    assert needs_number(lambda: proved(here, number=NUMBER)).used is True
    assert proved(here, number=ANOTHER).nik == proved(here, number=ANOTHER).nik == SITI, "what matches uses nothing up"
    clock.shift(DAY)
    assert proved(here, number=NUMBER).nik == SITI
    clock.shift(29 * DAY)
    assert proved(here).nik == SITI, "after thirty days none is needed"


def test_whose_own_tries_are_used_up_is_not_sent_for_a_number(here: Flask) -> None:
    """S25: it would not help today."""
    for _ in range(3):
        wrong(lambda: proved(here, WRONG))
    for last in range(2):
        wrong(lambda last=last: proved(here, WRONG, address=f"198.51.100.{last}"))
    assert limited(lambda: proved(here)).limit == "facts_asker_day"


def test_facts_that_match_use_up_nothing(here: Flask) -> None:
    for _ in range(6):
        assert proved(here).nik == SITI
    assert left("facts_nik_month") == 5


def test_registration_and_recovery_are_counted_together(here: Flask) -> None:
    for purpose in ("registration", "recovery", "registration"):
        wrong(lambda purpose=purpose: proved(here, WRONG, purpose=purpose))
    assert limited(lambda: proved(here, purpose="recovery")).limit == "facts_asker_day"


def test_recovery_wants_names_that_are_more_alike(here: Flask) -> None:
    nearly = FullName.parse("Aminah Hampir")  # 91 of 100
    assert proved(here, nearly).nik == SITI
    wrong(lambda: proved(here, nearly, purpose="recovery"))


def test_a_device_asks_about_five_people_a_day(here: Flask, clock: time_machine.Traveller) -> None:
    for nik, name, mother in OTHERS:
        proved(here, FullName.parse(mother), nik=Nik.parse(nik), name=FullName.parse(name), device="d1")
    assert limited(lambda: proved(here, device="d1")).limit == "facts_device"
    assert proved(here, device="d2").nik == SITI
    clock.shift(DAY)
    assert proved(here, device="d1").nik == SITI


def test_a_browser_without_a_cookie_gets_one_and_is_counted_from_the_first_try(here: Flask) -> None:
    with here.test_request_context():
        proofing.prove(SITI, NAME, MOTHER)
        cookie = here.process_response(Response()).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    device = cookie.partition(";")[0].removeprefix(f"{BROWSER.base}=")
    assert rate_limits.remaining("facts_device", device) == 4
    with here.test_request_context(headers={"Cookie": f"{BROWSER.base}={device}"}):
        proofing.prove(SITI, NAME, MOTHER)
        assert "Set-Cookie" not in here.process_response(Response()).headers
        assert BROWSER.name == BROWSER.base


def test_an_address_asks_ten_times_an_hour(here: Flask, clock: time_machine.Traveller) -> None:
    for number in range(10):
        nik = Nik.parse(f"990101120485{number + 100:04d}")
        wrong(lambda nik=nik: proved(here, nik=nik))
    assert limited(lambda: proved(here)).limit == "facts_address"
    assert proved(here, address="198.51.100.1").nik == SITI
    clock.shift(3600)
    assert proved(here).nik == SITI


def test_what_one_limit_refuses_uses_up_no_other(here: Flask) -> None:
    for _ in range(5):
        rate_limits.hit("facts_device", "d1")
    limited(lambda: proved(here, WRONG, device="d1"))
    assert (of_asker(), left("facts_nik_month")) == (3, 5)


@pytest.mark.parametrize("word", ["WAFAT", "GANDA", "NONAKTIF"])
def test_a_record_to_be_mended_is_told_apart(here: Flask, word: str) -> None:
    with pytest.raises(RecordNeedsAttention):
        proved(here, name=FullName.parse(f"Siti {word}"))
    assert of_asker() == 2
    assert recorded("identity_refused")[0]["verdict"] == "needs_attention"


def test_an_unknown_nik_is_a_wrong_try(here: Flask) -> None:
    with pytest.raises(NikNotFound) as fact:
        proved(here, name=FullName.parse("Siti Tiada"))
    assert fact.value.remaining == 2


@pytest.mark.parametrize("word", ["KUOTA", "JAM", "IP", "GAGAL", "RUSAK", "LAMBAT"])
def test_an_outage_uses_up_nobodys_tries(here: Flask, word: str) -> None:
    with pytest.raises(RegistryUnavailable):
        proved(here, name=FullName.parse(f"Siti {word}"), device="d1")
    assert (of_asker(), left("facts_nik_month")) == (3, 5)
    assert rate_limits.remaining("facts_device", "d1") == 5
    assert rate_limits.remaining("facts_address", "203.0.113.7") == 10
    assert len(recorded("identity_unavailable")) == 1


def test_nobody_guesses_uncounted(here: Flask) -> None:
    here.extensions["idp.storage.redis_store"] = nowhere()
    with pytest.raises(StoreUnavailable):
        proved(here)


def test_guesses_sent_all_at_once_are_counted_each(here: Flask) -> None:
    outcomes = at_once(here, [lambda: proved(here, WRONG)] * 8)
    assert outcomes == Counter(FactsDoNotMatch=3, TooManyAttempts=5)


def test_nothing_is_remembered_between_two_proofs(here: Flask) -> None:
    proved(here)
    wrong(lambda: proved(here, WRONG))
    assert db.session.scalars(select(Account)).all() == []
