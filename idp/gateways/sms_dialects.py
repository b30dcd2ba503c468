"""How each SMS provider wants to be asked, and how it says no: pure functions from message to request and answer to receipt."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from idp.core import lifetimes
from idp.core.values import PhoneNumber
from idp.gateways.delivery import DeliveryFailed
from idp.gateways.endpoints import Endpoint
from idp.gateways.http_client import GatewayResponse

Content = dict[str, Any]

ZENZIVA_PATH = "/masking/api/sendOTP/"
VERIHUBS_PATH = "/v2/otp/send"
CODE_LIFE = lifetimes.ONE_TIME_CODE.seconds

REFUSALS = {401: "misconfigured", 403: "misconfigured", 404: "misconfigured", 409: "blocked", 429: "too_many"}


class Unclear(Exception):
    """The answer does not say whether the message was taken."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """`path` when the URL names none, `request` what to post, `read` what the answer means: it returns when accepted,
    raises DeliveryFailed when refused and Unclear otherwise."""

    path: str
    request: Callable[[Endpoint, PhoneNumber, str, str], Content]
    read: Callable[[GatewayResponse], None]


def _ask_json(endpoint: Endpoint, to: PhoneNumber, text: str, reference: str) -> Content:
    headers = {"Authorization": f"Bearer {endpoint.password}"} if endpoint.password else {}
    return {"json": {"to": to.value, "text": text, "reference": reference}, "headers": headers}


def _read_status(answer: GatewayResponse) -> None:
    if 200 <= answer.status < 300:
        return
    if 400 <= answer.status < 500:
        raise DeliveryFailed(REFUSALS.get(answer.status, "refused"))
    raise Unclear


def _ask_zenziva(endpoint: Endpoint, to: PhoneNumber, text: str, reference: str) -> Content:
    form = {"userkey": endpoint.user, "passkey": endpoint.password, "to": to.local, "message": text}
    return {"data": form}


def _read_zenziva(answer: GatewayResponse) -> None:
    """200 also when it fails: the truth is in `status`, "1" for taken."""
    _read_status(answer)
    said = answer.json()
    if not isinstance(said, dict) or "status" not in said:
        raise Unclear
    if str(said["status"]) != "1":
        raise DeliveryFailed("refused")


def _ask_verihubs(endpoint: Endpoint, to: PhoneNumber, text: str, reference: str) -> Content:
    headers = {"App-ID": endpoint.user, "API-Key": endpoint.password}
    return {"json": {"msisdn": to.value.removeprefix("+"), **_template(text)}, "headers": headers}


def _template(text: str) -> Content:
    """The provider puts the code into its template itself, wherever $OTP stands; a notice without a code goes as it is."""
    found = re.search(r"(?<!\d)\d{6}(?!\d)", text)
    if not found:
        return {"template": text}
    return {"template": text.replace(found[0], "$OTP"), "otp": found[0], "time_limit": str(CODE_LIFE)}


def _read_verihubs(answer: GatewayResponse) -> None:
    if answer.status == 403:
        raise DeliveryFailed("quota")
    _read_status(answer)


JSON = Dialect("", _ask_json, _read_status)
ZENZIVA = Dialect(ZENZIVA_PATH, _ask_zenziva, _read_zenziva)
VERIHUBS = Dialect(VERIHUBS_PATH, _ask_verihubs, _read_verihubs)
