"""Brings notices to people: kept before the answer, sent behind it, tried again until they arrive or 72 hours are over."""

from collections.abc import Iterable
from concurrent.futures import wait

import structlog

from idp import accounts
from idp.audit import trail
from idp.core import background, clock
from idp.core.values import ContactValue, PhoneNumber
from idp.gateways.sms import DeliveryFailed
from idp.limits import rate_limits
from idp.limits.rate_limits import TooManyAttempts
from idp.notices import channels, outbox
from idp.notices.outbox import ClaimedDelivery
from idp.notices.texts import Notice
from idp.storage.database import DATABASE_DOWN
from idp.storage.redis_store import StoreUnavailable
from idp.storage.sealing import Unsealable

log = structlog.get_logger()

Contacts = Iterable[ContactValue]


def notify_in_constant_time(contacts: Contacts, notice: Notice, account: str | None = None) -> None:
    """Keeps the notice for every contact, then sends it in the background: an outage undoes nothing of what is told about.

    Takes the same time for any number of contacts, none included: pages that must not tell whether there is an
    account call it either way. `account` is the subject, for the audit trail and the language. At most five of a
    kind go to one contact in a day; the rest is withheld and audited.
    """
    begun = clock.monotonic()
    notify(contacts, notice, account)
    background.pad_to_constant_time(begun)


def notify(contacts: Contacts, notice: Notice, account: str | None = None) -> None:
    """As `tell`, without taking its time: for those who are signed in, from whom nothing is to be hidden."""
    contacts = list(contacts)
    try:
        ids = outbox.enqueue(contacts, notice, account)
    except DATABASE_DOWN as down:
        # Not durable for once: a warning that a crash might lose is better than one that is never sent.
        log.warning("notice_not_kept", kind=notice.kind, why=type(down).__name__)
        for contact in contacts:
            background.start(_send_without_outbox, contact, notice, account)
        return
    send(ids)


def notify_each_in_constant_time(messages: Iterable[tuple[ContactValue, Notice]], account: str | None = None) -> None:
    """As `tell`, each contact with a notice of its own, such as one with a link that is for this contact only."""
    begun = clock.monotonic()
    for contact, notice in messages:
        notify([contact], notice, account)
    background.pad_to_constant_time(begun)


def send(ids: Iterable[str]) -> None:
    """Sends what `outbox.write` has kept, in the background, each by itself: a slow gateway holds up no other."""
    try:
        for delivery_id in ids:
            background.start(deliver, delivery_id)
    except RuntimeError:
        # This process is shutting down: the change is made and its notice kept, so that another one sends it.
        log.info("notices_left_to_others")


def deliver_due() -> int:
    """Sends what is due, several at a time; how many were looked at."""
    started = [background.start(deliver, delivery_id) for delivery_id in outbox.due_ids()]
    wait(started)
    return len(started)


def deliver(delivery_id: str) -> None:
    """One attempt, if the row is still to be claimed."""
    try:
        claimed = outbox.claim(delivery_id)
    except Unsealable:
        log.error("notice_unreadable", delivery=delivery_id)  # its key was taken out of the ring too early
        outbox.finish(delivery_id, outbox.GIVEN_UP, "unreadable")
        return
    if claimed is not None:
        _attempt(claimed)


def _attempt(claimed: ClaimedDelivery) -> None:
    if claimed.too_old:
        _give_up(claimed)
        return
    try:
        if claimed.attempt == 1:
            rate_limits.hit("notice_contact_day", claimed.notice.kind, claimed.contact.value)
        if claimed.contact.channel == PhoneNumber.channel and not _budget_left():
            outbox.postpone(claimed, "budget", counted=False)
            return
    except TooManyAttempts:
        outbox.finish(claimed.id, outbox.WITHHELD, "limit")
        trail.record("notice_withheld", account=claimed.account, kind=claimed.notice.kind, reason="limit")
        return
    except StoreUnavailable:
        # Nobody is told uncounted, lest we be made to bombard somebody: it waits for the store (fails closed).
        outbox.postpone(claimed, "store", counted=False)
        return
    _send(claimed)


def _budget_left() -> bool:
    """Counts one SMS of the notices' own share; False when it is spent until the next hour: codes come first."""
    try:
        rate_limits.hit("otp_share_notices")
    except TooManyAttempts:
        return False
    return True


def _send(claimed: ClaimedDelivery) -> None:
    try:
        answer = channels.send(claimed.contact, claimed.notice, _locale(claimed.account), claimed.id)
    except DeliveryFailed as refused:
        log.warning("notice_not_delivered", kind=claimed.notice.kind, reason=refused.reason, attempt=claimed.attempt)
        outbox.postpone(claimed, refused.reason)
        return
    except Exception as unforeseen:  # what no one foresaw must neither stop the others nor be tried again every two minutes
        log.error("notice_not_delivered", kind=claimed.notice.kind, reason=type(unforeseen).__name__)
        outbox.postpone(claimed, type(unforeseen).__name__)
        return
    # An uncertain one may have arrived: nobody sends it again by himself.
    outbox.finish(claimed.id, outbox.SENT, answer.value)
    _audit_sent(claimed.contact, claimed.notice, claimed.account)


def _give_up(claimed: ClaimedDelivery) -> None:
    outbox.finish(claimed.id, outbox.GIVEN_UP, claimed.last_answer or "too late")
    trail.record("notice_given_up", account=claimed.account, kind=claimed.notice.kind, reason=claimed.last_answer or None)


def _send_without_outbox(contact: ContactValue, notice: Notice, account: str | None) -> None:
    try:
        rate_limits.hit("notice_contact_day", notice.kind, contact.value)
        channels.send(contact, notice, None, outbox.new_id())
    except TooManyAttempts:
        trail.record("notice_withheld", account=account, kind=notice.kind, reason="limit")
    except DeliveryFailed as refused:
        trail.record("notice_withheld", account=account, kind=notice.kind, reason=refused.reason)
    else:
        _audit_sent(contact, notice, account)


def _locale(account: str | None) -> str | None:
    return accounts.locale_of(account) if account else None


def _audit_sent(contact: ContactValue, notice: Notice, account: str | None) -> None:
    trail.record("notice_sent", account=account, kind=notice.kind, channel=contact.channel)
