"""Signing keys: what they sign verifies elsewhere, they rotate with overlap, and nothing of them is in the clear."""

import base64
import hmac
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from joserfc import jws, jwt
from joserfc.jwk import KeySet, RSAKey
from sqlalchemy import delete, insert, select, text
from sqlalchemy.exc import OperationalError

from idp.core import clock
from idp.oidc import algorithms
from idp.oidc.tokens import signing_keys
from idp.oidc.tokens.signing_keys import SIGNING_KEYS, KeyRing
from idp.storage.database import db
from idp.storage.sealing import Unsealable

DAY = 86400


@pytest.fixture
def keyless(app: Flask) -> Iterator[Flask]:
    """A house that has no keys yet; other tests share keys, and get theirs back."""
    shared = app.extensions["idp.keys"]
    app.extensions["idp.keys"] = KeyRing()
    with app.app_context():
        kept = replaced_by([])
        yield app
        replaced_by(kept)
    app.extensions["idp.keys"] = shared


@pytest.fixture
def moved(keyless: Flask) -> Iterator[time_machine.Traveller]:
    with time_machine.travel("2030-01-01T00:00:00Z", tick=False) as traveller:
        yield traveller


def replaced_by(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Puts these keys into SQL in place of those that were there, which it returns."""
    with db.engine.begin() as connection:
        before = [dict(row._mapping) for row in connection.execute(select(SIGNING_KEYS))]
        connection.execute(delete(SIGNING_KEYS))
        if rows:
            connection.execute(insert(SIGNING_KEYS), rows)
    return before


def published() -> list[dict[str, str]]:
    """What a client finds at our jwks_uri."""
    signing_keys.key_ring().read()
    found: list[dict[str, str]] = json.loads(signing_keys.key_ring().jwks)["keys"]
    return found


def kids(alg: str) -> list[str]:
    return [key["kid"] for key in published() if key["alg"] == alg]


def kid_of(token: str) -> str:
    return str(jws.extract_compact(token.encode()).headers()["kid"])


def encoded(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("alg", algorithms.signing_names())
def test_what_we_sign_verifies_with_what_we_publish(keyless: Flask, alg: str) -> None:
    token = signing_keys.sign({"sub": "siti", "n": 1}, alg, typ="at+jwt")
    read = jwt.decode(token, KeySet.import_key_set({"keys": published()}), algorithms=[alg])  # type: ignore[arg-type]
    assert read.claims == {"sub": "siti", "n": 1}
    assert read.header == {"alg": alg, "typ": "at+jwt", "kid": kid_of(token)}
    assert signing_keys.verify(token) == signing_keys.verify(token, typ="at+jwt") == read.claims
    assert signing_keys.verify(token, typ="JWT") is None, "an access token is no ID token"


def test_what_we_publish_is_public(keyless: Flask) -> None:
    shown = published()
    assert sorted(key["alg"] for key in shown) == sorted(algorithms.signing_names())
    assert all({"d", "p", "q", "dp", "dq", "qi", "k"}.isdisjoint(key) for key in shown)
    assert all(key["use"] == "sig" and key["kid"] for key in shown)
    assert min(len(base64.urlsafe_b64decode(key["n"] + "==")) for key in shown if key["kty"] == "RSA") == 256


def test_private_keys_are_sealed_in_sql(keyless: Flask) -> None:
    known = signing_keys.active_key("ES256").key.as_dict(private=True)
    with db.engine.connect() as connection:
        kept = " ".join(map(str, connection.execute(text("SELECT * FROM signing_keys")).all()))
    assert str(known["x"]) not in kept
    assert str(known["d"]) not in kept
    assert str(known["d"]) not in repr(signing_keys.key_ring())


@pytest.mark.parametrize(
    "changed",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"kid": "unknown"},
        {"alg": "PS256"},
        {"crit": ["exp"]},
        {"jku": "https://evil.example/jwks"},
    ],
)
def test_a_token_with_another_header_is_not_ours(keyless: Flask, changed: dict[str, object]) -> None:
    token = signing_keys.sign({"sub": "siti"}, "RS256")
    header = {"alg": "RS256", "kid": kid_of(token), "typ": "JWT"} | changed
    assert signing_keys.verify(token) == {"sub": "siti"}
    assert signing_keys.verify(".".join([encoded(header), *token.split(".")[1:]])) is None


def test_a_foreign_key_under_our_kid_is_not_believed(keyless: Flask) -> None:
    ours = signing_keys.active_key("RS256").kid
    forged = jws.serialize_compact({"alg": "RS256", "kid": ours, "typ": "JWT"}, b"{}", RSAKey.generate_key(2048))
    assert signing_keys.verify(forged) is None
    assert signing_keys.verify("") is signing_keys.verify("a.b") is signing_keys.verify("é.é.é") is None


def test_a_public_key_is_no_secret_for_an_hmac(keyless: Flask) -> None:
    ours = signing_keys.active_key("RS256")
    for secret in (ours.key.as_pem(private=False), ours.key.as_der(private=False)):
        message = ".".join([encoded({"alg": "HS256", "kid": ours.kid, "typ": "JWT"}), encoded({})]).encode()
        signature = base64.urlsafe_b64encode(hmac.digest(secret, message, "sha256")).rstrip(b"=")
        assert signing_keys.verify((message + b"." + signature).decode()) is None


@pytest.mark.parametrize("alg", algorithms.signing_names())
def test_a_next_key_is_published_a_day_before_it_signs(moved: time_machine.Traveller, alg: str) -> None:
    old = signing_keys.sign({}, alg)
    fresh = signing_keys.rotate(alg)
    assert set(kids(alg)) == {kid_of(old), fresh}
    moved.shift(DAY - 1)
    assert kid_of(signing_keys.sign({}, alg)) == kid_of(old)
    moved.shift(1)
    assert kid_of(signing_keys.sign({}, alg)) == fresh
    assert signing_keys.verify(old) == {}


def test_the_old_key_leaves_after_the_last_token_died(moved: time_machine.Traveller) -> None:
    old = signing_keys.sign({}, "ES256")
    fresh = signing_keys.rotate("ES256")
    moved.shift(2 * DAY)
    assert set(kids("ES256")) == {kid_of(old), fresh}, "a day after it last signed it still verifies"
    assert signing_keys.verify(old) == {}
    moved.shift(1)
    assert kids("ES256") == [fresh]
    assert signing_keys.verify(old) is None
    with db.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM signing_keys WHERE alg = 'ES256'")) == 1


def test_a_leaked_key_is_replaced_and_retired_at_once(keyless: Flask) -> None:
    leaked = signing_keys.sign({}, "RS256")
    fresh = signing_keys.rotate("RS256", at_once=True)
    assert kid_of(signing_keys.sign({}, "RS256")) == fresh
    assert signing_keys.retire(kid_of(leaked))
    assert kids("RS256") == [fresh]
    assert kid_of(signing_keys.sign({}, "RS256")) == fresh
    assert signing_keys.verify(leaked) is None
    assert not signing_keys.retire(kid_of(leaked))
    with db.engine.connect() as connection:
        found = connection.scalar(text("SELECT private_sealed FROM signing_keys WHERE kid = :kid"), {"kid": kid_of(leaked)})
    assert found == "", "the private part is erased"


def test_signing_goes_on_when_the_only_key_is_retired(keyless: Flask) -> None:
    gone = signing_keys.active_key("EdDSA").kid
    signing_keys.rotate("EdDSA")  # a next key that may not sign yet does not help
    signing_keys.retire(gone)
    assert kid_of(signing_keys.sign({}, "EdDSA")) not in (gone, "")
    assert gone not in kids("EdDSA")


def test_workers_that_start_at_once_agree_on_one_key_each(keyless: Flask) -> None:
    barrier = threading.Barrier(8)

    def start(_: int) -> frozenset[str]:
        with keyless.app_context():
            mine = KeyRing()
            barrier.wait(60)
            return frozenset(p.kid for p in mine.current())

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(start, range(8)))
    with db.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM signing_keys")) == len(algorithms.signing_names())
    assert len(found) == 1


def test_keys_are_imported_once(keyless: Flask) -> None:
    before = {p.kid: p for p in signing_keys.key_ring().current()}
    fresh = signing_keys.rotate("ES256")
    after = {p.kid: p for p in signing_keys.key_ring().current()}
    assert all(after[kid] is known for kid, known in before.items())
    assert after.keys() - before.keys() == {fresh}


def test_signing_outlives_an_outage_of_the_database(keyless: Flask) -> None:
    known = signing_keys.sign({}, "ES256")
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE signing_keys RENAME TO elsewhere"))
    signing_keys.key_ring().looked = clock.monotonic() - signing_keys.RELOAD_INTERVAL - 1
    assert signing_keys.verify(signing_keys.sign({"sub": "siti"}, "ES256")) == {"sub": "siti"}
    assert signing_keys.verify(known) == {}
    with pytest.raises(OperationalError):
        KeyRing().current()  # a worker that has no key yet fails closed
    with db.engine.begin() as connection:
        connection.execute(text("ALTER TABLE elsewhere RENAME TO signing_keys"))


def test_a_row_moved_to_another_kid_does_not_open(keyless: Flask) -> None:
    signing_keys.key_ring().current()
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE signing_keys SET kid = 'moved' WHERE alg = 'ES256'"))
    with pytest.raises(Unsealable):
        KeyRing().current()


def test_an_unknown_algorithm_signs_nothing(keyless: Flask) -> None:
    for alg in ("none", "HS256", "RS512", ""):
        with pytest.raises(LookupError):
            signing_keys.sign({}, alg)


def test_the_list_names_each_key_and_its_state(moved: time_machine.Traveller) -> None:
    signing_keys.rotate("EdDSA")
    states = [(alg, state) for _, alg, state, _ in signing_keys.list_keys()]
    assert states.count(("EdDSA", "next")) == 1
    assert [state for alg, state in states if alg == "RS256"] == ["active"]
    moved.shift(DAY)
    assert [state for _, alg, state, _ in signing_keys.list_keys() if alg == "EdDSA"] == ["previous", "active"]
    assert isinstance(signing_keys.active_key("EdDSA").key.private_key, Ed25519PrivateKey)
