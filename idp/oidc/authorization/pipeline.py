"""The pipeline of an authorization request: every step in its order, each beside the clause that asks for it.

A step is a plain function of the request; it raises an OAuth error or returns. Its name says what it is: `resolve_…` puts
parameters in place that came elsewhere, `find_…` and `parse_…` leave on the request what they read, `check_…` changes
nothing. The tables are complete where they stand: no other module adds to them.
"""

from collections.abc import Callable

from authlib.oauth2 import OAuth2Error
from flask import Response

from idp.oidc.authorization import (
    claims_parameter,
    details,
    id_token_hints,
    parameters,
    pkce,
    prompts,
    proof_keys,
    pushed_requests,
    request_objects,
    resources,
    response_types,
)
from idp.oidc.authorization.prompts import Prompt, PromptFacts, PromptRequirements, RequirementNotMet
from idp.oidc.device import checks as device_checks
from idp.oidc.logout import session_management
from idp.oidc.request import Request
from idp.sessions.single_sign_on import Session

Step = Callable[[Request], None]
Steps = tuple[tuple[Step, str], ...]

# 1. Where parameters come from when they do not stand in the request itself. First, so that every step sees them all.
PARAMETER_SOURCES: Steps = (
    (pushed_requests.resolve_pushed_request, "RFC 9126 4: request_uri of a pushed request"),
    (request_objects.resolve_request_object, "RFC 9101 5; OpenID Connect Core 6: request, request_uri"),
)


def resolve_parameters(request: Request) -> None:
    """Puts parameters in place that came by reference or signed; a request that resumes has them already."""
    if request.resumed:
        return
    try:
        run(PARAMETER_SOURCES, request)
    except OAuth2Error:
        # What failed to unpack may still say, outside, where the client waits for the error.
        if request.registered.check_redirect_uri(request.get("redirect_uri")):
            request.verified_redirect_uri = request.get("redirect_uri")
        raise


# 2. Who asks, and where the answer goes. Until all of these have passed, an error is a page and never a redirect.
IDENTIFICATION_STEPS: Steps = (
    (parameters.find_client, "RFC 6749 4.1.1: client_id REQUIRED"),
    (resolve_parameters, "RFC 9101 5; RFC 9126 4; OpenID Connect Core 6"),
    (parameters.parse_redirect_uri, "OpenID Connect Core 3.1.2.1: redirect_uri MUST exactly match; RFC 9700 4.1"),
)

# 3. What is asked. From here on errors travel to the client (RFC 6749 4.1.2.1).
VALIDATION_STEPS: Steps = (
    (parameters.check_repetition_and_length, "RFC 6749 3.1: parameters MUST NOT be included more than once"),
    (parameters.check_unsupported_parameters, "OpenID Connect Core 6.1, 6.2 and 7.2.1: ..._not_supported"),
    (request_objects.check_signed_when_required, "RFC 9101 10.5: require_signed_request_object"),
    (pushed_requests.check_pushed_when_required, "RFC 9126 5: require_pushed_authorization_requests"),
    (response_types.parse_response_type, "RFC 6749 4.1.2.1: unsupported_response_type, unauthorized_client"),
    (response_types.check_response_mode, "OAuth 2.0 Multiple Response Types 2.1; Form Post Response Mode"),
    (parameters.parse_scope, "RFC 6749 3.3; OpenID Connect Core 3.1.2.1 and 5.4"),
    (response_types.check_nonce, "OpenID Connect Core 3.2.2.1: nonce REQUIRED"),
    (pkce.check_code_challenge, "RFC 7636 4.4.1; RFC 9700 2.1.1"),
    (proof_keys.check_dpop_jkt, "RFC 9449 10: dpop_jkt"),
    (parameters.parse_prompt, "OpenID Connect Core 3.1.2.1; Initiating User Registration 1.0"),
    (parameters.parse_max_age, "OpenID Connect Core 3.1.2.1: max_age"),
    (claims_parameter.parse_claims, "OpenID Connect Core 5.5: claims"),
    (id_token_hints.parse_id_token_hint, "OpenID Connect Core 3.1.2.1: id_token_hint"),
    (resources.parse_resources, "RFC 8707 2.1: invalid_target"),
    (details.parse_authorization_details, "RFC 9396 5: invalid_authorization_details"),
)

# A request pushed to /par, before steps 2 and 3: the client has authenticated.
PUSHED_REQUEST_STEPS: Steps = ((pushed_requests.check_not_by_reference, "RFC 9126 2.1: request_uri MUST NOT be provided"),)

# A device's request, when the device makes it (the client has authenticated) ...
DEVICE_AUTHORIZATION_STEPS: Steps = (
    (device_checks.check_device_grant_allowed, "RFC 6749 5.2: unauthorized_client"),
    (parameters.parse_scope, "RFC 8628 3.1: scope"),
    (resources.parse_resources, "RFC 8707 2: invalid_target"),
    (details.check_none_with_device, "RFC 9396 5: invalid_authorization_details"),
)
# ... and when its owner stands at the authorization endpoint with it, in place of steps 1 to 3.
DEVICE_STEPS: Steps = (
    (parameters.find_client, "RFC 8628 3.1: client_id REQUIRED"),
    (device_checks.check_device_grant_allowed, "RFC 6749 5.2: unauthorized_client"),
    (device_checks.check_device_pending, "RFC 8628 3.5: expired_token"),
    (parameters.parse_scope, "RFC 8628 3.1: scope"),
    (parameters.parse_max_age, "OpenID Connect Registration 2: default_max_age"),
    (resources.parse_resources, "RFC 8707 2: invalid_target"),
)

# When a person owes something first, so that the request waits in our pages.
BEFORE_INTERACTION: Steps = ((pushed_requests.keep_for_interaction, "RFC 9126 2.2: request_uri, how long it lives"),)

# 4. What the person still owes, consent last. The first prompt that is owed opens its page; the prompts named after it are
# those whose pages are open meanwhile. Under prompt=none its error is the answer (OpenID Connect Core 3.1.2.6).
PROMPT_POLICY: tuple[Prompt | tuple[Callable[[PromptRequirements, PromptFacts], None], str], ...] = (
    Prompt("create", prompts.create_owed, "login_required", "registration.identity", ("create", "login"),
           "Initiating User Registration 1.0 section 4"),
    Prompt("select_account", prompts.select_account_owed, "account_selection_required", "login.password",
           ("select_account", "login"), "OpenID Connect Core 3.1.2.1: prompt select_account"),
    # Whoever has an old credential may sign in with it, which ends the limits.
    Prompt("limited", prompts.limited_owed, "unmet_authentication_requirements", "recovery.limited", ("limited", "login"),
           "OpenID Connect Core 5.5.1.1: essential acr; Unmet Authentication Requirements 1.0"),
    Prompt("login", prompts.login_owed, "login_required", "login.password", ("login",),
           "OpenID Connect Core 3.1.2.1 and 3.1.2.3: prompt login, max_age, id_token_hint"),
    (prompts.check_requirements_attainable, "Unmet Authentication Requirements 1.0; OpenID Connect Core 3.1.2.1: id_token_hint"),
    # Whoever has another account that officers have seen may sign in to that.
    Prompt("assurance", prompts.assurance_owed, "unmet_authentication_requirements", "login.assurance", ("assurance", "login"),
           "OpenID Connect Core 5.5.1.1: essential acr; NIST SP 800-63A"),
    Prompt("limited_preferred", prompts.limited_preferred, "interaction_required", "recovery.limited",
           ("limited_preferred", "login"), "OpenID Connect Core 3.1.2.1: acr_values, voluntary"),
    # Whoever has lost the second factor, or is somebody else, may sign in anew or recover.
    Prompt("mfa", prompts.mfa_owed, "interaction_required", "login.otp", ("mfa", "login"),
           "OpenID Connect Core 5.5.1.1: essential acr; NIST SP 800-63B"),
    Prompt("mfa_preferred", prompts.mfa_preferred, "interaction_required", "login.otp", ("mfa", "mfa_preferred", "login"),
           "OpenID Connect Core 3.1.2.1: acr_values, voluntary"),
    # Creating a passkey wants a second factor first, as does everything that would be one.
    Prompt("passkey", prompts.passkey_offered, "interaction_required", "login.passkey_offer", ("passkey", "mfa"),
           "Web Authentication 5.1.3: an offer, once"),
    Prompt("consent", prompts.consent_owed, "consent_required", "oidc.consent", ("consent",),
           "OpenID Connect Core 3.1.2.4: consent; UU 27/2022 article 20"),
)  # fmt: skip

# 5. When nothing is owed any more: before the answer is made (a step may still raise an OAuth error), and to the answer.
BEFORE_RESPONSE: tuple[tuple[Callable[[Request, Session], None], str], ...] = (
    (pushed_requests.consume_pushed_request, "RFC 9126 4: request_uri used once"),
    (session_management.add_session_state, "OpenID Connect Session Management 1.0 section 2"),
)
AFTER_RESPONSE: tuple[tuple[Callable[[Response, Session], None], str], ...] = (
    (session_management.set_browser_state, "OpenID Connect Session Management 1.0 section 3.2"),
)


def run(steps: Steps, request: Request) -> None:
    """Runs the steps in their order; raises the first OAuth error."""
    for step, _clause in steps:
        step(request)


def validate(request: Request) -> None:
    """Steps 1 to 3, or those of a device; raises the first OAuth error."""
    if request.device:
        run(DEVICE_STEPS, request)
        return
    run(IDENTIFICATION_STEPS, request)
    run(VALIDATION_STEPS, request)


def next_prompt(asked: PromptRequirements, known: PromptFacts, now: int) -> Prompt | None:
    """The prompt owed next, None when the client may have its answer; raises RequirementNotMet.

    `now` in epoch seconds. Under prompt=none whatever is owed is not met (OpenID Connect Core 3.1.2.1).
    """
    for row in PROMPT_POLICY:
        if not isinstance(row, Prompt):
            row[0](asked, known)
        elif row.owed(asked, known, now):
            if "none" in asked.prompts:
                raise RequirementNotMet(row.error)
            return row
    return None
