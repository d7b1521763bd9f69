#!/bin/sh
# Install what Resguardo needs on Debian 12: system packages through apt, Python packages with pinned hashes in .venv.
# Usage: sandbox/install.sh [test]   ("test" adds what the test suite needs: a browser, PostgreSQL, age ...)
# Says nothing and takes a blink when everything is there already.
set -eu

cd "$(dirname "$0")/.."

SYSTEM_PYTHON=/usr/bin/python3
PACKAGES="python3 python3-venv clamav-daemon libmagic1 bubblewrap openssl util-linux procps ca-certificates curl
    libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-liberation"
TEST_PACKAGES="chromium postgresql age strace clamav-testfiles poppler-utils fonts-noto-color-emoji redis-server"
command -v npm >/dev/null 2>&1 || TEST_PACKAGES="$TEST_PACKAGES nodejs npm"
LOCKS="requirements.txt"
STAMP=.venv/.installed-run
if [ "${1:-}" = test ]; then
    PACKAGES="$PACKAGES $TEST_PACKAGES"
    LOCKS="requirements.txt requirements-dev.txt"
    STAMP=.venv/.installed-test
fi
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
LOG=
POLICY=

refuse() {
    printf 'resguardo: %s\n' "$1" >&2
    exit 1
}

say() {
    printf '  %s\n' "$1"
}

tidy() {
    [ -z "$LOG" ] || rm -f "$LOG"
    [ -z "$POLICY" ] || $SUDO rm -f "$POLICY"
}
trap tidy EXIT
trap 'exit 130' INT TERM HUP

# Run a command quietly; on failure show the end of what it said.
quietly() {
    [ -n "$LOG" ] || LOG=$(mktemp)
    "$@" >"$LOG" 2>&1 </dev/null && return 0
    tail -n 15 "$LOG" >&2
    return 1
}

missing_packages() {
    for package in $PACKAGES; do
        state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$state" = installed ] || printf '%s ' "$package"
    done
}

become_root() {
    SUDO=
    [ "$(id -u)" -ne 0 ] || return 0
    command -v sudo >/dev/null 2>&1 ||
        refuse "root is needed once, for this: apt-get install --no-install-recommends $1"
    say "sudo is needed once, to install: $1"
    sudo -n true 2>/dev/null || sudo -v || refuse "without root, install this yourself and run again: apt-get install --no-install-recommends $1"
    SUDO=sudo
}

# The distribution starts a daemon as soon as it is installed; ours runs under our own supervisor instead.
keep_daemons_asleep() {
    [ -e /usr/sbin/policy-rc.d ] && return 0
    POLICY=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' | $SUDO tee "$POLICY" >/dev/null
    $SUDO chmod 755 "$POLICY"
}

leave_daemons_disabled() {
    [ -d /run/systemd/system ] || return 0
    case " $1 " in *" clamav-daemon "*) $SUDO systemctl disable -q clamav-daemon.service clamav-daemon.socket || true ;; esac
    case " $1 " in *" redis-server "*) $SUDO systemctl disable -q redis-server.service || true ;; esac
    case " $1 " in *" postgresql "*) $SUDO systemctl disable -q postgresql.service || true ;; esac
}

apt() {
    # shellcheck disable=SC2086 # SUDO is empty or one word
    quietly $SUDO apt-get -o DPkg::Lock::Timeout=500 "$@"
}

install_system() {
    command -v apt-get >/dev/null 2>&1 && command -v dpkg-query >/dev/null 2>&1 ||
        refuse "this system has no apt: Resguardo is tested on Debian 12 (bookworm); see docs for other systems"
    missing=$(missing_packages)
    missing=${missing% }
    [ -n "$missing" ] || return 0
    become_root "$missing"
    say "installing: $missing"
    apt update || refuse "apt cannot refresh its package lists: check the network, then run again"
    keep_daemons_asleep
    # shellcheck disable=SC2086 # a list of words
    apt install -y --no-install-recommends $missing ||
        refuse "apt could not install: $missing (the reason stands above; is there a network?)"
    leave_daemons_disabled "$missing"
    [ -z "$POLICY" ] || $SUDO rm -f "$POLICY"
    POLICY=
}

check_python() {
    [ -x "$SYSTEM_PYTHON" ] || refuse "there is no $SYSTEM_PYTHON: install python3 (3.11 or newer)"
    "$SYSTEM_PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        refuse "Python 3.11 or newer is needed, $SYSTEM_PYTHON is $("$SYSTEM_PYTHON" -c 'import platform; print(platform.python_version())')"
}

# shellcheck disable=SC2086 # LOCKS is a list of words
wanted_state() {
    cat $LOCKS "$SYSTEM_PYTHON" | sha256sum
}

install_python() {
    state=$(wanted_state)
    [ -x .venv/bin/python ] && [ -f "$STAMP" ] && [ "$(cat "$STAMP")" = "$state" ] && return 0
    if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        rm -rf .venv
        quietly "$SYSTEM_PYTHON" -m venv .venv || refuse "the virtual environment .venv could not be made"
    fi
    say "installing the Python packages (pinned, hashes checked)"
    arguments=
    for lock in $LOCKS; do arguments="$arguments -r $lock"; done
    fetch_uv
    # shellcheck disable=SC2086 # a list of words
    if ! { [ -x .venv/bin/uv ] && quietly .venv/bin/uv pip install --python .venv/bin/python --require-hashes $arguments; }; then
        quietly .venv/bin/python -m pip install --disable-pip-version-check --require-hashes $arguments ||
            refuse "the Python packages could not be installed: check the network, then run again"
    fi
    printf '%s\n' "$state" >"$STAMP"
}

# uv installs in seconds what takes pip a minute; the lock pins it too. Without it pip does the same work.
fetch_uv() {
    [ -x .venv/bin/uv ] && return 0
    only=$(mktemp)
    awk '/^uv==/ { on = 1 } on { print } on && !/\\$/ { exit }' requirements-dev.txt >"$only"
    .venv/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r "$only" >/dev/null 2>&1 || true
    rm -f "$only"
}

# Foreign upload clients that the tests drive.
install_clients() {
    wanted=tests/js/package-lock.json
    installed=tests/js/node_modules/.installed
    cmp -s "$wanted" "$installed" && return 0
    say "installing the JavaScript clients of the tests (pinned, hashes checked)"
    quietly npm ci --prefix tests/js --ignore-scripts --no-audit --no-fund ||
        refuse "the JavaScript packages could not be installed: check the network, then run again"
    cp "$wanted" "$installed"
}

# A foreign ticket system that the tests integrate with, in an environment of its own.
install_helpdesk() {
    lock=sandbox/helpdesk/requirements.txt
    installed=.venv-helpdesk/.installed
    state=$(cat "$lock" "$SYSTEM_PYTHON" | sha256sum)
    [ -f "$installed" ] && [ "$(cat "$installed")" = "$state" ] && return 0
    say "installing the ticket system of the tests (pinned, hashes checked)"
    rm -rf .venv-helpdesk
    quietly "$SYSTEM_PYTHON" -m venv .venv-helpdesk || refuse "the virtual environment .venv-helpdesk could not be made"
    if ! { [ -x .venv/bin/uv ] && quietly .venv/bin/uv pip install --python .venv-helpdesk/bin/python --require-hashes -r "$lock"; }; then
        quietly .venv-helpdesk/bin/python -m pip install --disable-pip-version-check --require-hashes -r "$lock" ||
            refuse "the ticket system of the tests could not be installed: check the network, then run again"
    fi
    printf '%s\n' "$state" >"$installed"
}

install_system
check_python
install_python
if [ "${1:-}" = test ]; then
    install_clients
    install_helpdesk
fi
