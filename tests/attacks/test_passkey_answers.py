"""Answers to a passkey's challenge that no authenticator gives: each is refused, and none breaks anything."""

import json
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import cbor2
import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from idp.authenticators import WrongFactor, passkeys
from idp.core import crypto
from idp.storage.database import db
from tests.attacks.fuzzing import ODD_JSON, any_json, as_bytes, bent_members, thorough
from tests.soft_passkey import SoftPasskey

ORIGIN = "http://localhost:5000"
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    99,
    -257,
    2**31,
    2**70,
    1.5,
    "",
    "x",
    b"",
    b"\0",
    b"\xff" * 32,
    b"x" * 3000,
    [],
    [[]],
    {},
    {1: 2},
]
FORMATS = ["none", "packed", "fido-u2f", "tpm", "android-key", "android-safetynet", "apple", "", "x", 5, None]
STATEMENTS: list[Any] = [
    {}, {"sig": b"x"}, {"alg": -7, "sig": b"x"}, {"alg": -7, "sig": b"x", "x5c": [b"junk"]}, {"alg": "x", "sig": 5, "x5c": 5},
    {"x5c": []}, {"ver": "2.0", "alg": -7, "x5c": [b"j"], "sig": b"x", "certInfo": b"x", "pubArea": b"x"}, {"ver": 5, "response": b"a.b.c"},
    {"ver": "x", "response": "é"}, None, [], b"x",
]  # fmt: skip


@pytest.fixture
def named(make_app: Callable[..., Flask], siti: str) -> Iterator[Flask]:
    """The application behind a name, as passkeys need."""
    app = make_app(issuer=ORIGIN)
    with app.app_context():
        yield app
        db.engine.dispose()


def created(subject: str) -> tuple[SoftPasskey, dict[str, Any]]:
    """A passkey and the answer that would take it into use."""
    passkey = SoftPasskey(ORIGIN)
    answer: dict[str, Any] = json.loads(passkey.creates(json.loads(passkeys.creation_options("here", subject, "siti"))))
    return passkey, answer


def refuses(subject: str, answer: Any) -> bool:
    """Whether the answer is refused; anything else that is raised is a failure."""
    try:
        passkeys.register("here", subject, as_bytes(answer).decode(), "x")
    except WrongFactor:
        db.session.rollback()
        return True
    return False


def proves(answer: Any) -> bool:
    """Whether the answer proves somebody; anything else that is raised than a refusal is a failure."""
    try:
        passkeys.state_of(as_bytes(answer).decode())
        passkeys.verify("there", as_bytes(answer).decode())
    except WrongFactor:
        db.session.rollback()
        return False
    return True


def proof_of(passkey: SoftPasskey) -> dict[str, Any]:
    """An honest proof."""
    return dict(json.loads(passkey.answers(json.loads(passkeys.request_options("there")))))


def attested(cose: dict[Any, Any], credential: bytes, fmt: Any = "none", statement: Any = None) -> str:
    """An attestation object around this key."""
    data = crypto.sha256("localhost") + b"\x45" + bytes(4) + bytes(16) + len(credential).to_bytes(2, "big") + credential
    return crypto.b64(
        cbor2.dumps({"fmt": fmt, "attStmt": {} if statement is None else statement, "authData": data + cbor2.dumps(cose)})
    )


def key_of(passkey: SoftPasskey) -> dict[Any, Any]:
    point = passkey.key.public_key().public_numbers()
    return {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}


def test_an_honest_answer_is_taken(named: Flask, siti: str) -> None:
    assert not refuses(siti, created(siti)[1])


def test_each_member_of_an_answer_may_be_any_json(named: Flask, siti: str) -> None:
    for member, odd in product(["id", "rawId", "type"], ODD_JSON):
        refuses(siti, created(siti)[1] | {member: odd})
    for member, odd in product(["clientDataJSON", "attestationObject"], ODD_JSON):
        answer = created(siti)[1]
        assert refuses(siti, answer | {"response": answer["response"] | {member: odd}}), (member, odd)


def test_each_part_of_a_key_may_be_anything(named: Flask, siti: str) -> None:
    for part, odd in [*product([1, 3, -1, -2, -3], ODD), ("x", {1: 2})]:
        passkey, answer = created(siti)
        answer["response"]["attestationObject"] = attested(key_of(passkey) | {part: odd}, passkey.credential)
        # What is taken into use can be used: a key that verifies nothing would lock its owner out.
        assert refuses(siti, answer) or proves(proof_of(passkey)), (part, odd)


def test_statements_of_any_kind_are_judged(named: Flask, siti: str) -> None:
    for fmt, statement in product(FORMATS, STATEMENTS):
        passkey, answer = created(siti)
        answer["response"]["attestationObject"] = attested(key_of(passkey), passkey.credential, fmt, statement)
        refuses(siti, answer)


def test_data_may_end_anywhere_and_be_of_any_bytes(named: Flask, siti: str) -> None:
    passkey, answer = created(siti)
    whole = cbor2.loads(_raw(answer["response"]["attestationObject"]))["authData"]
    for length in range(0, len(whole), 3):
        _, fresh = created(siti)
        fresh["response"]["attestationObject"] = crypto.b64(
            cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": whole[:length]})
        )
        assert refuses(siti, fresh), length

    @thorough(60)
    @given(st.one_of(st.binary(max_size=80), st.sampled_from(ODD).map(cbor2.dumps), st.just(b"\x81" * 3000)))
    def one(raw: bytes) -> None:
        _, bent = created(siti)
        bent["response"]["attestationObject"] = crypto.b64(raw)
        assert refuses(siti, bent)

    one()


def test_proofs_of_any_shape_prove_nobody(named: Flask, siti: str) -> None:
    passkey, answer = created(siti)
    assert not refuses(siti, answer)
    parts = ["clientDataJSON", "authenticatorData", "signature", "userHandle"]

    def proof() -> dict[str, Any]:
        return proof_of(passkey)

    assert proves(proof())
    for part, odd in product(parts[:3], ODD_JSON):
        told = proof()
        assert not proves(told | {"response": told["response"] | {part: odd}}), (part, odd)
    for part, odd in product(["id", "rawId", "type", "response"], ODD_JSON):
        proves(proof() | {part: odd})

    @thorough(80)
    @given(bent_members({}, parts), any_json)
    def one(members: dict[str, Any], whole: Any) -> None:
        told = proof()
        proves(told | {"response": told["response"] | members})
        assert not proves(whole)

    one()


def _raw(text: str) -> bytes:
    from webauthn.helpers import base64url_to_bytes

    return base64url_to_bytes(text)
