"""One-time codes: bound, short-lived, tried five times at most, right once; and silent about who has an account."""

import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import time_machine
from flask import Flask

from idp.audit import trail
from idp.core import languages
from idp.core.values import EmailAddress, PhoneNumber
from idp.gateways.outbox import messages
from idp.limits import rate_limits
from idp.limits.rate_limits import HOUR, TooManyAttempts
from idp.one_time_codes import otp
from idp.one_time_codes.message import WHAT_FOR, sms_text
from idp.one_time_codes.otp import Challenge, CodeExpired, WrongCode
from idp.storage import redis_store
from tests.account_rows import an_account
from tests.gateways.servers import silent_gateway

pytestmark = pytest.mark.usefixtures("clock")

PHONE = PhoneNumber.parse("0812 3456 2797")
OTHER = PhoneNumber.parse("0812 3456 2798")
REFUSED = PhoneNumber.parse("0812 3456 0002")
SLOW = PhoneNumber.parse("0812 3456 0003")
MAIL = EmailAddress.parse("siti@example.com")
REGISTER, RECOVER = "registration", "recovery"


def codes(to: PhoneNumber | EmailAddress = PHONE) -> list[str]:
    found = (re.search(r"\b(\d{6})\b", message.text) for message in messages(to.value))
    return [match[1] for match in found if match]


def other_than(*taken: str) -> str:
    return next(code for code in ("111111", "222222", "333333", "444444") if code not in taken)


def outcome(act: Callable[[], Any]) -> str:
    try:
        act()
    except (WrongCode, CodeExpired, TooManyAttempts) as fact:
        return type(fact).__name__
    return "right"


def in_parallel(app: Flask, times: int, act: Callable[[], Any]) -> Counter[str]:
    barrier = threading.Barrier(20)

    def one(number: int) -> str:
        if number < 20:
            barrier.wait(60)
        with app.app_context():
            return outcome(act)

    with ThreadPoolExecutor(20) as pool:
        return Counter(pool.map(one, range(times)))


def resent(first: Challenge, clock: time_machine.Traveller, to: PhoneNumber = PHONE) -> Challenge:
    clock.shift(60)
    return otp.send(first.id, REGISTER, to)


def test_a_code_is_sent_and_right_once(here: Flask, clock: time_machine.Traveller) -> None:
    sent = otp.send(None, REGISTER, PHONE)
    assert sent.recipient == "08*****2797"
    assert sent.delivery == "sent"
    assert (sent.resend_at - sent.sent_at).total_seconds() == 60
    assert (sent.expires_at - sent.sent_at).total_seconds() == 600
    (code,) = codes()
    otp.verify(sent.id, REGISTER, code)
    with pytest.raises(CodeExpired):
        otp.verify(sent.id, REGISTER, code)


def test_the_sms_is_the_one_of_the_guide(here: Flask) -> None:
    otp.send(None, REGISTER, PHONE)
    (message,) = messages(PHONE.value)
    host = re.sub(r"^https?://|:\d+$", "", here.extensions["idp.settings"].issuer)
    (code,) = codes()
    assert message.text == (
        f"SIAPkerja: Kode OTP Anda {code} untuk mendaftar. Berlaku 10 menit. "
        f"JANGAN berikan kepada siapa pun, termasuk petugas Kemnaker.\n@{host} #{code}"
    )


def test_every_purpose_is_named_in_the_message_that_brings_its_code() -> None:
    """U22: a purpose without words of its own would be told as a recovery."""
    assert set(otp.SHARES) == set(WHAT_FOR)


@pytest.mark.parametrize("tag", [*languages.tags(), "xx", None])
@pytest.mark.parametrize("issuer", ["https://akun.kemnaker.go.id", "https://" + "a" * 60 + ".example.go.id"])
@pytest.mark.parametrize("purpose", [*WHAT_FOR, "recovery-phone"])
def test_the_sms_fits_into_one_message(app: Flask, issuer: str, tag: str | None, purpose: str) -> None:
    with app.app_context():
        text = sms_text("012345", purpose, issuer, tag)
    assert len(text) <= 160
    assert "012345" in text
    assert re.fullmatch(r"[A-Za-z0-9 .,:@#\n-]+", text), "outside GSM-7 a message holds 70 characters only"


def test_an_email_has_both_languages_and_both_parts(here: Flask) -> None:
    sent = otp.send(None, RECOVER, MAIL)
    (message,) = messages(MAIL.value)
    (code,) = codes(MAIL)
    assert code not in message.subject
    assert "Jangan pernah membagikan OTP kepada siapa pun" in message.text
    assert "Never share your one-time code" in message.text
    otp.verify(sent.id, RECOVER, code)


def test_a_code_for_an_account_is_brought_in_its_language(here: Flask) -> None:
    account = an_account(locale="en")
    otp.send(None, RECOVER, MAIL, account.subject)
    otp.send(None, REGISTER, PHONE, account.subject)
    (letter,), (text,) = messages(MAIL.value), messages(PHONE.value)
    assert letter.subject == "Your SIAPkerja code"
    assert "Jangan pernah" not in letter.text
    assert "NEVER give it to anyone" in text.text


def test_what_a_person_types_may_hold_spaces(here: Flask) -> None:
    sent = otp.send(None, REGISTER, PHONE)
    (code,) = codes()
    otp.verify(sent.id, REGISTER, f" {code[:3]} {code[3:]}\n")


@pytest.mark.parametrize("typed", ["", "abcdef", "12345", "1" * 5000, "１２３４５６", "💣", "\x00"])
def test_nonsense_is_a_wrong_code(here: Flask, typed: str) -> None:
    sent = otp.send(None, REGISTER, PHONE)
    with pytest.raises(WrongCode):
        otp.verify(sent.id, REGISTER, typed)


def test_a_code_lives_ten_minutes(here: Flask, clock: time_machine.Traveller) -> None:
    first, second = otp.send(None, REGISTER, PHONE), otp.send(None, REGISTER, OTHER)
    clock.shift(599)
    otp.verify(first.id, REGISTER, codes()[0])
    clock.shift(1)
    with pytest.raises(CodeExpired):
        otp.verify(second.id, REGISTER, codes(OTHER)[0])


@pytest.mark.parametrize("chosen", [0, 1, 2])
def test_any_of_the_last_three_codes_is_right(here: Flask, clock: time_machine.Traveller, chosen: int) -> None:
    first = otp.send(None, REGISTER, PHONE)
    again = resent(resent(first, clock), clock)
    assert again.id == first.id
    otp.verify(first.id, REGISTER, codes()[chosen])
    for used in codes():
        with pytest.raises(CodeExpired):
            otp.verify(first.id, REGISTER, used)


def test_the_fourth_last_code_is_wrong(here: Flask, clock: time_machine.Traveller) -> None:
    first = otp.send(None, REGISTER, PHONE)
    for _ in range(3):
        resent(first, clock)
    assert len(set(codes())) == 4, "one in 250,000 runs draws a code twice"
    with pytest.raises(WrongCode):
        otp.verify(first.id, REGISTER, codes()[0])
    otp.verify(first.id, REGISTER, codes()[1])


def test_an_old_code_expires_though_the_challenge_lives(here: Flask, clock: time_machine.Traveller) -> None:
    first = otp.send(None, REGISTER, PHONE)
    clock.shift(300)
    otp.send(first.id, REGISTER, PHONE)
    clock.shift(301)
    with pytest.raises(WrongCode):
        otp.verify(first.id, REGISTER, codes()[0])
    otp.verify(first.id, REGISTER, codes()[1])


def test_five_wrong_codes_kill_the_challenge(here: Flask) -> None:
    sent = otp.send(None, REGISTER, PHONE)
    (code,) = codes()
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(WrongCode) as wrong:
            otp.verify(sent.id, REGISTER, other_than(code))
        assert wrong.value.remaining == left
    with pytest.raises(TooManyAttempts) as dead:
        otp.verify(sent.id, REGISTER, code)
    assert dead.value.limit == "otp_wrong_challenge"


def test_resending_does_not_give_new_tries(here: Flask, clock: time_machine.Traveller) -> None:
    first = otp.send(None, REGISTER, PHONE)
    for _ in range(3):
        outcome(lambda: otp.verify(first.id, REGISTER, other_than(*codes())))
    resent(first, clock)
    with pytest.raises(WrongCode) as wrong:
        otp.verify(first.id, REGISTER, other_than(*codes()))
    assert wrong.value.remaining == 1


def test_a_dead_challenge_is_followed_by_a_new_one(here: Flask, clock: time_machine.Traveller) -> None:
    first = otp.send(None, REGISTER, PHONE)
    for _ in range(5):
        outcome(lambda: otp.verify(first.id, REGISTER, other_than(*codes())))
    second = resent(first, clock)
    assert second.id != first.id
    assert outcome(lambda: otp.verify(first.id, REGISTER, codes()[1])) == "TooManyAttempts"
    otp.verify(second.id, REGISTER, codes()[1])


def test_ten_wrong_codes_pause_the_account_whatever_the_challenge(here: Flask, clock: time_machine.Traveller) -> None:
    for to in (PHONE, OTHER):
        sent = otp.send(None, RECOVER, to, "subject-1")
        for _ in range(5):
            assert outcome(partial(otp.verify, sent.id, RECOVER, other_than(*codes(to)))) == "WrongCode"
    third = otp.send(None, RECOVER, MAIL, "subject-1")
    with pytest.raises(TooManyAttempts) as paused:
        otp.verify(third.id, RECOVER, codes(MAIL)[0])
    assert (paused.value.limit, paused.value.retry_after) == ("otp_wrong_account", 900)
    bystander = otp.send(None, REGISTER, SLOW, "subject-2")
    otp.verify(bystander.id, REGISTER, codes(SLOW)[0])


def test_right_codes_do_not_pause_an_account(here: Flask, clock: time_machine.Traveller) -> None:
    for _ in range(12):
        sent = otp.send(None, RECOVER, MAIL, "subject-1")
        otp.verify(sent.id, RECOVER, codes(MAIL)[-1])
        clock.shift(HOUR / 4)
        rate_limits.clear("otp_send_email_day", MAIL.value, "recovery")
    assert rate_limits.remaining("otp_wrong_account", "subject-1", "recovery") == 10


def test_a_hundred_wrong_codes_at_once_are_compared_five_times(here: Flask) -> None:
    sent = otp.send(None, RECOVER, PHONE, "subject-1")
    wrong = other_than(*codes())
    seen = in_parallel(here, 100, lambda: otp.verify(sent.id, RECOVER, wrong))
    assert seen == {"WrongCode": 5, "TooManyAttempts": 95}
    assert outcome(lambda: otp.verify(sent.id, RECOVER, codes()[0])) == "TooManyAttempts"
    assert rate_limits.remaining("otp_wrong_account", "subject-1", "recovery") == 5


def test_twenty_right_codes_at_once_are_right_once(here: Flask) -> None:
    here.extensions["idp.settings"] = here.extensions["idp.settings"].model_copy(update={"limits": {"otp_wrong_account": 1000}})
    here.extensions.pop("idp.limits", None)
    sent = otp.send(None, REGISTER, PHONE)
    (code,) = codes()
    assert in_parallel(here, 20, lambda: otp.verify(sent.id, REGISTER, code)) == {"right": 1, "CodeExpired": 19}


def test_a_code_is_good_for_its_purpose_only(here: Flask) -> None:
    sent = otp.send(None, REGISTER, PHONE)
    (code,) = codes()
    with pytest.raises(CodeExpired):
        otp.verify(sent.id, RECOVER, code)
    otp.verify(sent.id, REGISTER, code)


def test_a_code_is_good_for_its_challenge_only(here: Flask) -> None:
    first, second = otp.send(None, REGISTER, PHONE), otp.send(None, REGISTER, OTHER)
    if codes()[0] != codes(OTHER)[0]:
        with pytest.raises(WrongCode):
            otp.verify(first.id, REGISTER, codes(OTHER)[0])
    otp.verify(first.id, REGISTER, codes()[0])
    otp.verify(second.id, REGISTER, codes(OTHER)[0])


def test_a_code_proves_the_contact_that_got_it_and_no_other(here: Flask) -> None:
    sent = otp.send(None, REGISTER, PHONE)
    (code,) = codes()
    with pytest.raises(CodeExpired):
        otp.verify(sent.id, REGISTER, code, OTHER)
    otp.verify(sent.id, REGISTER, code, PHONE)


def test_another_recipient_or_purpose_is_another_challenge(here: Flask, clock: time_machine.Traveller) -> None:
    first = otp.send(None, REGISTER, PHONE)
    changed = otp.send(first.id, REGISTER, OTHER)
    assert changed.id != first.id
    clock.shift(60)
    assert otp.send(first.id, RECOVER, PHONE).id != first.id


def test_an_unknown_challenge_is_over(here: Flask) -> None:
    with pytest.raises(CodeExpired):
        otp.verify("no such challenge", REGISTER, "123456")


def test_a_stored_code_moved_to_another_challenge_is_worthless(here: Flask, clock: time_machine.Traveller) -> None:
    first = otp.send(None, REGISTER, PHONE)
    clock.shift(60)
    second = otp.send(None, REGISTER, PHONE)
    redis = redis_store.store().redis
    redis.hset(otp._key(second.id), "codes", redis.hget(otp._key(first.id), "codes"))
    with pytest.raises(WrongCode):
        otp.verify(second.id, REGISTER, codes()[0])


def test_resends_are_a_minute_apart(here: Flask, clock: time_machine.Traveller) -> None:
    first = otp.send(None, REGISTER, PHONE)
    clock.shift(59)
    with pytest.raises(TooManyAttempts) as early:
        otp.send(first.id, REGISTER, PHONE)
    assert early.value.retry_after == 1
    assert len(codes()) == 1
    resent(first, clock)
    assert len(codes()) == 2


def test_a_number_gets_five_an_hour_and_ten_a_day_whoever_asks(here: Flask, clock: time_machine.Traveller) -> None:
    def until_refused(account: str) -> str:
        while True:
            try:
                otp.send(None, RECOVER, PHONE, account)
            except TooManyAttempts as limited:
                return limited.limit
            clock.shift(61)

    assert until_refused("subject-1") == "otp_send_phone_hour"
    assert len(codes()) == 5
    clock.shift(HOUR)
    assert until_refused("subject-2") in ("otp_send_phone_hour", "otp_send_phone_day")
    clock.shift(HOUR)
    assert until_refused("subject-3") == "otp_send_phone_day"
    assert len(codes()) == 10


def test_the_budget_of_the_house_stops_sms_and_not_mail(here: Flask) -> None:
    here.extensions["idp.settings"] = here.extensions["idp.settings"].model_copy(update={"sms_hourly_budget": 1})
    here.extensions.pop("idp.limits", None)
    otp.send(None, REGISTER, PHONE)
    for act in (otp.send, otp.pretend):
        with pytest.raises(TooManyAttempts) as spent:
            act(None, REGISTER, OTHER)
        assert spent.value.limit == "otp_send_all_hour"
        rate_limits.clear("otp_send_phone_gap", OTHER.value, "registration", *(["pretended"] if act is otp.pretend else []))
    assert codes(OTHER) == []
    otp.send(None, REGISTER, MAIL)


def test_pretending_spends_no_budget(here: Flask) -> None:
    otp.pretend(None, RECOVER, PHONE)
    assert rate_limits.used("otp_send_all_hour") == 0
    otp.send(None, RECOVER, OTHER)
    assert rate_limits.used("otp_send_all_hour") == 1


def test_three_times_the_usual_rings_the_alarm_once(here: Flask, clock: time_machine.Traveller) -> None:
    for last in "12":
        otp.send(None, REGISTER, PhoneNumber.parse(f"08123400990{last}"))
    clock.shift(rate_limits.WEEK)
    rung = []
    for number in range(8):
        otp.send(None, REGISTER, PhoneNumber.parse(f"08123400980{number}"))
        rung.append(b" ".join(redis_store.store().listed(trail.QUEUE)).count(b'"otp_surge"'))
    assert rung == [0, 0, 0, 0, 0, 1, 1, 1]


def test_a_refused_message_says_so_and_can_be_sent_again(here: Flask) -> None:
    failed = otp.send(None, REGISTER, REFUSED)
    assert failed.delivery == "failed"
    assert failed.resend_at == failed.sent_at
    again = otp.send(failed.id, REGISTER, REFUSED)
    assert again.id == failed.id
    assert rate_limits.remaining("otp_send_phone_hour", REFUSED.value, "registration") == 3


def test_an_uncertain_message_may_still_arrive(here: Flask) -> None:
    sent = otp.send(None, REGISTER, SLOW)
    assert sent.delivery == "uncertain"
    with pytest.raises(TooManyAttempts):
        otp.send(sent.id, REGISTER, SLOW)
    otp.verify(sent.id, REGISTER, codes(SLOW)[0])


def test_a_pretended_challenge_looks_real_and_is_never_right(here: Flask, clock: time_machine.Traveller) -> None:
    real = otp.send(None, RECOVER, PHONE, "subject-1", neutral=True)
    pretended = otp.pretend(None, RECOVER, OTHER)
    assert (real.sent_at, real.resend_at, real.expires_at, real.delivery) == (
        (pretended.sent_at, pretended.resend_at, pretended.expires_at, pretended.delivery)
    )
    assert len(real.id) == len(pretended.id)
    assert codes(OTHER) == []
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(WrongCode) as wrong:
            otp.verify(pretended.id, RECOVER, "123456")
        assert wrong.value.remaining == left
    with pytest.raises(TooManyAttempts):
        otp.verify(pretended.id, RECOVER, "123456")
    clock.shift(60)
    assert outcome(lambda: otp.pretend(pretended.id, RECOVER, OTHER)) == "right"


def test_pretended_and_real_are_limited_alike(here: Flask, clock: time_machine.Traveller) -> None:
    def limits(act: Callable[[], Any]) -> list[str]:
        return [outcome(act) for _ in range(3)]

    real = limits(lambda: otp.send(None, RECOVER, PHONE, "subject-1", neutral=True))
    assert real == limits(lambda: otp.pretend(None, RECOVER, OTHER)) == ["right", "TooManyAttempts", "TooManyAttempts"]


def test_pretended_and_neutral_take_the_same_time(here: Flask) -> None:
    """Both the fixed time, and neither the provider's: it has not answered yet when the page does."""
    here.extensions["idp.settings"] = here.extensions["idp.settings"].model_copy(update={"constant_time_ms": 50})

    def seconds(act: Callable[[], Any]) -> float:
        begun = time.perf_counter()
        act()
        return time.perf_counter() - begun

    with silent_gateway(here, "idp.sms") as gateway:
        assert seconds(lambda: otp.send(None, RECOVER, PHONE, "subject-1", neutral=True)) >= 0.05
        assert gateway.answered == []
        assert seconds(lambda: otp.pretend(None, RECOVER, OTHER)) >= 0.05
    assert gateway.answered == [PHONE]


def test_a_neutral_answer_does_not_tell_that_delivery_failed(here: Flask) -> None:
    sent = otp.send(None, RECOVER, REFUSED, "subject-1", neutral=True)
    assert sent.delivery == "sent"
    assert (sent.resend_at - sent.sent_at).total_seconds() == 60


def test_the_store_holds_neither_code_nor_number(here: Flask) -> None:
    sent = otp.send(None, REGISTER, PHONE)
    kept = str(redis_store.store().redis.hgetall(otp._key(sent.id)))
    assert codes()[0] not in kept
    assert PHONE.value not in kept
    assert PHONE.local[1:] not in kept
    assert 0 < redis_store.store().redis.ttl(otp._key(sent.id)) <= otp.LIFE


def test_codes_survive_a_rotation_of_the_index_key(here: Flask) -> None:
    sent = otp.send(None, REGISTER, PHONE)
    sealer = here.extensions["idp.storage.sealing"]
    keys = {**sealer.blind.keys, "k9": b"9" * 32}
    rotated = type(sealer)(sealer.sealing, type(sealer.blind)("k9", keys))
    here.extensions["idp.storage.sealing"] = rotated
    otp.verify(sent.id, REGISTER, codes()[0], PHONE)


def test_what_happened_is_audited_without_code_or_number(here: Flask) -> None:
    sent = otp.send(None, RECOVER, PHONE, "subject-1")
    outcome(lambda: otp.verify(sent.id, RECOVER, other_than(*codes())))
    otp.verify(sent.id, RECOVER, codes()[0])
    queued = b" ".join(redis_store.store().listed(trail.QUEUE)).decode()
    assert re.findall(r'"event":"(\w+)"', queued) == ["otp_sent", "otp_wrong", "otp_right"]
    assert codes()[0] not in re.sub(r'"(id|at|message)":[^,]+,', "", queued)
    assert PHONE.value not in queued


def test_without_a_store_no_code_is_right(here: Flask) -> None:
    sent = otp.send(None, REGISTER, PHONE)
    (code,) = codes()
    here.extensions["idp.storage.redis_store"] = redis_store.connect("redis://127.0.0.1:1/0")
    with pytest.raises(redis_store.StoreUnavailable):
        otp.verify(sent.id, REGISTER, code)


def test_who_only_knows_a_number_does_not_stop_the_codes_of_its_owner(here: Flask, clock: time_machine.Traveller) -> None:
    """S25: what is only pretended is counted apart from what is really sent."""
    for _ in range(5):
        otp.pretend(None, RECOVER, PHONE)
        clock.shift(61)
    with pytest.raises(TooManyAttempts):
        otp.pretend(None, RECOVER, PHONE)
    assert otp.send(None, RECOVER, PHONE, "subject-1").delivery == "sent"
    assert len(codes()) == 1


def test_codes_sent_for_one_purpose_leave_those_of_another(here: Flask, clock: time_machine.Traveller) -> None:
    """S25: sign-in, registration and recovery have budgets apart."""
    for _ in range(5):
        otp.send(None, RECOVER, PHONE, "subject-1")
        clock.shift(61)
    with pytest.raises(TooManyAttempts):
        otp.send(None, RECOVER, PHONE, "subject-1")
    assert otp.send(None, "mfa", PHONE, "subject-1").delivery == "sent"


def test_wrong_codes_at_recovery_do_not_close_the_second_factor(here: Flask, clock: time_machine.Traveller) -> None:
    """S25: ten guesses of a stranger at recovery pause recovery, and not the sign-in of the owner."""
    for _ in range(2):
        sent = otp.send(None, RECOVER, PHONE, "subject-1")
        for _ in range(5):
            assert outcome(partial(otp.verify, sent.id, RECOVER, other_than(*codes()))) == "WrongCode"
        clock.shift(61)
    assert outcome(lambda: otp.verify(otp.send(None, RECOVER, PHONE, "subject-1").id, RECOVER, "0")) == "TooManyAttempts"
    sent = otp.send(None, "mfa", PHONE, "subject-1")
    otp.verify(sent.id, "mfa", codes()[-1])


def test_a_hundred_wrong_codes_in_a_row_close_recovery_by_this_contact(here: Flask, clock: time_machine.Traveller) -> None:
    """S23: no number of days gives more than a hundred guesses in a row (NIST SP 800-63B)."""
    judged = 0
    for _ in range(30):
        sent = otp.send(None, RECOVER, PHONE, "subject-1")
        said = [outcome(partial(otp.verify, sent.id, RECOVER, other_than(*codes()))) for _ in range(5)]
        judged += said.count("WrongCode")
        clock.shift(4 * HOUR)
    assert judged == 100
    sent = otp.send(None, RECOVER, PHONE, "subject-1")
    with pytest.raises(TooManyAttempts) as closed:
        otp.verify(sent.id, RECOVER, codes()[-1])
    assert closed.value.limit == "otp_wrong_row"


def test_a_right_code_begins_the_row_anew(here: Flask, clock: time_machine.Traveller) -> None:
    for _ in range(3):
        sent = otp.send(None, RECOVER, PHONE, "subject-1")
        assert outcome(partial(otp.verify, sent.id, RECOVER, other_than(*codes()))) == "WrongCode"
        otp.verify(sent.id, RECOVER, codes()[-1])
        clock.shift(HOUR)
    assert rate_limits.remaining("otp_wrong_row", "subject-1", "recovery") == 100


def test_registration_does_not_use_up_the_codes_of_those_who_sign_in(here: Flask) -> None:
    """S26: each purpose has a share of the hour's SMS, kept for it."""
    here.extensions["idp.settings"] = here.extensions["idp.settings"].model_copy(update={"sms_hourly_budget": 10})
    here.extensions.pop("idp.limits", None)
    sent = 0
    with pytest.raises(TooManyAttempts) as spent:
        for sent in range(10):
            otp.send(None, REGISTER, PhoneNumber.parse(f"0812340{sent}9901"))
    assert (sent, spent.value.limit) == (3, "otp_share_registration")
    assert otp.send(None, "mfa", PHONE, "subject-1").delivery == "sent"
    assert b" ".join(redis_store.store().listed(trail.QUEUE)).count(b'"otp_budget_spent"') == 1


def test_numbers_of_one_range_are_counted_together(here: Flask) -> None:
    """S26: whoever is paid for SMS owns whole ranges of numbers."""
    here.extensions["idp.settings"] = here.extensions["idp.settings"].model_copy(update={"limits": {"otp_send_prefix_hour": 2}})
    here.extensions.pop("idp.limits", None)
    for last in ("9901", "9902"):
        otp.send(None, REGISTER, PhoneNumber.parse(f"08123400{last}"))
    with pytest.raises(TooManyAttempts) as spent:
        otp.send(None, REGISTER, PhoneNumber.parse("081234009903"))
    assert spent.value.limit == "otp_send_prefix_hour"
    otp.send(None, REGISTER, PhoneNumber.parse("081234019903"))
