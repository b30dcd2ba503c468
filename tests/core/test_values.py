"""Handphone numbers and addresses know their kind and channel: nobody asks for their class but who sends."""

import ast
from pathlib import Path

import pytest

from idp.core import values
from idp.core.values import ContactValue, EmailAddress, PhoneNumber

IDP = Path(values.__file__).resolve().parents[1]
PHONE, EMAIL = PhoneNumber.parse("081234562797"), EmailAddress.parse("siti@example.com")


@pytest.mark.parametrize(("contact", "kind", "channel"), [(PHONE, "phone", "sms"), (EMAIL, "email", "mail")])
def test_a_contact_is_found_again_by_its_kind_and_by_its_channel(contact: ContactValue, kind: str, channel: str) -> None:
    assert (contact.kind, contact.channel) == (kind, channel)
    assert values.contact_of_kind(kind, contact.value) == contact
    assert values.contact_of_channel(channel, contact.value) == contact


def test_a_kind_or_channel_that_there_is_not_is_no_contact() -> None:
    for unknown in ("", "nik", "fax"):
        with pytest.raises(KeyError):
            values.contact_of_kind(unknown, "+6281234562797")
        with pytest.raises(KeyError):
            values.contact_of_channel(unknown, "+6281234562797")


def test_only_the_sender_asks_for_the_class_of_a_contact() -> None:
    asking = {
        path.relative_to(IDP).as_posix()
        for path in IDP.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if _asks_for_class(node)
    }
    assert asking == {"notices/channels.py"}


def _asks_for_class(node: ast.AST) -> bool:
    if isinstance(node, ast.MatchClass):
        names = {ast.unparse(node.cls)}
    elif isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
        names = {name.id for name in ast.walk(node.args[1]) if isinstance(name, ast.Name)}
    else:
        return False
    return bool(names & {"PhoneNumber", "EmailAddress"})
