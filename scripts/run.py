"""`make run`: the provider and its three demo services on this machine, with embedded stores and fictional people.

Ports already taken are moved by IDP_PORT, WLKP_PORT, JKP_PORT and PELATIHAN_PORT; IDP_VAR keeps the data elsewhere.
"""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SERVICES = {"wlkp": 5001, "jkp": 5002, "pelatihan": 5003}
IDP = [sys.executable, "-m", "idp"]


def main() -> None:
    """Starts everything, says where to click, waits for Ctrl-C, stops everything."""
    os.chdir(ROOT)
    for ending in (signal.SIGTERM, signal.SIGHUP):  # SIGHUP: the terminal was closed
        signal.signal(ending, _interrupt)
    running: list[subprocess.Popen[bytes]] = []
    try:
        _serve(running)
    except KeyboardInterrupt:
        print("\nStopping ...")
    finally:
        _stop(running)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _serve(running: list["subprocess.Popen[bytes]"]) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("IDP_") or k in ("IDP_PORT", "IDP_VAR")}
    port = environment.setdefault("IDP_PORT", "5000")
    ports = {name: int(environment.get(f"{name.upper()}_PORT", usual)) for name, usual in SERVICES.items()}
    # By name and not by number: browsers create no passkeys for an address.
    environment |= {"IDP_ISSUER": f"http://localhost:{port}", "IDP_WORKERS": "2", "IDP_LOG_LEVEL": "warning"}
    environment |= _places(Path(environment.get("IDP_VAR", "var")), ports)
    print("Preparing the database and the fictional people ...", flush=True)
    subprocess.run([*IDP, "db", "upgrade"], env=environment, check=True, stdout=subprocess.DEVNULL)
    people = subprocess.run([*IDP, "demo", "seed"], env=environment, check=True, capture_output=True, text=True).stdout
    running.append(subprocess.Popen([*IDP, "serve"], env=environment, preexec_fn=_leave_the_terminal_to_us))
    # Each service is told where the others are, since its cards lead there.
    placed = environment | {f"{name.upper()}_PORT": str(number) for name, number in ports.items()}
    for name in SERVICES:
        running.append(_service(name, placed))
    _wait_for(f"http://127.0.0.1:{port}/readyz", running)
    for name, number in ports.items():
        _wait_for(f"http://127.0.0.1:{number}/static/{name}.svg", running)
    _say(port, ports, people)
    while all(process.poll() is None for process in running):
        time.sleep(0.5)
    print("Something has stopped: see above. Stopping the rest.", file=sys.stderr)


def _places(var: Path, ports: dict[str, int]) -> dict[str, str]:
    """Everything that running makes lies in `var`; moved services get a copy of clients.yaml with their addresses."""
    var.mkdir(parents=True, exist_ok=True)
    places = {"IDP_VAR": str(var), "IDP_DATABASE_URL": f"sqlite:///{var}/idp.db", "IDP_SECRETS_FILE": str(var / "secrets.json")}
    if ports == SERVICES:
        return places
    entries = (ROOT / "clients.yaml").read_text()
    for name, usual in SERVICES.items():
        entries = entries.replace(f"http://127.0.0.1:{usual}/", f"http://127.0.0.1:<{name}>/")
    for name, port in ports.items():
        entries = entries.replace(f"<{name}>", str(port))
    (var / "clients.yaml").write_text(entries)
    return places | {"IDP_CLIENTS_FILE": str(var / "clients.yaml")}


def _service(name: str, environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    lines = (ROOT / "examples/demo.env").read_text().splitlines()
    secrets = dict(line.split("=", 1) for line in lines if line[:1] not in ("#", ""))
    command = [sys.executable, f"examples/{name}/app.py"]
    return subprocess.Popen(command, env=environment | secrets, stdout=subprocess.DEVNULL, preexec_fn=_leave_the_terminal_to_us)


def _leave_the_terminal_to_us() -> None:
    """Spares a server the terminal's signals, which reach the whole foreground group: it gets one SIGTERM, from `_stop`.

    Two different signals at once can get lost between the threads of a Python process, which then never ends.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})


def _wait_for(url: str, running: list["subprocess.Popen[bytes]"]) -> None:
    for _ in range(240):
        if any(process.poll() is not None for process in running):
            raise SystemExit(
                "A server could not start: is a port taken? IDP_PORT, WLKP_PORT, JKP_PORT and PELATIHAN_PORT move them."
            )
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            time.sleep(0.25)
    raise SystemExit(f"{url} does not answer within a minute.")


def _say(port: str, ports: dict[str, int], people: str) -> None:
    print(f"""
SIAPkerja ID is running. Begin here, with "Masuk dengan SIAPkerja ID":
  http://127.0.0.1:{ports['wlkp']}/         WLKP, reports of companies
  http://127.0.0.1:{ports['jkp']}/         JKP, benefits after losing a job; its claim page asks for more
  http://127.0.0.1:{ports['pelatihan']}/         Pelatihan, training
Sign in at one and open the others from its cards: nothing is asked again. Sign out at one, and reload the others.

People who do not exist, for you to be (NIK, mobile number, e-mail, name; each of the first three signs in):
{people.rstrip()}
To register instead, take somebody from idp/gateways/demo_citizens.yaml who is not in this list.

The provider's own pages:
  http://localhost:{port}/           front page
  http://localhost:{port}/account    your account
  http://localhost:{port}/dev/outbox the codes and mails that nobody really gets
README.md has a three-minute tour with pictures. Ctrl-C stops everything.
""", flush=True)  # fmt: skip


def _stop(running: list["subprocess.Popen[bytes]"]) -> None:
    for impatient in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # a second Ctrl-C must not leave half of it behind
        signal.signal(impatient, signal.SIG_IGN)
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
    for process in running:
        try:
            process.wait(60)  # a provider killed before its end would leave its workers to find that out by themselves
        except subprocess.TimeoutExpired:
            process.kill()


if __name__ == "__main__":
    main()
