"""A line between the provider and a server, which a test lets hang, cuts, or mends; the server itself stays as it is."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qs, urlsplit, urlunsplit

LONGEST = 120  # seconds that a hung line is held at most, should a test end without mending it


class Line:
    """A loopback port that passes on to `target`, a host and port or the path of a socket."""

    def __init__(self, target: tuple[str, int] | str) -> None:
        self.target = target
        self._passes = threading.Event()
        self._passes.set()
        self._cut = self._closed = False
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def hangs(self) -> None:
        """From now on nothing passes in either direction; connections are taken and stay open."""
        self._passes.clear()

    def is_cut(self) -> None:
        """From now on everything is closed, what is open and what comes."""
        self._cut = True
        self._drop_all()

    def is_whole(self) -> None:
        """As in the beginning; what was held back arrives."""
        self._cut = False
        self._passes.set()

    def close(self) -> None:
        """Ends it."""
        self._closed = True
        self._passes.set()
        self._listener.close()
        self._drop_all()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                if self._cut or self._closed:
                    here.close()
                    continue
                threading.Thread(target=self._serve, args=(here,), daemon=True).start()

    def _serve(self, here: socket.socket) -> None:
        try:
            there = self._reach()
        except OSError:
            here.close()
            return
        with self._lock:
            self._open |= {here, there}
        threading.Thread(target=self._pass_on, args=(there, here), daemon=True).start()
        self._pass_on(here, there)

    def _reach(self) -> socket.socket:
        if not isinstance(self.target, str):
            return socket.create_connection(self.target, 30)
        there = socket.socket(socket.AF_UNIX)
        there.connect(self.target)
        return there

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self._passes.wait(LONGEST)
                sink.sendall(data)
        for end in (source, sink):
            self._drop(end)

    def _drop(self, end: socket.socket) -> None:
        with self._lock:
            self._open.discard(end)
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()

    def _drop_all(self) -> None:
        for end in list(self._open):
            self._drop(end)


@contextmanager
def to_redis(url: str) -> Iterator[tuple[Line, str]]:
    """A line to the Redis of this URL (redis:// or unix://), and the URL by which it is reached through the line."""
    parts = urlsplit(url)
    line = Line(parts.path if parts.scheme == "unix" else (str(parts.hostname), int(parts.port or 6379)))
    password = f":{parts.password}@" if parts.password else ""
    try:
        yield line, f"redis://{password}127.0.0.1:{line.port}/0"
    finally:
        line.close()


@contextmanager
def to_postgresql(url: str) -> Iterator[tuple[Line, str]]:
    """A line to the PostgreSQL of this URL, which listens on a socket or a port."""
    parts = urlsplit(url)
    folder = parse_qs(parts.query).get("host", [""])[0]
    line = Line(f"{folder}/.s.PGSQL.5432" if folder else (str(parts.hostname), int(parts.port or 5432)))
    who = parts.netloc.rpartition("@")[0]
    try:
        # Behind the line the server sees a connection of its own machine; TLS to a stand-in for the network tests nothing.
        yield (
            line,
            urlunsplit((parts.scheme, f"{who}@127.0.0.1:{line.port}", parts.path, "sslmode=disable&gssencmode=disable", "")),
        )
    finally:
        line.close()
