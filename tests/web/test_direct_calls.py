"""What programs call all day is answered ahead of Flask's routing exactly as Flask answers it: byte by byte, header by header."""

import base64
import re
from functools import wraps
from random import Random
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from idp.oidc.routes import called_all_day
from idp.storage import redis_store
from idp.web.direct_calls import DirectCalls
from tests.oidc.conftest import CALLBACK, SECRET, register, sign_in, siti, wlkp  # noqa: F401 (fixtures)
from tests.stores import free_port

FORM = "application/x-www-form-urlencoded"
SECRETS_IN_ANSWERS = re.compile(rb'("(?:access_token|refresh_token|id_token)":)"[^"]+"')
NEVER_THE_SAME = re.compile(rb'"reference":"\d+"')
NONCE = re.compile(r"'nonce-[^']+'")
HOW_MANY = 3000


def both(app: Flask) -> tuple[DirectCalls, Any]:
    """The application with the short way, and without it."""
    short: Any = app.wsgi_app
    while not isinstance(short, DirectCalls):
        short = short.wsgi
    return short, short.wsgi


def answer(application: Any, asked: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Status, headers in their order, and body without what is drawn anew for each answer."""
    body, status, headers = run_wsgi_app(application, EnvironBuilder(**asked).get_environ(), buffered=True)
    told = [
        (name, NONCE.sub("", ", ".join(sorted(value.split(", "))))) for name, value in headers
    ]  # Flask lists methods in any order
    return status, told, NEVER_THE_SAME.sub(b"", SECRETS_IN_ANSWERS.sub(rb'\1"-"', b"".join(body)))


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Callers:
    """Requests as clients, and whoever plays one, send them: most are almost right."""

    def __init__(self, seed: int, token: str) -> None:
        self.random = Random(seed)
        self.token = token

    def request(self) -> dict[str, Any]:
        pick = self.random.choice
        path = pick(["/token", "/introspect", "/userinfo"])
        method = pick(["POST"] * 6 + ["GET"] * (6 if path == "/userinfo" else 1) + ["HEAD", "OPTIONS", "PUT"])
        headers = dict(pick(self._headers()) for _ in range(self.random.randrange(4)))
        headers |= pick(self._proofs())
        content = pick(
            [FORM] * 8 + [f"{FORM}; charset=utf-8", "application/json", "text/plain", "", "multipart/form-data; boundary=x"]
        )
        asked: dict[str, Any] = {"path": path, "method": method, "headers": headers, "content_type": content or None}
        if method != "GET" or pick([True, False]):
            asked["data"] = self._body()
        if self.random.random() < 0.1:
            asked["query_string"] = pick(["a=b", "access_token=x", "grant_type=client_credentials", "%ff", "é=1"])
        return asked

    def _headers(self) -> list[tuple[str, str]]:
        origins = ["https://rp.example", "https://elsewhere.example", "null", "http://localhost"]
        return [
            ("Origin", self.random.choice(origins)),
            ("Cookie", self.random.choice(["idp_session=x", "idp_browser=y; bahasa=en", "=", "é=1"])),
            ("Accept-Language", self.random.choice(["en", "id", "xx;q=2"])),
            ("Sec-Fetch-Site", "cross-site"),
            ("X-Forwarded-For", "1.2.3.4"),
            ("Accept", "text/html"),
        ]

    def _proofs(self) -> list[dict[str, str]]:
        right = {"Authorization": basic("wlkp", SECRET)}
        wrong = [basic("wlkp", "x"), basic("nobody", SECRET), "Basic", "Basic ===", "Bearer", "Bearer x", "Digest a=b", "DPoP x"]
        return [right] * 6 + [{"Authorization": f"Bearer {self.token}"}] * 4 + [{"Authorization": each} for each in wrong] + [{}]

    def _body(self) -> bytes:
        parts = [
            "grant_type=client_credentials", "grant_type=authorization_code", "grant_type=refresh_token", "grant_type=x", "scope=api",
            "scope=openid", "scope=", "code=x", "code=é", f"redirect_uri={CALLBACK}", f"token={self.token}", "token=x", "token=",
            f"access_token={self.token}", "token_type_hint=access_token", "client_id=wlkp", "client_id=nobody",
            f"client_secret={SECRET}", "refresh_token=abc", "resource=https://api.example/", "resource=x", "audience=y", "%ff=%ff",
            "a=%00", "&&&", "=", "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion=a.b.c",
        ]  # fmt: skip
        chosen = "&".join(self.random.choice(parts) for _ in range(self.random.randrange(5)))
        return chosen.encode() + self.random.choice([b""] * 30 + [b"\xff", b"&x=" + b"y" * 70_000, b"&z=" + b"y" * 300_000])


@pytest.mark.usefixtures("clock")
def test_thousands_of_requests_are_answered_alike(app, wlkp, siti, sign_in):
    short, long = both(app)
    token = wlkp.redeem(wlkp.code(sign_in(siti))).json["access_token"]
    callers, statuses = Callers(20261121, token), set()
    for number in range(HOW_MANY):
        asked = callers.request()
        ways = (short, long) if number % 2 else (long, short)
        one, other = (answer(way, asked) for way in ways)
        assert one == other, asked
        statuses.add((asked["path"], one[0][:3]))
    served = {(path, status) for path in ("/token", "/introspect", "/userinfo") for status in ("200", "400", "401", "405")}
    assert served - {("/userinfo", "400")} <= statuses, "every kind of answer was compared"


def test_both_ways_tell_an_outage_alike(here, wlkp):
    here.extensions["idp.storage.redis_store"] = redis_store.connect(f"redis://127.0.0.1:{free_port()}")
    for path, sent in (("/token", b"grant_type=client_credentials"), ("/introspect", b"token=00" + b"x" * 43)):
        asked = {"path": path, "method": "POST", "headers": wlkp.basic, "content_type": FORM, "data": sent}
        one, other = (answer(way, asked) for way in both(here))
        assert one == other
        assert one[0].startswith("503"), path
        assert ("Retry-After", "5") in one[1]


def test_both_ways_tell_what_nobody_foresaw_alike(make_app):
    app = make_app()
    app.config["PROPAGATE_UNFORESEEN"] = False

    @wraps(app.view_functions["oidc.token"])  # the checks of forms know a view by its name
    def falls() -> None:
        raise RuntimeError("mother's name")

    app.view_functions["oidc.token"] = falls
    one, other = (answer(way, {"path": "/token", "method": "POST"}) for way in both(app))
    assert one == other
    assert one[0].startswith("500")
    assert b"server_error" in one[2]
    assert b"mother" not in one[2]


def test_an_answer_of_the_short_way_is_counted(make_app):
    app = make_app(metrics_from=("127.0.0.1",))
    short, _ = both(app)
    answer(short, {"path": "/token", "method": "POST"})
    told = app.test_client().get("/metrics").get_data(as_text=True)
    assert 'idp_requests_total{endpoint="oidc.token",status="400"} 1.0' in told


def test_nothing_of_one_call_is_left_for_the_next(app, wlkp):
    """The context ends with the answer: who called, and what was read from the database, is forgotten."""
    from flask import has_app_context, has_request_context

    short, _ = both(app)
    for sent in (b"grant_type=client_credentials", b"grant_type=x"):
        answer(short, {"path": "/token", "method": "POST", "headers": wlkp.basic, "content_type": FORM, "data": sent})
        assert not has_request_context()
        assert not has_app_context()


def test_only_what_has_no_form_and_no_cookie_goes_the_short_way(app):
    """Whoever leaves out the checks of forms must have none: the views say so themselves, in the table of routes."""
    from idp.oidc.routes import ROUTES

    short, _ = both(app)
    assert set(short.rules) == set(called_all_day())
    for route in ROUTES:
        assert route.called or not route.all_day, route.rule
