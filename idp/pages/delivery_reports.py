"""Where SMS gateways report whether a message arrived: authenticated, idempotent, and nothing but a status is kept."""

import binascii
from base64 import b64decode
from typing import Any

from flask import Blueprint, Response, abort, request

from idp.core import crypto
from idp.core.settings import settings
from idp.gateways import delivery
from idp.gateways.sms_reports import READERS

LONGEST_REPORT = 16 * 1024

blueprint = Blueprint("gateways", __name__)


@blueprint.post("/gateways/sms/<adapter>")
def delivery_report(adapter: str) -> Response:
    """One report, or a JSON list of them; 204 also for messages that we do not know (any more), so that none comes again.

    404 for an adapter that does not exist and while IDP_SMS_REPORT_TOKEN is not set, 401 without the token, 400 for what
    is no report.
    """
    reader = READERS.get(adapter)
    if reader is None or settings().sms_report_token is None:
        abort(404)
    if not _is_gateway():
        return Response("", 401, headers={"WWW-Authenticate": 'Bearer realm="sms"'})
    posted = _posted()
    if not posted:
        abort(400)
    for report in posted:
        read = reader(report)
        if read is not None:
            delivery.record_report(adapter, *read)
    return Response("", 204)


def _posted() -> list[dict[str, Any]]:
    if (request.content_length or 0) > LONGEST_REPORT:
        abort(413)
    if not request.is_json:
        return [request.form.to_dict()] if request.form else []
    body = request.get_json(silent=True)
    given = body if isinstance(body, list) else [body]
    return [one for one in given[:100] if isinstance(one, dict)]


def _is_gateway() -> bool:
    """By the token, as a Bearer token or as the password of HTTP Basic; in an address it would end up in logs."""
    token = settings().sms_report_token
    scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            shown = b64decode(shown, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return False
    return token is not None and crypto.constant_time_equal(shown, token.get_secret_value())
