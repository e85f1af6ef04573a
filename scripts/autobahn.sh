#!/usr/bin/env bash
# Runs the Autobahn test suite against the WebSocket layer: framing, pings, reserved bits, opcodes,
# fragments, UTF-8, limits, closing. Groups 9 (speed), 12 and 13 (compression) are left out.
#
#   scripts/autobahn.sh              # in shards
#   STREAM_ENGINE=portable scripts/autobahn.sh   # where actix keeps a closed connection for a second,
#                                                # which the suite reports as its own closing
#
# Needs cargo and Python 2.7, for which the suite is written: as python2.7 in PATH, or by pyenv.
# Installs the suite from PyPI, and keeps it beside what cargo keeps, or in AUTOBAHN_ENV=folder.
# REPORT=folder keeps the report.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
server=
finish() {
    if [ -n "$server" ]; then
        kill "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap finish EXIT
fail() { echo "autobahn: $*" >&2; exit 1; }

works() { [ -n "$1" ] && [ -x "$1" ] && "$1" -c 'import sys; sys.exit(sys.version_info[:2] != (2, 7))' 2>/dev/null; }

python=
for candidate in "$(command -v python2.7 || true)" "$(command -v python2 || true)" \
    "$(pyenv prefix 2.7.18 2>/dev/null || true)/bin/python2.7"; do
    if works "$candidate"; then
        python=$candidate
        break
    fi
done
[ -n "$python" ] || fail "Python 2.7 is missing: install python2.7, or: pyenv install 2.7.18"

# With what the whole workspace is built of, or everything would be built anew.
cargo build -q --locked --workspace --example ws_echo
target=$(cargo metadata -q --format-version 1 --no-deps | "$python" -c 'import json,sys; print(json.load(sys.stdin)["target_directory"])')

env=${AUTOBAHN_ENV:-$target/autobahn-25.10.1}
if [ ! -x "$env/bin/wstest" ]; then
    echo "installing the suite into $env"
    "$python" -m pip --version >/dev/null 2>&1 || fail "Python 2.7 has no pip"
    if ! "$python" -m virtualenv --version >/dev/null 2>&1; then
        "$python" -m pip install -q --disable-pip-version-check --target "$work/tools" 'virtualenv<20.22' \
            >"$work/pip.log" 2>&1 || { tail -5 "$work/pip.log" >&2; fail "virtualenv cannot be installed"; }
        export PYTHONPATH="$work/tools"
    fi
    "$python" -m virtualenv -q "$env"
    unset PYTHONPATH
    install() {
        "$env/bin/pip" install -q --disable-pip-version-check "$@" >"$work/pip.log" 2>&1 ||
            { tail -5 "$work/pip.log" >&2; fail "not to be installed: $*"; }
    }
    # Versions that still know Python 2, in an order in which each finds what it needs.
    install --only-binary :all: cryptography==3.3.2 cffi
    install pyOpenSSL==19.1.0
    install --no-build-isolation incremental==16.10.1 zope.interface==4.6.0 txaio==2.1.0
    install --no-build-isolation Twisted==19.10.0
    install --no-build-isolation autobahn==0.10.9 jinja2==2.11.3 Werkzeug==1.0.1 klein==17.10.0 \
        service_identity==18.1.0 unittest2
    install --no-build-isolation --no-deps autobahntestsuite==25.10.1
fi

# Below those that the system gives to clients: one could take what nobody listens on yet.
port=$("$python" -c '
import random, socket
while True:
    port = random.randrange(30000, 32768)
    try:
        socket.socket().bind(("127.0.0.1", port))
    except socket.error:
        continue
    print(port)
    break
')
"$target/debug/examples/ws_echo" "127.0.0.1:$port" "${STREAM_ENGINE:-handover}" >"$work/server.log" 2>&1 &
server=$!

report=${REPORT:-$work/report}
cat >"$work/spec.json" <<SPEC
{
    "outdir": "$report",
    "servers": [{"agent": "realtalk", "url": "ws://127.0.0.1:$port"}],
    "cases": ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"],
    "exclude-cases": [],
    "exclude-agent-cases": {}
}
SPEC
for _ in $(seq 600); do
    "$python" -c 'import socket,sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)' "$port" \
        2>/dev/null && break
    kill -0 "$server" 2>/dev/null || { cat "$work/server.log" >&2; fail "the server does not start"; }
    sleep 0.1
done
"$env/bin/wstest" -m fuzzingclient -s "$work/spec.json" >"$work/suite.log" 2>&1 ||
    { tail -20 "$work/suite.log" >&2; fail "the suite broke off"; }
kill -0 "$server" 2>/dev/null || { cat "$work/server.log" >&2; fail "the server has ended"; }

"$python" - "$report/index.json" <<'SUMMARY'
import collections, json, sys
cases = json.load(open(sys.argv[1]))["realtalk"]
good = ("OK", "NON-STRICT", "INFORMATIONAL")
bad = [name for name, case in cases.items()
       if case["behavior"] not in good or case["behaviorClose"] not in good]
counts = collections.Counter(case["behavior"] for case in cases.values())
closes = collections.Counter(case["behaviorClose"] for case in cases.values())
text = lambda counter: ", ".join("%d %s" % (n, what) for what, n in sorted(counter.items()))
print("autobahn: %d cases, %d failed (behavior: %s; close: %s)"
      % (len(cases), len(bad), text(counts), text(closes)))
for name in sorted(bad):
    print("  %s: %s, close %s" % (name, cases[name]["behavior"], cases[name]["behaviorClose"]))
sys.exit(1 if bad or len(cases) < 240 else 0)
SUMMARY
