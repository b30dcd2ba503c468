"""clients.yaml: read with its line numbers, refused with one sentence a mistake."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from idp.core import languages
from idp.core.settings import ConfigError
from idp.oidc.clients.client import Client
from idp.oidc.clients.rules import InvalidEntry, check_scope

MIN_SECRET_LENGTH = 32  # characters
MOST_VALUES = 10_000  # in one entry: a few lines of aliases stand for gigabytes
# What may stand in the file: the fields that are worked out may not.
MEMBERS = [name for name in Client.model_fields if name not in ("names", "sector")]


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong in the file, where, and what to do."""

    file: str
    line: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.sentence}"


def read(path: Path) -> tuple[dict[str, Client], list[Mistake]]:
    """The file's clients by id, and everything that is wrong with it; raises ConfigError when it cannot be read at all."""
    document = _document(path)
    entries = document.get("clients") if isinstance(document, Mapping) else None
    if not isinstance(entries, list):
        return {}, [Mistake(path.name, 1, "must have one list named `clients`")]
    extra = [key for key in document if key != "clients"]
    known = "is not known: the file has one list, `clients`"
    mistakes = [Mistake(path.name, document.lc.key(key)[0] + 1, f"{key} {known}") for key in extra]
    found: dict[str, Client] = {}
    for number, entry in enumerate(entries):
        line = _line(document, ("clients", number), 1)
        client, wrong = parse_entry(entry, path, line)
        mistakes += wrong
        if client and client.client_id in found:
            mistakes.append(Mistake(path.name, line, f"client {client.client_id} is there twice: rename or remove one"))
        elif client:
            found[client.client_id] = client
    return found, mistakes


def entries(path: Path, text: str) -> list[Any]:
    """The entries in a file's text as they stand there, unjudged; raises ConfigError when it is no list of them."""
    document = _document(path, text)
    found = document.get("clients") if isinstance(document, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(entry, Mapping) for entry in found):
        raise ConfigError(f"{path} has no list of entries named `clients`: see `idp clients check`.")
    return [_plain(entry) for entry in found]


def load(path: Path, *, production: bool = False) -> dict[str, Client]:
    """The clients; raises ConfigError with every mistake, a sentence each."""
    found, mistakes = read(path)
    if production:
        mistakes += [Mistake(path.name, 1, sentence) for client in found.values() for sentence in production_mistakes(client)]
        if not found and not mistakes:
            # An emptied file would shut every service out; the last good one stays in use.
            mistakes = [Mistake(path.name, 1, "has no client: nobody could sign in anywhere; add one with `idp clients add`")]
    if mistakes:
        raise ConfigError("\n".join(str(mistake) for mistake in mistakes))
    return found


def production_mistakes(client: Client) -> list[str]:
    """Sentences about what is for trying things out only: a web client on loopback, such as the demo services."""
    if client.application_type == "native" or not any(uri.startswith("http://") for uri in client.redirect_uris):
        return []
    cure = "use https://, or application_type: native for an app on people's own machines"
    return [f"client {client.client_id}: redirect_uris has http:// in production: {cure}"]


def _document(path: Path, text: str | None = None) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="rt").load(path.read_text(encoding="utf-8") if text is None else text)
    except FileNotFoundError:
        cure = "put a first service there with `idp clients add NAME … --write`, or point IDP_CLIENTS_FILE at your file"
        raise ConfigError(f"{path} does not exist: {cure}.") from None
    except MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else 1
        raise ConfigError(f"{path.name}:{line}: this is not YAML ({broken.problem}): mend the line.") from None
    except (UnicodeDecodeError, YAMLError):
        raise ConfigError(f"{path} is not text in UTF-8: save it again with that encoding.") from None
    except OSError as broken:
        cure = "give the service's user the right to read it"
        raise ConfigError(f"{path} cannot be read ({type(broken).__name__}): {cure}.") from None


def parse_entry(entry: Any, path: Path, line: int) -> tuple[Client | None, list[Mistake]]:
    """The client that an entry describes, or what is wrong with it; `line` is where the entry begins in the file."""
    if not isinstance(entry, Mapping):
        return None, [Mistake(path.name, line, "an entry must be a mapping that begins with client_id")]
    told = _Told(entry, path, line)
    forbidden = _what_no_file_may_hold(entry)
    wrong = [told.mistake((problem.member,), problem.sentence) for problem in forbidden]
    if _count(MOST_VALUES, entry) > MOST_VALUES:
        return None, [
            *wrong,
            told.mistake((), f"unfolds to more than {MOST_VALUES} values: write out what its aliases stand for"),
        ]
    try:
        client = Client.model_validate(_plain({m: entry[m] for m in entry if m not in {problem.member for problem in forbidden}}))
        check_scope(client)
        client = client.with_secret(None if wrong else _secret(client, path)).written_by_operator()
    except ValidationError as invalid:
        return None, wrong + [mistake for problem in invalid.errors(include_url=False) for mistake in told.mistakes(problem)]
    except InvalidEntry as problem:
        return None, [told.mistake((problem.member,), problem.sentence)]
    return (None, wrong) if wrong else (client, [])


def _what_no_file_may_hold(entry: Mapping[Any, Any]) -> list[InvalidEntry]:
    cure = "put client_secret_hash there (`idp clients hash` makes one of a new secret), and replace the secret, it was shown"
    found = [InvalidEntry("client_secret", f"is written in the clear: {cure}")] if "client_secret" in entry else []
    worked_out = [member for member in ("names", "sector") if member in entry]
    return found + [InvalidEntry(member, f"is not a member that we know{_near(member)}") for member in worked_out]


def _near(member: str) -> str:
    near = get_close_matches(member, [*MEMBERS, *(f"client_name#{tag}" for tag in languages.tags())], 1, 0.5)
    return f": did you mean {near[0]}?" if near else ": remove the line"


@dataclass(frozen=True, slots=True)
class _Told:
    """The words for what is wrong in one entry."""

    entry: Any
    path: Path
    line: int

    def mistakes(self, problem: Any) -> list[Mistake]:
        """What one of pydantic's errors stands for: a member, or the rules that the entry does not keep."""
        cause = problem.get("ctx", {}).get("error")
        if isinstance(cause, InvalidEntry):
            return [self.mistake((one.member,), one.sentence) for one in (cause, *cause.others)]
        return [self.mistake(problem["loc"], _sentence(problem, problem["loc"]))]

    def mistake(self, place: tuple[Any, ...], sentence: str) -> Mistake:
        if place[:1] == ("names",) and len(place) > 1:
            place = (f"client_name#{place[1]}",)
        shown, name = place[0] if place else "the entry", str(self.entry.get("client_id", "without client_id"))
        return Mistake(self.path.name, _line(self.entry, place, self.line), f"client {name}: {shown} {sentence}")


PLAIN_WORDS = {
    "tuple_type": "must be a list: put [ ] around it",
    "string_type": "must be text: put quotes around it",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
}


def _sentence(problem: Any, place: tuple[Any, ...]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        return f"is not a member that we know{_near(str(place[-1]))}"
    if problem["type"] == "missing":
        return "is missing: add it"
    if problem["type"] == "literal_error":
        return f"must be one of {problem['ctx']['expected']}"
    return PLAIN_WORDS.get(problem["type"], message[:1].lower() + message[1:])


def _line(entry: Any, place: tuple[Any, ...], line: int) -> int:
    for step in place:
        try:
            line = (entry.lc.key(step) if isinstance(step, str) else entry.lc.item(step))[0] + 1
            entry = entry[step]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line


def _count(most: int, value: Any) -> int:
    """How many values stand in it when every alias is written out; stops counting soon after `most`."""
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    number = 1
    for one in inner:
        if number > most:
            break
        number += _count(most - number, one)
    return number


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return str(value) if isinstance(value, str) else value


def _secret(client: Client, path: Path) -> str | None:
    """The plain secret, where the entry names a variable or a file for it."""
    if client.client_secret_env:
        where = f"names the variable {client.client_secret_env}"
        return _long_enough(os.environ.get(client.client_secret_env, ""), "client_secret_env", where)
    if client.client_secret_file:
        where = f"names the file {client.client_secret_file}"
        return _long_enough(_file(path.parent / client.client_secret_file), "client_secret_file", where)
    if client.token_endpoint_auth_method.startswith("client_secret") and not client.client_secret_hash:
        raise InvalidEntry("client_secret_hash", "is missing: make one with `idp clients hash`")
    return None


def _file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def _long_enough(secret: str, member: str, where: str) -> str:
    if len(secret) < MIN_SECRET_LENGTH:
        raise InvalidEntry(member, f"{where}, which holds no secret of at least {MIN_SECRET_LENGTH} characters: put one there")
    return secret
