"""Passkeys (Web Authentication): created once, then proved by signature, with each challenge good for one answer."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import webauthn
from sqlalchemy import delete, or_, select, update
from sqlalchemy.exc import IntegrityError
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import (
    base64url_to_bytes,
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    parse_authentication_credential_json,
    parse_client_data_json,
    parse_registration_credential_json,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.decode_credential_public_key import DecodedEC2PublicKey, DecodedOKPPublicKey, DecodedRSAPublicKey
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticationCredential,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    CredentialDeviceType,
    PublicKeyCredentialDescriptor,
    RegistrationCredential,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from idp.accounts import generations
from idp.audit import trail
from idp.authenticators import changes
from idp.authenticators.attempt_limit import WrongFactor
from idp.authenticators.model import ACTIVE, PASSKEY, Authenticator, PasskeyOffer
from idp.core import clock, crypto, lifetimes
from idp.core.settings import settings
from idp.storage.database import db
from idp.storage.redis_store import store
from idp.storage.unit_of_work import unit_of_work

NAME = "SIAPkerja"
MOST = 20_000  # characters of an answer that are read at all
# What the library raises for answers that are not even well-formed, its own exceptions among them.
INVALID_RESPONSE_ERRORS = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, RecursionError)
KEYS: dict[type, tuple[COSEAlgorithmIdentifier, ...]] = {
    DecodedOKPPublicKey: (COSEAlgorithmIdentifier.EDDSA,),
    DecodedEC2PublicKey: (COSEAlgorithmIdentifier.ECDSA_SHA_256,),
    DecodedRSAPublicKey: (COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,),
}
TIMEOUT = lifetimes.PASSKEY_CEREMONY.seconds * 1000  # milliseconds


@dataclass(frozen=True, slots=True)
class VerifiedAssertion:
    """Whose passkey answered, and how: `amr` without `mfa` (RFC 8176); `verified` when the device knew its owner.

    `generation` is the account's in the step that found the passkey in use.
    """

    subject: str
    amr: tuple[str, ...]
    verified: bool
    generation: int


def supported() -> bool:
    """Whether passkeys work at this issuer: their scope is a domain, an address is none (Web Authentication 5.1.2)."""
    return not re.fullmatch(r"[\d.]+|\[.*\]|.*:.*", _rp_id())


def request_options(context: str, subject: str | None = None) -> str:
    """JSON for `navigator.credentials.get`: any passkey of ours, or one of `subject`'s; `context` binds the answer."""
    known = _active_passkeys(subject) if subject else []
    options = webauthn.generate_authentication_options(
        rp_id=_rp_id(),
        challenge=_challenge(context),
        timeout=TIMEOUT,
        allow_credentials=[_descriptor(row) for row in known],
        user_verification=UserVerificationRequirement.PREFERRED if subject else UserVerificationRequirement.REQUIRED,
    )
    return webauthn.options_to_json(options)


def creation_options(context: str, subject: str, name: str) -> str:
    """JSON for `navigator.credentials.create`: discoverable, verifying its owner, not one that is known already.

    `name` is what the person's device lists it by.
    """
    options = webauthn.generate_registration_options(
        rp_id=_rp_id(),
        rp_name=NAME,
        user_id=subject.encode(),
        user_name=name,
        user_display_name=name,
        challenge=_challenge(context),
        timeout=TIMEOUT,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
        ),
        exclude_credentials=[_descriptor(row) for row in _active_passkeys(subject)],
    )
    return webauthn.options_to_json(options)


def register(context: str, subject: str, answer: str, label: str) -> None:
    """Takes a created passkey into use; raises WrongFactor."""
    credential = _registration(answer)
    try:
        made = webauthn.verify_registration_response(
            credential=credential,
            expected_challenge=_consume_challenge(context, credential.response.client_data_json),
            expected_rp_id=_rp_id(),
            expected_origin=settings().issuer,
            require_user_verification=True,
        )
        _check_key(made.credential_public_key)
    except INVALID_RESPONSE_ERRORS:
        raise WrongFactor from None
    details = {
        "credential": bytes_to_base64url(made.credential_id),
        "transports": [transport.value for transport in credential.response.transports or []],
    }
    key, lookup = bytes_to_base64url(made.credential_public_key), crypto.digest(details["credential"])  # type: ignore[arg-type]
    known = {"secret": key, "lookup": lookup, "counter": made.sign_count, "details": details, "label": label[:80]}
    try:
        with changes.notified_change(subject, "passkey_added"):
            db.session.add(Authenticator.of(subject, PASSKEY, **known))
    except IntegrityError:  # this very credential is known, to whichever account
        raise WrongFactor from None


def verify(context: str, answer: str, *, subject: str | None = None, state: str = ACTIVE) -> VerifiedAssertion:
    """Who answered; raises WrongFactor. Without `subject` the device must have verified its owner: it stands alone then.

    `state` is `suspended` for those who undo a recovery by what they had before.
    """
    credential = _assertion(answer)
    challenge = _consume_challenge(context, credential.response.client_data_json)
    known = db.session.scalars(
        select(Authenticator).where(
            Authenticator.lookup == crypto.digest(credential.id),
            Authenticator.kind == PASSKEY,
            Authenticator.state == state,
        )
    ).first()
    # Web Authentication 7.2, step 6: the account that the device names must be the one that the passkey belongs to.
    handle = credential.response.user_handle
    if known is None or (subject or known.subject) != known.subject or handle not in (None, known.subject.encode()):
        raise WrongFactor
    verified = _verified(credential, challenge, known, passwordless=subject is None)
    generation = _update_sign_count(known, verified.new_sign_count, state)
    synced = verified.credential_device_type is CredentialDeviceType.MULTI_DEVICE
    # A key that may be copied to other devices is kept by software; one that cannot leave its device by hardware.
    return VerifiedAssertion(known.subject, ("swk" if synced else "hwk", "user"), verified.user_verified, generation)


def state_of(answer: str) -> str:
    """The state of the passkey that an answer names, `active` for one that nobody knows; proves nothing."""
    digest = crypto.digest(_assertion(answer).id)
    wanted = select(Authenticator.state).where(Authenticator.lookup == digest, Authenticator.kind == PASSKEY)
    return db.session.scalar(wanted) or ACTIVE


def remove(subject: str, passkey_id: str, proved: int | None = None, keeps: str = "") -> int | None:
    """This passkey proves nothing any more; the account's new generation, None when there was none. Raises Outdated."""
    mine = (Authenticator.id == passkey_id) & (Authenticator.subject == subject) & (Authenticator.kind == PASSKEY)
    return changes.remove_if_found(delete(Authenticator).where(mine), subject, "passkey_removed", proved, keeps)


def offer_once(subject: str) -> bool:
    """True once for each account, ever: a passkey is promoted once, and nobody is nagged."""
    try:
        with unit_of_work():
            db.session.add(PasskeyOffer(subject=subject, offered_at=clock.timestamp()))
    except IntegrityError:
        return False
    return True


def _verified(
    credential: AuthenticationCredential, challenge: bytes, known: Authenticator, *, passwordless: bool
) -> VerifiedAuthentication:
    try:
        return webauthn.verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=_rp_id(),
            expected_origin=settings().issuer,
            credential_public_key=base64url_to_bytes(known.secret),
            credential_current_sign_count=known.counter,
            require_user_verification=passwordless,
        )
    except INVALID_RESPONSE_ERRORS as refused:
        # A count that does not grow smells of a copied key (7.2, step 22): refused like everything that does not verify.
        trail.record("second_factor_failed", account=known.subject, kind=PASSKEY, why=type(refused).__name__)
        raise WrongFactor from None


def _check_key(raw: bytes) -> None:
    """Raises one of REFUSED for a key that could never verify a signature, and would lock its owner out."""
    decoded = decode_credential_public_key(raw)
    decoded_public_key_to_cryptography(decoded)
    if decoded.alg not in KEYS.get(type(decoded), ()):
        raise ValueError("the algorithm is not the key's")


def _update_sign_count(known: Authenticator, count: int, state: str) -> int:
    """Writes the count if it still grows; devices that keep none always say 0. Of two copies at once, one gets in.

    The account's generation then: whoever removes or suspends the passkey afterwards raises it.
    """
    grows = or_(Authenticator.counter < count, (Authenticator.counter == 0) & (count == 0))
    mine = (Authenticator.id == known.id) & (Authenticator.state == state) & grows
    used = update(Authenticator).where(mine).values(counter=count, last_used_at=clock.timestamp())
    with unit_of_work():
        won = db.session.execute(used.execution_options(synchronize_session=False)).rowcount  # type: ignore[attr-defined]
        generation = generations.current(known.subject)
    if not won:
        raise WrongFactor
    return generation


def _challenge(context: str) -> bytes:
    challenge = crypto.random_bytes(32)
    store().put_once(_key(challenge), context, lifetimes.INTERACTION.seconds)
    return challenge


def _consume_challenge(context: str, client_data: bytes) -> bytes:
    """The challenge that was answered, which uses it up; raises WrongFactor unless it was set for this context."""
    try:
        challenge = parse_client_data_json(client_data).challenge
    except INVALID_RESPONSE_ERRORS:
        raise WrongFactor from None
    known = store().take_once(_key(challenge))
    if known is None or not crypto.constant_time_equal(known.decode(), context):
        raise WrongFactor
    return challenge


def _key(challenge: bytes) -> str:
    return f"passkey:{crypto.digest(bytes_to_base64url(challenge))}"


def _registration(answer: str) -> RegistrationCredential:
    try:
        return parse_registration_credential_json(answer[:MOST])
    except INVALID_RESPONSE_ERRORS:
        raise WrongFactor from None


def _assertion(answer: str) -> AuthenticationCredential:
    try:
        return parse_authentication_credential_json(answer[:MOST])
    except INVALID_RESPONSE_ERRORS:
        raise WrongFactor from None


def _active_passkeys(subject: str) -> list[Authenticator]:
    wanted = select(Authenticator).where(Authenticator.subject == subject, Authenticator.kind == PASSKEY)
    return list(db.session.scalars(wanted.where(Authenticator.state == ACTIVE)))


def _descriptor(row: Authenticator) -> PublicKeyCredentialDescriptor:
    ways = [AuthenticatorTransport(name) for name in row.details["transports"]]
    return PublicKeyCredentialDescriptor(id=base64url_to_bytes(row.details["credential"]), transports=ways or None)


def _rp_id() -> str:
    return urlsplit(settings().issuer).hostname or ""
