"""Brings notices to people: kept before the answer, sent behind it, tried again until they arrive or 72 hours are over."""

from collections.abc import Iterable
from typing import Any

import structlog

from idp import accounts
from idp.audit import trail
from idp.core import background, clock, lifetimes
from idp.core.values import ContactValue, PhoneNumber, contact_of_channel
from idp.gateways.sms import DeliveryFailed
from idp.limits import rate_limits
from idp.limits.rate_limits import TooManyAttempts
from idp.notices import channels
from idp.notices.history import KIND
from idp.notices.texts import Notice
from idp.storage import outbox
from idp.storage.database import DATABASE_DOWN
from idp.storage.outbox import PENDING, SENT, WITHHELD, ClaimedMessage, Draft, MessageKind, Outcome
from idp.storage.redis_store import StoreUnavailable
from idp.storage.unit_of_work import current_unit

log = structlog.get_logger()

LEASE = 120  # seconds that one worker has for an attempt; longer than every gateway in the order of failover takes
BACK_OFF = (60, 300, 900, 3600, 2 * 3600, 4 * 3600, 8 * 3600)  # seconds before the next attempt; the last one repeats
GIVE_UP_AFTER = lifetimes.NOTICE_TRIES.seconds

Contacts = Iterable[ContactValue]
Addressed = Iterable[tuple[ContactValue, Notice]]


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
    """Tells each contact. Inside a unit of work the notice is committed with the change, and sent after the commit."""
    notify_each([(contact, notice) for contact in contacts], account)


def notify_each(messages: Addressed, account: str | None = None) -> None:
    """As `notify`, each contact with a notice of its own, such as one with a link that is for this contact only."""
    messages = list(messages)
    try:
        outbox.post(KIND, _drafts(messages, account))
    except DATABASE_DOWN as down:
        if current_unit() is not None:
            raise  # the change is not made either
        # Not durable for once: a warning that a crash might lose is better than one that is never sent.
        for contact, notice in messages:
            log.warning("notice_not_kept", kind=notice.kind, why=type(down).__name__)
            background.start(_send_without_outbox, contact, notice, account)


def enqueue(contacts: Contacts, notice: Notice, account: str | None = None) -> list[str]:
    """Keeps the notice for each contact, and leaves sending it to the running provider; the ids of the messages."""
    return outbox.enqueue(KIND, _drafts([(contact, notice) for contact in contacts], account))


def deliver_due() -> int:
    """Sends what is due, several at a time; how many were looked at."""
    return outbox.deliver_due(KIND)


def _drafts(messages: Addressed, account: str | None) -> list[Draft]:
    return [
        Draft(notice.kind, contact.channel, account, {"to": contact.value, "notice": notice.to_dict()})
        for contact, notice in messages
    ]


def _deliver(message: ClaimedMessage) -> Outcome:
    contact = contact_of_channel(message.destination, message.body["to"])
    try:
        if message.attempt == 1:
            rate_limits.hit("notice_contact_day", message.about, contact.value)
        if contact.channel == PhoneNumber.channel and not _budget_left():
            return Outcome(PENDING, "budget", counted=False)
    except TooManyAttempts:
        return Outcome(WITHHELD, "limit")
    except StoreUnavailable:
        # Nobody is told uncounted, lest we be made to bombard somebody: it waits for the store (fails closed).
        return Outcome(PENDING, "store", counted=False)
    return _send(message, contact)


def _budget_left() -> bool:
    """Counts one SMS of the notices' own share; False when it is spent until the next hour: codes come first."""
    try:
        rate_limits.hit("otp_share_notices")
    except TooManyAttempts:
        return False
    return True


def _send(message: ClaimedMessage, contact: ContactValue) -> Outcome:
    notice = Notice.from_dict(message.body["notice"])
    try:
        answer = channels.send(contact, notice, accounts.reader_of(message.account), message.id)
    except DeliveryFailed as refused:
        log.warning("notice_not_delivered", kind=notice.kind, reason=refused.reason, attempt=message.attempt)
        return Outcome(PENDING, refused.reason)
    # An uncertain one may have arrived: nobody sends it again by himself.
    return Outcome(SENT, answer.value)


def _audit(message: ClaimedMessage, outcome: Outcome) -> None:
    known: dict[str, Any] = {"account": message.account, "kind": message.about}
    if outcome.state == SENT:
        trail.record("notice_sent", **known, channel=message.destination)
    elif outcome.state == WITHHELD:
        trail.record("notice_withheld", **known, reason=outcome.answer)
    else:
        trail.record("notice_given_up", **known, reason=message.last_answer or None)


def _send_without_outbox(contact: ContactValue, notice: Notice, account: str | None) -> None:
    try:
        rate_limits.hit("notice_contact_day", notice.kind, contact.value)
        channels.send(contact, notice, accounts.Reader(), outbox.new_id())
    except TooManyAttempts:
        trail.record("notice_withheld", account=account, kind=notice.kind, reason="limit")
    except DeliveryFailed as refused:
        trail.record("notice_withheld", account=account, kind=notice.kind, reason=refused.reason)
    else:
        trail.record("notice_sent", account=account, kind=notice.kind, channel=contact.channel)


MESSAGES = MessageKind(KIND, _deliver, LEASE, BACK_OFF, GIVE_UP_AFTER, settled=_audit)
