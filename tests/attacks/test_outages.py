"""A store or database that answers and cannot do its work: never a 500, always a way on and a time to come back."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event

from idp.storage.database import db
from tests import stores
from tests.attacks.test_interaction_cookies import HTTPS, begin
from tests.conftest import House
from tests.oidc.conftest import RelyingParty, browser, register, sign_in, siti, wlkp  # noqa: F401 (fixtures)
from tests.simple_browser import Page


def full(redis: Any) -> None:
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", "1")


def read_only(redis: Any) -> None:
    redis.replicaof("127.0.0.1", "1")


def cut_off(redis: Any) -> None:
    redis.config_set("replica-serve-stale-data", "no")
    redis.replicaof("127.0.0.1", "1")


def without_replicas(redis: Any) -> None:
    redis.config_set("min-replicas-to-write", "3")


def whole(redis: Any) -> None:
    redis.replicaof("NO", "ONE")
    for name, value in (("maxmemory", "0"), ("replica-serve-stale-data", "yes"), ("min-replicas-to-write", "0")):
        redis.config_set(name, value)


@pytest.fixture(params=[full, read_only, cut_off, without_replicas])
def ailing(request: pytest.FixtureRequest, app: Flask) -> Iterator[Callable[[], None]]:
    """Makes the real Redis refuse what is written, each time for another reason; it is whole again afterwards."""
    redis = app.extensions["idp.storage.redis_store"].redis
    try:
        yield lambda: request.param(redis)
    finally:
        whole(redis)


def test_a_store_that_refuses_is_an_outage_everywhere(
    ailing: Callable[[], None],
    app: Flask,
    wlkp: RelyingParty,
    browser: FlaskClient,  # noqa: F811
) -> None:
    """S20, O6, O12: 503 with Retry-After as a page for people and JSON for programs, and not ready."""
    code = wlkp.code(browser)
    ailing()
    stranger = app.test_client()
    assert app.test_client().get("/healthz").status_code == 200
    for answer in (browser.get(wlkp.url()), stranger.get("/readyz")):
        assert answer.status_code == 503, answer.get_data(as_text=True)[:300]
        assert int(answer.headers["Retry-After"]) > 0
    assert "store" in stranger.get("/readyz").get_data(as_text=True)
    asked = dict(parse_qsl(urlsplit(wlkp.url()).query))
    for called in (wlkp.redeem(code), wlkp.post("/par", **asked)):
        assert (called.status_code, called.json["error"]) == (503, "temporarily_unavailable")
        assert int(called.headers["Retry-After"]) > 0


def test_a_read_only_database_is_an_outage(app: Flask) -> None:
    """S20, O6: where nothing can be written nobody is served: `/readyz` says so."""
    with app.app_context():
        engine = db.engine

    def refuse_writing(connection: Any, *_: Any) -> None:
        connection.execute("PRAGMA query_only = ON")

    event.listen(engine, "checkout", refuse_writing)
    try:
        answer = app.test_client().get("/readyz")
        assert (answer.status_code, answer.get_data(as_text=True)) == (503, "failing: sql\n")
        assert int(answer.headers["Retry-After"]) > 0
    finally:
        event.remove(engine, "checkout", refuse_writing)
        engine.dispose()
    assert app.test_client().get("/readyz").status_code == 200


def test_postgresql_in_the_middle_of_a_switch_over(houses: Callable[..., House]) -> None:
    """O6: PostgreSQL that is read-only raises another exception than one that is away; both are outages."""
    app = houses(stores.LARGE).app
    with app.app_context():
        engine = db.engine

    def refuse_writing(connection: Any, *_: Any) -> None:
        connection.cursor().execute("SET default_transaction_read_only = on")
        connection.commit()

    event.listen(engine, "checkout", refuse_writing)
    try:
        answer = app.test_client().get("/readyz")
        assert (answer.status_code, answer.get_data(as_text=True)) == (503, "failing: sql\n")
    finally:
        event.remove(engine, "checkout", refuse_writing)
        engine.dispose()


@pytest.mark.parametrize("space", ["\u00a0", "\t", "\u2003", "\u3000", "\x0b", "\x1c", "\u0085"])
def test_white_space_that_is_no_space_divides_nothing(wlkp: RelyingParty, browser: FlaskClient, space: str) -> None:  # noqa: F811
    """S20: RFC 6749 section 3.3: values are divided by the ASCII space alone."""
    for changes in ({"response_type": f"code{space}"}, {"prompt": f"login{space}consent"}, {"scope": f"openid{space}profile"}):
        told = browser.get(wlkp.url(**changes))
        assert told.status_code == 303, told.get_data(as_text=True)[:200]
        assert "error=" in told.location
    assert "code=" in browser.get(wlkp.url(response_type=" code ", scope=" openid  profile ")).location


@pytest.mark.parametrize("deep", ['{"a":' * 3000 + "1" + "}" * 3000, "[" * 9000 + "]" * 9000])
def test_json_without_a_bottom_at_the_passkey_page(make_app: Callable[..., Flask], deep: str) -> None:
    """S20: what no authenticator sends is a passkey that cannot be used, not a failure of ours."""
    browser = make_app(issuer=HTTPS).test_client()
    page = browser.get(begin(browser).location, base_url=HTTPS)
    form = next(
        form for form in Page(HTTPS + page.request.path, 200, page.get_data(as_text=True)).forms if "credential" in form.fields
    )
    sent = form.fields | {"credential": deep}
    answer = browser.post(form.action, data=sent, base_url=HTTPS, headers={"Origin": HTTPS})
    assert answer.status_code == 422, answer.get_data(as_text=True)[:300]
    assert "Passkey tidak dapat digunakan" in answer.get_data(as_text=True)
