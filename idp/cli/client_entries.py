"""New entries of clients.yaml: made from what an operator asks for, written as YAML, put at the end of the file."""

import fcntl
import re
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from idp.cli import OperatorError
from idp.cli.stacks import STACKS, Stack
from idp.core import languages

EMPTY_LIST = re.compile(r"^clients: *(\[ *\])? *(#.*)?$", re.MULTILINE)
FIRST_ITEM = re.compile(r"^( *)- ", re.MULTILINE)


def made(client_id: str, asked: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The entry that the options of `idp clients add` ask for, and its new secret, None for a client that keeps none."""
    from idp.core import crypto
    from idp.oidc.clients.client import hash_secret

    secret = crypto.random_token() if auth_method(asked) != "none" else None
    return _entry(client_id, hash_secret(secret) if secret else None, asked), secret


def refuse_unsound(entry: dict[str, Any], path: Path, *, production: bool) -> None:
    """Raises OperatorError with all that is wrong with an entry before it is in the file."""
    from idp.oidc.clients import file

    client, wrong = file.parse_entry(entry, path, 1)
    sentences = [mistake.sentence for mistake in wrong]
    if production and client is not None:
        sentences += file.production_mistakes(client)
    if sentences:
        raise OperatorError("\n".join(sentences))


def lines(stack: Stack, entry: dict[str, Any], secret: str | None, issuer: str) -> str:
    """What the service's program is to read."""
    from idp.core import crypto

    facts = {"issuer": issuer, "client_id": entry["client_id"], "secret": secret or "", "session_secret": crypto.random_token()}
    address = next(iter(entry.get("resources", [])), "").rstrip("/")
    return stack.lines.format(**facts, address=address, redirect_uri=next(iter(entry.get("redirect_uris", [])), ""))


def _entry(client_id: str, secret_hash: str | None, asked: dict[str, Any]) -> dict[str, Any]:
    """Those members of the stack that fits fill what the options leave open."""
    fitting = STACKS[asked["stack"]].entry(_address(asked)) if asked["stack"] else {}
    said = {
        "client_id": client_id,
        "client_name": asked["name"],
        **{f"client_name#{tag}": asked[f"name_{tag.replace('-', '_').lower()}"] for tag in languages.tags()[1:]},
        "application_type": "native" if asked["native"] else None,
        "redirect_uris": list(asked["redirect_uris"]) or None,
        "post_logout_redirect_uris": list(asked["post_logout_redirect_uris"]) or None,
        "scope": asked["scope"],
        "token_endpoint_auth_method": auth_method(asked),
        "client_secret_hash": secret_hash,
        "id_token_signed_response_alg": asked["alg"],
        "first_party": asked["first_party"] or None,
    }
    told = {member: value for member, value in said.items() if value is not None}
    return told | fitting | told  # in the order of the first


def _address(asked: dict[str, Any]) -> str:
    """Where the service is: as asked, else where its answers go, else where such a service is while it is developed."""
    home = next((origin for uri in asked["redirect_uris"] if (origin := origin_of(uri))), "")
    return (asked["url"] or home or STACKS[asked["stack"]].address).rstrip("/")


def origin_of(uri: str) -> str:
    """Scheme, host and port of an address on the web; empty for an app's own scheme."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


def auth_method(asked: dict[str, Any]) -> str:
    """How the client proves itself: as asked, else as its stack does, else by its secret in whichever way it sends that."""
    if asked["public"]:
        return "none"
    return asked["auth_method"] or (STACKS[asked["stack"]].method if asked["stack"] else "client_secret_any")


def as_yaml(entry: dict[str, Any], indent: int = 2) -> str:
    """The entry as an item of the file's list, its dash `indent` spaces from the edge."""
    from ruamel.yaml import YAML

    written, yaml = StringIO(), YAML()
    yaml.width = 4096
    yaml.indent(mapping=2, sequence=indent + 2, offset=indent)
    yaml.dump([entry], written)
    return written.getvalue()


def append(path: Path, entry: dict[str, Any]) -> None:
    """Puts the entry at the end of the file, whose every other byte stays; raises OperatorError when that would not be YAML.

    Two operators at once wait for each other; a provider that reads meanwhile keeps its last good file.
    """
    with path.open("a+", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        held.seek(0)
        before = held.read()
        after = _with(before, entry)
        _check(path, before, after, entry["client_id"])
        if not after.startswith(before):  # only a list that is still empty is written anew
            held.truncate(0)
            before = ""
        held.write(after[len(before) :])


def _with(text: str, entry: dict[str, Any]) -> str:
    if not text.strip():
        return f"{text}clients:\n{as_yaml(entry)}"
    first = FIRST_ITEM.search(text)
    if first is None:
        text = EMPTY_LIST.sub(lambda found: f"clients:{' ' + found[2] if found[2] else ''}", text, count=1)
    ended = text if text.endswith("\n") else text + "\n"
    return f"{ended}\n{as_yaml(entry, len(first[1]) if first else 2)}" if first else ended + as_yaml(entry)


def _check(path: Path, before: str, after: str, client_id: str) -> None:
    """Everything that was there is there, and the new one last: whatever the file looks like."""
    from idp.oidc.clients import file

    old, new = file.entries(path, before) if before.strip() else [], file.entries(path, after)
    if any(one.get("client_id") == client_id for one in old):
        raise OperatorError(f"{client_id} is in {path} already: choose another client_id, or change its entry.")
    if new[:-1] != old or new[-1].get("client_id") != client_id:
        raise OperatorError(f"{path} is not laid out one client after the other: run the command without --write, and paste.")
