"""Floods the provider of target.json, bounded: bytes kept for strangers, sign-ins in a storm, codes while strangers pretend.

    python bench/flood.py [TARGET.json]

The limits are those of a new installation. Every caller has an address of its own, told as a proxy tells it. Traffic goes to
127.0.0.1 only; every part ends by itself.
"""

import asyncio
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import redis
from browser import Answer, Browser, Failed, form_of
from run import HERE, discover, start, stop
from workloads import REDIRECT_URI, Person, sign_in

ANONYMOUS, LARGE, PAGES_OF_ERROR = 300, 40, 200
STORM_SECONDS, STORM_CONNECTIONS = 10, 12
SIGN_INS, PRETENCES = 16, 40
ASKED = {"response_type": "code", "client_id": "web", "redirect_uri": REDIRECT_URI, "scope": "openid", "state": "s" * 43}
ASKED |= {"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256"}


class Caller(Browser):
    """A browser at an address of its own."""

    def __init__(self, port: int, address: str) -> None:
        super().__init__(port)
        self.address = address

    async def send(self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> Answer:
        """One exchange, passed on by a proxy."""
        return await super().send(method, path, (headers or {}) | {"X-Forwarded-For": self.address}, body)


def address(number: int) -> str:
    """The address of one stranger among many (RFC 5737 has too few, so they come from a private range)."""
    return f"10.{number // 65536 % 256}.{number // 256 % 256}.{number % 256}"


def main() -> None:
    """Runs the three parts against one provider."""
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "target.json"
    target = with_usual_limits(json.loads(place.read_text()))
    running = start(target, place.resolve().parent)
    try:
        endpoints = discover(target)
        store = place.resolve().parent / "local" / "run" / "redis.sock"
        for part in (strangers, storm, pretender):
            for line in asyncio.run(part(target, endpoints, store)):
                print(line, flush=True)
    finally:
        stop(running)


def with_usual_limits(target: dict[str, Any]) -> dict[str, Any]:
    """The target without what the timing needs: one worker's usual limits, and a proxy that tells addresses."""
    target["env"] = {name: value for name, value in target["env"].items() if name not in ("IDP_ADDRESS_LIMITS", "IDP_LIMITS")}
    target["env"] |= {"IDP_TRUSTED_PROXIES": "127.0.0.1", "IDP_WORKERS": "1"}
    return target


async def strangers(target: dict[str, Any], endpoints: dict[str, str], store: Path) -> list[str]:
    """Bytes of Redis for each request of somebody who has done nothing yet."""
    authorize, port, told = endpoints["authorization"], urlsplit(target["issuer"]).port or 80, []
    wrong, large = ASKED | {"client_id": "nobody"}, urlencode(ASKED | {"x": "y" * 60_000}).encode()
    kinds = (
        ("GET /authorize", ANONYMOUS, "GET", f"{authorize}?{urlencode(ASKED)}", b""),
        ("POST /authorize with 60 kB that mean nothing", LARGE, "POST", authorize, large),
        ("a page of an error", PAGES_OF_ERROR, "GET", f"{authorize}?{urlencode(wrong)}", b""),
    )
    for number, (what, times, method, path, body) in enumerate(kinds):
        before = used(store)
        for caller in range(times):
            form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
            await Caller(port, address(number * 10_000 + caller)).send(method, path, form, body)
        told.append(f"{(used(store) - before) / times:9.0f} bytes of Redis for {what}")
    return told


async def storm(target: dict[str, Any], endpoints: dict[str, str], _: Path) -> list[str]:
    """Sign-ins of many people while one address guesses at passwords as fast as it can."""
    quiet = await sign_ins(target, endpoints, range(SIGN_INS))
    ends, port = time.monotonic() + STORM_SECONDS, urlsplit(target["issuer"]).port or 80
    guesses = [asyncio.create_task(guess(target, endpoints, port, number, ends)) for number in range(STORM_CONNECTIONS)]
    await asyncio.sleep(1)
    stormy = await sign_ins(target, endpoints, range(SIGN_INS, 2 * SIGN_INS))
    made = sum(await asyncio.gather(*guesses))
    return [f"{summary(quiet)} in peace", f"{summary(stormy)} while one address makes {made} guesses in {STORM_SECONDS} s"]


async def sign_ins(target: dict[str, Any], endpoints: dict[str, str], who: range) -> list[float]:
    """Seconds of each sign-in that came to its end; one after the other, each from an address of its own."""
    taken, port = [], urlsplit(target["issuer"]).port or 80
    for number in who:
        caller = Caller(port, address(900_000 + number))
        person = Person(caller, target["user_pattern"] % (number + 1), target["password"], endpoints, target["clients"])
        began = time.monotonic()
        try:
            await asyncio.wait_for(sign_in(person), 20)
            taken.append(time.monotonic() - began)
        except (Failed, TimeoutError, OSError):
            continue
    return taken


async def guess(target: dict[str, Any], endpoints: dict[str, str], port: int, number: int, ends: float) -> int:
    """Guesses at one connection until the storm is over."""
    made = 0
    while time.monotonic() < ends:
        caller = Caller(port, address(1))
        person = Person(caller, target["user_pattern"] % 60, f"Guess!{number}x{made}", endpoints, target["clients"])
        try:
            await asyncio.wait_for(sign_in(person), 20)
        except (Failed, TimeoutError, OSError):
            made += 1
    return made


def summary(taken: list[float]) -> str:
    middle = f", half of them within {statistics.median(taken):.2f} s" if taken else ""
    return f"{len(taken):3d} of {SIGN_INS} sign-ins{middle}"


async def pretender(target: dict[str, Any], endpoints: dict[str, str], _: Path) -> list[str]:
    """Whether the owner of a number still gets a code after a stranger asked for many to it."""
    port = urlsplit(target["issuer"]).port or 80
    nik, phone, another = "9901010101900050", "081210000050", "9901010101900051"
    for number in range(PRETENCES):
        await asks_for_a_code(Caller(port, address(500_000 + number // 4)), endpoints, another, phone)
    owner = await asks_for_a_code(Caller(port, address(700_000)), endpoints, nik, phone)
    got = "gets her code" if owner else "is refused"
    return [f"after {PRETENCES} tries of strangers who know her number, its owner {got}"]


async def asks_for_a_code(caller: Caller, endpoints: dict[str, str], nik: str, phone: str) -> bool:
    """Recovery by handphone up to the page that wants the code: whether it was sent."""
    begun = await caller.get(f"{endpoints['authorization']}?{urlencode(ASKED)}", Accept="text/html")
    interaction = urlsplit(begun.headers["location"]).path.split("/")[2]
    page = f"/interaction/{interaction}/recover/phone"
    shown = await caller.get(page, Accept="text/html")
    path, fields = form_of(shown.text, page, {"nik": nik, "phone": phone})
    answer = await caller.post(path, fields, Accept="text/html", Origin=f"http://127.0.0.1:{caller.port}")
    return answer.status in (302, 303)


def used(store: Path) -> int:
    """Bytes of all that Redis keeps, key by key: buffers of connections are nothing that is kept."""
    with redis.Redis(unix_socket_path=str(store)) as line:
        return sum(line.memory_usage(key) or 0 for key in line.scan_iter(count=1000))


if __name__ == "__main__":
    main()
