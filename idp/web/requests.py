"""What every request tells: its reference, the address of the device, browser and system."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

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


def client_network() -> str:
    """What limits count as one address: a whole IPv4 address, or the /64 that one IPv6 line is given (RFC 6177 section 2).

    Counting whole IPv6 addresses would give every line 2^64 tries.
    """
    return network_of(client_address())


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """`192.0.2.1` as it is, `2001:db8:1:2:3::4` as `2001:db8:1:2::/64`, an IPv4-mapped address as the IPv4 address."""
    parsed = ip_address(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return str(parsed) if isinstance(parsed, IPv4Address) else str(ip_network(f"{parsed}/64", strict=False))


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
