"""Scopes stand in one table: a row more is a scope more, everywhere."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_babel import force_locale
from pydantic import ValidationError

from idp.accounts.disclosure import CLAIM_LABELS
from idp.oidc import scopes
from idp.oidc.clients.client import Client
from idp.oidc.scopes import SCOPES, Scope
from idp.storage.database import db
from tests.oidc.authorization.test_endpoint import decide
from tests.oidc.conftest import CALLBACK, RelyingParty
from tests.test_architecture import IDP

REACHABLE = Scope("reachable", "of this test", claims=("email", "phone_number"), wording="Ia dapat menghubungi Anda.")
FACTS = {"email_verified", "phone_number_verified", "updated_at"}  # about another claim, or about the record: not shown
OFFLINE = "Layanan ini tetap dapat membaca data tersebut"


@pytest.fixture
def wider(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same service one row later."""
    monkeypatch.setattr(scopes, "SCOPES", (*SCOPES, REACHABLE))


def consent_page(browser: FlaskClient, party: RelyingParty, scope: str) -> str:
    found = browser.get(party.url(scope=scope))
    assert found.location.endswith("/consent"), found.location
    return browser.get(found.location).get_data(as_text=True)


def test_every_row_has_its_clause_and_stands_once() -> None:
    assert all(row.clause for row in SCOPES)
    assert len({row.name for row in SCOPES}) == len(SCOPES)
    assert all(set(row.restricted) <= set(row.claims) for row in SCOPES)


def test_consent_has_a_word_for_every_value_that_a_scope_gives() -> None:
    assert set(scopes.claims()) - FACTS == CLAIM_LABELS.keys()


def test_every_sentence_of_a_scope_is_told_in_english_too(app: Flask) -> None:
    for name in [row.name for row in SCOPES if row.wording is not None]:
        with app.test_request_context(), force_locale("id"):
            indonesian = scopes.wordings(name)
        with app.test_request_context(), force_locale("en"):
            assert scopes.wordings(name) != indonesian


def test_the_page_says_what_lasts_only_where_it_was_asked_for(stranger: RelyingParty, browser: FlaskClient) -> None:
    lasting = consent_page(browser, stranger, "openid profile offline_access")
    passing = consent_page(browser, stranger, "openid profile")
    assert OFFLINE in lasting
    assert OFFLINE not in passing
    assert "Siti Aminah" in passing


def test_a_row_more_is_asked_consented_and_given(
    app: Flask, wider: None, register: Callable[..., RelyingParty], browser: FlaskClient
) -> None:
    """Allowed by its entry, named and worded on the consent page, given at userinfo."""
    party = register("caller", scope="openid reachable", first_party=False)
    page = consent_page(browser, party, "openid reachable")
    for shown in ("Ia dapat menghubungi Anda.", "Nomor Handphone", "+6281234562797", "Alamat Email", "siti@example.com"):
        assert shown in page, shown
    assert "Nama lengkap" not in page
    code = decide(browser, party, "allow", scope="openid reachable")["code"]
    told = party.userinfo(party.redeem(code).json["access_token"]).json
    assert {"email", "phone_number"} == told.keys() - {"sub"}


def test_a_row_more_is_discovered_and_registered(app: Flask, wider: None, make_app: Callable[..., Flask]) -> None:
    made = make_app(registration_tokens="open")
    try:
        told = made.test_client().get("/.well-known/openid-configuration").get_json()
        assert told["scopes_supported"][-1] == "reachable"
        given = made.test_client().post("/register", json={"redirect_uris": [CALLBACK], "scope": "openid reachable nik"})
        assert given.get_json()["scope"] == "openid reachable", "nik is for an operator to allow"
    finally:
        with made.app_context():
            db.engine.dispose()


def test_a_scope_of_restricted_claims_alone_is_not_for_the_asking() -> None:
    assert {row.name for row in SCOPES if not row.self_service} == {"nik", "roles"}
    assert set(scopes.restricted_claims()) == {"nik", "roles", "birthdate", "gender"}


@pytest.mark.parametrize("value", ["email", "sub", "", 5])
def test_an_entry_allows_restricted_claims_and_no_others_by_name(value: Any) -> None:
    entry = {"client_id": "wlkp", "client_name": "Wajib Lapor", "redirect_uris": [CALLBACK]}
    assert Client.model_validate(entry | {"claims": ["nik", "birthdate", "gender", "roles"]}).claims
    with pytest.raises(ValidationError, match="must be one of 'birthdate', 'gender', 'nik' or 'roles'"):
        Client.model_validate(entry | {"claims": [value]})


def test_a_client_acts_for_itself_with_no_scope_that_speaks_of_a_person(wlkp: RelyingParty) -> None:
    for scope in scopes.names():
        given = wlkp.post("/token", grant_type="client_credentials", scope=scope)
        assert (given.status_code, given.json["error"]) == (400, "invalid_scope"), scope
    assert wlkp.post("/token", grant_type="client_credentials", scope="api").status_code == 200


def test_the_page_of_the_protocol_names_what_is_restricted() -> None:
    page = (IDP.parent / "docs/protocol.md").read_text()
    assert not [claim for claim in scopes.restricted_claims() if claim not in page]
