"""What HTTP itself refuses, or an outage, at endpoints that programs call: an OAuth error in JSON, never a page to read."""

import pytest
from flask import Flask
from sqlalchemy import text

from idp.storage.database import db
from tests.oidc.conftest import RelyingParty


@pytest.mark.parametrize("path", ["/token", "/introspect", "/revoke", "/par", "/device_authorization", "/register", "/userinfo"])
def test_a_wrong_method_is_told_in_json_with_the_right_ones(app: Flask, path: str) -> None:
    answer = app.test_client().put(path)
    assert (answer.status_code, answer.get_json()) == (405, {"error": "invalid_request"})
    assert "POST" in answer.headers["Allow"]
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_body_that_is_too_large_is_told_in_json(app: Flask, wlkp: RelyingParty) -> None:
    answer = app.test_client().post("/token", data=b"x" * 300_000, headers=wlkp.basic)
    assert answer.get_json()["error"] == "invalid_request"
    assert answer.status_code in (400, 413)


def test_an_outage_of_the_database_is_told_in_json(app: Flask, wlkp: RelyingParty) -> None:
    _renamed(app, "refresh_tokens", "elsewhere")
    try:
        answer = wlkp.refresh("r-" + "x" * 43)
    finally:
        _renamed(app, "elsewhere", "refresh_tokens")
    assert (answer.status_code, answer.get_json()["error"]) == (503, "temporarily_unavailable")


def test_people_still_get_pages(app: Flask) -> None:
    answer = app.test_client().put("/device")
    assert (answer.status_code, answer.mimetype) == (405, "text/html")


def test_a_doubled_slash_is_no_redirect_to_the_host_that_was_named(app: Flask) -> None:
    answer = app.test_client().get("/device//x", headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers.get("Location")) == (404, None)


def _renamed(app: Flask, table: str, name: str) -> None:
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))
