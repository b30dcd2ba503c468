"""O12: what an operator can get wrong, in one table: each is told in sentences that name the place and the cure."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from idp.cli import outages
from tests.cli.conftest import Operator, equipped, operator, operators_redis  # noqa: F401 (fixtures)

CHECK, CLIENTS, CONNECT, UPGRADE = ("config", "check"), ("clients", "check"), ("config", "check", "--connect"), ("db", "upgrade")
SERVICE = """\
clients:
  - client_id: wlkp
    client_name: WLKP
    redirect_uris: [https://wlkp.example.go.id/cb]
    token_endpoint_auth_method: none
"""
PRODUCTION = {
    "IDP_ISSUER": "https://id.kemnaker.go.id",
    "IDP_DATABASE_URL": "postgresql+psycopg://idp@127.0.0.1:1/idp",
    "IDP_REDIS_URL": "redis://127.0.0.1:1/0",
    "IDP_CIVIL_REGISTRY_URL": "https://user:secret@dukcapil.example:8000/dukcapil/get_json/NAKER",
    "IDP_SMS_URL": "https://:secret@sms.example/",
    "IDP_MAIL_URL": "smtps://user:secret@mail.example",
}
Before = Callable[[Operator], object]


@dataclass(frozen=True)
class Slip:
    """A mistake: what was typed with which settings, entry or file, after what; and what the sentence must say."""

    about: str
    says: tuple[str, ...]
    command: tuple[str, ...] = CHECK
    settings: dict[str, str] = field(default_factory=dict)
    clients: str | bytes = "clients: []\n"
    before: Before = lambda _: None


def setting(name: str, value: str, *says: str, command: tuple[str, ...] = CHECK) -> Slip:
    """One variable that is wrong."""
    return Slip(f"{name}={value}"[:60], (f"IDP_{name}", *says), command, {f"IDP_{name}": value})


def entry(line: str, *says: str) -> Slip:
    """One line of clients.yaml that is wrong; it replaces the line of the same member."""
    member = line.partition(":")[0]
    kept = [known for known in SERVICE.splitlines() if not known.strip().startswith(f"{member}:")]
    text = "\n".join([*kept, f"    {line}"]) + "\n"
    return Slip(line[:60], ("clients.yaml:", f"client wlkp: {member} ", *says), CLIENTS, clients=text)


def file(about: str, text: str | bytes, *says: str) -> Slip:
    """A clients.yaml that is wrong as a whole."""
    return Slip(about, ("clients.yaml", *says), CLIENTS, clients=text)


def on_tables_of(version: str) -> Before:
    """Tables, with another version written into them."""

    def made(operator: Operator) -> None:
        operator.reads(*UPGRADE)
        with sqlite3.connect(operator.var / "idp.db") as connection:
            connection.execute("UPDATE alembic_version SET version_num = ?", (version,))

    return made


def with_other_keys(operator: Operator) -> None:
    """Accounts that were sealed with keys which are not here."""
    operator.reads(*UPGRADE)
    operator.reads("demo", "seed")
    (operator.var / "secrets.json").unlink()
    operator.reads("secrets", "new")


def secrets(text: str, mode: int = 0o600) -> Before:
    """A secrets file that holds this."""

    def made(operator: Operator) -> None:
        (operator.var / "secrets.json").write_text(text)
        (operator.var / "secrets.json").chmod(mode)

    return made


TABLES = "run `idp db upgrade`"
DATABASE = "must be sqlite:///FILE or postgresql+psycopg://"
UTF8 = ("is not text in UTF-8", "save it again")
BOMB = "\n".join(f"        - &{'abcdefgh'[n]} [{', '.join(['*' + 'abcdefgh'[n - 1]] * 9) if n else '1, 2, 3'}]" for n in range(8))

ENVIRONMENT = [
    setting("ISSUER", "https://id.example.go.id/sso", "scheme and host only"),
    setting("ISSUER", "https://id.example.go.id/", "no path or final slash"),
    setting("ISSUER", "id.example.go.id", "scheme and host only"),
    setting("ISSUER", "http://id.example.go.id", "must be https://"),
    setting("ISSUER", " https://id.example.go.id", "no space before or after"),
    setting("ENVIRONMENT", "prod", "'development', 'test' or 'production'"),
    setting("PORT", "70000", "less than or equal to 65535"),
    setting("PORT", "", "valid integer"),
    setting("WORKERS", "two", "valid integer"),
    setting("DATABASE_URL", "mysql://idp@db/idp", DATABASE),
    setting("DATABASE_URL", "postgres://idp:geheim@db/idp", DATABASE),
    setting("DATABASE_URL", "postgresql://idp@db/idp", DATABASE),
    setting("DATABASE_URL", "idp.db", DATABASE),
    setting("DATABASE_URL", "postgresql+psycopg://idp@db:port/idp", DATABASE),
    setting("DATABASE_URL", "sqlite:////proc/nowhere/idp.db", "cannot be made", "name another place"),
    setting("DATABASE_URL", f"sqlite:///{Path(__file__)}", "no SQLite database", command=UPGRADE),
    setting("REDIS_URL", "localhost:6379", "must begin with redis://"),
    setting("REDIS_URL", "redis://localhost:port/0", "no number"),
    setting("REDIS_URL", "redis://localhost:6379/eins", "no number"),
    setting("REDIS_URL", "redis+sentinel://localhost:26379", "names no master"),
    setting("REDIS_URL", "redis+sentinel://localhost:x/mymaster/0", "no number"),
    setting("REDIS_URL", "redis+cluster://127.0.0.1:1", "no node of the cluster answers"),
    setting("REDIS_URL", "unix:///nowhere/redis.sock", "start Redis", command=CONNECT),
    setting("CIVIL_REGISTRY_URL", "https://dukcapil.example:8000/dukcapil/get_json/NAKER", "https://user:password@"),
    setting("CIVIL_REGISTRY_URL", "https://user:secret@dukcapil.example:8000/", "/dukcapil/get_json/"),
    setting("CIVIL_REGISTRY_CALLER_IP", "id.kemnaker.go.id", "registered at Dukcapil"),
    setting("SMS_URL", " ", "name at least one gateway"),
    setting("SMS_URL", "twilio:x", "no adapter that exists"),
    setting("SMS_URL", "http://sms.example/", "must be https://"),
    setting("SMS_REPORT_TOKEN", "short", "at least 32 characters"),
    setting("MAIL_URL", "https://mail.example", "smtp:// or smtps://"),
    setting("LIMITS", "facts_device=3", "must be JSON"),
    setting("LIMITS", "[]", "must be a JSON object"),
    setting("LIMITS", '{"facts_devise": 3}', "facts_devise", "which is no limit"),
    setting("TRUSTED_PROXIES", "nginx", "addresses or networks"),
    setting("METRICS_TOKEN", "short", "at least 32 characters"),
    setting("SESSION_HOURS", "0", "greater than or equal to 1"),
    setting("LOG_LEVEL", "verbose", "'warning'"),
    setting("HELP_PHONE", "hubungi kami", "can be dialled"),
    setting("DATABSE_URL", "sqlite:///x.db", "not a setting", "idp config table"),
    Slip("no From", ("IDP_MAIL_FROM must be an address",), settings=PRODUCTION | {"IDP_MAIL_FROM": "nobody"},
         before=lambda known: known.reads("secrets", "new")),
    Slip("idle longer than all", ("IDP_SESSION_HOURS", "IDP_SESSION_IDLE_MINUTES"),
         settings={"IDP_SESSION_HOURS": "1", "IDP_SESSION_IDLE_MINUTES": "90"}),
    Slip("IDP_VAR is a file", ("IDP_VAR", "cannot be written"),
         settings={"IDP_VAR": str(Path(__file__)), "IDP_REDIS_URL": "embedded:"}),
    Slip("IDP_VAR too deep", ("IDP_VAR", "too deep"), settings={"IDP_VAR": f"/{'x' * 120}", "IDP_REDIS_URL": "embedded:"}),
    Slip("stand-ins in production", ("IDP_SMS_URL names a stand-in", "IDP_MAIL_URL", "IDP_REDIS_URL", "IDP_DATABASE_URL"),
         settings={"IDP_ENVIRONMENT": "production", "IDP_REDIS_URL": "embedded:"}),
    Slip("no padding in production", ("IDP_CONSTANT_TIME_MS is less than 100",),
         settings=PRODUCTION | {"IDP_CONSTANT_TIME_MS": "5"}),
]  # fmt: skip

ENTRIES = [
    entry("scope: openid profil", "did you mean profile?"),
    entry("scope: openid offline_access", "refresh_token in grant_types"),
    entry("required_acr_values: [gold]", "a class that we do not know"),
    entry("redirect_uris: https://wlkp.example.go.id/cb", "must be a list"),
    entry("redirect_uris: [https://*.example.go.id/cb]", "has a wildcard"),
    file("a number for a name", SERVICE.replace("wlkp", "123", 1), "client_id must be text: put quotes around it"),
    entry("first_party: perhaps", "must be true or false"),
    entry("client_secret_file: nowhere", "names the file nowhere"),
    file("a few lines that unfold to gigabytes", f"{SERVICE}    jwks:\n      keys:\n{BOMB}\n", "unfolds to more than"),
    file("an indent by a tab", SERVICE.replace("    ", "\t"), ":3: this is not YAML"),
    file("Latin-1", SERVICE.replace("WLKP", "Bekasi é").encode("latin-1"), *UTF8),
    file("UTF-16", SERVICE.encode("utf-16"), *UTF8),
    file("a mapping instead of a list", "clients:\n  wlkp:\n    client_name: WLKP\n", "one list named `clients`"),
    file("twice the same client", SERVICE + SERVICE.removeprefix("clients:\n"), "is there twice"),
    Slip("no client in production", ("clients.yaml:1: has no client", "idp clients add"), CLIENTS, PRODUCTION),
    Slip("a directory", ("cannot be read", "give the service's user the right"), CLIENTS, {"IDP_CLIENTS_FILE": "/proc"}),
    Slip("no file", ("does not exist", "idp clients add"), CLIENTS, {"IDP_CLIENTS_FILE": "/proc/nothing.yaml"}),
    Slip("a client that is not there", ("idp clients check",), ("clients", "try", "wlkp")),
    Slip("demo services in production", ("redirect_uris has http:// in production",), CLIENTS, PRODUCTION,
         clients=SERVICE.replace("https://wlkp.example.go.id", "http://localhost:3000")),
]  # fmt: skip

ORDER = [
    Slip("checked before the tables", (TABLES,), CONNECT),
    Slip("served before the tables", (TABLES,), ("serve",)),
    Slip("an account before the tables", (TABLES,), ("accounts", "find", "x", "--reason", "tiket 1")),
    Slip("served on older tables", ("The tables are at 0014", TABLES), ("serve",), before=on_tables_of("0014")),
    Slip("upgraded by an older version", ("9999", "version of this program"), UPGRADE, before=on_tables_of("9999")),
    Slip("back to nowhere", ("0099", "version of this program"), ("db", "downgrade", "0099"),
         before=lambda known: known.reads(*UPGRADE)),
    Slip("production before its keys", ("idp secrets new",), settings=PRODUCTION),
    Slip("rotated before they are made", ("idp secrets new",), ("secrets", "rotate", "sealing")),
    Slip("made twice", ("exists", "move it away"), ("secrets", "new"), before=lambda known: known.reads("secrets", "new")),
    Slip("retired while it writes", ("idp secrets rotate sealing",), ("secrets", "retire", "sealing", "k1"),
         before=lambda known: known.reads(*UPGRADE)),
    Slip("fictional people among real ones", ("IDP_ENVIRONMENT is production",), ("demo", "seed"), PRODUCTION,
         before=lambda known: known.reads("secrets", "new")),
    Slip("keys of another installation", ("IDP_SECRETS_FILE has other keys", "your safe"), CONNECT, before=with_other_keys),
]  # fmt: skip

RIGHTS = [
    Slip("keys that all can read", ("chmod 600",), before=secrets("{}", 0o644)),
    Slip("keys that are no keys", ("is not a secrets file", "your safe"), before=secrets('{"sealing": 1}')),
    Slip("keys in a directory", ("cannot be read", "the user that it belongs to"), UPGRADE, {"IDP_SECRETS_FILE": "/proc"}),
    Slip("an address of another host", ("IDP_BIND=203.0.113.7", "choose others"), ("serve",), {"IDP_BIND": "203.0.113.7"}),
    Slip("a wrong word", ("No such command",), ("sreve",)),
]  # fmt: skip


@pytest.mark.parametrize("slip", [*ENVIRONMENT, *ENTRIES, *ORDER, *RIGHTS], ids=lambda slip: slip.about)
def test_a_mistake_is_told_with_its_place_and_cure(equipped: Operator, slip: Slip) -> None:  # noqa: F811
    """O12: sentences and exit code 2: no traceback, nothing that works half, and no password repeated."""
    path = equipped.clients()
    path.write_bytes(slip.clients if isinstance(slip.clients, bytes) else slip.clients.encode())
    slip.before(equipped)
    told = equipped.types(*slip.command, **slip.settings)
    assert told.exit_code == 2, told.output + repr(told.exception)
    assert isinstance(told.exception, SystemExit)
    sentences = told.stderr[told.stderr.index("Error: ") :]
    for words in slip.says:
        assert words in sentences
    assert "secret@" not in told.output
    assert "geheim" not in told.output


def test_what_the_database_refuses_is_told_apart() -> None:
    """O12: one sentence for eight causes sent operators to the wrong place."""
    from sqlalchemy.exc import DBAPIError

    class Said(Exception):
        sqlstate = "28P01"

    assert "password" in outages.database_sentence(DBAPIError("", {}, Said("…")))
    for words, cure in (
        ('database "idp" does not exist', "create it"),
        ("Peer authentication failed for user", "pg_hba.conf"),
        ("connection refused", "start it"),
        ("no such table: accounts", TABLES),
    ):
        assert cure in outages.database_sentence(DBAPIError("", {}, Exception(words)))


def test_what_redis_refuses_is_told_apart(equipped: Operator) -> None:  # noqa: F811
    """O12: a wrong password was a store that does not answer."""
    from tests.stores import redis_server

    with redis_server(equipped.var) as url:
        wrong = equipped.errs(*CONNECT, IDP_REDIS_URL=url.replace("s3cret", "wrong"))
        none = equipped.errs(*CONNECT, IDP_REDIS_URL=url.replace(":s3cret@", ""))
    assert "refuses the password" in wrong
    assert "refuses the password" in none
