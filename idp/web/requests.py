"""What every request tells: its reference, the address of the device, browser and system."""

from functools import lru_cache
from ipaddress import ip_address, ip_network

from flask import g, request

from idp.core import crypto
from idp.core.settings import settings


def reference() -> str:
    """This request's short id: shown on error pages, written to logs and audit, answered by `idp explain`."""
    known: str | None = g.get("reference")
    if known is None:
        known = g.reference = crypto.numeric_code(10)
    return known


def client_address() -> str:
    """The address of the person's device; a forwarded one is believed from configured proxies only."""
    peer = request.remote_addr or "127.0.0.1"
    trusted = settings().trusted_proxies
    if not trusted or not in_networks(peer, trusted):
        return peer
    for hop in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        hop = hop.strip()
        if hop and not in_networks(hop, trusted):
            return hop if _is_address(hop) else peer
    return peer


def device_name() -> str:
    """The browser and system of this request as far as a person needs it to tell devices apart, such as `Firefox · Windows`."""
    agent = request.headers.get("User-Agent", "")
    system = next((name for name in ("Android", "iPhone", "iPad", "Windows", "Macintosh", "Linux") if name in agent), "?")
    browser = next((name for name in ("Firefox", "Edg", "OPR", "Chrome", "Safari") if name in agent), "?")
    return f"{browser} · {system}"


@lru_cache(maxsize=4096)
def in_networks(address: str, networks: tuple[str, ...]) -> bool:
    """Whether an address is in one of these networks; what is no address is in none."""
    return _is_address(address) and any(ip_address(address) in ip_network(n, strict=False) for n in networks)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
