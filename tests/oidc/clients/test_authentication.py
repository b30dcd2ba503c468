"""How clients prove themselves, and what whoever helps them reads in the log when they fail."""

from base64 import b64encode
from typing import Any

import pytest
from flask import Flask
from structlog.testing import capture_logs

from idp.oidc.clients.client import Client, hash_secret

SECRET = "drawn-at-random-and-forty-characters-long"
BASIC = {"headers": {"Authorization": "Basic " + b64encode(f"layanan:{SECRET}".encode()).decode()}}
FORM: dict[str, Any] = {"client_id": "layanan", "client_secret": SECRET}


@pytest.fixture
def answered(app: Flask) -> Any:
    """What the token endpoint says to a client with this method, and what the log says of it."""

    def asked(method: str, form: dict[str, Any], **how: Any) -> tuple[str, list[Any]]:
        facts: dict[str, Any] = {"client_name": "Layanan", "redirect_uris": ("https://layanan.example/cb",)}
        proof = {"token_endpoint_auth_method": method, "client_secret_hash": None if method == "none" else hash_secret(SECRET)}
        app.extensions["idp.clients"].known["layanan"] = Client(client_id="layanan", **facts, **proof)
        sent = {"grant_type": "authorization_code", "code": "none", "redirect_uri": "https://layanan.example/cb"} | form
        with capture_logs() as logs:
            answer = app.test_client().post("/token", data=sent | {"code_verifier": "v" * 43}, **how)
        return answer.json["error"], [line for line in logs if line["event"] == "client_refused"]

    return asked


def test_a_secret_that_may_come_either_way_does(answered: Any) -> None:
    """R1: by HTTP Basic or in the form, as the service's library does it; but it must come."""
    assert answered("client_secret_any", {}, **BASIC) == ("invalid_grant", [])
    assert answered("client_secret_any", FORM) == ("invalid_grant", [])
    assert answered("client_secret_any", {"client_id": "layanan"})[0] == "invalid_client"
    assert answered("client_secret_any", FORM | {"client_secret": "x" * 40})[0] == "invalid_client"


@pytest.mark.parametrize(
    ("method", "form", "how", "told"),
    [
        ("client_secret_post", {}, BASIC, {"why": "other_method", "client": "layanan", "used": "client_secret_basic"}),
        ("client_secret_basic", FORM, {}, {"why": "other_method", "client": "layanan", "used": "client_secret_post"}),
        ("client_secret_basic", {"client_id": "layanan"}, {}, {"why": "other_method", "client": "layanan", "used": "none"}),
        ("client_secret_post", FORM | {"client_secret": "x" * 40}, {}, {"why": "not_proved", "client": "layanan"}),
        ("client_secret_post", FORM | {"client_id": "9901015708900001"}, {}, {"why": "unknown_client"}),
        ("client_secret_post", {}, {}, {"why": "nothing_sent"}),
    ],
)
def test_the_log_says_why_a_client_was_refused(
    answered: Any, method: str, form: dict[str, Any], how: dict[str, Any], told: dict[str, str]
) -> None:
    """R7: the answer tells a stranger nothing; the log tells the operator all but what was sent."""
    error, lines = answered(method, form, **how)
    assert error == "invalid_client"
    (line,) = lines
    assert told.items() <= line.items()
    assert "client" in told or "client" not in line
    for secret in (SECRET, "x" * 40, "9901015708900001"):
        assert secret not in str(line)
