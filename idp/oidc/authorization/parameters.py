"""The plain parameters of an authorization request: whose it is, where its answer goes, what it asks for."""

import re

from idp.oidc.clients.directory import clients
from idp.oidc.errors import oauth_error
from idp.oidc.request import Request, words

PROMPTS = frozenset({"none", "login", "consent", "select_account", "create"})
MAX_LENGTHS = {
    "state": 2048,
    "nonce": 512,
    "login_hint": 512,
    "ui_locales": 256,
    "claims_locales": 256,
    "acr_values": 1024,
}
# The parameters that we read. Nothing else is kept with a request that waits or is pushed: it would be stored for nothing.
KEPT = frozenset({
    "response_type", "client_id", "redirect_uri", "scope", "state", "response_mode", "nonce", "display", "prompt", "max_age",
    "ui_locales", "claims_locales", "id_token_hint", "login_hint", "acr_values", "claims", "code_challenge",
    "code_challenge_method", "resource", "request_uri", "dpop_jkt", "authorization_details",
})  # fmt: skip
_MAX_AGE = re.compile(r"[0-9]{1,9}")


def kept(request: Request) -> dict[str, str]:
    """The parameters that are kept while a request waits."""
    return {name: value for name, value in request.payload.data.items() if name in KEPT}


def find_client(request: Request) -> None:
    """Finds the client that the request names; raises `invalid_request` or `invalid_client`."""
    if "client_id" in request.repeated or not request.get("client_id"):
        raise oauth_error("invalid_request", "client_id is missing or repeated.")
    request.client = clients().find(request.get("client_id"))
    if request.client is None:
        raise oauth_error("invalid_client", "The client is not known.")


def parse_redirect_uri(request: Request) -> None:
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
    """Whatever could be unpacked is gone by now (see pipeline.PARAMETER_SOURCES); what is left we do not take."""
    named = request.pushed or request.resumed  # a pushed request keeps its name until it is answered
    for name in ("request", "registration") if named else ("request", "request_uri", "registration"):
        if request.get(name):
            raise oauth_error(f"{name}_not_supported", f"The parameter {name} is not supported here.")


def parse_scope(request: Request) -> None:
    """What this client may ask for; scope values that we do not know are left out (OpenID Connect Core 3.1.2.1)."""
    allowed = request.registered.get_allowed_scope(request.get("scope"))
    if not allowed:
        raise oauth_error("invalid_scope", "No scope that this client may ask for.")
    request.scope = allowed
    if "id_token" in (request.payload.response_type or "") and "openid" not in allowed.split():
        raise oauth_error("invalid_scope", "An ID token needs the scope openid.")


def parse_prompt(request: Request) -> None:
    """Known values only, and `none` alone."""
    asked = words(request.get("prompt"))
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
