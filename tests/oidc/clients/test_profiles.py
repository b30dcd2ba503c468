"""Profiles of FAPI 2.0 in clients.yaml: one word sets everything, and each line that contradicts it is told with its cure."""

from pathlib import Path
from typing import Any

import pytest

from idp.oidc.clients import file, profiles
from idp.oidc.clients.client import Client
from idp.oidc.clients.entry import ClientEntry
from tests.conformance.fapi import JWKS

ROOT = Path(__file__).resolve().parents[3]
HEAD = """clients:
- client_id: jkp
  client_name: JKP
  redirect_uris: [https://jkp.example.go.id/cb]
  jwks_uri: https://jkp.example.go.id/keys
  profile: {profile}
"""
# Each line that goes against the profile, and what is told of it.
SLIPS = [
    ("token_endpoint_auth_method: none", "token_endpoint_auth_method must be private_key_jwt, tls_client_auth or self_signed"),
    ("assertion_audience: endpoint", "assertion_audience must be issuer"),
    ("dpop_bound_access_tokens: false", "dpop_bound_access_tokens must be true, or tls_client_certificate_bound_access_tokens"),
    ("require_pushed_authorization_requests: false", "require_pushed_authorization_requests must be true"),
    ("pkce: optional", "pkce must be required"),
    ("id_token_signed_response_alg: RS256", "id_token_signed_response_alg must be PS256, ES256 or EdDSA"),
    ("token_endpoint_auth_signing_alg: RS256", "token_endpoint_auth_signing_alg must be PS256, ES256 or EdDSA"),
    ("request_object_signing_alg: RS256", "request_object_signing_alg must be PS256, ES256 or EdDSA"),
    ("userinfo_signed_response_alg: RS256", "userinfo_signed_response_alg must be PS256, ES256 or EdDSA"),
]
SIGNED_SLIPS = [
    ("require_signed_request_object: false", "require_signed_request_object must be true"),
    ("authorization_signed_response_alg: RS256", "authorization_signed_response_alg must be PS256, ES256 or EdDSA"),
]


def told(path: Path, profile: str, *lines: str) -> list[str]:
    """What is said of an entry with these lines."""
    path.write_text(HEAD.format(profile=profile) + "".join(f"  {line}\n" for line in lines))
    _, mistakes = file.read(path)
    return [str(mistake) for mistake in mistakes]


def test_each_contradiction_is_told_by_file_line_and_cure(tmp_path: Path) -> None:
    path = tmp_path / "clients.yaml"
    for profile, slips in (("fapi2", SLIPS), ("fapi2-signed", [*SLIPS, *SIGNED_SLIPS])):
        for line, sentence in slips:
            assert [f"clients.yaml:7: client jkp: {sentence}" in one for one in told(path, profile, line)].count(True) == 1, line
            assert f"which `profile: {profile}` keeps to)" in "".join(told(path, profile, line))
        together = told(path, profile, *(line for line, _ in slips))
        assert all(any(f":{7 + at}: client jkp: {sentence}" in one for one in together) for at, (_, sentence) in enumerate(slips))
    assert len(SLIPS) + len(SIGNED_SLIPS) + 2 == len(profiles.MESSAGE_SIGNING), "redirect_uris and jwks are told below"


def test_what_else_it_refuses(tmp_path: Path) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text(HEAD.format(profile="fapi2").replace("https://jkp.example.go.id/cb", "http://127.0.0.1:5001/cb"))
    assert "clients.yaml:4: client jkp: redirect_uris has http://" in str(file.read(path)[1][0])
    path.write_text(HEAD.format(profile="fapi2-signed").replace("  jwks_uri: https://jkp.example.go.id/keys\n", ""))
    assert any("jwks is missing" in str(mistake) for mistake in file.read(path)[1])
    assert any("response_types" in one for one in told(path, "fapi2", "response_types: [code id_token]"))


def test_one_word_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "clients.yaml"
    assert told(path, "fapi2-signed") == []
    client = file.read(path)[0]["jkp"]
    assert (client.token_endpoint_auth_method, client.dpop_bound_access_tokens) == ("private_key_jwt", True)
    assert (client.require_pushed_authorization_requests, client.require_signed_request_object) == (True, True)
    assert told(path, "fapi2", "tls_client_certificate_bound_access_tokens: true") == []
    bound = file.read(path)[0]["jkp"]
    assert (bound.dpop_bound_access_tokens, bound.require_signed_request_object) == (False, False)


def test_who_says_nothing_of_a_profile_is_held_to_none() -> None:
    plain: dict[str, Any] = {"client_id": "jkp", "client_name": "JKP", "redirect_uris": ["https://jkp.example/cb"], "jwks": JWKS}
    client = Client.model_validate(plain | {"token_endpoint_auth_method": "private_key_jwt"})
    assert (client.fapi, client.answered_in_jwts, client.dpop_bound_access_tokens) == (False, False, False)


@pytest.mark.parametrize("profile", profiles.PROFILES)
def test_every_demand_is_of_a_member_and_documented(profile: str) -> None:
    page = (ROOT / "docs" / "protocol.md").read_text()
    for demand in profiles.PROFILES[profile]:
        assert {demand.member, demand.unless} - {""} <= ClientEntry.model_fields.keys()
        assert demand.clause.startswith("FAPI 2.0")
        assert f"`{demand.member}" in page
