"""What is known about whoever answers to a recovery, for the policy: the contact of a link, and the account's authenticators."""

from idp import accounts, authenticators
from idp.accounts import Contact
from idp.core import lifetimes
from idp.probation.answer_policy import AnsweredBy, Answerer
from idp.probation.model import Recovery
from idp.storage.sealing import sealer

SETTLED = lifetimes.SETTLED_CONTACT.seconds


def answerer(row: Recovery, by: AnsweredBy, contact_index: str | None = None) -> Answerer:
    """Whoever answers to this recovery; `contact_index` is the blind index of the contact whose link it is.

    A contact that is not found any more, or of a link that did not keep it, counts as unproved (fails closed).
    """
    second_factor = authenticators.had_second_factor(row.subject, row.id)
    if by != "contact":
        return Answerer(by, second_factor=second_factor)
    account = accounts.find(row.subject)
    contacts = account.contacts if account is not None else []
    mine = [contact for contact in contacts if contact_index in sealer().indexes(contact.value.value, contact.kind)]
    return Answerer(
        by,
        second_factor=second_factor,
        part_of_recovery=any(contact.value in (row.new_phone, row.new_email) for contact in mine),
        proved=any(contact.verified_at is not None for contact in mine),
        recent=bool(mine) and all(_is_recent(contact, contacts, row.started_at - SETTLED) for contact in mine),
    )


def _is_recent(contact: Contact, contacts: list[Contact], moment: int) -> bool:
    """Whether it was verified after `moment` (epoch seconds), when the account had contacts that were verified before."""
    if contact.verified_at is None or contact.verified_at <= moment:
        return False
    return any(_was_settled(other, moment) for other in contacts)


def _was_settled(contact: Contact, moment: int) -> bool:
    verified = contact.verified_at is not None and contact.verified_at <= moment
    return verified and (contact.superseded_at is None or contact.superseded_at > moment)
