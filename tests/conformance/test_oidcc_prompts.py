"""prompt, max_age, hints, languages and other wishes of an authorization request."""

import pytest

from tests.conformance.suite import FLOWS

every_flow = pytest.mark.parametrize("flow", FLOWS, ids=str)


@every_flow
def test_oidcc_prompt_login(register, clock, flow):
    client = register(flow=flow)
    first = client.signs_in()
    clock.shift(5)
    again = client.signs_in(prompt="login")
    assert client.seen == ["login"]
    assert again.claims["sub"] == first.claims["sub"]
    assert again.claims["auth_time"] == first.claims["auth_time"] + 5


@every_flow
def test_oidcc_prompt_none_not_logged_in(register, flow):
    client = register(flow=flow)
    client.sends(prompt="none")
    given = client.answered()
    assert given["error"] == "login_required"
    assert not given.keys() & {"code", "id_token", "access_token"}


@every_flow
def test_oidcc_prompt_none_logged_in(register, clock, flow):
    client = register(flow=flow)
    first = client.signs_in()
    clock.shift(60)
    again = client.signs_in(prompt="none")
    assert client.seen == []
    same = ("sub", "auth_time")
    assert {name: again.claims[name] for name in same} == {name: first.claims[name] for name in same}


def test_prompt_none_without_consent_is_consent_required(register):
    register().signs_in()
    client = register("suite2")
    client.sends(prompt="none")
    assert client.answered()["error"] == "consent_required"


def test_prompt_consent_asks_again(client):
    client.signs_in()
    client.signs_in(prompt="consent")
    assert client.seen == ["consent"]


def test_prompt_select_account_shows_the_sign_in_page(client):
    client.signs_in()
    client.signs_in(prompt="select_account")
    assert client.seen == ["login"]


@every_flow
def test_oidcc_max_age_1(register, clock, flow):
    client = register(flow=flow)
    first = client.signs_in()
    clock.shift(2)
    again = client.signs_in(max_age="1")
    assert client.seen == ["login"]
    assert again.claims["auth_time"] > first.claims["auth_time"]


@every_flow
def test_oidcc_max_age_10000(register, clock, flow):
    client = register(flow=flow)
    first = client.signs_in()
    clock.shift(1)
    again = client.signs_in(max_age="10000")
    assert client.seen == []
    assert again.claims["auth_time"] == first.claims["auth_time"]
    assert again.claims["sub"] == first.claims["sub"]


@every_flow
def test_oidcc_id_token_hint(register, clock, flow):
    client = register(flow=flow)
    first = client.signs_in()
    clock.shift(2)
    again = client.signs_in(prompt="none", id_token_hint=first.id_token)
    assert again.claims["sub"] == first.claims["sub"]
    assert again.claims["auth_time"] == first.claims["auth_time"]


def test_id_token_hint_of_another_client_is_refused(register):
    other = register("suite2").signs_in()
    client = register()
    client.sends(prompt="none", id_token_hint=other.id_token)
    assert client.answered()["error"] == "invalid_request"


# Modules that only demand that the request succeeds, by the name of the module.
HARMLESS = {
    "oidcc_display_page": {"display": "page"},
    "oidcc_display_popup": {"display": "popup"},
    "oidcc_ensure_request_with_unknown_parameter_succeeds": {"extra": "foobar"},
    "oidcc_login_hint": {"login_hint": "siti@surat.example"},
    "oidcc_ui_locales": {"ui_locales": "se"},
    "oidcc_claims_locales": {"claims_locales": "se"},
    "oidcc_ensure_request_with_acr_values_succeeds": {"acr_values": "1 2"},
}


@every_flow
@pytest.mark.parametrize("module", HARMLESS)
def test_module(register, flow, module):
    client = register(flow=flow)
    client.signs_in(**HARMLESS[module])
    assert client.seen == ["login", "consent"]


def test_oidcc_login_hint_is_typed_already(client):
    page = client.sends(login_hint=client.person.email)
    assert page.form("identifier").fields["identifier"] == client.person.email


def test_oidcc_ui_locales_chooses_the_language(client):
    assert client.sends(ui_locales="se en").attributes["html"]["lang"] == "en"
