"""What `idp doctor` looks at from outside: names, the provider's own address, its certificate."""

import socket
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from idp.core import clock
from idp.core.settings import Settings

PATIENCE = 5  # seconds for each connection
LEAST_DAYS = 14  # that a certificate must still be good for
DAY = 86400


def names(loaded: Settings) -> Iterator[str]:
    """Hosts of gateways that cannot be resolved."""
    for setting in ("civil_registry_url", "sms_url", "mail_url"):
        for url in getattr(loaded, setting).split():
            host = urlsplit(url.partition(":")[2] if url.startswith(("zenziva:", "verihubs:")) else url).hostname
            if host and not _resolves(host):
                yield f"IDP_{setting.upper()} names {host}, which no name server knows: correct it, or mend the resolver."


def provider(loaded: Settings) -> Iterator[str]:
    """A public address that does not lead to a provider of this issuer."""
    import httpx

    try:
        told = httpx.get(f"{loaded.issuer}/.well-known/openid-configuration", timeout=PATIENCE, trust_env=False)
        issuer = told.json().get("issuer") if told.status_code == 200 else None
    except (httpx.HTTPError, ValueError, AttributeError):
        yield f"Nobody answers at {loaded.issuer}: start `idp serve` and the proxy in front of it, or correct IDP_ISSUER."
        return
    if issuer != loaded.issuer:
        yield f"{loaded.issuer} answers as another issuer: the proxy leads elsewhere, or IDP_ISSUER is wrong there."


def certificate(loaded: Settings) -> Iterator[str]:
    """A certificate that browsers refuse, or will soon."""
    parts = urlsplit(loaded.issuer)
    if parts.scheme != "https" or not parts.hostname:
        return
    try:
        with (
            socket.create_connection((parts.hostname, parts.port or 443), PATIENCE) as bare,
            ssl.create_default_context().wrap_socket(bare, server_hostname=parts.hostname) as line,
        ):
            ends = ssl.cert_time_to_seconds(str((line.getpeercert() or {}).get("notAfter")))
    except ssl.SSLCertVerificationError as refused:
        yield f"The certificate of {parts.hostname} is refused ({refused.verify_message}): renew it, with its whole chain."
        return
    except (OSError, ValueError):
        return  # nobody answers there, which is told above
    yield from certificate_sentences(parts.hostname, ends)


def certificate_sentences(host: str, ends: float) -> Iterator[str]:
    """What the end of a certificate (epoch seconds) means today."""
    left = int(ends - clock.timestamp()) // DAY
    if left < LEAST_DAYS:
        yield f"The certificate of {host} ends in {left} days: see why it was not renewed, and renew it."


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True
