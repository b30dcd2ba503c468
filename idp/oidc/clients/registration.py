"""Clients register themselves (RFC 7591, OpenID Connect Registration) and manage what they registered (RFC 7592)."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

import flask
import orjson
from authlib.oauth2 import OAuth2Error
from flask import Response
from pydantic import ValidationError

from idp.audit import trail
from idp.core import crypto, lifetimes
from idp.core.settings import Settings, settings
from idp.core.values import ACR_VALUES
from idp.oidc import errors, scopes, untrusted_json
from idp.oidc.clients import deletion, dynamic, keys, switches
from idp.oidc.clients.client import Client
from idp.oidc.clients.fetch import FetchRefused, allowed_url, fetch
from idp.oidc.clients.rules import InvalidEntry
from idp.oidc.errors import oauth_error
from idp.oidc.request import words
from idp.storage.database import DATABASE_DOWN
from idp.storage.redis_store import Script, StoreUnavailable, store

OUTAGES: tuple[type[Exception], ...] = (StoreUnavailable, *DATABASE_DOWN)
MAX_BODY_BYTES = 64 * 1024
INITIAL_ACCESS_TOKEN_LIFE = lifetimes.INITIAL_ACCESS_TOKEN.seconds
# What nobody says of itself: who it is, where its secret lies, what is worked out; and the switches of operators. Unknown
# members are ignored (RFC 7591 section 2).
UNREGISTRABLE_MEMBERS = frozenset({
    "client_id", "names", "client_secret_hash", "client_secret_env", "client_secret_file", "access_token_lifetime", "sector",
})  # fmt: skip
REGISTRABLE_MEMBERS = frozenset(Client.model_fields) - UNREGISTRABLE_MEMBERS - switches.operators_alone()
GRANT_TYPES = frozenset({"authorization_code", "refresh_token", "implicit"})
CALLED_ADDRESSES = ("jwks_uri", "sector_identifier_uri", "backchannel_logout_uri")
# What the answer to a registration holds, and an update must not send back (RFC 7592 section 2.2).
ISSUED_MEMBERS = frozenset(
    {"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"}
)

_USE_INITIAL_ACCESS_TOKEN = Script("""
local left = tonumber(redis.call('GET', KEYS[1]) or '0')
if left < 1 then return 0 end
if left == 1 then redis.call('DEL', KEYS[1]) else redis.call('DECR', KEYS[1]) end
return 1
""")


def _answered(view: Callable[..., Response]) -> Callable[..., Response]:
    @wraps(view)
    def answered(**values: str) -> Response:
        try:
            return view(**values)
        except OAuth2Error as error:
            return _refused(error)
        except OUTAGES:
            return _refused(oauth_error("temporarily_unavailable", "Try again in a moment."))

    return answered


def metadata(known: Settings) -> dict[str, Any]:
    """What discovery says about it."""
    return {"registration_endpoint": f"{known.issuer}/register"}


def issue_initial_access_token(uses: int = 1, seconds: int = INITIAL_ACCESS_TOKEN_LIFE) -> str:
    """A fresh initial access token, good for so many registrations within so many seconds (RFC 7591 section 1.2)."""
    token = crypto.random_token()
    store().put(_initial_access_token_key(token), str(uses), seconds)
    return token


@_answered
def register_client() -> Response:
    """RFC 7591 section 3: checks the invitation, then the metadata; the invitation is used up only by success."""
    invitation = _require_initial_access_token()
    entry = _entry(_posted(), dynamic.new_id())
    client = _parsed(entry)
    _check_addresses(client)
    if invitation and not store().run(
        _USE_INITIAL_ACCESS_TOKEN, [invitation]
    ):  # of two that register at once with its last use, one does
        raise oauth_error("invalid_token", "The initial access token is not known.")
    secret = crypto.random_token(32) if client.token_endpoint_auth_method.startswith("client_secret") else None
    token = crypto.random_token()
    created_at = dynamic.add(client, secret, token)
    trail.record("client_registered", client=client.client_id)
    return _registration_response(201, client, secret, created_at, token)


@_answered
def manage_client(client_id: str) -> Response:
    """RFC 7592 section 2: reads, replaces or deletes the registration that the presented token manages."""
    token = _bearer()
    row = dynamic.find_managed(client_id, token)
    if row is None:
        raise oauth_error("invalid_token", "The registration access token is not known.")
    if flask.request.method == "DELETE":
        deletion.delete(client_id)
        return Response(status=204)
    client = _replaced(row) if flask.request.method == "PUT" else _parsed(orjson.loads(row.entry))
    return _registration_response(200, client, dynamic.secret_of(row), row.created_at, token)


def _replaced(row: Any) -> Client:
    sent = _posted()
    if ISSUED_MEMBERS & sent.keys() or sent.get("client_id") != row.client_id:
        raise oauth_error("invalid_client_metadata", "An update has the client_id, and nothing that we issued beside it.")
    if "client_secret" in sent and not crypto.constant_time_equal(str(sent["client_secret"]), dynamic.secret_of(row) or ""):
        raise oauth_error("invalid_client_metadata", "The client secret is ours to choose.")
    client = _parsed(_entry(sent, row.client_id))
    if client.token_endpoint_auth_method.startswith("client_secret") and not row.secret_sealed:
        raise oauth_error("invalid_client_metadata", "A client without a secret registers anew to get one.")
    _check_addresses(client)
    dynamic.replace(client)
    if client.jwks_uri:
        keys.forget_key_set(client.jwks_uri)
    trail.record("client_changed", client=client.client_id)
    return client


def _posted() -> dict[str, Any]:
    body = flask.request.get_data()
    try:
        sent = untrusted_json.read(body) if flask.request.mimetype == "application/json" and len(body) <= MAX_BODY_BYTES else None
    except ValueError:
        sent = None
    if not isinstance(sent, dict):
        raise oauth_error("invalid_client_metadata", "The body must be a JSON object.")
    if "software_statement" in sent:
        # Fails closed: nobody whose statements we believe is configured (RFC 7591 section 3.2.2).
        raise oauth_error("unapproved_software_statement", "No issuer of software statements is approved here.")
    return sent


def _entry(sent: dict[str, Any], client_id: str) -> dict[str, Any]:
    """An entry as it would stand in the file, from what the client said of itself and what nobody but us says."""
    said = {k: v for k, v in sent.items() if (k in REGISTRABLE_MEMBERS or k.startswith("client_name#")) and v is not None}
    wanted = said.get("scope", " ".join(scopes.self_service_names()))
    if not isinstance(wanted, str):
        raise oauth_error("invalid_client_metadata", "scope is a text of values separated by spaces.")
    asked = words(wanted)
    said["scope"] = " ".join(scope for scope in scopes.self_service_names() if scope in asked)
    said.setdefault("client_name", _host(said))
    _leave_out_what_has_no_effect(said)
    return said | {"client_id": client_id, "cors_origins": _page_origins(said)} | _profile(said)


def _page_origins(said: dict[str, Any]) -> list[str]:
    """Where the scripts of a page without a server come from: where its answers go to, since nobody may name others."""
    if said.get("token_endpoint_auth_method") != "none" or said.get("application_type") == "native":
        return []
    addresses = said.get("redirect_uris")
    found = [uri for uri in addresses if isinstance(uri, str)] if isinstance(addresses, list) else []
    pages = [uri.split("/", 3)[:3] for uri in found if uri.startswith(("https://", "http://"))]
    return list(dict.fromkeys("/".join(parts).partition("?")[0] for parts in pages))


def _leave_out_what_has_no_effect(said: dict[str, Any]) -> None:
    """Where an operator is told of a slip, a program is told by what the answer says was registered (RFC 7591 section 2)."""
    for channel in ("backchannel", "frontchannel"):
        if not said.get(f"{channel}_logout_uri"):
            said.pop(f"{channel}_logout_session_required", None)
    if "refresh_token" not in str(said.get("grant_types")):
        said["scope"] = " ".join(scope for scope in words(said["scope"]) if scope != "offline_access")
    wished = said.get("default_acr_values")
    if isinstance(wished, list):
        said["default_acr_values"] = [acr for acr in wished if acr in ACR_VALUES]


def _profile(said: dict[str, Any]) -> dict[str, str]:
    # Where anybody may register (never in production) certification needs what its clients send: no PKCE, and all flows.
    confidential = said.get("token_endpoint_auth_method", "client_secret_basic") != "none"
    if settings().registration_tokens != "open":
        return {}
    audience = {} if "assertion_audience" in said else {"assertion_audience": "endpoint"}
    return {"profile": "legacy", "pkce": "optional" if confidential else "required"} | audience


def _host(said: dict[str, Any]) -> str:
    addresses = said.get("redirect_uris")
    first = addresses[0] if isinstance(addresses, list) and addresses else ""
    try:
        return (urlsplit(first).hostname if isinstance(first, str) else None) or "client"
    except ValueError:
        return "client"  # the address itself is refused in a moment


def _parsed(entry: dict[str, Any]) -> Client:
    """The client; raises `invalid_redirect_uri` or `invalid_client_metadata` (RFC 7591 section 3.2.2)."""
    try:
        client = Client.model_validate(entry)
    except ValidationError as invalid:
        problem = invalid.errors(include_url=False)[0]
        cause = problem.get("ctx", {}).get("error")
        member = cause.member if isinstance(cause, InvalidEntry) else str(problem["loc"][0]) if problem["loc"] else ""
    else:
        refused = sorted(set(client.grant_types) - GRANT_TYPES)  # names of ours: the entry knows no others
        if client.token_endpoint_auth_method == "client_secret_any":  # a program knows how it sends its secret
            raise oauth_error("invalid_client_metadata", "token_endpoint_auth_method is one of those in discovery.")
        if not refused:
            return client
        raise oauth_error("invalid_client_metadata", f"grant_types: {refused[0]} is for clients that the operator adds.")
    # The member's name only: the sentence may repeat what was sent. Ours, or it would reflect an unknown one.
    known = member if member in Client.model_fields else "A member"
    code = "invalid_redirect_uri" if member == "redirect_uris" else "invalid_client_metadata"
    raise oauth_error(code, f"{known} is not acceptable.")


def _check_addresses(client: Client) -> None:
    """What we are to call must be callable, and the sector's document must list every redirect URI (Core 8.1)."""
    if not all(_fits(uri, client) for uri in client.redirect_uris):
        raise oauth_error("invalid_redirect_uri", "A redirect URI does not fit the application_type.")
    called = [getattr(client, name) for name in CALLED_ADDRESSES] + [uri.partition("#")[0] for uri in client.request_uris]
    if not all(allowed_url(uri) for uri in called if uri):
        raise oauth_error("invalid_client_metadata", "An address is not one that we call.")
    if client.sector_identifier_uri is None:
        return
    try:
        listed = orjson.loads(fetch(client.sector_identifier_uri).body)
    except (FetchRefused, orjson.JSONDecodeError):
        raise oauth_error("invalid_client_metadata", "sector_identifier_uri could not be read.") from None
    if not isinstance(listed, list) or not set(client.redirect_uris) <= {uri for uri in listed if isinstance(uri, str)}:
        raise oauth_error("invalid_client_metadata", "sector_identifier_uri does not list every redirect URI.")


def _fits(uri: str, client: Client) -> bool:
    """OpenID Connect Registration section 2: apps alone have schemes of their own, and answers on their own machine."""
    scheme = urlsplit(uri).scheme
    return client.application_type == "native" or scheme == "https" or (scheme == "http" and not settings().production)


def _require_initial_access_token() -> str:
    """The store's key of the presented invitation, empty where anybody may register; raises `invalid_token`."""
    if settings().registration_tokens == "open":
        return ""
    key = _initial_access_token_key(_bearer())
    if store().get(key) is None:
        raise oauth_error("invalid_token", "The initial access token is not known.")
    return key


def _initial_access_token_key(token: str) -> str:
    return f"invitation:{crypto.digest(token)}"


def _bearer() -> str:
    kind, _, token = flask.request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise oauth_error("invalid_token", "A bearer token is missing.")
    return token.strip()


def _registration_response(status: int, client: Client, secret: str | None, created_at: int, token: str) -> Response:
    """Everything that is registered, as RFC 7591 section 3.2.1 and RFC 7592 section 3 ask."""
    told = client.model_dump(mode="json", exclude_none=True, include=set(REGISTRABLE_MEMBERS)) | {
        "client_id": client.client_id,
        "client_id_issued_at": created_at,
        "registration_access_token": token,
        "registration_client_uri": f"{settings().issuer}/register/{client.client_id}",
    }
    told |= {f"client_name#{tag}": name for tag, name in client.names.items()}
    if secret:
        told |= {"client_secret": secret, "client_secret_expires_at": 0}
    return _json(status, told)


def _refused(error: OAuth2Error) -> Response:
    body = errors.error_body(error)
    response = _json(errors.HTTP_STATUSES.get(body["error"], 400), body)
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = f'Bearer error="{body["error"]}"'  # RFC 6750 section 3
    return response


def _json(status: int, body: dict[str, Any]) -> Response:
    headers = {"Cache-Control": "no-store", "Pragma": "no-cache"}
    return Response(orjson.dumps(body), status, headers, content_type="application/json")
