"""What gateways report of messages: over HTTP, with a token, in each gateway's own words, and kept once."""

import base64
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from idp.core.values import PhoneNumber
from idp.gateways.sms import delivery_status, sms
from tests.gateways.servers import Call, scripted

TOKEN = "a-token-of-the-gateway-of-more-than-32-characters"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PHONE = PhoneNumber.parse("0812 3456 2797")


@pytest.fixture
def reporting(make_app: Callable[..., Flask]) -> Flask:
    return make_app(sms_report_token=TOKEN)


def status(app: Flask, reference: str) -> str:
    with app.app_context():
        return delivery_status(reference)


def report(app: Flask, adapter: str, body: Any, **headers: str) -> int:
    client: FlaskClient = app.test_client()
    return client.post(f"/gateways/sms/{adapter}", json=body, headers=headers or BEARER).status_code


def test_a_report_is_kept_once_and_delivered_is_the_last_word(reporting: Flask) -> None:
    """S3: no real gateway's delivery reports were heard, so the warning's arrival never weighed."""
    assert report(reporting, "json", {"reference": "r1", "status": "DELIVERED"}) == 204
    assert report(reporting, "json", {"reference": "r1", "status": "failed"}) == 204
    assert status(reporting, "r1") == "delivered"


@pytest.mark.parametrize(
    ("word", "kept"),
    [("delivered", "delivered"), ("DELIVRD", "delivered"), ("Undelivered", "undelivered"), ("expired", "undelivered"),
     ("queued", "unknown"), (7, "unknown"), (None, "unknown")],
)  # fmt: skip
def test_the_words_of_gateways(reporting: Flask, word: object, kept: str) -> None:
    assert report(reporting, "json", [{"reference": "r1", "status": word}]) == 204
    assert status(reporting, "r1") == kept


@pytest.mark.parametrize(("adapter", "told_as", "path"), [("zenziva", "messageId", ""), ("verihubs", "session_id", "")])
def test_a_gateway_that_names_messages_by_its_own_id(
    make_app: Callable[..., Flask], adapter: str, told_as: str, path: str
) -> None:
    """S3: Zenziva and Verihubs report by an id that they told when they took the message."""

    def taken(_: Call) -> tuple[int, Any]:
        return 200, orjson.dumps({"status": "1", told_as: "4711"})

    with scripted(taken) as gateway:
        url = f"{adapter}:http://user:word@127.0.0.1:{gateway.port}{path}"
        app = make_app(sms_report_token=TOKEN, sms_url=url)
        with app.app_context():
            sms().send(PHONE, "SIAPkerja: Kode OTP Anda 481516.", "our-reference")
            sms().close()
        assert report(app, adapter, {told_as: "4711", "status": "Delivered"}) == 204
        assert status(app, "our-reference") == "delivered"
        assert report(app, adapter, {told_as: "4712", "status": "Delivered"}) == 204, "unknown ones are not sent again"


def test_zenziva_posts_a_form(make_app: Callable[..., Flask]) -> None:
    with scripted(lambda _: (200, orjson.dumps({"status": "1", "messageId": 99}))) as gateway:
        app = make_app(sms_report_token=TOKEN, sms_url=f"zenziva:http://user:word@127.0.0.1:{gateway.port}")
        with app.app_context():
            sms().send(PHONE, "SIAPkerja: Kode OTP Anda 481516.", "ours")
            sms().close()
        form = {"messageId": "99", "status": "Undelivered"}
        assert app.test_client().post("/gateways/sms/zenziva", data=form, headers=BEARER).status_code == 204
        assert status(app, "ours") == "undelivered"


def test_without_the_token_nothing_is_believed(reporting: Flask, app: Flask) -> None:
    """S3: a thief who says that the owner's phone is dead must not be believed. Fails closed."""
    told = {"reference": "r1", "status": "delivered"}
    for wrong in ("Bearer nonsense", "Basic nonsense", f"Bearer {TOKEN}x", "", TOKEN + "é"):
        assert report(reporting, "json", told, Authorization=wrong) == 401
    assert status(reporting, "r1") == "unknown"
    assert report(app, "json", told) == 404, "not there at all until a token is set"
    basic = base64.b64encode(f"gateway:{TOKEN}".encode()).decode()
    assert report(reporting, "json", told, Authorization=f"Basic {basic}") == 204
    assert status(reporting, "r1") == "delivered"


@pytest.mark.parametrize(
    ("body", "answer"),
    [([], 400), ("x", 400), (None, 400), ([[]], 400), ({"reference": ["r1"]}, 204), ({"reference": "r" * 200}, 204), ({}, 204)],
)
def test_nonsense_is_refused_or_passed_over(reporting: Flask, body: Any, answer: int) -> None:
    assert report(reporting, "json", body) == answer


def test_adapters_that_are_none_and_reports_that_are_too_long(reporting: Flask) -> None:
    assert report(reporting, "pigeon", {"reference": "r1"}) == 404
    assert report(reporting, "json", {"reference": "r1", "more": "x" * 20_000}) == 413
