"""Relying parties from the command line: checked, added, compared, and tried against a running provider."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from idp import accounts
from idp.accounts import hashing
from idp.core.values import ACR_FULL, EmailAddress, FullName, Nik, PhoneNumber
from idp.oidc.clients import file
from idp.oidc.clients.client import hash_secret
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
