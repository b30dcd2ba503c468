"""The one message that fits a contact: an SMS to a handphone number, an e-mail to an address."""

from typing import Protocol

from idp.accounts import Reader
from idp.core.values import ContactValue, EmailAddress, PhoneNumber
from idp.gateways.mail import mail
from idp.gateways.sms import Receipt, sms
from idp.notices.letters import ComposedEmail


class Message(Protocol):
    """What can be told by either channel; `reader` is the tag of the reader's language, None where it is not known, and
    `name` who is greeted, empty where that is not known."""

    def text(self, reader: str | None) -> str:
        """The SMS, of at most 160 characters."""

    def letter(self, reader: str | None, name: str = "") -> ComposedEmail:
        """The e-mail."""


def send(contact: ContactValue, message: Message, reader: Reader, reference: str) -> Receipt:
    """Sends the message; gateways see `reference`. Raises DeliveryFailed."""
    match contact:
        case PhoneNumber():
            return sms().send(contact, message.text(reader.locale), reference)
        case EmailAddress():
            letter = message.letter(reader.locale, reader.name)
            return mail().send(contact, letter.subject, letter.text, letter.html, reference)
