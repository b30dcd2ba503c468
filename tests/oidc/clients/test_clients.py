"""clients.yaml: what it may say, how it is refused, and how it is read again while people sign in."""

import base64
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc.jwk import ECKey
from pydantic import ValidationError
from structlog.testing import capture_logs

from idp.core.settings import ConfigError
from idp.oidc.clients import directory as directory_module
from idp.oidc.clients import file
from idp.oidc.clients.client import Client, hash_secret
from idp.oidc.clients.directory import ClientDirectory

ROOT = Path(__file__).resolve().parents[3]
HASH = "sha256:abcdefghijkl:" + "0" * 64
SECRET = "drawn-at-random-and-forty-characters-long"
SOUND = f"""\
clients:
  - client_id: wlkp
    client_name: WLKP Online
    redirect_uris: [https://wlkp.example.go.id/callback]
    client_secret_hash: {HASH}
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a sound file with more lines in its one entry; a line replaces the one with the same member."""

    def written(*lines: str) -> Path:
        kept = [
            line
            for line in SOUND.splitlines()
            if not any(line.strip().startswith(more.partition(":")[0] + ":") for more in lines)
        ]
        path = tmp_path / "clients.yaml"
        path.write_text("\n".join([*kept, *(f"    {line}" for line in lines if not line.endswith(": -"))]) + "\n")
        return path

    return written


def refused(path: Path) -> str:
    """The one sentence with which the file is refused."""
    with pytest.raises(ConfigError) as wrong:
        file.load(path)
    assert "\n" not in str(wrong.value)
    return str(wrong.value)


def client(**changes: Any) -> Client:
    entry = {
        "client_id": "wlkp",
        "client_name": "WLKP",
        "redirect_uris": ("https://wlkp.example.go.id/callback",),
        "client_secret_hash": HASH,
    }
    return Client.model_validate(entry | changes)


# -- the file ----------------------------------------------------------------------------------------------------------


def test_a_sound_file_is_taken(write: Write) -> None:
    known = file.load(write("client_name#en: Labour report", "pkce: optional", "scope: openid nik", "claims: [nik]"))
    assert list(known) == ["wlkp"]
    wlkp = known["wlkp"]
    assert (wlkp.name("id"), wlkp.name("en"), wlkp.name("jv")) == ("WLKP Online", "Labour report", "WLKP Online")
    assert wlkp.id_token_signed_response_alg == "RS256", "the default of OpenID Connect Registration"
    assert not wlkp.first_party
    assert not wlkp.pkce_required


def test_the_services_for_development_are_sound_and_never_good_for_production() -> None:
    known = file.load(ROOT / "clients.yaml")
    demo = dict(line.split("=", 1) for line in (ROOT / "examples/demo.env").read_text().splitlines() if "=" in line)
    assert set(known) == {"wlkp", "jkp", "pelatihan"}
    for name, entry in known.items():
        assert entry.check_client_secret(demo[f"{name.upper()}_CLIENT_SECRET"])
        assert entry.first_party
    with pytest.raises(ConfigError, match=r"wlkp: redirect_uris has http:// in production: use https://"):
        ClientDirectory.open(ROOT / "clients.yaml", production=True)


def test_an_app_on_loopback_is_good_for_production(write: Write) -> None:
    path = write("redirect_uris: [http://127.0.0.1/callback]", "application_type: native")
    assert file.load(path, production=True)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("redirect_uri: https://x.example/cb", "redirect_uri is not a member that we know: did you mean redirect_uris?"),
        ("grant_type: [authorization_code]", "did you mean grant_types?"),
        ("client_name#: x", "client_name# string should match"),
        ("zzz: 1", "zzz is not a member that we know: remove the line"),
        ("sector: elsewhere", "sector is not a member that we know"),
        ("names: {en: x}", "names is not a member that we know"),
        ("first_party: perhaps", "first_party"),
        ("client_name: -", "client_name is missing: add it"),
        ("client_id: a b", "client_id"),
        ("profile: ropc", "profile must be one of 'standard', 'legacy'"),
        ("grant_types: [password]", "grant_types must be one of"),
        ("id_token_signed_response_alg: none", "must be one of 'RS256', 'PS256', 'ES256' or 'EdDSA'"),
        ("token_endpoint_auth_signing_alg: none", "must be one of"),
        ("request_object_signing_alg: none", "must be one of"),
        (f"client_secret: {SECRET}", "is written in the clear"),
        (f"client_secret_hash: {SECRET}", "is not sha256:salt:hex"),
        ("client_secret_hash: -", "client_secret_hash is missing"),
        ("client_secret_env: NO_SUCH_VARIABLE", "stands beside client_secret_hash"),
        ("token_endpoint_auth_method: client_secret_jwt", "cannot serve client_secret_jwt"),
        ("token_endpoint_auth_method: private_key_jwt", "jwks is missing"),
        ("response_types: [code id_token]", "needs `profile: legacy`"),
        ("response_types: [id_token]", "needs `profile: legacy`"),
        ("grant_types: [authorization_code, implicit]", "needs `profile: legacy`"),
        ("grant_types: [authorization_code, 'urn:ietf:params:oauth:grant-type:token-exchange']", "token_exchange is missing"),
        ("redirect_uris: []", "redirect_uris is missing"),
        ("logo_uri: http://wlkp.example.go.id/logo.png", "logo_uri is http:// on a public host: use https://"),
        ("jwks_uri: 'javascript:alert(1)'", "must begin with https://"),
        ("backchannel_logout_uri: https://wlkp.example.go.id/out#x", "has a fragment"),
        ("frontchannel_logout_uri: https://elsewhere.example.go.id/out", "is on another host than the redirect_uris"),
        ("access_token_lifetime: 86400", "access_token_lifetime"),
        ("cors_origins: [https://wlkp.example.go.id/]", "must be scheme, host and port only"),
        ("cors_origins: ['*']", "has a wildcard"),
        ("resources: [api]", "must be an absolute URI"),
        (
            "subject_type: pairwise\n    redirect_uris: [https://a.example/c, https://b.example/c]",
            "sector_identifier_uri is missing",
        ),
        ("id_token_encrypted_response_alg: RSA-OAEP", "needs the client's public keys"),
        ("id_token_encrypted_response_alg: dir", "is symmetric"),
        ("jwks: {keys: []}", "has no list named `keys`"),
        ("jwks: {keys: [5]}", "holds a key that cannot be read"),
        ("jwks: {keys: [{kty: RSA, n: AQAB, e: AQAB}]}", "holds"),
        ("jwks: {keys: [{kty: oct, k: AQAB}]}", "private or symmetric"),
    ],
)
def test_a_mistake_is_one_sentence_with_its_line_and_cure(write: Write, line: str, words: str) -> None:
    path = write(*line.split("\n    "))
    said = refused(path)
    place, _, sentence = said.partition(": ")
    file, number = place.split(":")
    assert (file, words in sentence) == ("clients.yaml", True), said
    member = sentence.split(": ", 1)[1].split(" ", 1)[0]
    at = path.read_text().splitlines()[int(number) - 1].strip(" -")
    assert at.startswith(member + ":" if member + ":" in path.read_text() else "client_id:"), f"line {number} is {at!r}"
    assert SECRET not in said


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "clients.yaml:1: must have one list named `clients`"),
        ("clients: {}", "clients.yaml:1: must have one list"),
        ("clients: [wlkp]", "clients.yaml:1: an entry must be a mapping"),
        ("clients:\n  - client_id: [\n", "this is not YAML"),
        ("clients: []\nclients: []\n", "clients.yaml:2: this is not YAML (found duplicate key"),
        ("clients: []\nkeys: []\n", "clients.yaml:2: keys is not known"),
        (SOUND + SOUND.removeprefix("clients:\n"), "clients.yaml:6: client wlkp is there twice"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "clients.yaml"
    path.write_text(text)
    assert words in refused(path)


def test_a_missing_or_unreadable_file_is_one_sentence(tmp_path: Path) -> None:
    assert "does not exist" in refused(tmp_path / "none.yaml")
    assert "cannot be read" in refused(tmp_path)
    (tmp_path / "latin.yaml").write_bytes(b"clients: [\xff]")
    assert "is not text in UTF-8" in refused(tmp_path / "latin.yaml")


def test_every_mistake_is_told_at_once(write: Write) -> None:
    with pytest.raises(ConfigError) as wrong:
        file.load(write("zzz: 1", "profile: ropc"))
    assert len(str(wrong.value).splitlines()) == 2


@pytest.mark.parametrize(
    "uri",
    [
        "http://wlkp.example.go.id/callback",
        "https://*.example.go.id/callback",
        "https://wlkp.example.go.id/callback#here",
        "https://wlkp.example.go.id/callback#",
        "https://user:password@wlkp.example.go.id/callback",
        "https:///callback",
        "https://wlkp.example.go.id\\@evil.example/",
        "https://wlkp.example.go.id/call back",
        "https://wlkp.example.go.id/\tcallback",
        "https://wlkp.example.go.id/ü",
        "https://wlkp.example.go.id:99999/callback",
        "https://wlkp.example.go.id:0/callback",
        "https://[::1/callback",
        "http://127.0.0.1.evil.example/callback",
        "//wlkp.example.go.id/callback",
        "/callback",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "blob:https://x.example/1",
        "about:blank",
        "app:/callback",
        "https://wlkp.example.go.id/" + "a" * 2000,
        "",
    ],
)
def test_no_answer_may_go_there(uri: str) -> None:
    for member in ("redirect_uris", "post_logout_redirect_uris"):
        with pytest.raises(ValidationError):
            client(**{member: (uri,)})


@pytest.mark.parametrize(
    "uri",
    [
        "https://wlkp.example.go.id/callback?tenant=1",
        "https://wlkp.example.go.id:8443/callback",
        "http://127.0.0.1:5001/callback",
        "http://localhost/callback",
        "http://[::1]:5001/callback",
        "id.go.example.app:/callback",
    ],
)
def test_answers_may_go_there(uri: str) -> None:
    assert client(redirect_uris=(uri,)).check_redirect_uri(uri)


# -- secrets -----------------------------------------------------------------------------------------------------------


def test_a_secret_is_known_by_its_hash_alone() -> None:
    known = client(client_secret_hash=hash_secret(SECRET))
    assert known.check_client_secret(SECRET)
    for wrong in ("", SECRET[:-1], SECRET + " ", SECRET.upper(), "é", known.client_secret_hash or "", "\ud800"):
        assert not known.check_client_secret(wrong)
    assert hash_secret(SECRET) != hash_secret(SECRET), "salted"
    assert known.plain_secret() is None
    assert str(known.client_secret_hash) not in repr(known)


def test_a_secret_by_reference_comes_from_a_file_or_a_variable(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    method = "token_endpoint_auth_method: client_secret_jwt"
    path = write(method, "client_secret_hash: -", "client_secret_file: wlkp.secret")
    assert "wlkp.secret, which holds no secret of at least 32 characters" in refused(path)
    (path.parent / "wlkp.secret").write_text("x" * 31)
    assert "at least 32 characters" in refused(path)
    (path.parent / "wlkp.secret").write_text(SECRET + "\n")
    known = file.load(path)["wlkp"]
    assert known.plain_secret() == SECRET
    assert known.check_client_secret(SECRET)
    assert not known.check_client_secret("")
    assert SECRET not in repr(known)
    path = write(method, "client_secret_hash: -", "client_secret_env: WLKP_SECRET")
    assert "the variable WLKP_SECRET, which holds no secret" in refused(path)
    monkeypatch.setenv("WLKP_SECRET", SECRET)
    assert file.load(path)["wlkp"].plain_secret() == SECRET


def test_a_client_without_a_secret_has_none_that_matches_and_must_use_pkce() -> None:
    public = client(token_endpoint_auth_method="none", client_secret_hash=None)
    assert public.pkce_required
    assert not public.check_client_secret("")
    with pytest.raises(ValidationError, match="must use PKCE"):
        client(token_endpoint_auth_method="none", client_secret_hash=None, pkce="optional")
    with pytest.raises(ValidationError, match="cannot use"):
        client(token_endpoint_auth_method="none", client_secret_hash=None, grant_types=("client_credentials",))


def test_keys_are_public_and_long_enough() -> None:
    sound = ECKey.generate_key("P-256")
    assert client(
        token_endpoint_auth_method="private_key_jwt", client_secret_hash=None, jwks={"keys": [sound.as_dict(private=False)]}
    )
    with pytest.raises(ValidationError, match="private or symmetric"):
        client(jwks={"keys": [sound.as_dict(private=True)]})
    short = rsa.generate_private_key(65537, 1024).public_key().public_numbers()
    with pytest.raises(ValidationError, match="less than 2048 bits"):
        client(jwks={"keys": [{"kty": "RSA", "n": _number(short.n), "e": "AQAB"}]})
    with pytest.raises(ValidationError, match="stands beside"):
        client(jwks={"keys": [sound.as_dict(private=False)]}, jwks_uri="https://wlkp.example.go.id/jwks")


def _number(value: int) -> str:
    return base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).rstrip(b"=").decode()


# -- what the protocol asks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mutation",
    [
        "https://wlkp.example.go.id/callback/",
        "https://wlkp.example.go.id/callback?",
        "https://wlkp.example.go.id/callback#",
        "https://wlkp.example.go.id/Callback",
        "https://WLKP.example.go.id/callback",
        "HTTPS://wlkp.example.go.id/callback",
        "https://wlkp.example.go.id:443/callback",
        "https://wlkp.example.go.id./callback",
        "https://wlkp.example.go.id/./callback",
        "https://wlkp.example.go.id/x/../callback",
        "https://wlkp.example.go.id/%63allback",
        "https://wlkp.example.go.id/callback%2e",
        "https://wlkp.example.go.id/callback;x",
        "https://wlkp.example.go.id/callback\t",
        " https://wlkp.example.go.id/callback",
        "https://wlkp.example.go.id/callback?x=1",
        "https://wlkp.example.go.id.evil.example/callback",
        "https://evil.example/https://wlkp.example.go.id/callback",
        "https://x@wlkp.example.go.id/callback",
        "https://wlkp.example.go.id@evil.example/callback",
        "https://evil.example\\@wlkp.example.go.id/callback",
        "http://wlkp.example.go.id/callback",
        "wlkp.example.go.id/callback",
        "",
    ],
)
def test_a_redirect_uri_matches_exactly(mutation: str) -> None:
    assert client().check_redirect_uri("https://wlkp.example.go.id/callback")
    assert not client().check_redirect_uri(mutation)
    assert not client(application_type="native").check_redirect_uri(mutation)


def test_the_port_of_loopback_is_free_for_native_clients_only() -> None:
    registered = ("http://127.0.0.1/callback", "http://[::1]:1/callback")
    native = client(application_type="native", redirect_uris=registered)
    for uri in ("http://127.0.0.1:51004/callback", "http://127.0.0.1/callback", "http://[::1]:51004/callback"):
        assert native.check_redirect_uri(uri), uri
    for uri in (
        "http://127.0.0.1:51004/other",
        "http://127.0.0.1:51004/callback?x",
        "http://localhost:51004/callback",
        "http://x@127.0.0.1:51004/callback",
        "http://127.0.0.1:99999/callback",
        "http://127.0.0.1:x/callback",
        "https://127.0.0.1:51004/callback",
        "http://127.0.0.2:51004/callback",
    ):
        assert not native.check_redirect_uri(uri), uri
    assert not client(redirect_uris=registered).check_redirect_uri("http://127.0.0.1:51004/callback")


def test_a_missing_redirect_uri_is_never_guessed() -> None:
    assert client().get_default_redirect_uri() == ""


def test_scopes_grants_and_methods_are_those_registered() -> None:
    known = client(scope="openid email", grant_types=("authorization_code", "refresh_token"))
    assert known.get_allowed_scope("email phone openid email") == "email openid"
    assert known.get_allowed_scope("") == known.get_allowed_scope(None) == ""
    assert known.check_grant_type("refresh_token")
    assert not known.check_grant_type("client_credentials")
    assert known.check_response_type("code")
    assert not known.check_response_type("code id_token")
    assert known.check_endpoint_auth_method("client_secret_basic", "token")
    assert not known.check_endpoint_auth_method("client_secret_post", "token")
    assert not known.check_endpoint_auth_method("none", "introspection")


def test_response_types_of_legacy_clients_match_in_any_order() -> None:
    known = client(
        profile="legacy", response_types=("code id_token token", "code"), grant_types=("authorization_code", "implicit")
    )
    assert known.check_response_type("token id_token code")
    assert not known.check_response_type("id_token token")


def test_a_client_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        client().first_party = True


def test_the_sector_of_a_pairwise_client() -> None:
    assert client(subject_type="pairwise").sector == "wlkp.example.go.id"
    several = ("https://a.example/c", "https://b.example/c")
    named = client(subject_type="pairwise", redirect_uris=several, sector_identifier_uri="https://sector.example/list.json")
    assert named.sector == "sector.example"


# -- while people sign in ----------------------------------------------------------------------------------------------


@pytest.fixture
def directory(write: Write) -> ClientDirectory:
    return ClientDirectory.open(write())


def later(directory: ClientDirectory) -> None:
    """A second passes: the directory looks again at the next question."""
    directory._looked -= directory_module.CHECK_INTERVAL + 0.1


def test_a_changed_file_is_seen_within_a_second(directory: ClientDirectory, write: Write) -> None:
    told: list[str] = []
    directory.listeners.append(lambda: told.append("changed"))
    write("client_name: Another name")
    assert directory.find("wlkp") is directory.known["wlkp"]
    assert directory.known["wlkp"].client_name == "WLKP Online", "not before a second has passed"
    later(directory)
    found = directory.find("wlkp")
    assert found is not None
    assert found.client_name == "Another name"
    assert told == ["changed"]
    later(directory)
    assert directory.find("wlkp") is found, "an unchanged file is not read again"


def test_a_file_replaced_by_another_of_the_same_size_and_time_is_seen(directory: ClientDirectory) -> None:
    before = directory.path.stat()
    fresh = directory.path.with_suffix(".new")
    fresh.write_text(directory.path.read_text().replace("WLKP Online", "WLKP Offlin"))
    os.utime(fresh, ns=(before.st_atime_ns, before.st_mtime_ns))
    fresh.replace(directory.path)
    later(directory)
    found = directory.find("wlkp")
    assert found is not None
    assert found.client_name == "WLKP Offlin"


@pytest.mark.parametrize("slip", ["clients: [", "", "clients: [5]", SOUND.replace("https://", "http://")])
def test_the_last_good_file_stays_and_the_mistake_is_logged_in_a_sentence(directory: ClientDirectory, slip: str) -> None:
    good = directory.find("wlkp")
    directory.path.write_text(slip)
    later(directory)
    with capture_logs() as logs:
        assert directory.find("wlkp") is good
        later(directory)
        assert directory.find("wlkp") is good
    assert [line["event"] for line in logs] == ["clients_not_reloaded"], "once, not each second"
    assert logs[0]["sentence"].startswith("clients.yaml:")
    directory.path.unlink()
    later(directory)
    assert directory.find("wlkp") is good
    directory.path.write_text(SOUND.replace("WLKP Online", "Mended"))
    later(directory)
    mended = directory.find("wlkp")
    assert mended is not None
    assert mended.client_name == "Mended"


def test_a_client_that_is_removed_is_gone(directory: ClientDirectory) -> None:
    directory.path.write_text("clients: []\n")
    later(directory)
    assert directory.find("wlkp") is None


def test_a_secret_file_that_vanished_keeps_the_last_good_clients(write: Write) -> None:
    path = write("client_secret_hash: -", "client_secret_file: wlkp.secret")
    (path.parent / "wlkp.secret").write_text(SECRET)
    directory = ClientDirectory.open(path)
    (path.parent / "wlkp.secret").unlink()
    write("client_secret_hash: -", "client_secret_file: wlkp.secret", "first_party: true")
    later(directory)
    found = directory.find("wlkp")
    assert found is not None
    assert found.check_client_secret(SECRET)


def test_others_are_asked_only_for_what_the_file_does_not_know(directory: ClientDirectory) -> None:
    asked: list[str] = []

    def dynamic(client_id: str) -> Client | None:
        asked.append(client_id)
        return client(client_id=client_id) if client_id == "registered" else None

    directory = ClientDirectory.open(directory.path, others=(dynamic,))
    assert directory.find("wlkp") is directory.known["wlkp"]
    found = directory.find("registered")
    assert found is not None
    assert found.client_id == "registered"
    assert directory.find("nobody") is None
    assert asked == ["registered", "nobody"]


def test_an_entry_survives_json(write: Write) -> None:
    """A registration that is kept in SQL reads back as the same client."""
    known = file.load(write("client_name#en: Labour report"))["wlkp"]
    kept = orjson.dumps(known.model_dump(exclude={"sector"}))
    assert Client.model_validate(orjson.loads(kept)).written_by_operator() == known
