"""The pipeline of the authorization endpoint as a table: what is checked, in which order, and the clause that
asks for it.

Each check is a plain function of the request that raises an OAuth error or returns; some leave on the request
what they
parsed. The rows of RECOGNISE come first: until they have all passed, an error is a page, never a redirect.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

from authlib.oauth2 import OAuth2Error

from idp.oidc import untrusted_json
from idp.oidc.authorization import request_objects, resources, response_modes
from idp.oidc.clients.directory import clients
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request
from idp.oidc.tokens import signing_keys

Step = Callable[[Request], None]

PROMPTS = frozenset({"none", "login", "consent", "select_account", "create"})
# All but `code` are for `profile: legacy` clients (see client_rules): tokens in the browser leak (RFC 9700 section 2.1.2).
RESPONSE_TYPES = ["code", "code id_token", "code token", "code id_token token", "id_token", "id_token token"]
MAX_LENGTHS = {
    "state": 2048,
    "nonce": 512,
    "login_hint": 512,
    "ui_locales": 256,
    "claims_locales": 256,
    "acr_values": 1024,
}
MAX_CLAIMS = 100
SCALAR = (str, int, float, bool)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # BASE64URL of a SHA-256
_MAX_AGE = re.compile(r"[0-9]{1,9}")


def run(table: Iterable[tuple[Step, str]], request: Request) -> None:
    """Runs a table's checks in order; raises the first OAuth error."""
    for check, _clause in table:
        check(request)


def find_client(request: Request) -> None:
    """Finds the client."""
    if "client_id" in request.repeated or not request.get("client_id"):
        raise oauth_error("invalid_request", "client_id is missing or repeated.")
    request.client = clients().find(request.get("client_id"))
    if request.client is None:
        raise oauth_error("invalid_client", "The client is not known.")


def verify_redirect_uri(request: Request) -> None:
    """Exact match; with it, and only from here on, errors travel to the client."""
    asked = request.get("redirect_uri")
    if "redirect_uri" in request.repeated or not asked:
        raise oauth_error("invalid_request", "redirect_uri is missing or repeated.")
    if not request.registered.check_redirect_uri(asked):
        raise oauth_error("invalid_request", "redirect_uri is not registered for this client.")
    request.verified_redirect_uri = asked


def check_repetition_and_length(request: Request) -> None:
    """No parameter twice, none of unreasonable length."""
    if request.repeated:
        raise oauth_error("invalid_request", "A parameter is repeated.")
    if any(len(request.get(name)) > most for name, most in MAX_LENGTHS.items()):
        raise oauth_error("invalid_request", "A parameter is too long.")


def check_unsupported_parameters(request: Request) -> None:
    """Whatever could be unpacked is gone by now (see SOURCES); what is left we do not take."""
    named = request.pushed or request.resumed  # a pushed request keeps its name until it is answered
    for name in ("request", "registration") if named else ("request", "request_uri", "registration"):
        if request.get(name):
            raise oauth_error(f"{name}_not_supported", f"The parameter {name} is not supported here.")


def check_response_type_allowed(request: Request) -> None:
    """One that we serve and that this client registered."""
    response_type = request.payload.response_type
    if not response_type:
        raise oauth_error("invalid_request", "response_type is missing.")
    if normalize_response_type(response_type) is None:
        raise oauth_error("unsupported_response_type", "This response_type is not supported.")
    if not request.registered.check_response_type(response_type):
        raise oauth_error("unauthorized_client", "The client may not use this response_type.")


def normalize_response_type(asked: str | None) -> str | None:
    """The response type as we write it, its parts in any order (OAuth Multiple Response Types section 3); else None."""
    parts = sorted((asked or "").split())
    return next((known for known in RESPONSE_TYPES if sorted(known.split()) == parts), None)


def check_response_mode(request: Request) -> None:
    """One that we serve and that is safe for the response type; form_post needs a web page at the other end."""
    mode = request.get("response_mode")
    if mode and mode not in response_modes.allowed_modes(request.payload.response_type):
        raise oauth_error("invalid_request", "This response_mode is not possible here.")
    if mode == "form_post" and not (request.verified_redirect_uri or "").startswith(("https://", "http://")):
        raise oauth_error("invalid_request", "form_post needs an http or https redirect_uri.")


def parse_scope(request: Request) -> None:
    """What this client may ask for; scope values that we do not know are left out (OpenID Connect Core 3.1.2.1)."""
    allowed = request.registered.get_allowed_scope(request.get("scope"))
    if not allowed:
        raise oauth_error("invalid_scope", "No scope that this client may ask for.")
    request.scope = allowed
    if "id_token" in (request.payload.response_type or "") and "openid" not in allowed.split():
        raise oauth_error("invalid_scope", "An ID token needs the scope openid.")


def check_nonce(request: Request) -> None:
    """An ID token that travels through the browser must be bound to it."""
    if "id_token" in (request.payload.response_type or "").split() and not request.get("nonce"):
        raise oauth_error("invalid_request", "nonce is missing.")


def check_code_challenge(request: Request) -> None:
    """S256 for every client unless its entry says `pkce: optional`; `plain` never, an absent method means plain."""
    if "code" not in (request.payload.response_type or "").split():
        return
    challenge, method = request.get("code_challenge"), request.get("code_challenge_method")
    if not challenge and not method:
        if request.registered.pkce_required:
            raise oauth_error("invalid_request", "code_challenge is missing: this client must use PKCE.")
        return
    if method != "S256":
        raise oauth_error("invalid_request", "code_challenge_method must be S256.")
    if not _CHALLENGE.fullmatch(challenge):
        raise oauth_error("invalid_request", "code_challenge is not the S256 of a verifier.")


def parse_prompt(request: Request) -> None:
    """Known values only, and `none` alone."""
    asked = request.get("prompt").split()
    request.prompts = frozenset(asked)
    if not request.prompts <= PROMPTS:
        raise oauth_error("invalid_request", "A prompt value is not supported.")
    if "none" in request.prompts and len(request.prompts) > 1:
        raise oauth_error("invalid_request", "prompt none stands alone.")


def parse_max_age(request: Request) -> None:
    """Whole seconds; the client's default when the request names none."""
    asked = request.get("max_age")
    if not asked:
        request.max_age = request.registered.default_max_age
        return
    if not _MAX_AGE.fullmatch(asked):
        raise oauth_error("invalid_request", "max_age must be a number of seconds.")
    request.max_age = int(asked)


def parse_claims(request: Request) -> None:
    """A JSON object of `userinfo` and `id_token`, each an object whose members are null or objects."""
    raw = request.get("claims")
    if not raw:
        return
    try:
        parsed = untrusted_json.read(raw)
    except ValueError:
        raise oauth_error("invalid_request", "claims is not JSON.") from None
    if not isinstance(parsed, dict):
        raise oauth_error("invalid_request", "claims must be a JSON object.")
    request.claims = {
        place: _parse_claims_requests(parsed[place]) for place in ("userinfo", "id_token") if parsed.get(place) is not None
    }


def _parse_claims_requests(asked: Any) -> dict[str, Any]:
    if not isinstance(asked, dict) or len(asked) > MAX_CLAIMS:
        raise oauth_error("invalid_request", "claims asks for something that is not an object of claims.")
    return {name: _parse_claim_request(wish) for name, wish in asked.items()}


def _parse_claim_request(wish: Any) -> dict[str, Any] | None:
    # Only what the specification defines is kept: what is stored with the code has no depth that a caller chooses.
    if wish is None:
        return None
    values = wish.get("values", []) if isinstance(wish, dict) else None
    if not isinstance(values, list):
        raise oauth_error("invalid_request", "claims has a member that is neither null nor an object.")
    kept: dict[str, Any] = {"essential": wish.get("essential") is True}
    if isinstance(wish.get("value"), SCALAR):
        kept["value"] = wish["value"]
    return kept | {"values": [v for v in values if isinstance(v, SCALAR)][:MAX_CLAIMS]}


def parse_id_token_hint(request: Request) -> None:
    """Signed by one of our keys and meant for this client; it may have expired (OpenID Connect Core 3.1.2.1)."""
    raw = request.get("id_token_hint")
    if not raw:
        return
    hint = signing_keys.verify(raw, "JWT")  # never an access token: its type is another
    if hint is None or not is_id_token_for(hint, request.registered.client_id):
        raise oauth_error("invalid_request", "id_token_hint was not issued by us to this client.")
    request.hint = hint


def is_id_token_for(hint: dict[str, Any], client_id: str) -> bool:
    """Whether this is an ID token (no other token of ours that a client sees has `auth_time`) with this client as audience."""
    audience = hint.get("aud")
    return client_id in (audience if isinstance(audience, list) else [audience]) and "auth_time" in hint


def resolve_parameters(request: Request) -> None:
    """Puts parameters in place that came by reference or signed, before anything else looks at them."""
    if request.resumed:
        return
    try:
        for source in PARAMETER_SOURCES:
            source(request)
    except OAuth2Error:
        # What failed to unpack may still say, outside, where the client waits for the error.
        if request.registered.check_redirect_uri(request.get("redirect_uri")):
            request.verified_redirect_uri = request.get("redirect_uri")
        raise


PARAMETER_SOURCES: list[Step] = [request_objects.resolve]

IDENTIFICATION_STEPS: tuple[tuple[Step, str], ...] = (
    (find_client, "RFC 6749 4.1.1: client_id REQUIRED"),
    (resolve_parameters, "RFC 9101 5; RFC 9126 4; OpenID Connect Core 6"),
    (
        verify_redirect_uri,
        "OpenID Connect Core 3.1.2.1: redirect_uri MUST exactly match; RFC 9700 4.1",
    ),
)

VALIDATION_STEPS: list[tuple[Step, str]] = [
    (check_repetition_and_length, "RFC 6749 3.1: parameters MUST NOT be included more than once"),
    (check_unsupported_parameters, "OpenID Connect Core 6.1, 6.2 and 7.2.1: ..._not_supported"),
    (request_objects.check_signed_when_required, "RFC 9101 10.5: require_signed_request_object"),
    (check_response_type_allowed, "RFC 6749 4.1.2.1: unsupported_response_type, unauthorized_client"),
    (check_response_mode, "OAuth 2.0 Multiple Response Types 2.1; Form Post Response Mode"),
    (parse_scope, "RFC 6749 3.3; OpenID Connect Core 3.1.2.1 and 5.4"),
    (check_nonce, "OpenID Connect Core 3.2.2.1: nonce REQUIRED"),
    (check_code_challenge, "RFC 7636 4.4.1; RFC 9700 2.1.1"),
    (parse_prompt, "OpenID Connect Core 3.1.2.1; Initiating User Registration 1.0"),
    (parse_max_age, "OpenID Connect Core 3.1.2.1: max_age"),
    (parse_claims, "OpenID Connect Core 5.5: claims"),
    (parse_id_token_hint, "OpenID Connect Core 3.1.2.1: id_token_hint"),
    (resources.parse_resources, "RFC 8707 2.1: invalid_target"),
]
