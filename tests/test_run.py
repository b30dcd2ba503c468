"""`make run` as a newcomer meets it: three services, one sign-in, one place for the codes, and Ctrl-C ends everything."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests import loopback
from tests.simple_browser import Page
from tests.stores import free_port

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("WLKP", "JKP", "PELATIHAN")


class Running:
    """The demo on ports of its own, and a browser that follows every redirect, also into the services."""

    def __init__(self, var):
        self.ports = {name: free_port() for name in ("IDP", *SERVICES)}
        moved = {f"{name}_PORT": str(port) for name, port in self.ports.items()} | {"IDP_VAR": str(var)}
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
        return self._page(self.browser.post(form.action, data=form.fields | typed, headers=origin))

    def heard_of_the_sign_out(self, service):
        """The service's page, once the notice has travelled there from server to server."""
        deadline = time.monotonic() + 30
        while "Masuk dengan SIAPkerja ID" not in (page := self.open(service)).text:
            assert time.monotonic() < deadline, page.text
        return page

    def stop(self):
        """Ctrl-C; what was said until the end."""
        self.browser.close()
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=30)
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
