"""Brings notices to people in the background, so that neither an answer nor its time depends on a gateway."""

from collections.abc import Iterable

import structlog

from idp import audit, background, rate_limits, tokens
from idp.gateways.mail import mail
from idp.gateways.sms import DeliveryFailed, sms
from idp.notices.words import Notice
from idp.rate_limits import TooManyAttempts
from idp.values import EmailAddress, PhoneNumber

log = structlog.get_logger()


def tell(contacts: Iterable[PhoneNumber | EmailAddress], notice: Notice, account: str | None = None) -> None:
    """Sends the notice to every contact in the background: a gateway's outage undoes nothing of what is told about.

    Takes the same time for any number of contacts, none included: pages that must not tell whether there is an
    account call it either way. `account` is the subject for the audit trail. At most five of a kind go to one
    contact in a day; the rest is withheld and audited.
    """
    for contact in contacts:
        background.start(_tell_one, contact, notice, account)
    background.pause()


def _tell_one(contact: PhoneNumber | EmailAddress, notice: Notice, account: str | None) -> None:
    try:
        rate_limits.hit("notice_contact_day", notice.kind, contact.value)
        _dispatch(contact, notice)
    except TooManyAttempts:
        audit.record("notice_withheld", account=account, kind=notice.kind, reason="limit")
        return
    except DeliveryFailed as refused:
        log.warning("notice_not_delivered", kind=notice.kind, reason=refused.reason)
        audit.record("notice_withheld", account=account, kind=notice.kind, reason="delivery")
        return
    channel = "sms" if isinstance(contact, PhoneNumber) else "mail"
    audit.record("notice_sent", account=account, kind=notice.kind, channel=channel)


def _dispatch(contact: PhoneNumber | EmailAddress, notice: Notice) -> None:
    reference = tokens.random_token(12)
    if isinstance(contact, PhoneNumber):
        sms().send(contact, notice.sms, reference)
        return
    letter = notice.letter()
    mail().send(contact, letter.subject, letter.text, letter.html, reference)
