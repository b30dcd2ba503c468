"""Unduh data saya: everything that is kept about the account, in one JSON file that its owner can read."""

from collections.abc import Callable
from typing import Any

import orjson
from flask import Response, g

from idp import accounts, authenticators, notices, probation
from idp.account.access import blueprint, page, second_factor_required_if_enrolled, sign_in_required
from idp.accounts import Account
from idp.accounts.connections import connected_services
from idp.audit import trail
from idp.core import clock
from idp.limits import rate_limits
from idp.sessions import known_devices, single_sign_on
from idp.storage.unit_of_work import unit_of_work

BATCH = 1000
OFFICER_FACTS = ("reason", "first")
TIMES = ("at", "created", "first", "last", "made", "seen", "until")


@blueprint.route("/export")
@sign_in_required
def export() -> Response:
    """Says what the file holds, and offers it."""
    return page("export")


@blueprint.route("/export/download", methods=["POST"])
@second_factor_required_if_enrolled
def download() -> Response:
    """The file. The contacts are told: whoever has it knows all of the person. Raises TooManyAttempts."""
    account, subject = g.account, g.account.subject
    rate_limits.hit("export_account", subject)
    with unit_of_work():
        trail.record("account_exported", account=subject)
        notices.notify(account.contacts_in_use, notices.data_exported(clock.now()), subject)
    trail.drain_all()
    made = {"made": clock.timestamp()} | {name: part(account) for name, part in PARTS.items()}
    body = orjson.dumps(_readable(made), option=orjson.OPT_INDENT_2)
    headers = {"Content-Disposition": 'attachment; filename="siapkerja-data.json"', "Cache-Control": "no-store"}
    return Response(body, mimetype="application/json", headers=headers)


def _account(account: Account) -> dict[str, Any]:
    return {
        "sub": account.subject,
        "state": account.state,
        "acr": account.acr,
        "created": account.created_at,
        "agreed_to_terms": account.terms,
        "password_changed_at": account.password_changed_at,
        "claims": accounts.claims(account),
    }


def _contacts(account: Account) -> list[dict[str, Any]]:
    return [
        {"kind": c.kind, "value": c.value.value, "verified_at": c.verified_at, "replaced_at": c.superseded_at}
        for c in account.contacts
    ]


def _ways_to_sign_in(account: Account) -> dict[str, Any]:
    enrolled = authenticators.enrolled_for(account.subject)
    passkeys = [{"label": p.label, "created_at": p.created_at, "last_used_at": p.last_used_at} for p in enrolled.passkeys]
    devices = authenticators.remembered_devices.count(account.subject)
    codes = enrolled.recovery_codes_left
    return {"app": enrolled.totp, "passkeys": passkeys, "recovery_codes_left": codes, "remembered_devices": devices}


def _sessions(account: Account) -> list[dict[str, Any]]:
    return [{name: s[name] for name in ("device", "created", "seen")} for s in single_sign_on.of_account(account.subject)]


def _events(account: Account) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while batch := trail.history(account.subject, None, found[-1]["position"] if found else None, BATCH):
        found += batch
    return [event | {"at": event["at"] // 1000, "facts": _without_officer_facts(event["facts"])} for event in found]


def _without_officer_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Without what officers wrote: who they are is nobody else's data."""
    return {name: value for name, value in facts.items() if name not in OFFICER_FACTS}


# What the file holds, by name. Secrets (the password's hash, keys, codes) are nobody's data to read.
PARTS: dict[str, Callable[[Account], Any]] = {
    "account": _account,
    "contacts": _contacts,
    "ways_to_sign_in": _ways_to_sign_in,
    "sessions": _sessions,
    "browsers": lambda account: known_devices.of_account(account.subject),
    "services": lambda account: connected_services().export(account.subject),
    "recoveries": lambda account: probation.export(account.subject),
    "messages": lambda account: notices.of_account(account.subject),
    "events": _events,
}


def _readable(kept: Any, name: str = "") -> Any:
    """The same with times as people write them, in WIB (RFC 3339)."""
    if isinstance(kept, dict):
        return {key: _readable(value, key) for key, value in kept.items()}
    if isinstance(kept, list):
        return [_readable(value) for value in kept]
    if type(kept) is int and (name in TIMES or name.endswith("_at")):
        return clock.wib(clock.from_timestamp(kept)).isoformat()
    return kept
