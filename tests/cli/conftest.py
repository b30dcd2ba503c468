"""An operator at the command line, with stores of their own."""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from idp.cli import main
from idp.storage.embedded_redis import embedded_redis, stop_embedded_redis
from tests.stores import free_port

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "redis://127.0.0.1:1/0"


@dataclass(frozen=True)
class Operator:
    """Whoever types `idp …`: their directory, and the settings they exported."""

    var: Path
    settings: dict[str, str] = field(default_factory=dict)

    def environment(self, **changes: str) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith("IDP_")}
        ours = {
            "IDP_VAR": str(self.var),
            "IDP_CLIENTS_FILE": str(self.clients()),
            "IDP_SECRETS_FILE": str(self.var / "secrets.json"),
            "IDP_DATABASE_URL": f"sqlite:///{self.var}/idp.db",
            "IDP_REDIS_URL": NOWHERE,
            "IDP_PORT": str(free_port()),
        }
        return plain | ours | self.settings | changes

    def clients(self) -> Path:
        path = self.var / "clients.yaml"
        if not path.exists():
            path.write_text("clients: []\n")
        return path

    def types(self, *arguments: str, typed: str = "", **changes: str) -> Result:
        """Runs the command in this process, which is ten times faster than in one of its own; as the console script does."""
        gone: dict[str, str | None] = {name: None for name in os.environ if name.startswith("IDP_")}
        ours = {name: value for name, value in self.environment(**changes).items() if name.startswith("IDP_")}
        return CliRunner().invoke(main, arguments, input=typed, env=gone | ours, prog_name="idp")

    def reads(self, *arguments: str, typed: str = "", **changes: str) -> str:
        """What a command that must succeed prints."""
        result = self.types(*arguments, typed=typed, **changes)
        assert result.exit_code == 0, result.output + repr(result.exception)
        return result.stdout

    def errs(self, *arguments: str, typed: str = "", **changes: str) -> str:
        """The one sentence of a command that must fail."""
        result = self.types(*arguments, typed=typed, **changes)
        assert result.exit_code == 2, result.output + repr(result.exception)
        lines = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
        assert len(lines) == 1, result.stderr
        return lines[0]


@pytest.fixture
def operator(tmp_path: Path) -> Operator:
    """An operator whose store is away."""
    return Operator(tmp_path)


@pytest.fixture(scope="session")
def operators_redis() -> Iterator[str]:
    """A store for processes, apart from the one that in-process tests empty."""
    with tempfile.TemporaryDirectory(prefix="idp-cli-") as directory:
        yield embedded_redis(Path(directory))
        stop_embedded_redis(Path(directory))


@pytest.fixture
def equipped(tmp_path: Path, operators_redis: str) -> Operator:
    """An operator whose stores are there, empty."""
    import redis

    with redis.Redis.from_url(operators_redis) as client:
        client.flushall()
    return Operator(tmp_path, {"IDP_REDIS_URL": operators_redis})
