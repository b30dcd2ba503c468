"""Clients: a relying party's entry, ready for Authlib to ask."""

from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin
from pydantic import PrivateAttr, model_validator

from idp.core import crypto, languages
from idp.oidc import algorithms
from idp.oidc.clients import profiles
from idp.oidc.clients.addresses import LOOPBACK
from idp.oidc.clients.rules import check_entry

if TYPE_CHECKING:
    pass
from idp.oidc.clients.entry import ClientEntry


class Client(ClientEntry, ClientMixin):
    """A relying party as Authlib and our endpoints ask it; refused at birth when its entry does not hold together."""

    _secret: str | None = PrivateAttr(None)
    _scopes: frozenset[str] = PrivateAttr(frozenset())
    _of_operator: bool = PrivateAttr(False)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        check_entry(self)
        return self

    def model_post_init(self, _: Any) -> None:
        """Works out once what every request asks."""
        # Without refresh tokens there is nothing that could outlive the session: it is neither promised nor asked about.
        lasting = frozenset() if "refresh_token" in self.grant_types else frozenset({"offline_access"})
        self._scopes = frozenset(self.scope.split()) - lasting
        if not self.sector:
            host = urlsplit(str(self.sector_identifier_uri or next(iter(self.redirect_uris), ""))).hostname
            object.__setattr__(self, "sector", host or self.client_id)

    def with_secret(self, secret: str | None) -> Self:
        """The same client knowing its plain secret, read from where its entry says."""
        self._secret = secret
        return self

    def written_by_operator(self) -> Self:
        """The same client, whose entry stands in clients.yaml: its addresses are the operator's word."""
        self._of_operator = True
        return self

    # -- what Authlib and our own endpoints ask -------------------------------------------------------------------

    @property
    def pkce_required(self) -> bool:
        """Whether a code challenge must come with every authorization request (RFC 9700 section 2.1.1)."""
        return self.pkce == "required"

    @property
    def of_operator(self) -> bool:
        """Whether an operator wrote its entry; one that registered itself may name any address it likes."""
        return self._of_operator

    @property
    def hears_of_logout(self) -> bool:
        """Whether it registered an address at which we tell it of a logout."""
        return bool(self.backchannel_logout_uri or self.frontchannel_logout_uri)

    @property
    def auth_methods(self) -> tuple[str, ...]:
        """The methods by which it may prove itself, the one to prefer first."""
        method = self.token_endpoint_auth_method
        return ("client_secret_basic", "client_secret_post") if method == "client_secret_any" else (method,)

    @property
    def fapi(self) -> bool:
        """Whether it keeps to a profile of FAPI 2.0, and is held to it."""
        return self.profile in profiles.PROFILES

    @property
    def answered_in_jwts(self) -> bool:
        """Whether its answers must be signed (FAPI 2.0 Message Signing section 5.4)."""
        return self.profile == "fapi2-signed"

    @property
    def signing_algs(self) -> tuple[str, ...]:
        """What it may sign with: for one that keeps to FAPI 2.0 no more than section 5.4 permits."""
        return algorithms.fapi_names() if self.fapi else algorithms.signing_names()

    @property
    def permitted_claims(self) -> tuple[str, ...]:
        """The restricted claims that the entry allows."""
        return self.claims

    def name(self, locale: str | None = None) -> str:
        """Its name in the language of a tag, the default one unless told."""
        return self.names.get(locale or languages.default().tag, self.client_name)

    def get_client_id(self) -> str:
        """For Authlib: the client identifier."""
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        """Empty, always: a missing redirect_uri is an error, and never the first registered one."""
        return ""

    def get_allowed_scope(self, scope: Any) -> str:
        """Those of the asked scopes that are registered, in the order asked."""
        return " ".join(dict.fromkeys(s for s in (scope or "").split(" ") if s in self._scopes))

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Exact match; a native client's loopback address with any port (RFC 8252 section 7.3)."""
        if redirect_uri in self.redirect_uris:
            return True
        return self.application_type == "native" and _without_port(redirect_uri) in self._loopbacks()

    def check_client_secret(self, client_secret: str) -> bool:
        """In constant time; a client without a secret has none that matches."""
        if self.client_secret_hash:
            _, salt, wanted = self.client_secret_hash.split(":")
            return crypto.constant_time_equal(crypto.sha256(salt + client_secret).hex(), wanted)
        return self._secret is not None and crypto.constant_time_equal(self._secret, client_secret)

    def plain_secret(self) -> str | None:
        """The secret itself, where HMACs need it (client_secret_jwt)."""
        return self._secret

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        """The registered method and no other, at every endpoint; `client_secret_any` stands for two."""
        return method in self.auth_methods

    def check_response_type(self, response_type: str) -> bool:
        """In any order of its parts (OAuth Multiple Response Types section 3)."""
        wanted = set(response_type.split())
        return any(set(known.split()) == wanted for known in self.response_types)

    def check_grant_type(self, grant_type: str) -> bool:
        """Whether it registered this grant."""
        return grant_type in self.grant_types

    def _loopbacks(self) -> set[str | None]:
        return {_without_port(uri) for uri in self.redirect_uris} - {None}


# The client that a request proves, and the registered name of the method by which it did so; None when it fails.
Proof = tuple[Client, str] | None


def _without_port(uri: str) -> str | None:
    """A loopback address without its port; None for any other and for a port that cannot be."""
    try:
        parts = urlsplit(uri)
        loopback = parts.scheme == "http" and parts.hostname in LOOPBACK and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return None
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"http://{host}{uri.partition(parts.netloc)[2]}" if loopback else None


def hash_secret(secret: str) -> str:
    """How a secret stands in clients.yaml. Secrets are drawn by us, 32 random bytes, so a fast hash with a salt is enough."""
    salt = crypto.random_token(9)
    return f"sha256:{salt}:{crypto.sha256(salt + secret).hex()}"
