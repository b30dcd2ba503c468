"""The policy that decides what is owed next, row by row."""

from dataclasses import replace

import pytest

from idp.core.values import ACR_DATA, ACR_FULL, ACR_MFA, ACR_RECOVERED, Authentication
from idp.oidc.authorization import pipeline
from idp.oidc.authorization.prompts import (
    PromptFacts,
    PromptRequirements,
    RequirementNotMet,
    asserted_acr,
    essential_acr,
    preferred_acr,
    required_subject,
)

NOW = 1_800_000_000
SITI = Authentication("siti", ("pwd",), NOW - 100, ACR_DATA)
SIGNED_IN = PromptFacts(authentication=SITI, subject="siti", granted=True)
FRESH = replace(SIGNED_IN, fresh=True)
NOBODY = PromptFacts()


def owed(known: PromptFacts, **asked: object) -> str | None:
    prompt = pipeline.next_prompt(PromptRequirements(**asked), known, NOW)  # type: ignore[arg-type]
    return prompt.name if prompt else None


def test_whoever_is_signed_in_and_has_allowed_it_sees_no_page() -> None:
    assert owed(SIGNED_IN) is None


def test_nobody_signed_in_owes_login() -> None:
    assert owed(NOBODY) == "login"


@pytest.mark.parametrize(("prompt", "page"), [("login", "login"), ("select_account", "select_account"), ("create", "create")])
def test_a_prompt_is_asked_once_and_not_twice(prompt: str, page: str) -> None:
    assert owed(SIGNED_IN, prompts=frozenset({prompt})) == page
    assert owed(FRESH, prompts=frozenset({prompt})) is None


def test_create_opens_registration_for_somebody_who_is_not_signed_in() -> None:
    assert owed(NOBODY, prompts=frozenset({"create"})) == "create"


@pytest.mark.parametrize(("max_age", "page"), [(0, "login"), (99, "login"), (100, None), (10_000, None)])
def test_max_age_asks_for_a_new_login_when_the_last_is_too_old(max_age: int, page: str | None) -> None:
    assert owed(SIGNED_IN, max_age=max_age) == page


def test_max_age_zero_asks_even_whoever_signed_in_this_second() -> None:
    just_now = replace(SIGNED_IN, authentication=replace(SITI, auth_time=NOW))
    assert owed(just_now, max_age=0) == "login"


def test_a_slow_reader_of_the_consent_page_is_not_asked_to_sign_in_again() -> None:
    assert owed(FRESH, max_age=1) is None


def test_consent_is_asked_of_those_who_have_not_given_it() -> None:
    assert owed(replace(SIGNED_IN, granted=False)) == "consent"
    assert owed(replace(SIGNED_IN, granted=False, consented=True)) is None


def test_a_first_party_client_needs_no_consent_unless_it_asks() -> None:
    stranger = replace(SIGNED_IN, granted=False)
    assert owed(stranger, consent=False) is None
    assert owed(stranger, consent=False, prompts=frozenset({"consent"})) == "consent"


def test_prompt_consent_asks_again_although_it_is_remembered() -> None:
    assert owed(SIGNED_IN, prompts=frozenset({"consent"})) == "consent"


def test_login_comes_before_consent() -> None:
    assert owed(replace(SIGNED_IN, granted=False), prompts=frozenset({"login", "consent"})) == "login"


@pytest.mark.parametrize(
    ("known", "error"),
    [
        (NOBODY, "login_required"),
        (replace(SIGNED_IN, granted=False), "consent_required"),
        (replace(SIGNED_IN, subject="budi"), "login_required"),
    ],
)
def test_prompt_none_never_shows_a_page(known: PromptFacts, error: str) -> None:
    with pytest.raises(RequirementNotMet) as unmet:
        owed(known, prompts=frozenset({"none"}), subject="siti")
    assert unmet.value.error == error


def test_prompt_none_succeeds_when_nothing_is_owed() -> None:
    assert owed(SIGNED_IN, prompts=frozenset({"none"}), subject="siti") is None


def test_a_hint_of_somebody_else_asks_for_login_and_then_refuses_the_wrong_person() -> None:
    assert owed(SIGNED_IN, subject="budi") == "login"
    with pytest.raises(RequirementNotMet) as unmet:
        owed(FRESH, subject="budi")
    assert unmet.value.error == "login_required"


def test_an_essential_acr_asks_once_and_then_says_that_it_cannot_be_met() -> None:
    wanted = frozenset({"urn:example:unknown"})
    assert owed(SIGNED_IN, essential_acr=wanted) == "login"
    with pytest.raises(RequirementNotMet) as unmet:
        owed(FRESH, essential_acr=wanted)
    assert unmet.value.error == "unmet_authentication_requirements"


def test_whoever_no_officer_has_seen_is_told_how_to_reach_the_full_class() -> None:
    wanted = {"essential_acr": frozenset({ACR_FULL})}
    assert owed(SIGNED_IN, **wanted) == owed(FRESH, **wanted) == "assurance"
    assert owed(SIGNED_IN, **wanted, prompts=frozenset({"login"})) == "login"
    assert owed(SIGNED_IN, **wanted, subject="budi") == "login"
    assert owed(SIGNED_IN, essential_acr=frozenset({ACR_FULL, ACR_MFA})) == "mfa"
    with pytest.raises(RequirementNotMet) as unmet:
        owed(SIGNED_IN, **wanted, prompts=frozenset({"none"}))
    assert unmet.value.error == "unmet_authentication_requirements"


def test_a_surer_class_satisfies_a_lesser_one_but_recovery_satisfies_neither() -> None:
    assert owed(replace(SIGNED_IN, authentication=replace(SITI, acr=ACR_FULL)), essential_acr=frozenset({ACR_DATA})) is None
    recovered = replace(SIGNED_IN, authentication=replace(SITI, acr=ACR_RECOVERED))
    assert owed(recovered, essential_acr=frozenset({ACR_DATA})) == "login"


def test_a_second_factor_satisfies_whoever_insists_on_one() -> None:
    twice = replace(SIGNED_IN, authentication=replace(SITI, amr=("pwd", "otp", "mfa")))
    assert owed(twice, essential_acr=frozenset({ACR_MFA})) is None


TWICE = replace(SITI, amr=("pwd", "otp", "mfa"))


def test_a_second_factor_that_is_due_comes_after_login_and_before_consent() -> None:
    assert owed(replace(FRESH, second_factor_due=True, granted=False)) == "mfa"
    assert owed(replace(FRESH, second_factor_due=True, declined=True)) == "mfa"
    assert owed(replace(FRESH, authentication=TWICE, second_factor_due=True)) is None


def test_whoever_insists_on_a_second_factor_asks_a_session_for_that_alone() -> None:
    assert owed(SIGNED_IN, essential_acr=frozenset({ACR_MFA})) == "mfa"
    assert owed(SIGNED_IN, essential_acr=frozenset({ACR_MFA, ACR_DATA})) is None
    with pytest.raises(RequirementNotMet) as unmet:
        owed(SIGNED_IN, essential_acr=frozenset({ACR_MFA}), prompts=frozenset({"none"}))
    assert unmet.value.error == "interaction_required"


def test_a_second_factor_that_is_only_liked_is_asked_once_and_never_without_a_page() -> None:
    liked = {"preferred_acr": (ACR_MFA, ACR_DATA)}
    assert owed(SIGNED_IN, **liked) == "mfa_preferred"
    assert owed(replace(SIGNED_IN, declined=True), **liked) is None
    assert owed(SIGNED_IN, **liked, prompts=frozenset({"none"})) is None
    assert owed(SIGNED_IN, preferred_acr=(ACR_DATA, ACR_MFA)) is None
    assert owed(replace(SIGNED_IN, authentication=TWICE), **liked) is None


def test_no_second_factor_lifts_a_recovered_account() -> None:
    recovered = replace(FRESH, authentication=replace(TWICE, acr=ACR_RECOVERED))
    with pytest.raises(RequirementNotMet) as unmet:
        owed(recovered, essential_acr=frozenset({ACR_MFA}))
    assert unmet.value.error == "unmet_authentication_requirements"
    assert owed(recovered, preferred_acr=(ACR_MFA,)) is None
    assert asserted_acr((ACR_MFA, ACR_DATA), recovered.authentication) == ACR_RECOVERED


def test_the_class_that_is_told_is_the_best_of_those_asked_for_that_was_reached() -> None:
    assert asserted_acr((), TWICE) == ACR_DATA
    assert asserted_acr((ACR_FULL, ACR_MFA), TWICE) == ACR_MFA
    assert asserted_acr((ACR_MFA,), SITI) == ACR_DATA
    assert asserted_acr((ACR_DATA,), replace(SITI, acr=ACR_FULL)) == ACR_DATA


def test_classes_are_read_from_claims_then_acr_values_then_the_entry() -> None:
    by_claims = {"id_token": {"acr": {"values": [ACR_FULL, ACR_MFA]}}}
    assert preferred_acr(by_claims, ACR_DATA) == (ACR_FULL, ACR_MFA)
    assert preferred_acr({"id_token": {"acr": None}}, f"{ACR_MFA} {ACR_DATA}") == (ACR_MFA, ACR_DATA)
    assert preferred_acr({}, "", (ACR_FULL,)) == (ACR_FULL,)


def test_acr_is_a_must_only_when_marked_essential() -> None:
    assert essential_acr({"id_token": {"acr": {"essential": False, "value": ACR_FULL}}}) == frozenset()
    assert essential_acr({"id_token": {"acr": {"essential": True, "value": ACR_FULL}}}) == {ACR_FULL}
    assert essential_acr({"id_token": {"acr": {"essential": True, "values": [ACR_DATA, ACR_FULL]}}}) == {ACR_DATA, ACR_FULL}


def test_the_required_subject_comes_from_the_hint_or_from_a_claims_request() -> None:
    by_claims = {"id_token": {"sub": {"value": "budi"}}}
    assert required_subject(by_claims, {"sub": "siti"}) == "siti"
    assert required_subject(by_claims, None) == "budi"
    assert required_subject({"userinfo": {"sub": {"value": "ani"}}}, None) == "ani"
    assert required_subject({"id_token": {"sub": None}}, None) is None
