"""Jaminan Kehilangan Pekerjaan, as a demo: run it with `make run`. Its claim page takes no account in probation."""

import json
import sys
from pathlib import Path
from typing import Any

from flask import Flask, redirect, request, session, url_for
from werkzeug.wrappers import Response

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from family import JKP, Service  # noqa: E402
from service import FAILURES, create_service, desk, language, page, serve  # noqa: E402
from words import level, moment  # noqa: E402

# Money is paid here: an account that was recovered lately with leaked facts must not be enough.
ENOUGH = ["urn:siapkerja:acr:penuh", "urn:siapkerja:acr:data"]


def claim() -> Response:
    """The claim page, for whoever has one of the classes; others are told why not and what to do."""
    person = desk().person()
    if person is None:
        return redirect(url_for("insist"), 303)
    facts, lang = person.facts, language()
    first, *others = (level(acr, lang) for acr in ENOUGH)
    asked = [first, *(one[0].lower() + one[1:] for one in others)]
    words: dict[str, Any] = {"asked": asked, "has": level(facts.get("acr"), lang)}
    if facts.get("acr") not in ENOUGH:
        recovered = facts.get("recovered_at")
        return page("claim.html", 403, **words, enough=False, recovered=moment(recovered, lang) if recovered else None)
    if request.method == "POST":
        session["message"] = "claim_sent"
        return redirect(url_for("claim"), 303)
    return page("claim.html", **words, enough=True, recovered=None)


def insist() -> Response:
    """Asks the provider for one of the classes, and for nothing less (OpenID Connect Core section 5.5.1.1)."""
    session["onward"] = "claim"
    wanted = {"id_token": {"acr": {"essential": True, "values": ENOUGH}}}
    try:
        return desk().ask(claims=json.dumps(wanted))
    except FAILURES:
        session["message"] = "unreachable"
        return page("landing.html", 503)


def create_jkp(service: Service) -> Flask:
    """The service with its claim page."""
    app = create_service(service)
    app.add_url_rule("/klaim", view_func=claim, methods=["GET", "POST"])
    app.add_url_rule("/klaim/masuk", view_func=insist)
    return app


if __name__ == "__main__":
    serve(JKP, create_jkp)
