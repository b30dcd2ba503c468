"""`idp explain`: what happened behind the reference on an error page."""

from typing import Any

import click
import orjson

from idp.cli import OperatorError, application
from idp.core.printable import printable

WORDS = {
    "too_many_attempts": "A limit was used up; `limit` names it (see idp/limits/rate_limits.py and IDP_LIMITS).",
    "registry_unavailable": "Dukcapil did not give a usable answer; `reason` says why.",
    "delivery_failed": "No gateway took the message; `reason` says why.",
    "temporarily_unavailable": "The store did not answer, or too many passwords were being hashed at once.",
    "form_expired": "The form was older than its cookie, was sent twice, or came from another site.",
    "gone": "The sign-in was finished, older than its time, or begun in another browser.",
    "server_error": "An error nobody foresaw: look for this reference in the log, which names its type and line.",
}


@click.command()
@click.argument("reference")
def explain(reference: str) -> None:
    """Tell what happened behind the REFERENCE of an error page, for a day; audit events for as long as they are kept."""
    with application():
        from idp.audit import trail

        trail.drain_all()
        page, events = _page(reference), _events(reference)
    if not page and not events:
        raise OperatorError(f"Nothing is known of {reference}: check the digits; pages are remembered for 24 hours.")
    for line in [*_told(page), *events]:
        click.echo(printable(line))


def _page(reference: str) -> dict[str, Any]:
    from idp.storage.redis_store import store

    kept = store().get(f"reference:{reference}")
    return dict(orjson.loads(kept)) if kept else {}


def _told(page: dict[str, Any]) -> list[str]:
    if not page:
        return []
    known = dict(page)
    head = f"{_time(known.pop('at'))}  page {known.pop('status')} {known.get('error')}"
    facts = [f"  {name}: {value}" for name, value in known.items() if value is not None]
    meaning = WORDS.get(str(page.get("error")))
    return [head, *facts, *([f"  {meaning}"] if meaning else [])]


def _events(reference: str) -> list[str]:
    from sqlalchemy import select

    from idp.audit.trail import AuditEvent
    from idp.storage.database import db

    rows = db.session.scalars(select(AuditEvent).where(AuditEvent.reference == reference).order_by(AuditEvent.position))
    return [_line(row.at, row.event, row.account, row.client, row.address, row.facts) for row in rows]


def _line(at: int, event: str, account: str | None, client: str | None, address: str | None, facts: str) -> str:
    who = {"account": account, "client": client, "from": address} | orjson.loads(facts)
    return f"{_time(at / 1000)}  {event}  " + " ".join(f"{k}={v}" for k, v in who.items() if v is not None)


def _time(seconds: float) -> str:
    from idp.core import clock

    return clock.wib(clock.from_timestamp(seconds)).strftime("%Y-%m-%d %H:%M:%S WIB")
