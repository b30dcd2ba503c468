"""Somebody with an account, and static clients of the suite in the directory."""

from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from idp import accounts
from idp.accounts import hashing
from idp.core.values import EmailAddress, FullName, Nik, PhoneNumber
from idp.oidc.clients.client import Client, hash_secret
from tests.conformance.suite import CALLBACK, CODE, SECRET, Flow, SuiteClient
from tests.person import Person

Register = Callable[..., SuiteClient]


@cache
def _hashed(secret: str) -> str:
    return hash_secret(secret)


@pytest.fixture
def siti(house, outbox, request: pytest.FixtureRequest) -> Person:
    """A person who can sign in, registered at the time that the test's clock shows, if it has one."""
    if "clock" in request.fixturenames:
        request.getfixturevalue("clock")
    somebody = Person.named("Siti", house.issuer, outbox)
    with house.app.app_context():
        accounts.create(
            Nik.parse(somebody.nik),
            FullName.parse(somebody.full_name),
            PhoneNumber.parse(somebody.phone),
            EmailAddress.parse(somebody.email),
            hashing.hash_password(somebody.password),
        )
    return somebody


@pytest.fixture
def register(house, siti) -> Register:
    """Puts a client of the suite into the directory: a third party with everything, unless told otherwise."""

    def registered(client_id: str = "suite", flow: Flow = CODE, **changes: Any) -> SuiteClient:
        entry: dict[str, Any] = {
            "client_id": client_id,
            "client_name": "Uji Kesesuaian",
            "redirect_uris": (CALLBACK,),
            "response_types": (flow.response_type,),
            "grant_types": ("authorization_code", "refresh_token", "implicit"),
            "scope": "openid profile email phone offline_access",
            "claims": ("birthdate", "gender"),
            "client_secret_hash": _hashed(SECRET),
            "pkce": "optional",
            "profile": "legacy",
        } | changes
        entry = {name: value for name, value in entry.items() if value is not None}
        house.app.extensions["idp.clients"].known[client_id] = Client.model_validate(entry)
        return SuiteClient(house.issuer, client_id, siti, flow, entry["redirect_uris"][0])

    return registered


@pytest.fixture
def client(register: Register) -> SuiteClient:
    """The client of the Basic plan."""
    return register()
