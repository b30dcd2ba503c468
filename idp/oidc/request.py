"""The OAuth request: parameters read once, strictly, and what the checks learn about them."""

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl

import flask
from authlib.oauth2.rfc6749 import OAuth2Request
from authlib.oauth2.rfc6749.requests import OAuth2Payload
from werkzeug.datastructures import Headers

from idp.oidc.errors import oauth_error

if TYPE_CHECKING:
    from idp.oidc.clients.client import Client
    from idp.oidc.tokens.dpop import DpopProof

MAX_BYTES = 64 * 1024
MAX_PARAMETERS = 100
FORM = "application/x-www-form-urlencoded"

# The parameters that their specifications allow more than once (RFC 8707 section 2, RFC 8693 section 2.1):
# URIs, so that
# a space can stand between them when the request is kept.
REPEATABLE = frozenset({"resource", "audience"})

# Authlib refuses to build a request for a plain http URI. Which transport we serve is decided at start-up (see
# config.unsafe_in_production), not by what a proxy passes on, so Authlib is shown an address that it accepts.
_CHECKED_AT_START_UP = "https://checked.invalid/"


def words(value: str | None) -> list[str]:
    """The values of a space-delimited parameter (RFC 6749 section 3.3): the ASCII space alone divides, no other white space."""
    return [word for word in (value or "").split(" ") if word]


class Payload(OAuth2Payload):
    """Parameters by name, each a single string; `datalist` has the few repeatable ones as lists."""

    def __init__(self, data: dict[str, str]) -> None:
        self._data = data

    @property
    def data(self) -> dict[str, str]:
        """Every parameter that was sent with a value (one sent empty counts as omitted, RFC 6749 section 3.1)."""
        return self._data

    @property
    def datalist(self) -> dict[str, list[Any]]:
        """The parameters as lists, which Authlib asks for."""
        lists = {k: words(v) if k in REPEATABLE else [v] for k, v in self._data.items()}
        return defaultdict(list, lists)


class Request(OAuth2Request):
    """One request to the protocol. It can be rebuilt from its stored parameters: resuming is a replay."""

    payload: Payload

    def __init__(
        self,
        data: dict[str, str],
        method: str = "GET",
        headers: Mapping[str, str] | Headers | None = None,
        repeated: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(method, _CHECKED_AT_START_UP)
        if headers is not None:  # not through Authlib, whose `headers or {}` counts them by reading every one
            self.headers = cast("dict[str, str]", headers)
        self.payload = Payload(data)
        self.repeated = repeated
        self.client: Client | None = None
        #: Set once client and redirect URI are verified: only then may an error travel to the client (RFC 6749 4.1.2.1).
        self.verified_redirect_uri: str | None = None
        self.interactive = False
        #: Of a request that a device began: where its answer goes instead (RFC 8628); never a parameter of the client.
        self.device = ""
        #: Rebuilt from an interaction: what came by reference or signed was unpacked and checked when it first came.
        self.resumed = False
        self.pushed = False
        self.signed = False  # its parameters came in a request object that the client signed
        #: What a successful answer carries besides the grant's own parameters.
        self.extras: list[tuple[str, str]] = []
        #: What the tokens are asked for, and what those about to be issued are made out to (RFC 8707).
        self.resources: tuple[str, ...] = ()
        self.audience: tuple[str, ...] = ()
        #: What exactly is asked for, and what the tokens about to be issued allow (RFC 9396).
        self.authorization_details: tuple[dict[str, Any], ...] = ()
        self.prompts: frozenset[str] = frozenset()
        self.max_age: int | None = None
        self.claims: dict[str, Any] = {}
        self.hint: dict[str, Any] | None = None
        #: What the client has shown that it holds, and what tokens are therefore bound to (`cnf`, RFC 7800).
        self.proof: DpopProof | None = None
        self.confirmation: dict[str, str] = {}

    @property
    def args(self) -> dict[str, str | None]:
        """Nothing: the checks have said where parameters may come from."""
        return {}

    @property
    def form(self) -> dict[str, str]:
        """The parameters, wherever this endpoint takes them from."""
        return self.payload.data

    def get(self, name: str, default: str = "") -> str:
        """One parameter, `default` when it was omitted."""
        return self.payload.data.get(name, default)

    @property
    def registered(self) -> "Client":
        """The client, known since the first check."""
        if self.client is None:
            raise oauth_error("invalid_client", "The client is not known.")
        return self.client


def from_query() -> Request:
    """The current GET, its parameters from the query string; raises OAuth2Error when it cannot be read."""
    return _request(flask.request.query_string)


def from_form() -> Request:
    """The current POST, its parameters from the body only (RFC 6749 section 3.2): query strings end up in logs."""
    body = flask.request.get_data()
    if body and flask.request.mimetype != FORM:
        raise oauth_error("invalid_request", f"The body must be {FORM}.")
    return _request(body)


def _request(raw: bytes) -> Request:
    pairs = _pairs(raw)
    data: dict[str, str] = {}
    repeated = set()
    for name, value in pairs:
        if name in data and name in REPEATABLE:
            value = f"{data[name]} {value}"
        elif name in data:
            repeated.add(name)
        data[name] = value
    return Request(data, flask.request.method, flask.request.headers, frozenset(repeated))


def _pairs(raw: bytes) -> list[tuple[str, str]]:
    if len(raw) > MAX_BYTES:
        raise oauth_error("invalid_request", "The request is too large.")
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=False, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:  # UnicodeDecodeError is one
        raise oauth_error("invalid_request", "The parameters are not well-formed UTF-8.") from None
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise oauth_error("invalid_request", "A parameter contains a NUL character.")
    return pairs
