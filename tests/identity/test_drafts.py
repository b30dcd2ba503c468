"""What the drafts know: the step follows from the facts, and going back drops the later ones."""

from typing import Any

import pytest

from idp.core import clock as house_clock
from idp.core.values import EmailAddress, FullName, Nik, PhoneNumber
from idp.identity.proofing import PROOF_LIFE, IdentityProof
from idp.recovery.draft import EMAIL, IDENTITY, NO_ACCOUNT, PHONE, RECOVERED
from idp.recovery.draft import Draft as Recovery
from idp.registration.draft import Draft as Registration

NUMBER, ADDRESS = PhoneNumber.parse("081234562797"), EmailAddress.parse("siti@surat.example")
CODE = {"challenge": "c", "sent_at": 0, "resend_at": 0, "delivery": "sent"}


def proof() -> dict[str, Any]:
    """A proof of this very moment."""
    return IdentityProof(Nik("9901015708900001"), FullName("Siti"), house_clock.timestamp(), "r").to_dict()


def given(draft: Any) -> Any:
    """With contacts, and a code on its way."""
    made = draft.with_contacts(ADDRESS, NUMBER, "hash")
    return type(draft).load(made.notes() | {"code": CODE})


def test_registration_goes_from_fact_to_fact() -> None:
    draft = Registration()
    assert draft.step == "identity"
    draft = Registration(proof=proof())
    assert draft.step == "contact"
    assert given(draft).step == "verify"
    assert Registration(done=True).step == "done"


def test_recovery_goes_from_fact_to_fact() -> None:
    assert Recovery().step == "choose"
    assert Recovery(way=PHONE, account="s", recipient=NUMBER.value, code=CODE).step == "verify"
    assert Recovery(way=EMAIL, account="s", recipient=ADDRESS.value, code=CODE, verified=True).step == "password"
    assert Recovery(way=IDENTITY).step == "prove_identity"
    draft = Recovery(way=IDENTITY, proof=proof())
    assert draft.step == "contact"
    assert given(draft).step == "verify"
    assert Recovery(outcome=RECOVERED).step == Recovery(outcome=NO_ACCOUNT).step == "done"


def test_verified_without_a_code_opens_no_password_page() -> None:
    assert Recovery(way=PHONE, account="s", verified=True).step == "choose"
    assert Recovery(way=IDENTITY, account="s", code=CODE, verified=True, password_hash="h").step == "prove_identity"


@pytest.mark.parametrize("draft", [Registration(), Recovery(way=IDENTITY)])
def test_a_proof_that_led_nowhere_grows_old(draft: Any, clock: Any) -> None:
    proved = type(draft).load(draft.notes() | {"proof": proof()})
    clock.shift(PROOF_LIFE - 1)
    assert proved.step == "contact"
    clock.shift(1)
    assert proved.step in ("identity", "prove_identity")


@pytest.mark.parametrize("draft", [Registration(), Recovery(way=IDENTITY)])
def test_another_number_drops_what_the_first_one_proved(draft: Any) -> None:
    verified = type(draft).load(given(draft).notes() | {"verified": True})
    same = verified.with_contacts(EmailAddress.parse("lain@surat.example"), NUMBER, "hash 2")
    assert same.verified and same.code == CODE
    other = verified.with_contacts(ADDRESS, PhoneNumber.parse("081311112222"), "hash 2")
    assert not other.verified and other.code is None


@pytest.mark.parametrize("draft", [Registration(proof={}), Recovery(way=IDENTITY, proof={})])
def test_a_contact_of_somebody_else_leads_back_without_password(draft: Any) -> None:
    verified = type(draft).load(given(draft).notes() | {"verified": True, "proof": proof()})
    back = verified.without_phone()
    assert back.step == "contact" and back.refused == NUMBER.value and back.password_hash == ""
    assert not back.verified and back.code is None


def test_notes_of_another_version_are_passed_over() -> None:
    assert Registration.load({"mothers_name": "x", "email": ADDRESS.value}).email == ADDRESS.value


def test_no_draft_has_a_place_for_the_mothers_name_or_a_password() -> None:
    for draft in (Registration, Recovery):
        assert not {"mothers_name", "password"} & set(draft.__dataclass_fields__)


def test_one_ways_code_is_for_that_way_only() -> None:
    assert len({Recovery(way=way).purpose for way in (PHONE, EMAIL, IDENTITY)}) == 3
