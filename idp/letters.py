"""E-mails to a person: Indonesian first, English below, since we may not know the reader's language; text and HTML."""

from dataclasses import dataclass, field

from flask import render_template

ADVICE_ID = "Jangan pernah membagikan OTP kepada siapa pun, termasuk pihak yang mengaku dari Kemnaker."
ADVICE_EN = "Never share the code with anyone, including people who claim to be from the ministry."


@dataclass(frozen=True, slots=True)
class Link:
    """Where a button leads, and its words in both languages; the URL may carry a token, so it is not in the repr."""

    url: str = field(repr=False)
    indonesian: str
    english: str


@dataclass(frozen=True, slots=True)
class Letter:
    """A finished e-mail, both parts; never printed, since it may hold a code."""

    subject: str
    text: str = field(repr=False)
    html: str = field(repr=False)


def compose(subject: str, indonesian: list[str], english: list[str], link: Link | None = None) -> Letter:
    """A letter of paragraphs in both languages, with at most one link at the end of each."""
    ways_id = [f"{link.indonesian}: {link.url}"] if link else []
    ways_en = [f"{link.english}: {link.url}"] if link else []
    text = "\n\n".join([*indonesian, *ways_id, "-- English --", *english, *ways_en, "SIAPkerja"]) + "\n"
    shown = {"subject": subject, "indonesian": indonesian, "english": english, "link": link}
    return Letter(subject, text, render_template("mail/letter.html", **shown))


def one_time_code(code: str) -> Letter:
    """The letter that brings a one-time code; the subject leaves the code out, since lock screens show subjects."""
    return compose(
        "Kode OTP SIAPkerja Anda / Your SIAPkerja code",
        [f"Kode OTP Anda: {code}", "Kode berlaku 10 menit.", ADVICE_ID, "Jika Anda tidak memintanya, abaikan email ini."],
        [f"Your one-time code: {code}", "It is valid for 10 minutes.", ADVICE_EN, "Not you? Please ignore this e-mail."],
    )
