"""Views of the pages that belong to no journey."""

from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, render_template, request
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from idp.accounts import TERMS
from idp.core import languages
from idp.core.settings import settings
from idp.gateways import outbox as kept
from idp.storage.database import db
from idp.storage.redis_store import StoreUnavailable, store
from idp.web import cookies, management, typed_fields, urls
from idp.web.csrf import refuse_foreign_origin

blueprint = Blueprint("pages", __name__)


@blueprint.get("/")
def home() -> str:
    """What this is, for someone who came without a service."""
    return render_template("pages/home.html")


@blueprint.get("/privasi")
def privacy() -> str:
    """The page of the privacy policy (Kebijakan Privasi, UU 27/2022)."""
    return render_template("pages/privacy.html", version=TERMS)


@blueprint.get("/syarat")
def terms() -> str:
    """The page of the terms of use (Syarat & Ketentuan)."""
    return render_template("pages/terms.html", version=TERMS)


@blueprint.get("/bukan-saya")
def not_me() -> str:
    """What to do about something that one did not do: where notices lead."""
    return render_template("pages/not_me.html")


@blueprint.post("/bahasa")
def language() -> Response:
    """Keeps the language chosen (`bahasa`) for the browser's session; returns to the page (`kembali`), with what was typed."""
    refuse_foreign_origin()
    back = same_site_path(request.values.get("kembali", ""))
    response = urls.see_other(back)
    typed_fields.keep(response, urlsplit(back).path, request.form)
    chosen = languages.find(request.form.get("bahasa"))
    if chosen:
        cookies.set_cookie(response, cookies.LANGUAGE, chosen.tag)
    return response


@blueprint.get("/dev/outbox")
def outbox() -> str:
    """The SMS and e-mail that the stand-ins kept, newest first; not there at all in production."""
    if settings().production:
        abort(404)
    return render_template("pages/outbox.html", messages=list(reversed(kept.messages())))


@blueprint.get("/healthz")
def healthz() -> Response:
    """200 while this process answers; asks nobody else, so that an outage of a store restarts nothing."""
    management.refuse_elsewhere()
    return _plain("ok", 200)


@blueprint.get("/readyz")
def readyz() -> Response:
    """200 when SQL and store take what is written, else 503 naming those that do not (not why: it may hold an address)."""
    management.refuse_elsewhere()
    failing = [name for name, ask in READINESS_CHECKS.items() if not _answers(ask)]
    return _plain(f"failing: {', '.join(failing)}", 503) if failing else _plain("ok", 200)


def same_site_path(asked: str) -> str:
    """`asked` if it is a path here, else `/`: `//host`, `/\\host` and `/<tab>/host` lead elsewhere."""
    parts = urlsplit(asked)
    plain = asked.startswith("/") and asked.isprintable() and "\\" not in asked
    return asked if plain and not asked.startswith("//") and not parts.scheme and not parts.netloc else "/"


READINESS_CHECKS: dict[str, Callable[[], object]] = {
    # Statements that write, for a server that only answers serves nobody: on a read-only one both fail, and change no row.
    "sql": lambda: db.session.execute(text("UPDATE alembic_version SET version_num = version_num WHERE 1 = 0")),
    "store": lambda: store().put("ready", "1", 60),
}


def _answers(ask: Callable[[], object]) -> bool:
    try:
        ask()
    except (StoreUnavailable, SQLAlchemyError):
        return False
    return True


def _plain(body: str, status: int) -> Response:
    return Response(body + "\n", status, mimetype="text/plain", headers={"Cache-Control": "no-store"})
