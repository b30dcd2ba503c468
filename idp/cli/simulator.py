"""A provider for the service that somebody is building: people of every kind, no SMS, everything forgotten in the end."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import click

from idp.cli import OperatorError, application
from idp.cli import serve as server
from idp.cli.fictional_people import PASSWORD, SEEDED, seed_one
from idp.cli.stacks import SERVER, STACKS
from idp.cli.trial import NO_CODE
from idp.core import languages

if TYPE_CHECKING:
    from flask import Flask
    from werkzeug.wrappers import Response

CALLBACK = "http://localhost:8000/callback"
SCOPE = "openid profile email phone nik roles offline_access"
CLAIMS = ["nik", "birthdate", "gender", "roles"]
WISH = "simulasi:"
ANSWERS = (
    "access_denied", "login_required", "interaction_required", "consent_required", "temporarily_unavailable", "server_error",
    "invalid_grant",
)  # fmt: skip
REASON = "people of every kind"
# After those of `idp demo seed`: who was never seen in person, who is locked, and who has no account yet.
BY_DATA, LOCKED, NEW, RECOVERS = SEEDED, SEEDED + 1, SEEDED + 2, 1


def serve(port: int, var: Path | None, asked: dict[str, Any]) -> None:
    """Serves on localhost until a signal, from a folder of its own; raises OperatorError for what cannot be registered."""
    place = var or Path(tempfile.mkdtemp(prefix="siapkerja-"))
    place.mkdir(parents=True, exist_ok=True)
    try:
        environment = _environment(place.resolve(), port)
        click.echo(_registered(place / "clients.yaml", environment["IDP_ISSUER"], asked))
        for name in [name for name in os.environ if name.startswith("IDP_")]:  # meant for another provider
            del os.environ[name]
        os.environ.update(environment)
        click.echo(_people(environment["IDP_ISSUER"]))
        (place / "environment").write_text("".join(f"export {name}='{value}'\n" for name, value in environment.items()))
        click.echo(_told(environment["IDP_ISSUER"], place, asked["client_id"]))
        server.run(migrate=False, target="idp.cli.simulator:worker")
    finally:
        if var is None:
            shutil.rmtree(place, ignore_errors=True)


def worker() -> "Flask":
    """The provider as it is, but for requests that ask for an answer that is hard to come by."""
    app = server.worker()
    app.before_request(_wished_answer)
    return app


def _wished_answer() -> "Response | None":
    """The answer that `login_hint=simulasi:…` wishes for, sent to where this client's answers go; None for all else."""
    import flask

    from idp.core.settings import settings
    from idp.oidc.clients.directory import clients

    asked = flask.request.values
    wish, uri = asked.get("login_hint", "").removeprefix(WISH), asked.get("redirect_uri", "")
    client = clients().find(asked.get("client_id", ""))
    known = flask.request.path == "/authorize" and asked.get("login_hint", "").startswith(WISH) and wish in ANSWERS
    if not known or client is None or not client.check_redirect_uri(uri):
        return None
    told = {"code": NO_CODE} if wish == "invalid_grant" else {"error": wish, "error_description": "As you wished."}
    answer = urlencode(told | {"state": asked.get("state", ""), "iss": settings().issuer})
    return flask.redirect(f"{uri}{'&' if '?' in uri else '?'}{answer}", 303)


def _environment(place: Path, port: int) -> dict[str, str]:
    """Settings that touch nothing outside this folder, and send nothing anywhere."""
    return {
        # By name and not by number: browsers create no passkeys for an address.
        "IDP_ISSUER": f"http://localhost:{port}",
        "IDP_PORT": str(port),
        "IDP_ENVIRONMENT": "development",
        "IDP_WORKERS": "1",
        "IDP_LOG_LEVEL": "warning",
        "IDP_VAR": str(place),
        "IDP_DATABASE_URL": f"sqlite:///{place}/idp.db",
        "IDP_CLIENTS_FILE": str(place / "clients.yaml"),
        "IDP_SECRETS_FILE": str(place / "secrets.json"),
    }


def _registered(path: Path, issuer: str, asked: dict[str, Any]) -> str:
    """Writes a file with this one service in it; the lines that its program reads."""
    from idp.cli import client_entries

    stack = STACKS[asked["stack"]] if asked["stack"] else None
    addresses = asked["redirect_uris"] or (() if stack else (CALLBACK,))
    options = {"redirect_uris": addresses, "scope": SCOPE, "first_party": not asked["consent"]}
    names = {f"name_{tag.replace('-', '_').lower()}": None for tag in languages.tags()[1:]}
    usual = {"name": "Layanan Saya", "native": False, "alg": None, "auth_method": None}
    entry, secret = client_entries.made(asked["client_id"], asked | usual | names | options)
    if "grant_types" not in entry:
        entry |= {"grant_types": ["authorization_code", "refresh_token"], "claims": CLAIMS}
        homes = [f"{home}/" for address in entry["redirect_uris"] if (home := client_entries.origin_of(address))]
        entry["post_logout_redirect_uris"] = list(asked["post_logout_redirect_uris"]) or list(dict.fromkeys(homes))
    if asked["backchannel_logout_uri"]:
        entry["backchannel_logout_uri"] = asked["backchannel_logout_uri"]
    client_entries.refuse_unsound(entry, path, production=False)
    path.unlink(missing_ok=True)
    client_entries.append(path, entry)
    lines = client_entries.lines(stack, entry, secret, issuer) if stack else SERVER.format(
        issuer=issuer, client_id=asked["client_id"], secret=secret or "", redirect_uri=entry["redirect_uris"][0]
    )  # fmt: skip
    return f"What your service needs{f', for {stack.title}' if stack else ''}:\n\n{lines}"


def _people(issuer: str) -> str:
    """Makes them, printing how to sign in as each; what to try with those who are not like the rest."""
    from idp import accounts
    from idp.cli.database import upgrade_tables
    from idp.core.values import ACR_DATA, Nik
    from idp.gateways.demo_registry import CITIZENS, citizens

    known = citizens(CITIZENS)
    if len(known) <= NEW:
        raise OperatorError(f"{CITIZENS} has fewer than {NEW + 1} people: add some.")
    with application():
        upgrade_tables()
        for number, citizen in enumerate(known[:SEEDED], 1):
            seed_one(number, citizen)
        click.echo("Checked by data only (acr urn:siapkerja:acr:data), then locked:")
        seed_one(BY_DATA + 1, known[BY_DATA], ACR_DATA)
        seed_one(LOCKED + 1, known[LOCKED])
        locked = accounts.find_by_nik(Nik.parse(known[LOCKED].nik))
        if locked is not None and not locked.locked:
            accounts.lock(locked, REASON)
    new, recovers = known[NEW], known[RECOVERS]
    return f"""Password of all: {PASSWORD}
To register: NIK {new.nik}, {new.name}, mother {new.mothers_name}.
To recover (acr urn:siapkerja:acr:pemulihan for a while): "Kendala Masuk ke Akun?" at {issuer}, with NIK {recovers.nik},
{recovers.name}, mother {recovers.mothers_name}.
Codes by SMS and mails: {issuer}/dev/outbox
"""


def _told(issuer: str, place: Path, client_id: str) -> str:
    return f"""Answers that your service must survive:
  access_denied    press "Batal" or "Kembali ke ..." on the sign-in page
  login_required   send prompt=none before anybody has signed in
  a second factor  send acr_values=urn:siapkerja:acr:mfa
  any of these     send login_hint={WISH}access_denied, or instead of that
                   {", ".join(ANSWERS[1:4])},
                   {", ".join(ANSWERS[4:])} (a code that has expired)
  signed out       sign out at {issuer}/account: your back-channel address hears of it
Every operator's command works on it, from another terminal:
  . {place}/environment
  idp clients try {client_id}
  idp keys rotate RS256 --at-once
  idp accounts end-sessions NIK --reason 'trying out'

The issuer is {issuer}; Ctrl-C ends it.
"""
