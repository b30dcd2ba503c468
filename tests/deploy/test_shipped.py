"""The image, compose, systemd and the example environment: what they say is read as their readers read it."""

import fnmatch
import os
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from idp.core.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SECRETS = (
    "deploy/secrets.json",
    "deploy/private/secrets.json",
    "deploy/environment",
    "deploy/.env",
    "var/secrets.json",
    "deploy/private/tls.key",
)


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, comments gone and continued lines joined."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (DEPLOY / "Dockerfile").read_text()).replace("\\\n", " ")
    pairs = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    return [(name.upper(), rest.strip()) for name, rest in pairs]


def last_stage() -> list[tuple[str, str]]:
    """What the image itself is made of."""
    found = instructions()
    begin = max(number for number, (name, _) in enumerate(found) if name == "FROM")
    return found[begin:]


def sources() -> set[str]:
    """Files and folders of the repository that the image is built from."""
    copied = [shlex.split(rest) for name, rest in instructions() if name in ("COPY", "ADD")]
    return {source for words in copied if not words[0].startswith("--from=") for source in words[:-1]}


def enters_the_image(path: str) -> bool:
    """What Docker makes of .dockerignore: the last line that matches decides."""
    ignored = False
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if not line or line.startswith("#"):
            continue
        anywhere = pattern.startswith("**/") and any(fnmatch.fnmatch(part, pattern[3:]) for part in path.split("/"))
        parents = ["/".join(path.split("/")[: n + 1]) for n in range(path.count("/") + 1)]
        if anywhere or any(
            fnmatch.fnmatchcase(parent, pattern) and parent.count("/") == pattern.count("/") for parent in parents
        ):
            ignored = not line.startswith("!")
    return not ignored


def test_the_image_installs_nothing_without_a_hash():
    """H4: it fell back to a build whose tools came from anywhere."""
    installs = [command for name, rest in instructions() if name == "RUN" for command in rest.split("&&") if "pip" in command]
    assert len(installs) >= 3
    for command in installs:
        assert "||" not in command
        offline = "--no-index" in command and "--no-deps" in command
        assert offline or ("--require-hashes" in command and re.search(r"-r \S+\.lock", command)), command
    for lock in ("requirements.lock", "requirements-build.lock"):
        for entry in re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip()):
            assert "==" in entry
            assert "--hash=sha256:" in entry, entry


def test_the_build_tools_are_the_ones_that_the_tests_use():
    """H4: two locks that drift apart would build what nobody has tried."""
    build = (ROOT / "requirements-build.lock").read_text().strip()
    assert build in (ROOT / "requirements-dev.lock").read_text()


def test_the_image_is_no_root_and_carries_its_licence():
    """H4: and says whether it lives."""
    stage = last_stage()
    known = {name: rest for name, rest in stage}
    assert known["USER"].isdigit()
    assert int(known["USER"]) != 0
    assert f"--uid {known['USER']} " in " ".join(rest for name, rest in stage if name == "RUN")
    assert {"LICENSE", "NOTICE"} <= {word for name, rest in stage if name == "COPY" for word in rest.split()}
    assert "/healthz" in known["HEALTHCHECK"]
    for name, image in instructions():
        if name == "FROM":
            assert re.search(r":\d+\.\d+\S*", image), f"{image} names no version"


def test_no_secret_enters_the_image_or_the_repository():
    """S21, H4: deploy/secrets.json was ignored nowhere."""
    assert not [path for path in (*SECRETS, ".git/config", "tests/stores.py", "var/idp.db") if enters_the_image(path)]
    assert [source for source in sources() if not enters_the_image(source)] == []
    asked = subprocess.run(["git", "check-ignore", "--no-index", *SECRETS], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert sorted(asked.stdout.split()) == sorted(SECRETS), asked.stderr


def test_the_wheel_of_the_image_has_all_that_it_serves(tmp_path):
    """H4: built as the image builds it, from what .dockerignore lets through, with nothing fetched."""
    for source in sources() & {path.name for path in ROOT.iterdir()}:
        place = ROOT / source
        if place.is_dir():
            shutil.copytree(place, tmp_path / source, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(place, tmp_path)
    [command] = [rest for name, rest in instructions() if name == "RUN" and rest.startswith("pip wheel")]
    arguments = shlex.split(command.replace("/wheels", str(tmp_path / "wheels")))
    subprocess.run([sys.executable, "-m", *arguments], cwd=tmp_path, check=True, capture_output=True, timeout=280)
    [wheel] = (tmp_path / "wheels").glob("*.whl")
    held = zipfile.ZipFile(wheel).namelist()
    for folder, pattern in (
        ("idp/templates", "*.html"),
        ("idp/static", "*"),
        ("idp/translations", "*.mo"),
        ("idp/gateways", "*.yaml"),
        ("idp", "*.py"),
    ):
        wanted = {str(path.relative_to(ROOT)) for path in (ROOT / folder).rglob(pattern) if path.is_file()}
        assert wanted
        assert wanted <= set(held), wanted - set(held)
    assert {"LICENSE", "NOTICE"} <= {name.rpartition("/")[2] for name in held}


def compose() -> dict[str, Any]:
    """The file with its secrets filled in, as `docker compose config` shows it."""
    text = re.sub(r"\$\{(\w+):\?[^}]+\}", r"s3cret-\1", (DEPLOY / "compose.yaml").read_text())
    loaded: dict[str, Any] = YAML(typ="safe").load(text)
    return loaded


def test_compose_lets_nobody_into_the_stores_without_a_password():
    """H4, O10: PostgreSQL trusted every client."""
    services = compose()["services"]
    database, redis = services["database"], services["redis"]
    assert "trust" not in str(database)
    assert database["environment"]["POSTGRES_HOST_AUTH_METHOD"] == "scram-sha-256"
    assert "--auth=scram-sha-256" in database["environment"]["POSTGRES_INITDB_ARGS"]
    password = database["environment"]["POSTGRES_PASSWORD"]
    assert f":{password}@database/" in services["provider"]["environment"]["IDP_DATABASE_URL"]
    assert "requirepass" in str(redis["command"])
    assert f":{redis['environment']['REDIS_PASSWORD']}@redis:" in services["provider"]["environment"]["IDP_REDIS_URL"]
    assert compose()["networks"]["stores"]["internal"] is True
    assert database["networks"] == redis["networks"] == ["stores"]
    plain = (DEPLOY / "compose.yaml").read_text()
    assert plain.count("${") == len(re.findall(r"\$\{\w+:\?", plain)), "a secret that is missing stops the start"


def test_compose_names_the_version_of_every_image():
    """H4: `latest` is another program tomorrow."""
    for name, service in compose()["services"].items():
        assert re.fullmatch(r"[\w./-]+:\d[\w.-]*", service["image"]), name


def test_compose_runs_the_provider_in_production_settings_and_believes_the_proxy(monkeypatch):
    """O10: behind an untrusted proxy a country comes from one address; a forgotten IDP_ENVIRONMENT is development."""
    provider, outside = compose()["services"]["provider"], compose()["networks"]["outside"]
    loaded = settings_of(monkeypatch, example() | provider["environment"])
    assert loaded.production
    assert loaded.trusted_proxies == (outside["ipam"]["config"][0]["gateway"],)
    assert provider["ports"] == ["127.0.0.1:5000:5000"], "only the proxy of this host reaches it"


def test_compose_gives_the_provider_what_it_reads_and_writes(monkeypatch):
    """O10: secrets were unreadable, var could not be written."""
    uid = dict(last_stage())["USER"]
    services = compose()["services"]
    provider, admin = services["provider"], services["admin"]
    loaded = settings_of(monkeypatch, example() | provider["environment"])
    assert provider["user"] == f"{uid}:{uid}"
    assert f"{loaded.var}:uid={uid},gid={uid},mode=0700" in provider["tmpfs"]
    assert provider["read_only"]
    assert provider["cap_drop"] == ["ALL"]
    assert provider["volumes"] == [f"./private:{loaded.secrets_file.parent}:ro"]
    assert admin["volumes"] == [f"./private:{loaded.secrets_file.parent}"]
    assert loaded.clients_file.parent == loaded.secrets_file.parent
    assert f"install -d -o {uid} -g {uid} -m 700 deploy/private" in (ROOT / "docs" / "operations.md").read_text()


def example() -> dict[str, str]:
    """deploy/environment.example, as systemd and Docker read it."""
    lines = (DEPLOY / "environment.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def settings_of(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> Settings:
    """The settings that a process with these variables has."""
    for name in [name for name in os.environ if name.startswith("IDP_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_the_example_environment_is_one_of_production(monkeypatch):
    """O9: with every name known, and the proxy of deploy/nginx.conf trusted."""
    loaded = settings_of(monkeypatch, example())
    assert loaded.production
    assert loaded.trusted_proxies == ("127.0.0.1",)


def unit() -> list[tuple[str, str]]:
    """The settings of the unit, in order; a name may come more than once."""
    lines = (DEPLOY / "siapkerja-id.service").read_text().splitlines()
    return [tuple(line.split("=", 1)) for line in lines if "=" in line and not line.startswith("#")]  # type: ignore[misc]


def test_the_unit_is_production_even_if_its_environment_forgets(monkeypatch):
    """O10: what the unit says itself comes first, so that the file can still say otherwise."""
    names = [name for name, _ in unit()]
    assert names.index("Environment") < names.index("EnvironmentFile")
    stated = dict(pair.split("=", 1) for pair in dict(unit())["Environment"].split())
    forgotten = {name: value for name, value in example().items() if name not in ("IDP_ENVIRONMENT", "IDP_VAR")}
    loaded = settings_of(monkeypatch, forgotten | stated)
    assert loaded.production
    assert str(loaded.var) == f"/var/lib/{dict(unit())['StateDirectory']}"


def test_the_unit_gives_requests_in_flight_their_time():
    """O13: the parent alone is told, and systemd kills later than the provider itself would."""
    from idp.cli.serve import GRACE_SECONDS

    known = dict(unit())
    assert known["KillMode"] == "mixed"
    assert int(known["TimeoutStopSec"]) > GRACE_SECONDS
    assert known["User"] != "root"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    """H4: what systemd does not know, it ignores, and with it the protection that somebody meant."""
    copy = tmp_path / "siapkerja-id.service"
    copy.write_text((DEPLOY / "siapkerja-id.service").read_text().replace("/srv/siapkerja-id/.venv/bin/idp", "/bin/true"))
    verified = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, timeout=120)
    assert verified.returncode == 0, verified.stderr
    assert "siapkerja-id.service" not in verified.stderr, verified.stderr
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", copy], capture_output=True, text=True, timeout=120
    )
    assert judged.returncode == 0, judged.stdout[-300:]
