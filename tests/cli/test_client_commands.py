"""Relying parties from the command line: checked, added, compared, and tried against a running provider."""

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from joserfc.jwk import RSAKey
from ruamel.yaml import YAML

from idp import accounts
from idp.accounts import hashing
from idp.cli.stacks import STACKS
from idp.core.values import ACR_FULL, EmailAddress, FullName, Nik, PhoneNumber
from idp.oidc.clients import file
from idp.oidc.clients.client import Client, hash_secret
from tests import loopback
from tests.cli.conftest import ROOT, Operator

if TYPE_CHECKING:
    from tests.conftest import House

NIK, PASSWORD = "9901015708900001", "Matahari!7terbit"
WLKP = "wlkp-demo-secret-known-to-everybody\n"


# -- the file ----------------------------------------------------------------------------------------------------------


def test_the_services_for_development_are_listed(operator: Operator) -> None:
    said = operator.reads("clients", "check", "--file", str(ROOT / "clients.yaml"))
    assert re.search(r"^wlkp +client_secret_basic +ES256 +authorization_code$", said, re.MULTILINE)
    assert "All well: 3 clients" in said


def test_mistakes_are_told_by_line(operator: Operator) -> None:
    path = operator.clients()
    path.write_text("clients:\n  - client_id: wlkp\n    client_name: WLKP\n    redirect_uri: x\n")
    said = operator.errs("clients", "check")
    assert "clients.yaml:4: client wlkp: redirect_uri is not a member that we know: did you mean redirect_uris?" in said


def test_an_entry_and_its_secret_are_printed_once_and_apart(operator: Operator) -> None:
    asked = ["--name", "Wajib: Lapor", "--name-en", "Report", "--redirect-uri", "https://wlkp.example.go.id/cb", "--first-party"]
    result = operator.types("clients", "add", "wlkp", *asked)
    assert result.exit_code == 0, result.output
    secret = re.search(r"shown this once: (\S{43})$", result.stderr, re.MULTILINE)
    assert secret
    assert secret[1] not in result.stdout, "`>> clients.yaml` must not write the secret"
    path = operator.clients()
    path.write_text("clients:\n" + result.stdout)
    known = file.load(path)["wlkp"]
    assert known.check_client_secret(secret[1])
    assert (known.name("id"), known.name("en"), known.first_party) == ("Wajib: Lapor", "Report", True)
    assert known.pkce_required
    assert "is in" in operator.errs("clients", "add", "wlkp", "--name", "x")
    other = operator.types("clients", "add", "other", "--name", "x", "--redirect-uri", "https://wlkp.example.go.id/cb")
    assert secret[1] not in other.output


def test_a_client_without_a_secret_is_added_without_one(operator: Operator) -> None:
    result = operator.types(
        "clients", "add", "app", "--name", "App", "--public", "--native", "--redirect-uri", "http://127.0.0.1/cb"
    )
    assert result.stderr == ""
    (entry,) = YAML(typ="safe").load(result.stdout)
    assert entry["token_endpoint_auth_method"] == "none"
    assert "client_secret_hash" not in entry


def test_a_secret_may_come_either_way_unless_the_operator_says_how(operator: Operator) -> None:
    """R1: a library that sends it in the form is served as well as one that uses HTTP Basic; RS256 is what all expect."""
    asked = ["--name", "x", "--redirect-uri", "https://x.example.go.id/cb"]
    (entry,) = YAML(typ="safe").load(operator.types("clients", "add", "wlkp", *asked).stdout)
    assert (entry["token_endpoint_auth_method"], entry.get("id_token_signed_response_alg")) == ("client_secret_any", None)
    more = ["--auth-method", "client_secret_post", "--alg", "ES256"]
    (entry,) = YAML(typ="safe").load(operator.types("clients", "add", "wlkp", *asked, *more).stdout)
    assert (entry["token_endpoint_auth_method"], entry["id_token_signed_response_alg"]) == ("client_secret_post", "ES256")


@pytest.mark.parametrize("stack", sorted(STACKS))
def test_each_stack_has_an_entry_that_is_sound_and_lines_that_fit_it(operator: Operator, stack: str) -> None:
    """R1: nothing is left to be filled in."""
    operator.clients().unlink()
    result = operator.types("clients", "add", "saya", "--name", "Saya", "--for", stack, "--write")
    assert result.exit_code == 0, result.output
    known = file.load(operator.clients())["saya"]
    assert "ISSUER" not in result.stdout or "http://localhost:5000" in result.stdout
    assert "saya" in result.stdout and "{" not in result.stdout.replace("SIAPKERJA = {", "")
    assert all(uri in result.stdout for uri in known.redirect_uris)
    secret = re.search(r"CLIENT_SECRET=(\S{43})$", result.stdout, re.MULTILINE)
    assert (secret is None) == (known.token_endpoint_auth_method == "none")
    assert secret is None or known.check_client_secret(secret[1])
    assert secret is None or secret[1] not in result.stderr + operator.clients().read_text()


def test_an_address_of_the_operators_is_where_the_service_is(operator: Operator) -> None:
    """R1: nothing of a developer's machine is left in the entry of a service that is elsewhere; a public one has no secret."""
    asked = ["clients", "add", "saya", "--name", "Saya", "--for", "flask", "--public", "--write"]
    result = operator.types(*asked, "--redirect-uri", "https://saya.example.go.id/masuk/cb")
    assert result.exit_code == 0, result.output
    known = file.load(operator.clients())["saya"]
    assert "localhost" not in str(known.model_dump())
    assert known.post_logout_redirect_uris == ("https://saya.example.go.id/",)
    assert (known.token_endpoint_auth_method, "SIAPKERJA_CLIENT_SECRET=\n" in result.stdout) == ("none", True)


AS_PEOPLE_WRITE = """\
# The services of our house.
clients:
- client_id: lama   # by hand, with a comment
  client_name: "Lama"
  redirect_uris: [https://lama.example.go.id/cb]

  token_endpoint_auth_method: none
# the end, without a line feed"""


@pytest.mark.parametrize(
    "before", [None, "", "\n", "clients: []", "clients: []\n", "# ours\nclients: [ ]  # none yet\n", AS_PEOPLE_WRITE]
)
def test_an_entry_is_written_and_every_other_byte_stays(operator: Operator, before: str | None) -> None:
    """R2: a new file, an empty one, one whose last line does not end, comments and another indentation."""
    operator.clients().unlink()
    if before is not None:
        operator.clients().write_text(before)
    asked = ["--redirect-uri", "https://baru.example.go.id/cb", "--write"]
    for name in ("baru", "lagi"):
        assert operator.types("clients", "add", name, "--name", "Baru", *asked).exit_code == 0
    text = operator.clients().read_text()
    assert list(file.load(operator.clients()))[-2:] == ["baru", "lagi"]
    assert text.startswith((before or "").partition("clients")[0])
    assert before != AS_PEOPLE_WRITE or text.startswith(before)
    assert "is in" in operator.errs("clients", "add", "baru", "--name", "Baru", *asked)
    assert operator.clients().read_text() == text


def test_a_file_that_cannot_be_continued_is_left_alone(operator: Operator) -> None:
    """R2: nothing is written that would not be read."""
    flow = "clients: [{client_id: lama, client_name: Lama, redirect_uris: ['https://l.example/cb'], token_endpoint_auth_method: none}]\n"
    operator.clients().write_text(flow)
    asked = ["clients", "add", "baru", "--name", "Baru", "--redirect-uri", "https://baru.example.go.id/cb", "--write"]
    assert "clients.yaml" in operator.errs(*asked)
    assert operator.clients().read_text() == flow


def test_a_service_for_trying_out_is_not_written_where_people_are_real(operator: Operator) -> None:
    """R1: the address of a developer's machine is refused before it is in the file."""
    gateways = {
        "CIVIL_REGISTRY_URL": "https://a:b@reg.go.id/x",
        "SMS_URL": "https://sms.go.id/",
        "MAIL_URL": "smtps://mail.go.id",
    }
    real = {"IDP_ISSUER": "https://id.go.id", "IDP_ENVIRONMENT": "production", "IDP_HELP_PHONE": "1500630"}
    real |= {f"IDP_{name}": url for name, url in gateways.items()}
    real |= {"IDP_DATABASE_URL": "postgresql+psycopg://nobody@db.go.id/idp", "IDP_REDIS_URL": "rediss://redis.go.id/0"}
    asked = ["clients", "add", "baru", "--name", "Baru", "--for", "flask", "--write"]
    assert "redirect_uris has http:// in production" in operator.errs(*asked, **real)
    assert not file.load(operator.clients())
    result = operator.types(*asked, "--url", "https://baru.example.go.id/", **real)
    assert "SIAPKERJA_REDIRECT_URI=https://baru.example.go.id/callback\n" in result.stdout


def test_the_hash_of_a_secret_that_exists_is_told(operator: Operator) -> None:
    """R6: a service moves with the secret that it has."""
    told = operator.reads("clients", "hash", typed="x1" * 20 + "\n")
    assert Client(
        client_id="wlkp", client_name="W", redirect_uris=("https://x.example/cb",), **YAML(typ="safe").load(told)
    ).check_client_secret("x1" * 20)
    assert "x1x1" not in told
    assert "32 are the least" in operator.errs("clients", "hash", typed="password\n")


def test_all_that_is_wrong_with_a_client_is_told_at_once(operator: Operator) -> None:
    """R6: in one go, not one mistake for each time that the file is checked."""
    lines = ["client_id: wlkp", "client_name: WLKP", "redirect_uris: [https://x.example/cb]", "token_endpoint_auth_method: none"]
    wrong = [
        "pkce: optional",
        "response_types: [id_token]",
        "default_acr_values: [tinggi]",
        "backchannel_logout_session_required: true",
    ]
    operator.clients().write_text("clients:\n  - " + "\n    ".join(lines + wrong) + "\n")
    said = operator.types("clients", "check").stderr
    for number, member in enumerate(wrong, 6):
        assert f"clients.yaml:{number}: client wlkp: {member.partition(':')[0]} " in said
    operator.clients().write_text("clients:\n  - " + "\n    ".join([*lines, "client_secret: x", "zzz: 1", "sector: x"]) + "\n")
    said = operator.types("clients", "check").stderr
    assert all(f": {member} " in said for member in ("client_secret", "zzz", "sector"))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["a b", "--name", "x", "--redirect-uri", "https://x.example/cb"], "client_id"),
        (["wlkp", "--name", "x"], "redirect_uris is missing"),
        (["wlkp", "--name", "x", "--redirect-uri", "http://x.example/cb"], "use https://"),
        (["wlkp", "--redirect-uri", "https://x.example/cb"], "--name"),
    ],
)
def test_an_entry_that_would_be_refused_is_not_printed(operator: Operator, asked: list[str], words: str) -> None:
    result = operator.types("clients", "add", *asked)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stdout == ""


def test_changes_are_told_with_what_they_mean(operator: Operator) -> None:
    present, proposed = operator.clients(), operator.var / "proposed.yaml"
    present.write_text((ROOT / "clients.yaml").read_text())
    changed = (ROOT / "clients.yaml").read_text().replace("client_id: jkp", "client_id: jkp2")
    changed = changed.replace("scope: openid profile email roles\n", "scope: openid\n    subject_type: pairwise\n")
    changed = re.sub(r"sha256:demo-wlkp-salt:\w+", hash_secret("x" * 32), changed)
    proposed.write_text(changed)
    said = operator.reads("clients", "diff", str(proposed))
    assert "- jkp: nobody can sign in there any more" in said
    assert "+ jkp2: people can sign in there" in said
    assert "~ wlkp subject_type: public -> pairwise (every person gets another `sub`" in said
    assert "~ wlkp scope: openid profile email roles -> openid" in said
    assert "~ wlkp client_secret_hash: another one" in said
    assert "sha256" not in said
    assert "pelatihan" not in said
    assert operator.reads("clients", "diff", str(present)) == "Nothing changes.\n"
    assert "does not exist" in operator.errs("clients", "diff", str(operator.var / "none.yaml"))


def test_notices_of_logouts_are_counted(equipped: Operator) -> None:
    equipped.reads("db", "upgrade")
    assert equipped.reads("clients", "logouts") == ""


# -- a running provider ------------------------------------------------------------------------------------------------


@pytest.fixture
def visiting(operator: Operator, house: "House") -> Operator:
    """An operator beside a running provider in which Siti has an account."""
    with house.app.app_context():
        facts = Nik.parse(NIK), FullName.parse("Siti Nurhaliza Rahayu"), PhoneNumber.parse("081234562790")
        accounts.create(*facts, EmailAddress.parse("siti@surat.example"), hashing.hash_password(PASSWORD), acr=ACR_FULL)
    changes = {"IDP_ISSUER": house.issuer, "IDP_CLIENTS_FILE": str(ROOT / "clients.yaml")}
    return Operator(operator.var, changes)


def test_a_client_is_tried_without_anybody_signing_in(visiting: Operator) -> None:
    said = visiting.reads("clients", "try", "wlkp")
    assert [line.partition(":")[0] for line in said.splitlines()] == ["discovery", "keys", "authorize", "token"]
    assert "the request is sound; people sign in at login" in said
    assert "not tried, give the secret" in said


def test_its_secret_is_tried_too(visiting: Operator) -> None:
    assert "the client is who it says it is" in visiting.reads("clients", "try", "wlkp", "--secret-file", "-", typed=WLKP)
    assert "token: the secret is wrong" in visiting.errs("clients", "try", "wlkp", "--secret-file", "-", typed="x" * 40)


def test_a_whole_sign_in_is_walked(visiting: Operator, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(WLKP)
    asked = ["clients", "try", "wlkp", "--secret-file", str(tmp_path / "secret"), "--identifier", NIK]
    said = visiting.reads(*asked, typed=PASSWORD + "\n")
    steps = [line.partition(":")[0] for line in said.splitlines()]
    assert steps == ["discovery", "keys", "authorize", "sign-in", "token", "ID token", "userinfo"]
    assert "verified with ES256" in said
    assert re.search(r"^userinfo: sub, .*name", said, re.MULTILINE)
    assert PASSWORD not in said
    assert "Siti" not in said, "which claims, not whose"
    assert "sign-in: refused" in visiting.errs(*asked, typed="Salah!7terbit\n")


def test_the_method_that_the_service_uses_is_compared_with_its_entry(visiting: Operator) -> None:
    """R7: all was said to be well while the service's library sent its secret in another way."""
    asked = ["clients", "try", "wlkp", "--secret-file", "-"]
    assert "by HTTP Basic (client_secret_basic)" in visiting.reads(*asked, typed=WLKP)
    said = visiting.errs(*asked, "--auth-method", "client_secret_post", typed=WLKP)
    assert "sends its secret in the form, its entry says client_secret_basic: change token_endpoint_auth_method" in said


SIGNING = """\
clients:
  - client_id: bank
    client_name: Bank
    redirect_uris: [http://127.0.0.1:5001/callback]
    token_endpoint_auth_method: private_key_jwt
    require_signed_request_object: true
    require_pushed_authorization_requests: true
    id_token_encrypted_response_alg: RSA-OAEP-256
    userinfo_signed_response_alg: ES256
    userinfo_encrypted_response_alg: RSA-OAEP-256
    first_party: true
    jwks: {keys: [%s]}
  - client_id: lama
    client_name: Lama
    redirect_uris: [http://127.0.0.1:5001/callback]
    token_endpoint_auth_method: client_secret_any
    client_secret_hash: %s
    response_types: [code id_token]
    grant_types: [authorization_code, implicit]
    profile: legacy
    userinfo_signed_response_alg: RS256
    first_party: true
"""


def test_a_client_that_signs_and_reads_what_is_encrypted_is_tried_with_its_key(
    visiting: Operator, house: "House", tmp_path: Path
) -> None:
    """R7: pushed and signed requests, private_key_jwt, encrypted ID tokens and userinfo; the hybrid flow."""
    key, path = RSAKey.generate_key(2048, auto_kid=True), tmp_path / "clients.yaml"
    path.write_text(SIGNING % (json.dumps(key.as_dict(private=False)), hash_secret("s" * 40)))
    (tmp_path / "key.pem").write_bytes(key.as_pem(private=True))
    house.app.extensions["idp.clients"].known |= file.load(path)
    asked = ["clients", "try", "bank", "--file", str(path)]
    said = visiting.reads(*asked)
    assert "authorize: not tried, the service signs its requests: give its private key with --key-file." in said
    assert "token: not tried, the service signs with its private key" in said
    assert "as long as the service signs" in visiting.reads(*asked, "--key-file", str(tmp_path / "key.pem"))
    said = visiting.reads(*asked, "--key-file", str(tmp_path / "key.pem"), "--identifier", NIK, typed=PASSWORD + "\n")
    assert re.search(r"^ID token: verified with RS256; it says .*nonce", said, re.MULTILINE)
    assert re.search(r"^userinfo: .*email", said, re.MULTILINE)
    (tmp_path / "other.pem").write_bytes(RSAKey.generate_key(2048).as_pem(private=True))
    assert "the key is not one of its jwks" in visiting.errs(*asked, "--key-file", str(tmp_path / "other.pem"))
    (tmp_path / "public.pem").write_bytes(key.as_pem(private=False))
    assert "holds no private key" in visiting.errs(*asked, "--key-file", str(tmp_path / "public.pem"))
    (tmp_path / "secret").write_text("s" * 40)
    asked = ["clients", "try", "lama", "--file", str(path), "--secret-file", str(tmp_path / "secret"), "--identifier", NIK]
    said = visiting.reads(*asked, typed=PASSWORD + "\n")
    assert said.count("ID token: verified") == 2 and "userinfo: sub" in said


def test_a_third_party_asks_for_consent_on_the_way(visiting: Operator, house: "House", tmp_path: Path) -> None:
    path = tmp_path / "third.yaml"
    path.write_text((ROOT / "clients.yaml").read_text().replace("first_party: true", "first_party: false"))
    house.app.extensions["idp.clients"].known = file.load(path)
    (tmp_path / "secret").write_text(WLKP)
    asked = ["clients", "try", "wlkp", "--file", str(path), "--secret-file", str(tmp_path / "secret"), "--identifier", NIK]
    assert "consent: asked for, and given." in visiting.reads(*asked, typed=PASSWORD + "\n")


def test_what_the_provider_refuses_is_explained(visiting: Operator, house: "House", tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.yaml"
    path.write_text((ROOT / "clients.yaml").read_text().replace(":5001/callback", ":5009/callback"))
    said = visiting.errs("clients", "try", "wlkp", "--file", str(path))
    assert re.search(r"authorize: 400 invalid_request; `idp explain \d{10}` tells more", said)
    path.write_text((ROOT / "clients.yaml").read_text().replace("scope: openid profile email roles", "scope: nonsense openid"))
    assert "people sign in" in visiting.reads("clients", "try", "wlkp", "--file", str(path))
    assert "is not in the file" in visiting.errs("clients", "try", "nobody")


def test_a_provider_that_is_away_or_another_is_one_sentence(visiting: Operator, house: "House") -> None:
    assert "does not answer" in visiting.errs("clients", "try", "wlkp", "--issuer", "http://127.0.0.1:1")
    other = house.issuer.replace("127.0.0.1", "localhost")
    assert "names another issuer" in visiting.errs("clients", "try", "wlkp", "--issuer", other)


# -- registering dynamically -------------------------------------------------------------------------------------------


def test_a_token_lets_services_register_themselves(visiting: Operator, house: "House") -> None:
    visiting.settings.update({"IDP_REDIS_URL": house.stores.redis_url, "IDP_DATABASE_URL": house.stores.database_url})
    token = visiting.reads("clients", "token", "--uses", "2", "--days", "1").strip()
    said = {"client_name": "Dinamis", "redirect_uris": ["https://rp.example/cb"]}
    told = [
        loopback.post(f"{house.issuer}/register", json=said, headers={"Authorization": f"Bearer {token}"}).status_code
        for _ in range(3)
    ]
    assert told == [201, 201, 401]
