"""A notice: its kind and facts, kept until it is sent, and then told in the reader's language by SMS or e-mail."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

from idp.core import clock, languages
from idp.core.settings import settings
from idp.core.values import PhoneNumber
from idp.notices import letters
from idp.notices.letters import ComposedEmail, Passage
from idp.notices.words import WORDS
from idp.web import times

NOT_YOU_PATH = "/bukan-saya"
Fact = str | int


@dataclass(frozen=True, slots=True)
class Notice:
    """What a person is told: `kind` for words, limits and audit, and the facts that its words name.

    A fact that is a number is a moment in epoch seconds. A notice without a `url` of its own, which may hold a token and so
    is not in the repr, leads to the page for "this was not me": in the e-mail, and behind the words of the SMS.
    """

    kind: str
    facts: dict[str, Fact] = field(repr=False)

    @property
    def url(self) -> str:
        """The page of ours that the notice leads to."""
        return str(self.facts.get("url") or settings().issuer + NOT_YOU_PATH)

    def text(self, reader: str | None) -> str:
        """The SMS in the language of `reader`, a tag; in the default one where that is not known."""
        with languages.speaking(languages.find(reader) or languages.default()):
            # An SMS of 160 characters knows no middle dot (GSM 03.38).
            words = WORDS[self.kind]
            said = self._filled(words.sms_of.get(str(self.facts.get("what")), words.sms), times.short_time).replace(" · ", ", ")
            return said if "url" in self.facts else str(words.way) % {"said": said, "url": self.url}

    def letter(self, reader: str | None = None, name: str = "") -> ComposedEmail:
        """The e-mail in the language of `reader`, a tag; in several where that is not known. It greets `name`."""
        return letters.compose(self._passage, reader, self.url, name)

    def _passage(self) -> Passage:
        words = WORDS[self.kind]
        paragraphs = [self._filled(text, times.date_and_time) for text in words.paragraphs]
        return Passage(str(words.subject), paragraphs, str(words.button))

    def _filled(self, text: Any, written: Callable[[datetime], str]) -> str:
        told = {name: self._told(name, fact, written) for name, fact in self.facts.items()}
        return str(text) % told

    def _told(self, name: str, fact: Fact, written: Callable[[datetime], str]) -> str:
        if isinstance(fact, int):
            return written(clock.from_timestamp(fact))
        return str(WORDS[self.kind].what[fact]) if name == "what" else fact

    def to_dict(self) -> dict[str, Any]:
        """For the outbox, which is sealed."""
        return {"kind": self.kind, "facts": self.facts}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        return cls(data["kind"], data.get("facts", {}))


def password_changed(at: datetime) -> Notice:
    """To all contacts, after the password changed."""
    return _notice("password_changed", at=at)


def contacts_changed(at: datetime) -> Notice:
    """To the old and the new contacts, after one was replaced."""
    return _notice("contacts_changed", at=at)


def contact_verified(at: datetime) -> Notice:
    """To all contacts, after one of them was proved by a code: the account can be recovered by it from now on."""
    return _notice("contact_verified", at=at)


def authenticators_changed(change: str, at: datetime) -> Notice:
    """To all contacts, after the ways to sign in changed; `change` is what authenticators_changed was sent with."""
    return _notice("authenticators_changed", what=change, at=at)


def new_device(at: datetime, device: str) -> Notice:
    """To all contacts, after a sign-in from a browser that this account was never used in; `device` names no place."""
    return _notice("new_device", at=at, device=device)


def signed_out_everywhere(at: datetime) -> Notice:
    """To all contacts, after every session of the account was ended."""
    return _notice("signed_out_everywhere", at=at)


def account_locked(at: datetime) -> Notice:
    """To all contacts, after an officer locked the account."""
    return _notice("account_locked", at=at)


def account_unlocked(at: datetime) -> Notice:
    """To all contacts, after an officer lifted the lock."""
    return _notice("account_unlocked", at=at)


def data_corrected(what: str, at: datetime) -> Notice:
    """To all contacts, after an officer corrected the `name`, or marked the person as `assured`, or no longer (`withdrawn`)."""
    return _notice("data_corrected", what=what, at=at)


def deletion_requested(at: datetime, until: datetime) -> Notice:
    """To all contacts, after deletion was asked for; until `until` signing in cancels it."""
    return _notice("deletion_requested", at=at, until=until)


def deletion_cancelled(at: datetime) -> Notice:
    """To all contacts, after the deletion was called off."""
    return _notice("deletion_cancelled", at=at)


def account_deleted(at: datetime) -> Notice:
    """To all contacts, after the account was erased: the last one."""
    return _notice("account_deleted", at=at)


def data_exported(at: datetime) -> Notice:
    """To all contacts, after all data of the account was downloaded."""
    return _notice("data_exported", at=at)


def registration_attempt(what: str, at: datetime) -> Notice:
    """To the owner of a `nik`, `phone` or `email` that somebody tried to register again."""
    return _notice("registration_attempt", what=what, at=at)


def contact_attempt(what: str, at: datetime) -> Notice:
    """To the owner of a `phone` or `email` that somebody tried to give to another account."""
    return _notice("contact_attempt", what=what, at=at)


def recovery_started(at: datetime, veto_url: str) -> Notice:
    """To all contacts, as soon as somebody gave the three facts of this account's person."""
    return _notice("recovery_started", at=at, url=veto_url)


def recovery_completed(at: datetime, new_phone: PhoneNumber, veto_url: str) -> Notice:
    """To all old contacts, after an identity recovery; the link opens the page that cancels it (veto)."""
    return _notice("recovered", at=at, phone=new_phone.masked, url=veto_url)


def recovery_waits(until: datetime, new_phone: PhoneNumber, veto_url: str) -> Notice:
    """To all contacts of an account that is in use: a recovery waits, and may be completed from `until` on."""
    return _notice("recovery_waits", until=until, phone=new_phone.masked, url=veto_url)


def recovery_affirmed(at: datetime, veto_url: str) -> Notice:
    """To all old contacts, after somebody confirmed the recovery and its limits ended."""
    return _notice("recovery_affirmed", at=at, url=veto_url)


def recovery_ready(until: datetime) -> Notice:
    """To the new number: the recovery has waited, and can be completed with a new code until `until`."""
    return _notice("recovery_ready", until=until)


def recovery_vetoed(at: datetime) -> Notice:
    """To the contacts that are in use again (or still), after a recovery was cancelled."""
    return _notice("recovery_vetoed", at=at)


def recovery_disputed(at: datetime) -> Notice:
    """To old and new contacts, after an old contact said no when probation was over: officers decide."""
    return _notice("recovery_frozen", at=at)


def _notice(kind: str, **facts: str | datetime) -> Notice:
    return Notice(kind, {name: int(f.timestamp()) if isinstance(f, datetime) else f for name, f in facts.items()})
