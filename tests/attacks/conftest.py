"""Attacks stand on what the tests of the protocol stand on: clients by registration, a person with a session."""

from tests.oidc.conftest import browser, register, sign_in, siti, stranger, wlkp

__all__ = ["browser", "register", "sign_in", "siti", "stranger", "wlkp"]
