"""Jaminan Kehilangan Pekerjaan, as a demo: run it with `make run`. Its claim page takes no account in probation."""

import json
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from flask import Flask, redirect, render_template, session, url_for
from werkzeug.wrappers import Response

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from service import Service, create_service, serve  # noqa: E402

SERVICE = Service(
    client_id="jkp",
    title="Jaminan Kehilangan Pekerjaan",
    promise="Klaim manfaat bagi yang kehilangan pekerjaan",
    port=5002,
    scope="openid profile email phone nik",
    colour="#9a3412",
)
# Money is paid here: an account that was recovered lately with leaked facts must not be enough.
ENOUGH = ["urn:siapkerja:acr:penuh", "urn:siapkerja:acr:data"]
WIB = timezone(timedelta(hours=7))


def create_jkp(service: Service) -> Flask:
    """The service with its claim page."""
    app = create_service(service)
    callback = f"http://127.0.0.1:{service.port}/callback"

    @app.get("/klaim")
    def claim() -> Response | str | tuple[str, int]:
        person = session.get("person")
        if person is None:
            return redirect(url_for("insist"), 303)
        if person.get("acr") in ENOUGH:
            return render_template("claim.html", service=service, person=person, recovered=None)
        recovered = datetime.fromtimestamp(person.get("recovered_at", 0), UTC).astimezone(WIB)
        return render_template("claim.html", service=service, person=person, recovered=recovered), 403

    @app.get("/klaim/masuk")
    def insist() -> Response:
        wanted = {"id_token": {"acr": {"essential": True, "values": ENOUGH}}}
        return app.extensions["siapkerja"].authorize_redirect(callback, claims=json.dumps(wanted))

    return app


if __name__ == "__main__":
    serve(SERVICE, create_jkp)
