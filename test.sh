#!/usr/bin/env bash
# Every check and test of the project. Installs what they need (as root, or with sudo).
#
#   ./test.sh          everything
#   ./test.sh rust     formatting, lints, docs, all Rust tests with the short fault runs
#   ./test.sh docs     the snippets of README and guide, the proxies of docs/proxies.md, the container
#                      setup without a Docker engine
#   ./test.sh api      requests generated from the API's descriptions, the WebSocket protocol suite,
#                      streams read by other people's libraries
#   ./test.sh web      the web client: types, units, headless Chromium
set -euo pipefail
cd "$(dirname "$0")"
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto} RUST_BACKTRACE=1

began=$SECONDS
current=start
trap '[ $? -eq 0 ] || printf "\nFAILED: %s (after %s s)\n" "$current" "$((SECONDS - began))"' EXIT

step() {
    current=$1
    shift
    local start=$SECONDS
    printf '\n== %s\n' "$current"
    "$@"
    printf '== %s: %s s\n' "$current" "$((SECONDS - start))"
}

# Installs Debian packages unless the command that they bring is there.
need() {
    local command=$1
    shift
    command -v "$command" >/dev/null && return
    local sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    command -v apt-get >/dev/null || { echo "please install $command"; return 1; }
    if [ -z "${apt_updated:-}" ]; then
        $sudo apt-get update -qq
        apt_updated=1
    fi
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

rust_tools() {
    command -v cargo >/dev/null || { echo "please install Rust: https://rustup.rs"; return 1; }
    need cc gcc libc6-dev
}

# Other people's clients, and the web tests, need Node 20; Debian 12 has 18, but the registry has
# newer ones.
node_20() {
    need node nodejs npm
    need npm npm
    if [ "$(node -p 'parseInt(process.versions.node)')" -lt 20 ]; then
        npm install --silent --no-save --prefix target/node node@20
        PATH="$PWD/target/node/node_modules/node/bin:$PATH"
    fi
}

node_tools() {
    node_20
    need chromium chromium
    npm ci --silent --no-audit --no-fund --prefix web-tests
}

# Debian starts a server as soon as its package is there; the tests have one of their own.
redis_tools() {
    need openssl openssl
    command -v redis-server >/dev/null && return
    need redis-server redis-server
    local sudo=
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    $sudo service redis-server stop >/dev/null 2>&1 || true
}

# The same with PostgreSQL.
postgres_tools() {
    need openssl openssl
    [ -z "$(compgen -G '/usr/lib/postgresql/*/bin/initdb')" ] || return 0
    command -v initdb >/dev/null && return
    local sudo= settings=/etc/postgresql-common/createcluster.d/realtalk-tests.conf
    [ "$(id -u)" -eq 0 ] || sudo=sudo
    need pg_createcluster postgresql-common
    $sudo mkdir -p "${settings%/*}"
    echo 'create_main_cluster = false' | $sudo tee "$settings" >/dev/null
    local status=0
    need initdb postgresql || status=$?
    $sudo rm "$settings"
    return $status
}

rust_docs() {
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet
}

rust() {
    step "install what Rust needs" rust_tools
    step "formatting (fix: cargo fmt)" cargo fmt --all --check
    step "lints" cargo clippy --workspace --all-targets --locked --quiet -- -D warnings
    step "documentation" rust_docs
    step "build" cargo build --workspace --locked --quiet
    # Many of them wait most of the time.
    export RUST_TEST_THREADS=8
    step "install Redis" redis_tools
    step "Rust tests" cargo test --workspace --locked --quiet
    # The same packages as above, or everything would be built anew.
    step "install PostgreSQL" postgres_tools
    step "Rust tests of what keeps data, on PostgreSQL" scripts/with-postgres.sh \
        cargo test --workspace --exclude realtime-ntfn --test it --test contract --locked --quiet
    STREAM_ENGINE=portable step "Rust tests of streams, on the portable path, with Redis" \
        scripts/with-redis.sh cargo test --workspace --exclude message-service --test it --test contract --locked --quiet
}

# Debian keeps what makes virtual environments in a package of its own.
python_tools() {
    need python3 python3
    need curl curl
    # The command does not exist; without the module the package is missing.
    python3 -c 'import ensurepip' 2>/dev/null || need ensurepip python3-venv
}

other_clients() {
    npm ci --silent --no-audit --no-fund --ignore-scripts --prefix other-clients/node
    local venv=target/other-clients
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r other-clients/python/requirements.txt
    PYTHON=$venv/bin/python other-clients/run.py
}

# The suite exists for Python 2.7 only, which Debian no longer has.
autobahn() {
    if command -v python2.7 >/dev/null || { command -v pyenv >/dev/null && pyenv prefix 2.7.18 >/dev/null 2>&1; }; then
        scripts/autobahn.sh
    else
        echo "skipped: the Autobahn suite needs python2.7, or pyenv with 2.7.18"
    fi
}

api() {
    step "install what the API tests need" python_tools
    step "build the services" cargo build --workspace --bins --locked --quiet
    step "requests generated from the descriptions" scripts/api-test.sh
    step "WebSocket protocol suite" autobahn
    step "install Node" node_20
    step "other people's clients" other_clients
}

proxies() {
    need nginx nginx-light
    need caddy caddy
    need haproxy haproxy
}

docs() {
    step "install what the snippets need" need curl curl
    step "install python3" need python3 python3
    step "install what the web tests need" node_tools
    step "build the launcher" cargo build --workspace --bins --locked --quiet
    step "container setup" python3 scripts/check-compose.py
    step "snippets of README and guide" python3 scripts/readme-test.py target/debug/realtalk
    step "install the proxies" proxies
    step "proxies, as docs/proxies.md sets them up" python3 scripts/proxy-test.py target/debug
}

web() {
    step "install what the web tests need" node_tools
    step "build the services" cargo build --workspace --bins --locked --quiet
    step "web client: types" npm run --silent --prefix web-tests check
    step "web client: units" npm run --silent --prefix web-tests unit
    step "web client: browser" npm run --silent --prefix web-tests browser
    STREAM_ENGINE=portable step "web client: recovery, on the portable path" \
        node --test --test-concurrency=1 web-tests/browser/recovery.test.js
}

case ${1:-all} in
# One after the other, not joined by &&: bash ignores failures inside what stands before an &&.
all)
    rust
    docs
    api
    web
    ;;
rust | docs | api | web) "$1" ;;
*)
    current="usage: $0 [rust|docs|api|web]"
    exit 2
    ;;
esac
printf '\nAll passed in %s s.\n' "$((SECONDS - began))"
