"""URLs of gateways, taken apart once: where to, as whom, and by which adapter; refused with one sentence when unusable."""

from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit, urlunsplit

from idp.core.settings import LOOPBACK, ConfigError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A gateway's address without its credentials, which never appear in a repr or a log."""

    scheme: str
    url: str
    host: str
    port: int | None
    path: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    options: dict[str, str] = field(repr=False)

    @property
    def loopback(self) -> bool:
        """Whether it is on this very machine, where http is allowed."""
        return self.host in LOOPBACK

    @property
    def where(self) -> str:
        """Host and port, for logs and names."""
        return f"{self.host}:{self.port}" if self.port else self.host


def parse_endpoint(url: str, setting: str, *schemes: str) -> Endpoint:
    """Reads `scheme://user:password@host:port/path`; raises ConfigError naming `setting`, never the URL (it holds a password)."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ConfigError(f"{setting} is not a URL: write {schemes[0]}://user:password@host/path.") from None
    if parts.scheme not in schemes or not parts.hostname or parts.fragment:
        raise ConfigError(f"{setting} must be {' or '.join(f'{s}://' for s in schemes)} with a host: see `idp config table`.")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ConfigError(f"{setting} must be https:// (http:// is for loopback addresses only).")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    bare = urlunsplit((parts.scheme, f"{host}:{port}" if port else host, parts.path, parts.query, ""))
    return Endpoint(
        parts.scheme,
        bare,
        parts.hostname,
        port,
        parts.path,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        {name: values[-1] for name, values in parse_qs(parts.query).items()},
    )


def adapter_of(url: str) -> str:
    """What stands before the first colon: the name of the adapter."""
    return url.partition(":")[0]


def refuse_in_production(production: bool, setting: str) -> None:
    """Raises ConfigError when a stand-in is asked for where real people are served: fails closed."""
    if production:
        raise ConfigError(f"{setting} names a stand-in: set the real gateway's URL in production.")
