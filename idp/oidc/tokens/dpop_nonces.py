"""Nonces for DPoP proofs (RFC 9449 section 8): reckoned from the time with a secret, so that every worker knows them."""

from typing import Any, cast

import flask
from authlib.oauth2 import OAuth2Error
from flask import Response, current_app

from idp.core import clock, crypto, lifetimes
from idp.core.settings import Secrets
from idp.oidc.errors import oauth_error

NONCE_LIFE = lifetimes.DPOP_NONCE.seconds
# Where proofs are shown, and a nonce for the next one is of use.
ENDPOINTS = frozenset({"oidc.token", "oidc.par", "oidc.userinfo"})


def is_current(nonce: Any) -> bool:
    """Whether we hand this nonce out now, or handed it out in the period before."""
    return isinstance(nonce, str) and any(crypto.constant_time_equal(nonce, _nonce(age)) for age in (0, 1))


def required() -> OAuth2Error:
    """The error that asks for another proof, with the nonce that goes along (section 8)."""
    return oauth_error("use_dpop_nonce", "The DPoP proof needs the nonce of the header DPoP-Nonce.")


def offer(response: Response) -> Response:
    """For `after_request`: whoever shows a proof gets the nonce for the next one (section 8.2)."""
    if "DPoP" in flask.request.headers and flask.request.endpoint in ENDPOINTS:
        response.headers["DPoP-Nonce"] = _nonce(0)
    return response


def _nonce(age: int) -> str:
    """That of this period, or of so many before: nobody can reckon one ahead who does not know the secret."""
    secrets = cast(Secrets, current_app.extensions["idp.secrets"])
    return crypto.mac(secrets.pairwise, "dpop-nonce", str(clock.timestamp() // NONCE_LIFE - age))
