"""Settings: typed, documented at the field, read once from IDP_* variables, refused when unknown or unsafe."""

import os
import ssl
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, cast
from urllib.parse import urlsplit

from flask import current_app
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict, SettingsError
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from idp.core.key_rings import ConfigError, Ring, Secrets, load_secrets

__all__ = ["ConfigError", "Ring", "Secrets", "Settings", "load_settings", "settings", "unsafe_in_production"]

STAND_INS = ("fixture:", "outbox:", "console:")
LEAST_CONSTANT_TIME_MS = 100  # in production: below it, what is padded may take longer than the padding
LOOPBACK = ("127.0.0.1", "localhost", "::1")
Environment = Literal["development", "test", "production"]


class Settings(BaseSettings):
    """Everything an operator can set, each by one variable: the field's name in capitals behind IDP_."""

    model_config = SettingsConfigDict(env_prefix="IDP_", extra="forbid", frozen=True)

    issuer: str = Field("http://localhost:5000", description="The issuer identifier; every URL of ours begins with it.")
    # After the issuer, which decides when nobody does: a forgotten variable must not open a public provider to stand-ins.
    environment: Environment = Field(
        default_factory=lambda known: _environment_of(known.get("issuer", "")),
        description="`production` refuses stand-ins, embedded stores and http; it is the default unless the issuer is on a"
        " loopback address.",
    )
    bind: str = Field("127.0.0.1", description="Address that `idp serve` listens on.")
    port: int = Field(5000, ge=1, le=65535, description="Port that `idp serve` listens on.")
    management_bind: str = Field("127.0.0.1", description="Address of the management port.")
    management_port: int = Field(
        0,
        ge=0,
        le=65535,
        description="Port of `/healthz`, `/readyz` and `/metrics`, which are then on no other, and `/metrics` open to whoever"
        " reaches it; 0 for none.",
    )
    workers: int = Field(0, ge=0, le=256, description="Worker processes; 0 means one per core.")
    var: Path = Field(Path("var"), description="Directory for embedded stores, generated secrets and process files.")
    database_url: str = Field("sqlite:///var/idp.db", description="`sqlite:///…` or `postgresql+psycopg://…`.")
    redis_url: str = Field(
        "embedded:",
        description="`embedded:`, `redis://`, `rediss://`, `unix://`, `redis+sentinel://h1,h2/name/0[?sentinel_password=…]`, `redis+cluster://`.",
    )
    clients_file: Path = Field(Path("clients.yaml"), description="The relying parties, in RFC 7591 names.")
    secrets_file: Path = Field(
        Path("var/secrets.json"), description="Key rings for sealing, blind indexes, pepper; made by `idp secrets new`."
    )
    civil_registry_url: str = Field(
        "fixture:",
        description="`https://user:password@host:8000/dukcapil/get_json/CUSTOMER`; `fixture:` is a stand-in with fictional"
        " people, `fixture:FILE` one with yours.",
    )
    civil_registry_ca: Path | None = Field(None, description="PEM file with the CA that signed Dukcapil's certificate.")
    civil_registry_caller_ip: str = Field("127.0.0.1", description="Our registered address, sent to Dukcapil as IP_USER.")
    sms_url: str = Field(
        "outbox:", description="SMS gateways in the order of failover, separated by spaces: `https://`, `zenziva:`, `verihubs:`."
    )
    sms_hourly_budget: int = Field(20000, ge=1, description="SMS an hour in all; beyond it sending stops until the next hour.")
    sms_report_token: SecretStr | None = Field(
        None,
        min_length=32,
        description="Bearer token (or Basic password) of SMS gateways at `/gateways/sms/json`, `/zenziva`, `/verihubs`: "
        "delivery reports are taken with it only.",
    )
    mail_url: str = Field("outbox:", description="`smtp://user:password@host:587` (STARTTLS), `smtps://`, `outbox:`, `console:`.")
    mail_from: str = Field("SIAPkerja <noreply@siapkerja.example>", description="Sender of every e-mail.")
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses or networks whose X-Forwarded-For is believed, separated by commas."
    )
    fetch_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Networks inside in which addresses of `clients.yaml` may lie (`jwks_uri`, `request_uris`, back-channel"
        " logout), such as `10.20.0.0/16`, separated by commas; those of clients that registered themselves never may.",
    )
    fetch_ca: Path | None = Field(
        None, description="PEM file with authorities that are trusted at addresses of `clients.yaml` besides the public ones."
    )
    mtls_url: str = Field(
        "",
        description="Address of `deploy/nginx-mtls.conf`, such as `https://mtls.id.example.go.id`, whose TLS asks services for"
        " certificates; without it none is believed.",
    )
    metrics_from: Annotated[tuple[str, ...], NoDecode] = Field(
        (), description="Addresses or networks that may read `/metrics`, separated by commas."
    )
    metrics_token: SecretStr | None = Field(
        None,
        min_length=32,
        description="Bearer token that may read `/metrics`; with neither this nor IDP_METRICS_FROM nothing is counted.",
    )
    limits: dict[str, Any] = Field(default_factory=dict, description='JSON of limits by name, e.g. `{"otp_send_phone_hour": 3}`.')
    address_limits: Literal["enforce", "track"] = Field(
        "enforce", description="`track` counts per-address limits without refusing: for carriers with one address for thousands."
    )
    argon2_memory_kib: int = Field(19456, ge=19456, description="Memory of one password hash in KiB.")
    argon2_iterations: int = Field(2, ge=2, description="Passes of one password hash.")
    constant_time_ms: int = Field(
        300,
        ge=0,
        le=5000,
        description="How many milliseconds each answer takes that must not tell, by its time, whether there is an account; "
        "less than 100 is refused in production.",
    )
    session_idle_minutes: int = Field(30, ge=1, description="A session ends after so many minutes without use.")
    session_hours: int = Field(12, ge=1, le=168, description="A session ends after so many hours, used or not.")
    interaction_minutes: int = Field(30, ge=5, description="How long an authorization request waits in our pages.")
    deletion_days: int = Field(
        14, ge=1, le=365, description="How long an account waits for its erasure after that was asked for; signing in cancels it."
    )
    registration_tokens: Literal["required", "open"] = Field(
        "required", description="`open` lets anybody register clients dynamically; refused in production."
    )
    recovery_waiting: Literal["completes", "officer"] = Field(
        "completes",
        description="Whether a risky recovery is completed with a new code after 72 hours, or by two officers only.",
    )
    help_phone: str = Field("", description="Number of the help desk, as people dial it: on every page and in every footer.")
    help_whatsapp: str = Field("", description="Its WhatsApp number in digits with the country code, such as 628119521500.")
    help_hours: str = Field("", description="When somebody answers there, such as `Senin–Jumat 08.00–16.00 WIB`.")
    help_url: str = Field("https://bantuan.kemnaker.go.id", description="The web page of the help desk.")
    help_address: str = Field("", description="Where people go who want to speak to somebody, in one line.")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")

    @field_validator("issuer")
    @classmethod
    def _issuer_is_an_origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if value != value.strip():
            raise ValueError("must have no space before or after it")
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment or parts.path:
            raise ValueError("must be scheme and host only, such as https://id.example.go.id, with no path or final slash")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise ValueError("must be https:// (http:// is for loopback addresses only)")
        return value

    @field_validator("mtls_url")
    @classmethod
    def _certificates_come_by_tls(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme != "https" or not parts.netloc or parts.path or parts.query or parts.fragment):
            raise ValueError("must be https:// and a host only, such as https://mtls.id.example.go.id")
        return value

    @field_validator("database_url")
    @classmethod
    def _database_is_one_that_we_use(cls, value: str) -> str:
        try:
            scheme = make_url(value).drivername
        except (ArgumentError, ValueError):
            scheme = ""
        if scheme not in ("sqlite", "postgresql+psycopg"):
            raise ValueError("must be sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST:5432/DATABASE")
        return value

    @field_validator("civil_registry_caller_ip")
    @classmethod
    def _is_an_address(cls, value: str) -> str:
        try:
            ip_address(value)
        except ValueError:
            raise ValueError("must be the IP address that is registered at Dukcapil") from None
        return value

    @field_validator("session_hours")
    @classmethod
    def _longer_than_idle(cls, value: int, known: ValidationInfo) -> int:
        if known.data.get("session_idle_minutes", 0) > value * 60:
            raise ValueError("must not be shorter than IDP_SESSION_IDLE_MINUTES, which would never come about")
        return value

    @field_validator("help_url")
    @classmethod
    def _help_is_a_web_page(cls, value: str) -> str:
        if urlsplit(value).scheme != "https" or not urlsplit(value).netloc:
            raise ValueError("must be the https:// address of a web page")
        return value

    @field_validator("help_phone", "help_whatsapp")
    @classmethod
    def _can_be_dialled(cls, value: str) -> str:
        if value and (set(value) - set("0123456789 +-()") or sum(sign.isdigit() for sign in value) < 3):
            raise ValueError("must be a number that can be dialled: digits, spaces, +, - and parentheses")
        return value

    @field_validator("fetch_ca")
    @classmethod
    def _has_certificates(cls, value: Path | None) -> Path | None:
        try:
            if value is not None:
                ssl.create_default_context(cafile=value)
        except (OSError, ssl.SSLError):
            raise ValueError("must be a file that can be read, with certificates in PEM") from None
        return value

    @field_validator("trusted_proxies", "metrics_from", "fetch_networks", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        return tuple(p.strip() for p in value.split(",") if p.strip()) if isinstance(value, str) else value

    @field_validator("trusted_proxies", "metrics_from", "fetch_networks")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            try:
                ip_network(network, strict=False)
            except ValueError:
                raise ValueError("must be addresses or networks, such as 10.0.0.7 or 10.0.0.0/8, separated by commas") from None
        return value

    @property
    def production(self) -> bool:
        """Whether real people are served: no stand-ins, Secure cookies, HSTS."""
        return self.environment == "production"

    @property
    def secure(self) -> bool:
        """Whether pages are served over https, so that cookies can be Secure and carry the __Host- prefix."""
        return self.issuer.startswith("https://")


def settings() -> Settings:
    return cast(Settings, current_app.extensions["idp.settings"])


def load_settings(**overrides: Any) -> Settings:
    """Reads IDP_* from the environment; raises ConfigError with one sentence an operator can act on."""
    _refuse_unknown_variables()
    try:
        loaded = Settings(**overrides)
    except ValidationError as invalid:
        raise ConfigError(_first_sentence(invalid)) from None
    except SettingsError as unreadable:
        name = str(unreadable).partition('"')[2].partition('"')[0]
        raise ConfigError(f"IDP_{name.upper()} is not usable: it must be JSON.") from None
    problems = unsafe_in_production(loaded)
    if problems:
        raise ConfigError(" ".join([*environment_notices(loaded), *problems]))
    return loaded


def secrets_of(loaded: Settings) -> Secrets:
    """The key rings; generated with mode 0600 outside production when the file is missing, else ConfigError."""
    return load_secrets(loaded.secrets_file, generate=not loaded.production)


def unsafe_in_production(loaded: Settings) -> list[str]:
    """One sentence for each thing that production must not run with; empty when all is well or not in production."""
    if not loaded.production:
        return []
    found = []
    if not loaded.secure:
        found.append("IDP_ISSUER must begin with https:// in production: set it to the public address.")
    if loaded.redis_url.startswith("embedded:"):
        found.append("IDP_REDIS_URL is the embedded store: point it at a Redis server in production.")
    if loaded.database_url.startswith("sqlite"):
        found.append("IDP_DATABASE_URL is SQLite: point it at PostgreSQL (postgresql+psycopg://…) in production.")
    if loaded.registration_tokens == "open":
        found.append("IDP_REGISTRATION_TOKENS=open lets anybody register clients: remove it in production.")
    if loaded.mtls_url and not loaded.trusted_proxies:
        found.append("IDP_MTLS_URL is of no use without IDP_TRUSTED_PROXIES: name the proxy that hands certificates over.")
    if loaded.constant_time_ms < LEAST_CONSTANT_TIME_MS:
        found.append(
            f"IDP_CONSTANT_TIME_MS is less than {LEAST_CONSTANT_TIME_MS}: answers would tell who has an account by their time."
        )
    for name in ("civil_registry_url", "sms_url", "mail_url"):
        if any(url.startswith(STAND_INS) for url in getattr(loaded, name).split()):
            found.append(f"IDP_{name.upper()} names a stand-in: set the real gateway's URL in production.")
    return found


def environment_notices(loaded: Settings) -> list[str]:
    """What an operator should know of how IDP_ENVIRONMENT came about, in at most one sentence."""
    if "environment" not in loaded.model_fields_set:
        return (
            [f"IDP_ENVIRONMENT is not set: it is production, since {loaded.issuer} is a public name."]
            if loaded.production
            else []
        )
    if loaded.environment == "development" and not _is_loopback(loaded.issuer):
        return [f"IDP_ENVIRONMENT is development on the public name {loaded.issuer}: remove it before real people come."]
    return []


def _environment_of(issuer: str) -> Environment:
    return "production" if issuer and not _is_loopback(issuer) else "development"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host in LOOPBACK or host.endswith(".localhost"):  # RFC 6761 section 6.3
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refuse_unknown_variables() -> None:
    known = {f"IDP_{name}".upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.startswith("IDP_") and not name.startswith("IDP_TEST_") and name.upper() not in known:
            raise ConfigError(f"{name} is not a setting: remove it, or see `idp config table` for the names that exist.")


def _first_sentence(invalid: ValidationError) -> str:
    problem = invalid.errors(include_input=False, include_url=False)[0]
    name = f"IDP_{problem['loc'][0]}".upper() if problem["loc"] else "The environment"
    return f"{name} is not usable: {_plain_words(problem)}."


def _plain_words(problem: Any) -> str:
    if problem["type"] == "too_short":
        return f"must have at least {problem['ctx']['min_length']} characters"
    if problem["type"] == "dict_type":
        return 'must be a JSON object, such as {"otp_send_phone_hour": 3}'
    return str(problem["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
