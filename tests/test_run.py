"""`make run` as a newcomer meets it: three services, one sign-in, one place for the codes, and Ctrl-C ends everything."""

import os
import pty
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests import loopback, processes
from tests.simple_browser import Page
from tests.stores import free_port
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("WLKP", "JKP", "PELATIHAN")

pytestmark = pytest.mark.slow


def elsewhere(var):
    """Free ports by name, and the variables that move the demo there."""
    ports = {name: free_port() for name in ("IDP", *SERVICES)}
    return ports, {f"{name}_PORT": str(port) for name, port in ports.items()} | {"IDP_VAR": str(var)}


class Running:
    """The demo on ports of its own, and a browser that follows every redirect, also into the services."""

    def __init__(self, var):
        self.ports, moved = elsewhere(var)
        self.process = subprocess.Popen(
            [sys.executable, "scripts/run.py"],
            cwd=ROOT,
            env=os.environ | moved,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.said = ""
        while "Ctrl-C" not in self.said:
            line = self.process.stdout.readline()
            assert line, self.said
            self.said += line
        self.browser = loopback.Client(follow_redirects=True)

    def open(self, service, path=""):
        return self._page(self.browser.get(f"http://127.0.0.1:{self.ports[service]}/{path}"))

    def send(self, form, **typed):
        origin = {"Origin": form.action[: form.action.index("/", 8)]}
        page = self._page(self.browser.post(form.action, data=form.fields | typed, headers=origin))
        # Whoever leaves after a form leaves by a page that goes on by itself.
        return self._page(self.browser.get(page.refresh)) if page.refresh else page

    def heard_of_the_sign_out(self, service):
        """The service's page, once the notice has travelled there from server to server."""
        wait_until(lambda: "Masuk dengan SIAPkerja ID" in self.open(service).text)
        return self.open(service)

    def stop(self):
        """Ctrl-C; what was said until the end."""
        self.browser.close()
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=120)
        return rest

    @staticmethod
    def _page(answer):
        return Page(str(answer.url), answer.status_code, answer.text)


@pytest.fixture
def running(tmp_path_factory):
    one = Running(tmp_path_factory.mktemp("run"))
    yield one
    if one.process.poll() is None:
        one.stop()


def test_three_services_one_sign_in_and_a_clean_end(running):
    nik = re.search(r"^(\d{16})  08", running.said, re.MULTILINE)[1]
    password = re.search(r"Password of all: (\S+)", running.said)[1]
    for address in (f"http://127.0.0.1:{running.ports[name]}/" for name in SERVICES):
        assert address in running.said
    for path in ("", "account", "dev/outbox"):
        assert f"http://localhost:{running.ports['IDP']}/{path} " in running.said
    page = running.open("WLKP", "login")
    assert "WLKP Online" in page.text
    page = running.send(page.form("identifier", "password"), identifier=nik, password=password)
    assert "Selamat datang, SITI NURHALIZA RAHAYU" in page.text
    assert nik in running.open("JKP", "login").text, "JKP may know the NIK"
    page = running.open("PELATIHAN")
    assert "Selamat datang" in page.text, "its cards lead there without a sign-in"
    assert nik not in page.text, "Pelatihan may not"
    assert running.open("IDP", "dev/outbox").status == 200

    assert running.send(running.open("JKP").forms[0]).heading == "Anda sudah keluar"
    for name in SERVICES:
        assert "Selamat datang" not in running.heard_of_the_sign_out(name).text
    assert running.open("PELATIHAN", "register").heading == "Pendaftaran Akun"

    rest = running.stop()
    assert "Stopping" in rest
    assert "code=" not in running.said + rest, "codes are in no log"
    assert "Traceback" not in running.said + rest
    for port in running.ports.values():
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, f"port {port} is still open"


class AtATerminal:
    """The demo as the foreground group of a terminal of its own."""

    def __init__(self, var):
        self.var = var
        self.ports, moved = elsewhere(var)
        self.pid, self.terminal = pty.fork()
        if not self.pid:
            os.chdir(ROOT)
            os.execve(sys.executable, [sys.executable, "scripts/run.py"], os.environ | moved)
        self.said = ""
        while "Ctrl-C" not in self.said:
            self.said += os.read(self.terminal, 4096).decode()

    def press_ctrl_c(self):
        os.write(self.terminal, b"\x03")

    def press_ctrl_c_three_times(self):
        os.write(self.terminal, b"\x03\x03\x03")

    def end_the_group(self):
        os.killpg(self.pid, signal.SIGTERM)

    def end_the_parent(self):
        os.kill(self.pid, signal.SIGTERM)

    def close_the_terminal(self):
        os.close(self.terminal)
        self.terminal = None

    def rest(self):
        """What was said until the end."""
        said = b""
        try:
            while self.terminal and (more := os.read(self.terminal, 4096)):
                said += more
        except OSError:  # EIO: nobody has the terminal open any more
            pass
        return said.decode()

    def left(self):
        """Processes of the demo, stores included."""
        return processes.running(group=self.pid, naming=self.var)

    def clean_up(self):
        if self.left():
            os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        if self.terminal:
            os.close(self.terminal)


@pytest.fixture
def at_a_terminal(tmp_path_factory):
    one = AtATerminal(tmp_path_factory.mktemp("run"))
    yield one
    one.clean_up()


@pytest.fixture
def browsers(at_a_terminal):
    """Connections as browsers keep them open after an answer, and open ahead of a question."""
    kept = []
    for port in at_a_terminal.ports.values():
        kept += [socket.create_connection(("127.0.0.1", port)) for _ in range(2)]
        answered = [socket.create_connection(("127.0.0.1", port)) for _ in range(4)]
        for connection in answered:  # later than the silent ones, which by then are accepted too
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 ")
        kept += answered
    yield kept
    for connection in kept:
        connection.close()


@pytest.mark.parametrize(
    "ending", ["press_ctrl_c", "press_ctrl_c_three_times", "end_the_group", "end_the_parent", "close_the_terminal"]
)
def test_everything_ends_and_nothing_is_left(ending, at_a_terminal, browsers):
    """O13: however it is ended, soon, in peace, with browsers connected; also the embedded store, which stays no second time."""
    assert any("redis-server" in process for process in at_a_terminal.left())
    getattr(at_a_terminal, ending)()
    wait_until(lambda: not at_a_terminal.left(), seconds=300)  # four processes, each with a deadline of its own
    if at_a_terminal.terminal:
        said = at_a_terminal.rest()
        assert "Stopping ..." in said
        # Where a worker hears of the end before its parent does, the parent finds it gone, and ends as well.
        ended = "Stopped." in said or "Unexpected exit from worker" in said
        assert ended, "the provider was killed because it did not end"
        assert "Traceback" not in said
