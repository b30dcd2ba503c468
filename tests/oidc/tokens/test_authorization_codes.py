"""Codes and access tokens: taken once, dead when their session, family, grant or account is."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
import time_machine
from flask import Flask

from idp.accounts import generations
from idp.core import clock, crypto
from idp.oidc.tokens import access_tokens, authorization_codes, revocation_marks
from idp.oidc.tokens.access_tokens import AccessToken
from idp.oidc.tokens.approvals import Approval
from idp.oidc.tokens.authorization_codes import AuthorizationCode, CodeReused
from idp.oidc.tokens.token_keys import hash_tag, token_key
from idp.storage.redis_store import store
from tests.account_rows import a_row

SUBJECT = "siti"
TAG = crypto.hash_tag(SUBJECT)
SID = TAG + "session"


@pytest.fixture
def inside(app: Flask) -> Iterator[Flask]:
    with app.app_context():
        a_row(SUBJECT)
        yield app


def approval(**changes: Any) -> Approval:
    given = Approval(subject=SUBJECT, client_id="wlkp", scope="openid", auth_time=1, acr="a", amr=("pwd",), sid=SID, family="f")
    return replace(given, **changes)


def a_code(**changes: Any) -> str:
    code = authorization_codes.new_code(SUBJECT)
    authorization_codes.save_code(code, AuthorizationCode(approval(**changes), "https://rp.example/cb"), 3600)
    return code


def a_token(**changes: Any) -> str:
    token, now = access_tokens.new_access_token(SUBJECT), clock.timestamp()
    record = AccessToken("wlkp", "openid", now, now + 600, SUBJECT, ends_with=("the-session", "the-family", "the-grant"))
    access_tokens.save_access_token(token, replace(record, **changes))
    return token


def in_parallel(app: Flask, times: int, act: Callable[[], str]) -> Counter[str]:
    barrier = threading.Barrier(times)

    def one(_: int) -> str:
        with app.app_context():
            barrier.wait(60)
            return act()

    with ThreadPoolExecutor(times) as pool:
        return Counter(pool.map(one, range(times)))


def test_a_code_gives_back_what_was_approved_and_which_client_the_session_met(inside: Flask) -> None:
    code = a_code(nonce="n", claims={"userinfo": {"name": None}})
    taken = authorization_codes.take_code(code, "wlkp")
    assert taken is not None
    assert taken.approval == approval(nonce="n", claims={"userinfo": {"name": None}})
    assert taken.redirect_uri == "https://rp.example/cb"
    assert store().members(f"session-clients:{{{TAG}}}:{SID}") == {"wlkp"}


def test_twenty_who_redeem_one_code_at_once_have_exactly_one_success(inside: Flask) -> None:
    code = a_code()

    def redeem() -> str:
        try:
            return "taken" if authorization_codes.take_code(code, "wlkp") else "nothing"
        except CodeReused:
            return "reused"

    assert in_parallel(inside, 20, redeem) == {"taken": 1, "reused": 19}


def test_a_second_presentation_kills_what_the_first_gave_and_what_it_is_still_giving(inside: Flask) -> None:
    code = a_code()
    family = authorization_codes.family_id(code)
    authorization_codes.take_code(code, "wlkp")
    before = a_token(ends_with=(family,))
    with pytest.raises(CodeReused) as reused:
        authorization_codes.take_code(code, "wlkp")
    assert reused.value.family == family
    assert access_tokens.find_access_token(before) is None
    now = clock.timestamp()
    late = AccessToken("wlkp", "openid", now, now + 600, SUBJECT, ends_with=(family,))
    assert not access_tokens.save_access_token(access_tokens.new_access_token(SUBJECT), late)


def test_another_client_gets_nothing_and_does_not_burn_the_code(inside: Flask) -> None:
    code = a_code()
    assert authorization_codes.take_code(code, "thief") is None
    assert authorization_codes.take_code(code, "wlkp") is not None


def test_a_code_dies_after_a_minute(inside: Flask) -> None:
    assert store().redis.ttl(f"code:{{{TAG}}}:{crypto.digest(a_code())}") == authorization_codes.CODE_LIFE == 60


def test_an_account_that_changed_between_approval_and_redemption_gets_nothing(inside: Flask) -> None:
    code = a_code()
    generations.raise_generation(SUBJECT)
    assert authorization_codes.take_code(code, "wlkp") is None


def test_whoever_signed_out_meanwhile_gets_nothing(inside: Flask) -> None:
    code = a_code()
    revocation_marks.mark_ended(SUBJECT, SID)
    assert authorization_codes.take_code(code, "wlkp") is None


@pytest.mark.parametrize("nonsense", ["", "x", "zz" + "a" * 43, "a7" + "é" * 43, "a7}" + "{" * 40, "a7" + "b" * 5000])
def test_nonsense_is_no_code_and_no_token(inside: Flask, nonsense: str) -> None:
    assert authorization_codes.take_code(nonsense, "wlkp") is None
    assert access_tokens.find_access_token(nonsense) is None
    access_tokens.revoke_access_token(nonsense, "")


def test_a_token_tells_what_it_is_good_for_and_brings_the_accounts_record_along(inside: Flask) -> None:
    token = a_token(scope="openid email")
    generations.keep(SUBJECT, generations.lease(SUBJECT), {"claims": "sealed"})
    found = access_tokens.find_access_token(token, "claims", "nothing")
    assert found is not None
    assert (found[0].scope, found[0].subject, found[1]) == ("openid email", SUBJECT, (b"sealed", None))


@pytest.mark.parametrize("ended", ["the-session", "the-family", "the-grant"])
def test_a_token_dies_with_its_session_its_family_or_its_grant(inside: Flask, ended: str) -> None:
    token = a_token()
    assert access_tokens.find_access_token(token) is not None
    revocation_marks.mark_ended(SUBJECT, ended)
    assert access_tokens.find_access_token(token) is None


def test_a_token_of_before_a_change_is_dead_and_none_is_made(inside: Flask) -> None:
    token = a_token()
    generations.raise_generation(SUBJECT)
    assert access_tokens.find_access_token(token) is None
    now = clock.timestamp()
    assert not access_tokens.save_access_token(
        access_tokens.new_access_token(SUBJECT), AccessToken("wlkp", "", now, now + 600, SUBJECT)
    )


def test_a_token_expires_by_our_clock(inside: Flask) -> None:
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as moved:
        token = a_token()
        moved.shift(599)
        assert access_tokens.find_access_token(token) is not None
        moved.shift(1)
        assert access_tokens.find_access_token(token) is None


def test_a_dropped_token_is_gone(inside: Flask) -> None:
    token = a_token()
    access_tokens.revoke_access_token(token, SUBJECT)
    assert access_tokens.find_access_token(token) is None


def test_tokens_without_offline_access_end_with_the_session_and_others_do_not() -> None:
    assert SID in approval().ends_with
    assert SID not in approval(scope="openid offline_access").ends_with


def test_the_store_holds_digests_only(inside: Flask) -> None:
    secrets = [a_code(), a_token()]
    keys = [key.decode() for key in store().redis.keys("*")]
    assert keys
    assert not any(secret in key for key in keys for secret in secrets)


def test_how_tokens_begin_tells_nothing_of_whose_they_are(here: Flask) -> None:
    """S16: they began with a digest of the subject, alike in every sector; now with a mask, another for each token."""
    made = [access_tokens.new_access_token(SUBJECT) for _ in range(200)] + [
        authorization_codes.new_code(SUBJECT) for _ in range(200)
    ]
    assert len({token[:2] for token in made}) > 100
    # And still every one of them leads to the slot of its account (Redis Cluster).
    assert {hash_tag(token) for token in made} == {f"{{{TAG}}}"}
    assert token_key("access", made[0]).startswith(f"access:{{{TAG}}}:")
