"""Twenty at once with one thing that is good once: exactly one success, whatever it is."""

import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any, TypeVar

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from idp.core.values import PhoneNumber
from idp.limits import rate_limits
from idp.oidc.clients import registration
from idp.oidc.clients.rules import DEVICE_CODE_GRANT
from idp.one_time_codes import otp
from idp.storage.redis_store import StoreUnavailable
from tests.attacks.test_jwts import OUR_KEY, assertion, signed, with_assertion
from tests.conftest import Outbox
from tests.oidc.authorization.test_pushed_requests import named, push
from tests.oidc.conftest import CALLBACK, RelyingParty, answer
from tests.oidc.device.test_device import GRANTS, allow

MANY = 20
T = TypeVar("T")

pytestmark = pytest.mark.every_store


def at_once(act: Callable[[], T], times: int = MANY) -> list[T]:
    """What `times` callers got who all began in the same moment."""
    start = Barrier(times)

    def one(_: int) -> T:
        start.wait(60)
        return act()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def test_one_code(wlkp: RelyingParty, browser: FlaskClient) -> None:
    code = wlkp.code(browser)
    answers = at_once(lambda: wlkp.redeem(code))
    assert sorted(a.status_code for a in answers) == [200] + [400] * (MANY - 1)
    won = next(a for a in answers if a.status_code == 200).json
    assert wlkp.userinfo(won["access_token"]).status_code == 401, "and what the one got is dead: the code was presented again"
    assert wlkp.refresh(won["refresh_token"]).json["error"] == "invalid_grant"


def test_one_refresh_token(wlkp: RelyingParty, browser: FlaskClient) -> None:
    """Within the minute of grace all are answered, by siblings of one family; one end ends them all."""
    first = wlkp.redeem(wlkp.code(browser)).json["refresh_token"]
    answers = [a.json for a in at_once(lambda: wlkp.refresh(first))]
    tokens = {a["refresh_token"] for a in answers}
    assert len(tokens) == MANY, "each its own, none twice"
    assert wlkp.post("/revoke", token=answers[0]["refresh_token"]).status_code == 200
    assert {wlkp.refresh(token).json["error"] for token in tokens} == {"invalid_grant"}


def test_one_stolen_refresh_token(clock: time_machine.Traveller, wlkp: RelyingParty, browser: FlaskClient) -> None:
    """After the minute nobody is answered, and the whole family is dead: what was given since, too."""
    first = wlkp.redeem(wlkp.code(browser)).json["refresh_token"]
    since = wlkp.refresh(first).json
    clock.shift(61)
    assert wlkp.userinfo(since["access_token"]).status_code == 200
    assert {a.json["error"] for a in at_once(lambda: wlkp.refresh(first))} == {"invalid_grant"}
    assert wlkp.userinfo(since["access_token"]).status_code == 401
    assert wlkp.refresh(since["refresh_token"]).json["error"] == "invalid_grant"


def test_one_device_code(register: Callable[..., RelyingParty], browser: FlaskClient) -> None:
    party = register("tv", grant_types=GRANTS)
    told = party.post("/device_authorization", scope="openid").json
    allow(browser, told["user_code"])
    answers = at_once(lambda: party.post("/token", grant_type=DEVICE_CODE_GRANT, device_code=told["device_code"]))
    assert sorted(a.status_code for a in answers) == [200] + [400] * (MANY - 1)


def test_one_invitation_to_register(app: Flask) -> None:
    with app.app_context():
        bearer = {"Authorization": f"Bearer {registration.issue_initial_access_token(1, 3600)}"}
    asked = {"redirect_uris": [CALLBACK]}
    answers = at_once(lambda: app.test_client().post("/register", json=asked, headers=bearer))
    assert sorted(a.status_code for a in answers) == [201] + [401] * (MANY - 1)


def test_one_pushed_request(wlkp: RelyingParty, siti: str, sign_in: Callable[..., FlaskClient]) -> None:
    url = named(wlkp, push(wlkp))
    browsers = iter([sign_in(siti) for _ in range(MANY)])
    answers = at_once(lambda: next(browsers).get(url))
    codes = [answer(a).get("code") for a in answers if a.status_code == 303]
    assert len([code for code in codes if code]) == 1, [a.status_code for a in answers]


def test_one_assertion(register: Callable[..., RelyingParty]) -> None:
    jwks = {"keys": [OUR_KEY.as_dict(private=False)]}
    party = register("signer", client_secret_hash=None, token_endpoint_auth_method="private_key_jwt", jwks=jwks)
    token = signed(assertion(party, jti=secrets.token_urlsafe(16)))
    assert sorted(a.status_code for a in at_once(lambda: with_assertion(party, token))) == [200] + [401] * (MANY - 1)


def test_one_one_time_code(app: Flask, outbox: Outbox) -> None:
    phone = PhoneNumber.parse("081234567890")
    with app.test_request_context():
        challenge = otp.send(None, "test", phone)
    code = outbox.code(phone.value)

    def verified() -> bool:
        with app.test_request_context():
            try:
                otp.verify(challenge.id, "test", code, phone)
            except (otp.WrongCode, otp.CodeExpired, rate_limits.TooManyAttempts):
                return False
            return True

    assert sum(at_once(verified)) == 1


def test_a_hundred_wrong_one_time_codes(app: Flask, outbox: Outbox) -> None:
    """Only as many as the limit are looked at; the rest learn nothing, and the right code is worth nothing any more."""
    phone = PhoneNumber.parse("081234567890")
    with app.test_request_context():
        challenge = otp.send(None, "test", phone)
    right = outbox.code(phone.value)
    wrong = iter(f"{(int(right) + n) % 1_000_000:06d}" for n in range(1, 200))

    def guessed(code: str) -> str:
        with app.test_request_context():
            try:
                otp.verify(challenge.id, "test", code, phone)
            # StoreUnavailable: so many at once are more than there are lines to the store, and it is shut to the rest.
            except (otp.WrongCode, otp.CodeExpired, rate_limits.TooManyAttempts, StoreUnavailable) as refused:
                return type(refused).__name__
            return "in"

    told: list[Any] = at_once(lambda: guessed(next(wrong)), 100)
    assert "in" not in told
    assert told.count("WrongCode") <= 5, told
    assert guessed(right) != "in"
