"""What is registered of a client, member by member, in RFC 7591 names and our own."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from idp.core import lifetimes
from idp.oidc import algorithms, scopes
from idp.oidc.clients import profiles
from idp.oidc.clients.addresses import Address, Origin, RedirectUri, Resource


def _one_of(names: Callable[[], tuple[str, ...]]) -> BeforeValidator:
    """One of the names that a table has when an entry is read."""

    def check(value: Any) -> Any:
        if value not in names():
            *others, last = (f"'{name}'" for name in names())
            raise ValueError(f"must be one of {', '.join(others)} or {last}")
        return value

    return BeforeValidator(check)


SigningAlg = Annotated[str, _one_of(algorithms.signing_names)]
AssertionAlg = Annotated[str, _one_of(algorithms.assertion_names)]
KeyAlg = Annotated[str, _one_of(algorithms.key_management_names)]
RestrictedClaim = Annotated[str, _one_of(scopes.restricted_claims)]
ContentEnc = Annotated[str, _one_of(algorithms.content_encryption_names)]
Language = Annotated[str, Field(pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]  # RFC 5646
Name = Annotated[str, Field(min_length=1, max_length=100)]
# `client_secret_any` is ours: by HTTP Basic or in the form, as the service's library happens to do (RFC 6749 section 2.3.1).
AuthMethod = Literal[
    "client_secret_basic", "client_secret_post", "client_secret_any", "client_secret_jwt", "private_key_jwt",
    "tls_client_auth", "self_signed_tls_client_auth", "none",
]  # fmt: skip
GrantType = Literal[
    "authorization_code", "refresh_token", "client_credentials", "implicit",
    "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:token-exchange",
]  # fmt: skip
ResponseType = Literal[
    "code", "id_token", "id_token token", "code id_token", "code token", "code id_token token",
]  # fmt: skip


class TokenExchange(BaseModel):
    """Whose tokens a client may exchange, and for which audiences (RFC 8693)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject_clients: tuple[str, ...] = Field((), description="Clients whose access tokens it may present.")
    audiences: tuple[str, ...] = Field((), description="Resources or clients it may ask tokens for.")
    scope: str = Field("", description="The most it may get, separated by spaces.")


class DetailsType(BaseModel):
    """A type of authorization details (RFC 9396) that a service understands, in words for the page that asks people."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: str = Field(min_length=1, max_length=100, description="Its name in requests.")
    label: dict[Language, Name] = Field(min_length=1, description="What it lets the client do, by language.")
    members: dict[str, dict[Language, Name]] = Field(default_factory=dict, description="Each member's name, by language.")

    @staticmethod
    def word(labels: dict[str, str], locale: str) -> str:
        """The label in this language, else in the first that there is."""
        return labels.get(locale) or next(iter(labels.values()), "")


class ClientEntry(BaseModel):
    """What is registered of a relying party: members of RFC 7591, OpenID Registration and Logout; the rest are ours."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_max_length=4096)

    client_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]{1,254}$", description="Its name in the protocol.")
    client_name: Name = Field(description="What people see; `client_name#en` in English.")
    names: dict[Language, Name] = Field(default_factory=dict, description="Filled from `client_name#id`, `client_name#en`.")
    client_uri: Address | None = Field(None, description="Its home page: the way back.")
    logo_uri: Address | None = Field(None, description="Its logo.")
    policy_uri: Address | None = Field(None, description="Its privacy policy, shown when people are asked.")
    tos_uri: Address | None = Field(None, description="Its terms, shown when people are asked.")
    contacts: tuple[str, ...] = Field((), description="Whom operators write to.")
    application_type: Literal["web", "native"] = Field("web", description="`native` may use a loopback port of its choice.")
    redirect_uris: tuple[RedirectUri, ...] = Field((), max_length=50, description="Exact addresses that answers go to.")
    response_types: tuple[ResponseType, ...] = Field(("code",), description="`code`; others only with `profile: legacy`.")
    grant_types: tuple[GrantType, ...] = Field(("authorization_code",), description="What it may do at /token.")
    scope: str = Field("openid profile email", description="The scopes it may ask for, separated by spaces.")
    token_endpoint_auth_method: AuthMethod = Field(
        "client_secret_basic", description="How it proves itself; `client_secret_any`: by HTTP Basic or in the form."
    )
    token_endpoint_auth_signing_alg: AssertionAlg | None = Field(None, description="The one algorithm of its assertions.")
    client_secret_hash: str | None = Field(None, repr=False, description="`sha256:salt:hex`, as `idp clients hash` prints it.")
    client_secret_env: str | None = Field(None, description="Variable that holds the secret, for client_secret_jwt.")
    client_secret_file: str | None = Field(None, description="File that holds the secret, for client_secret_jwt.")
    jwks: dict[str, Any] | None = Field(None, description="Its public keys.")
    jwks_uri: Address | None = Field(None, description="Where its public keys are.")
    id_token_signed_response_alg: SigningAlg = Field("RS256", description="ES256 is ten times as fast as the default.")
    id_token_encrypted_response_alg: KeyAlg | None = Field(None, description="Encrypts ID tokens for it.")
    id_token_encrypted_response_enc: ContentEnc = Field("A128CBC-HS256", description="With which cipher.")
    userinfo_signed_response_alg: SigningAlg | None = Field(None, description="Signs userinfo answers.")
    userinfo_encrypted_response_alg: KeyAlg | None = Field(None, description="Encrypts userinfo answers.")
    userinfo_encrypted_response_enc: ContentEnc = Field("A128CBC-HS256", description="With which cipher.")
    authorization_signed_response_alg: SigningAlg = Field("RS256", description="Signs answers that are asked for as a JWT.")
    authorization_encrypted_response_alg: KeyAlg | None = Field(None, description="Encrypts them too.")
    authorization_encrypted_response_enc: ContentEnc = Field("A128CBC-HS256", description="With which cipher.")
    introspection_signed_response_alg: SigningAlg = Field("RS256", description="Signs what it asks to learn as a JWT.")
    introspection_encrypted_response_alg: KeyAlg | None = Field(None, description="Encrypts that too.")
    introspection_encrypted_response_enc: ContentEnc = Field("A128CBC-HS256", description="With which cipher.")
    request_object_signing_alg: SigningAlg | None = Field(None, description="The one algorithm of its request objects.")
    request_uris: tuple[Address, ...] = Field((), description="Where its request objects may be fetched.")
    require_signed_request_object: bool = Field(False, description="Only signed requests are taken from it.")
    require_pushed_authorization_requests: bool = Field(False, description="Only pushed requests are taken from it.")
    dpop_bound_access_tokens: bool = Field(False, description="Each of its token requests comes with a DPoP proof.")
    tls_client_auth_subject_dn: str | None = Field(None, description="Subject of its certificate, for tls_client_auth.")
    tls_client_auth_san_dns: str | None = Field(None, description="Or a host name in its certificate.")
    tls_client_auth_san_uri: str | None = Field(None, description="Or a URI in its certificate.")
    tls_client_auth_san_ip: str | None = Field(None, description="Or an IP address in its certificate.")
    tls_client_auth_san_email: str | None = Field(None, description="Or an e-mail address in its certificate.")
    tls_client_certificate_bound_access_tokens: bool = Field(
        False, description="Its tokens are bound to the certificate that it shows when it gets them."
    )
    dpop_nonce_required: bool = Field(False, description="Each of its proofs has a nonce of ours.")
    subject_type: Literal["public", "pairwise"] = Field("public", description="`pairwise`: a `sub` of its own sector.")
    sector_identifier_uri: Address | None = Field(None, description="Names the sector of a pairwise client.")
    default_max_age: int | None = Field(None, ge=0, description="Seconds after which people sign in again.")
    require_auth_time: bool = Field(False, description="It relies on `auth_time`, which every ID token has.")
    default_acr_values: tuple[str, ...] = Field((), description="Classes it prefers when a request names none.")
    initiate_login_uri: Address | None = Field(None, description="Where our pages send people who sign in to it anew.")
    required_acr_values: tuple[str, ...] = Field((), description="Classes of which it insists on one, whatever it asks.")
    post_logout_redirect_uris: tuple[RedirectUri, ...] = Field((), description="Exact addresses after a logout.")
    backchannel_logout_uri: Address | None = Field(None, description="Told of a logout by us.")
    backchannel_logout_session_required: bool = Field(False, description="It relies on `sid`, which every notice has.")
    frontchannel_logout_uri: Address | None = Field(None, description="Told of a logout in the browser.")
    frontchannel_logout_session_required: bool = Field(False, description="It relies on `iss` and `sid`, which every call has.")
    first_party: bool = Field(False, description="A service of the ministry: people are not asked for consent.")
    pkce: Literal["required", "optional"] = Field("required", description="`optional` for confidential clients only.")
    profile: Literal["standard", "legacy", "fapi2", "fapi2-signed"] = Field(
        "standard", description="`legacy` allows implicit and hybrid; `fapi2` and `fapi2-signed` set and enforce FAPI 2.0."
    )
    claims: tuple[RestrictedClaim, ...] = Field((), description="Restricted claims it may have.")
    resources: tuple[Resource, ...] = Field((), description="Resources (RFC 8707) it may ask tokens for.")
    authorization_details_types: tuple[str, ...] = Field((), description="Types of details (RFC 9396) it may ask for.")
    authorization_details_served: tuple[DetailsType, ...] = Field((), description="Types that it, as an API, understands.")
    resource_server: bool = Field(False, description="It may introspect tokens whose audience is its client_id or resources.")
    access_token_format: Literal["opaque", "jwt"] = Field("opaque", description="`jwt`: RFC 9068.")
    access_token_lifetime: int | None = Field(
        None, ge=60, le=3600, description=f"Seconds, {lifetimes.ACCESS_TOKEN.seconds} unless set."
    )
    cors_origins: tuple[Origin, ...] = Field((), description="Origins of its pages that may call the token endpoint.")
    token_exchange: TokenExchange | None = Field(None, description="Its policy for token exchange.")
    assertion_audience: Literal["endpoint", "issuer"] = Field("issuer", description="What `aud` of its assertions may be.")
    sector: str = Field("", description="Worked out from the sector identifier or the redirect URIs.")

    @model_validator(mode="before")
    @classmethod
    def _gather_names(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        data = profiles.with_defaults(data)
        tagged = {k.partition("#")[2]: v for k, v in data.items() if isinstance(k, str) and k.startswith("client_name#")}
        plain = {k: v for k, v in data.items() if not (isinstance(k, str) and k.startswith("client_name#"))}
        return plain | {"names": tagged} if tagged else plain
