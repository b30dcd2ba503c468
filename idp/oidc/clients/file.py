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
from idp.oidc.clients.rules import InvalidEntry

MIN_SECRET_LENGTH = 32  # characters
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


def load(path: Path, *, production: bool = False) -> dict[str, Client]:
    """The clients; raises ConfigError with every mistake, a sentence each."""
    found, mistakes = read(path)
    if production:
        mistakes += [Mistake(path.name, 1, sentence) for client in found.values() for sentence in _production_mistakes(client)]
    if mistakes:
        raise ConfigError("\n".join(str(mistake) for mistake in mistakes))
    return found


def _production_mistakes(client: Client) -> list[str]:
    """What is good for trying things out only: a web client on loopback, such as the demo services with their public secrets."""
    if client.application_type == "native" or not any(uri.startswith("http://") for uri in client.redirect_uris):
        return []
    cure = "use https://, or application_type: native for an app on people's own machines"
    return [f"client {client.client_id}: redirect_uris has http:// in production: {cure}"]


def _document(path: Path) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        return YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        cure = f"put a first service there with `idp clients add NAME … >> {path}`, or point IDP_CLIENTS_FILE at your file"
        raise ConfigError(f"{path} does not exist: {cure}.") from None
    except MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else 1
        raise ConfigError(f"{path.name}:{line}: this is not YAML ({broken.problem}): mend the line.") from None
    except (OSError, UnicodeDecodeError, YAMLError) as broken:
        raise ConfigError(f"{path} cannot be read ({type(broken).__name__}): check the file and its permissions.") from None


def parse_entry(entry: Any, path: Path, line: int) -> tuple[Client | None, list[Mistake]]:
    """The client that an entry describes, or what is wrong with it; `line` is where the entry begins in the file."""
    if not isinstance(entry, Mapping):
        return None, [Mistake(path.name, line, "an entry must be a mapping that begins with client_id")]
    name = str(entry.get("client_id", "without client_id"))
    try:
        _refuse_what_no_file_may_hold(entry)
        client = Client.model_validate(_plain(entry))
        return client.with_secret(_secret(client, path)), []
    except ValidationError as invalid:
        return None, [_mistake(problem, entry, path, line, name) for problem in invalid.errors(include_url=False)]
    except InvalidEntry as problem:
        at = _line(entry, (problem.member,), line)
        return None, [Mistake(path.name, at, f"client {name}: {problem.member} {problem.sentence}")]


def _refuse_what_no_file_may_hold(entry: Mapping[Any, Any]) -> None:
    if "client_secret" in entry:
        cure = "put client_secret_hash there (`idp clients add` makes one), and replace the secret, it was shown"
        raise InvalidEntry("client_secret", f"is written in the clear: {cure}")
    for member in ("names", "sector"):
        if member in entry:
            raise InvalidEntry(member, f"is not a member that we know{_near(member)}")


def _near(member: str) -> str:
    near = get_close_matches(member, [*MEMBERS, *(f"client_name#{tag}" for tag in languages.tags())], 1, 0.5)
    return f": did you mean {near[0]}?" if near else ": remove the line"


def _mistake(problem: Any, entry: Any, path: Path, line: int, name: str) -> Mistake:
    place: tuple[Any, ...] = problem["loc"]
    cause = problem.get("ctx", {}).get("error")
    if isinstance(cause, InvalidEntry):
        place, sentence = (cause.member,), cause.sentence
    else:
        sentence = _sentence(problem, place)
    if place[:1] == ("names",):
        place = (f"client_name#{place[1]}",)
    shown = place[0] if place else "the entry"
    return Mistake(path.name, _line(entry, place, line), f"client {name}: {shown} {sentence}")


def _sentence(problem: Any, place: tuple[Any, ...]) -> str:
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        return f"is not a member that we know{_near(str(place[-1]))}"
    if problem["type"] == "missing":
        return "is missing: add it"
    if problem["type"] == "literal_error":
        return f"must be one of {problem['ctx']['expected']}"
    return message[:1].lower() + message[1:]


def _line(entry: Any, place: tuple[Any, ...], line: int) -> int:
    for step in place:
        try:
            line = (entry.lc.key(step) if isinstance(step, str) else entry.lc.item(step))[0] + 1
            entry = entry[step]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line


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
        raise InvalidEntry("client_secret_hash", "is missing: make one with `idp clients add`")
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
