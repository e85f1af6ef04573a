#!/usr/bin/env bash
# Builds the images, starts the stack as docker-compose.yml describes it, and checks from outside
# what it promises; then the same with docker-compose.scale.yml, where compose-scale-test.py does
# the checking. Takes minutes, most of them the build's.
#
#   scripts/compose-test.sh
#   KEEP_IMAGES=1 scripts/compose-test.sh   # the next run on the same engine builds nothing anew
#
# Needs curl, Python and Docker with Compose, `docker compose` or `docker-compose`. If no engine runs and
# you are root, it starts one of its own and stops it at the end. If the base images cannot be
# pulled, it makes stand-ins from Debian's packages (debootstrap) and this machine's Rust; those of
# PostgreSQL, Redis and nginx are in scripts/stand-ins.
set -euo pipefail
cd "$(dirname "$0")/.."

work=$(mktemp -d)
export COMPOSE_PROJECT_NAME="realtalk-test-$$"
engine='' stream='' stood_in='' started=''

say() { printf '\n== %s\n' "$*"; }
fail() { echo "compose-test: $*" >&2; exit 1; }
pass() { echo "ok  $*"; }

# Tries a command until it succeeds, for at most so many seconds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.2
    done
}

# ---------------------------------------------------------------- the engine

# An engine of our own: its data, socket and process id are in our folder, and it leaves the
# firewall and the routing of this machine alone. Containers need nothing but each other, and
# their published ports, which Docker's own proxy serves.
start_engine() {
    command -v dockerd >/dev/null || fail "no Docker engine runs and dockerd is not installed"
    [ "$(id -u)" = 0 ] || fail "no Docker engine runs, and only root can start one"
    export DOCKER_HOST="unix://$work/docker.sock"
    for driver in overlay2 vfs; do
        # In a session of its own: Ctrl-C must not end it before the containers.
        setsid dockerd --host "$DOCKER_HOST" --pidfile "$work/docker.pid" \
            --data-root "$work/docker" --exec-root "$work/exec" --storage-driver "$driver" \
            --bridge none --iptables=false --ip6tables=false --ip-masq=false --ip-forward=false \
            --oom-score-adjust 0 >"$work/dockerd.log" 2>&1 &
        engine=$!
        for _ in $(seq 150); do
            docker info >/dev/null 2>&1 && pass "an engine of our own, with $driver" && return
            kill -0 "$engine" 2>/dev/null || break
            sleep 0.2
        done
        stop_engine
    done
    tail -n 3 "$work/dockerd.log" >&2
    fail "dockerd does not start"
}

stop_engine() {
    [ -n "$engine" ] || return 0
    kill "$engine" 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
    engine=''
    # What an engine that was interrupted leaves mounted, innermost first.
    awk -v dir="$work/" 'index($2, dir) == 1 { print $2 }' /proc/mounts | sort -r |
        while read -r mounted; do umount "$mounted" || true; done
}

clean_up() {
    local status=$?
    trap - EXIT INT TERM
    set +e
    say "tear down"
    [ -z "$stream" ] || kill "$stream" 2>/dev/null
    if [ -n "$started" ]; then
        [ "$status" = 0 ] || compose logs --no-color --tail 40 >&2
        compose down --volumes --remove-orphans --timeout 30 >/dev/null 2>&1 ||
            echo "compose-test: 'down' failed for $COMPOSE_PROJECT_NAME" >&2
    fi
    if [ -z "${KEEP_IMAGES:-}" ] && [ -s "$work/images" ]; then
        sort -u "$work/images" | xargs docker image rm >/dev/null 2>&1
    fi
    # Those that `up` must make itself, even where nothing is built anew.
    [ ! -s "$work/names" ] || xargs docker image rm <"$work/names" >/dev/null 2>&1
    stop_engine
    rm -rf --one-file-system "$work"
    [ "$status" = 0 ] && echo "compose-test: passed in $SECONDS s"
    exit "$status"
}
trap clean_up EXIT
trap 'echo "compose-test: line $LINENO fails: $BASH_COMMAND" >&2' ERR
trap 'exit 130' INT
trap 'exit 143' TERM

say "engine"
command -v curl >/dev/null || fail "curl is not installed"
command -v python3 >/dev/null || fail "python3 is not installed"
command -v docker >/dev/null || fail "the docker command is not installed"
if docker compose version >/dev/null 2>&1; then
    compose_command=(docker compose)
elif command -v docker-compose >/dev/null; then
    compose_command=(docker-compose)
else
    fail "Compose is not installed: neither 'docker compose' nor 'docker-compose' works"
fi
docker info >/dev/null 2>&1 || start_engine
"${compose_command[@]}" version >"$work/version"
head -n 1 "$work/version"

# ---------------------------------------------------------------- base images

# The default of a build argument in the Dockerfile.
base() { sed -n "s/^ARG $1=//p" Dockerfile; }

present() { docker image inspect "$1" >/dev/null 2>&1; }
available() { present "$1" || docker pull --quiet "$1" >/dev/null 2>&1; }

# What the two base images have that matters here: Debian, and for the builder a C compiler and
# the Rust that rust-toolchain.toml names. They get names of their own, so that nothing else is
# built on them by mistake.
make_stand_ins() {
    local root="$work/debian" release sysroot
    command -v debootstrap >/dev/null ||
        fail "the base images cannot be pulled, and debootstrap is not installed to replace them"
    [ "$(id -u)" = 0 ] || fail "the base images cannot be pulled, and only root can replace them"
    sysroot=$(rustc --print sysroot 2>/dev/null) ||
        fail "the base images cannot be pulled, and there is no Rust here to put in their place"
    if [ ! -x "$sysroot/bin/cargo" ] || [ "$sysroot" = /usr ]; then
        fail "the base images cannot be pulled, and only a Rust installed by rustup can replace them"
    fi
    release=$(base RUNTIME_IMAGE | sed 's/.*:\([a-z]*\).*/\1/')
    debootstrap --variant=minbase "$release" "$root" >"$work/debootstrap.log" 2>&1 || {
        tail -n 3 "$work/debootstrap.log" >&2
        fail "debootstrap does not get $release"
    }
    tar -C "$root" -c . | docker import - "$runtime_image" >/dev/null
    chroot "$root" apt-get install -qy --no-install-recommends gcc libc6-dev ca-certificates \
        >"$work/debootstrap.log" 2>&1 || fail "the stand-in gets no C compiler"
    tar -C "$sysroot" -c --exclude=lib/rustlib/src bin/cargo bin/rustc lib |
        tar -C "$root/usr/local" -x --no-same-owner
    # Where a proxy inspects the traffic, this machine's list has its certificate.
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
    tar -C "$root" -c . | docker import \
        --change 'ENV PATH=/usr/local/bin:/usr/bin:/bin CARGO_HOME=/usr/local/cargo' \
        - "$builder_image" >/dev/null
    rm -rf --one-file-system "$root"
}

say "base images"
builder_image=$(base BUILDER_IMAGE)
runtime_image=$(base RUNTIME_IMAGE)
if available "$builder_image" && available "$runtime_image"; then
    pass "$builder_image, $runtime_image"
else
    stood_in=yes
    builder_image="realtalk-test-builder:${builder_image##*:}"
    runtime_image="realtalk-test-runtime:${runtime_image##*:}"
    printf '%s\n' "$builder_image" "$runtime_image" >>"$work/images"
    if present "$builder_image" && present "$runtime_image"; then
        pass "stand-ins of an earlier run"
    else
        make_stand_ins
        pass "stand-ins, since the base images cannot be pulled"
    fi
fi

# The image of PostgreSQL, Redis or nginx that docker-compose.scale.yml names, or what stands in for it.
server_image() {
    local image
    image=$(sed -n "s/^    image: \($1:.*\)/\1/p" docker-compose.scale.yml | head -n 1)
    if ! available "$image"; then
        image="realtalk-test-$1:${image##*:}"
        echo "$image" >>"$work/images"
        docker build --network host --build-arg "BASE=$runtime_image" --target "$1" --tag "$image" \
            scripts/stand-ins >"$work/build.log" 2>&1 ||
            { tail -n 20 "$work/build.log" >&2; fail "there is no stand-in for $1"; }
    fi
    echo "$image"
}

postgres_image=$(server_image postgres)
redis_image=$(server_image redis)
nginx_image=$(server_image nginx)
pass "$postgres_image, $redis_image, $nginx_image"

# ---------------------------------------------------------------- the stack

# A port that nobody listens on, among the 5,000 from the one given.
free_port() {
    local port
    while port=$(($1 + RANDOM % 5000)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    echo "$port"
}

# The file as it is, but for names, for the base images, and for the limit on open files where
# this machine may not give as many.
open_files=$(ulimit -Hn)
[ "$open_files" != unlimited ] && [ "$open_files" -lt 65536 ] || open_files=65536
# override SERVICE IMAGE [build]
override() {
    cat <<YAML
  $1:
    image: $2
    ulimits:
      nofile:
        soft: $open_files
        hard: $open_files
YAML
    [ -z "${3:-}" ] || cat <<YAML
    build:
      args:
        BUILDER_IMAGE: $builder_image
        RUNTIME_IMAGE: $runtime_image
      ${stood_in:+network: host}
YAML
}
{
    echo 'services:'
    for service in message realtime-ntfn; do
        echo "realtalk-test-$service:local" >>"$work/images"
        override "$service" "realtalk-test-$service:local" build
    done
} >"$work/override.yml"
: >"$work/env" # whatever .env there is, the defaults are tested
files=(-f docker-compose.yml -f "$work/override.yml")
compose() { "${compose_command[@]}" --env-file "$work/env" "${files[@]}" "$@"; }

PORT=$(free_port 20000)
NOTIFICATION_PORT=$(free_port 25000)
export PORT NOTIFICATION_PORT
api="http://localhost:$PORT"

container() { compose ps -q "$1"; }
health() { docker inspect -f '{{.State.Health.Status}}' "$(container "$1")"; }
healthy() { [ "$(health "$1")" = healthy ]; }
await_healthy() {
    local service
    for service in "$@"; do
        within 180 healthy "$service" || fail "$service is $(health "$service"), not healthy"
    done
}

# The HTTP status of a request.
status() { curl -s -o "$work/body" -w '%{http_code}' "$@"; }
send() { status "$1" -H 'Content-Type: application/json' -d "$2"; }
post() {
    local code
    code=$(send "$api/messages" "{\"user\":\"tester\",\"content\":\"$1\"}")
    [ "$code" = 201 ] || fail "posting '$1' is answered $code: $(cat "$work/body")"
}
# Follows the stream, after an id if one is given, into a file.
follow() {
    [ -z "$stream" ] || { kill "$stream" 2>/dev/null || true; wait "$stream" 2>/dev/null || true; }
    : >"$work/stream"
    curl -sN -H "Origin: $api" ${1:+-H "Last-Event-ID: $1"} -D "$work/head" "$events/events" \
        >"$work/stream" &
    stream=$!
    within 60 grep -q '^event: ready' "$work/stream" || fail "the stream does not open"
}
seen() { grep -q "\"content\":\"$1\"" "$work/stream"; }
await_seen() {
    local content
    for content in "$@"; do
        within 60 seen "$content" || fail "'$content' is not on the stream: $(cat "$work/stream")"
    done
}
# The posts on the stream, in its order.
posts_seen() { sed -n 's/^data: .*"content":"\([^"]*\)".*/\1/p' "$work/stream" | paste -sd ' '; }
posts_stored() {
    curl -s "$api/messages" | grep -o '"content":"[^"]*"' | cut -d'"' -f4 | paste -sd ' '
}
expect() { [ "$2" = "$3" ] || fail "$1: expected '$3', found '$2'"; }

say "build"
compose build >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log" >&2; fail "the build fails"; }
for service in message realtime-ntfn; do
    pass "$(docker image inspect -f '{{index .RepoTags 0}}, {{.Size}} bytes' "realtalk-test-$service:local")"
done

say "up"
started=yes
compose up -d --no-build >"$work/up.log" 2>&1 || { tail -n 20 "$work/up.log" >&2; fail "'up' fails"; }
await_healthy message realtime-ntfn
pass "both services are healthy"

say "first contact"
expect "GET /" "$(status "$api/")" 200
grep -qi '<!doctype html' "$work/body" || fail "GET / is no page"
expect "GET /config.json" "$(status "$api/config.json")" 200
events=$(sed -n 's/.*"notification_service_url":"\([^"]*\)".*/\1/p' "$work/body")
expect "the stream's address for pages" "$events" "http://localhost:$NOTIFICATION_PORT"
expect "GET $events/readyz" "$(status "$events/readyz")" 200
pass "the page, and where it finds the stream"
follow
grep -qi "^access-control-allow-origin: $api" "$work/head" || fail "the page may not read the stream"
post one
await_seen one
pass "a post is on the stream"
expect "unsigned /notify" "$(send "$events/notify" '{"content":"forged"}')" 401
expect "unsigned /internal/events" "$(status "$api/internal/events?tail=1")" 401
pass "the internal hop needs a signature"

say "confinement"
for service in message realtime-ntfn; do
    inside=(docker exec "$(container "$service")")
    "${inside[@]}" cat /proc/1/status >"$work/process"
    expect "$service: user" "$(awk '/^Uid:/ { print $2, $3, $4 }' "$work/process")" "10001 10001 10001"
    expect "$service: capabilities" "$(awk '/^Cap(Prm|Eff|Bnd):/ { print $2 }' "$work/process" | sort -u)" \
        0000000000000000
    expect "$service: no new privileges" "$(awk '/^NoNewPrivs:/ { print $2 }' "$work/process")" 1
    "${inside[@]}" cat /proc/1/mounts >"$work/mounts"
    expect "$service: root file system" "$(awk '$2 == "/" { print substr($4, 1, 2) }' "$work/mounts")" ro
    ! "${inside[@]}" touch /home/probe 2>/dev/null || fail "$service writes to its root file system"
    "${inside[@]}" touch /tmp/probe || fail "$service has no /tmp"
    expect "$service: published on" \
        "$(docker inspect -f '{{range .NetworkSettings.Ports}}{{range .}}{{.HostIp}} {{end}}{{end}}' \
            "$(container "$service")")" "127.0.0.1 "
done
docker exec "$(container message)" test -O /data/realtalk.db || fail "the database is not message's own"
! docker exec "$(container realtime-ntfn)" touch /data/probe 2>/dev/null ||
    fail "realtime-ntfn can write to the data"
expect "the secret's mode" "$(docker exec "$(container message)" stat -c %a /data/internal.secret)" 600
secret=$(docker exec "$(container message)" cat /data/internal.secret)
{ docker inspect "$(container message)" "$(container realtime-ntfn)"; compose logs; } >"$work/public"
! grep -q "$secret" "$work/public" || fail "the secret shows"
pass "not root, no capability, nothing writable but what must be"

say "realtime-ntfn stops and returns"
last=$(sed -n 's/^id: //p' "$work/stream" | tail -n 1)
stopped=$(container realtime-ntfn) # `ps` shows running containers only
compose stop realtime-ntfn >/dev/null 2>&1
expect "exit code after a drain" "$(docker inspect -f '{{.State.ExitCode}}' "$stopped")" 0
post two
post three
compose start realtime-ntfn >/dev/null 2>&1
await_healthy realtime-ntfn
follow "$last"
await_seen two three
expect "posts after $last" "$(posts_seen)" "two three"
pass "posts made meanwhile arrive by Last-Event-ID"

say "message is killed and returns"
last=$(sed -n 's/^id: //p' "$work/stream" | tail -n 1)
post four
compose kill -s KILL message >/dev/null 2>&1
compose start message >/dev/null 2>&1
await_healthy message realtime-ntfn
post five
await_seen four five
pass "the open stream goes on"
expect "history" "$(posts_stored)" "one two three four five"
follow "$last"
await_seen four five
expect "posts after $last" "$(posts_seen)" "four five"
pass "nothing is lost"

say "down and up again"
compose down --timeout 30 >/dev/null 2>&1
compose up -d --no-build >/dev/null 2>&1
await_healthy message realtime-ntfn
expect "history" "$(posts_stored)" "one two three four five"
follow "$last"
await_seen four five
post six
await_seen six
expect "posts after $last" "$(posts_seen)" "four five six"
pass "history, ids and the secret are in the volume"

# ---------------------------------------------------------------- several of each

say "several of each"
kill "$stream" 2>/dev/null || true
stream=''
compose stop --timeout 30 >/dev/null 2>&1
# What the second file finds of the first one.
docker volume create "realtalk-test-$$-several_data" >/dev/null
docker run --rm --network none --user 0 --volume "${COMPOSE_PROJECT_NAME}_data:/from:ro" \
    --volume "realtalk-test-$$-several_data:/to" "$runtime_image" cp -a /from/. /to/
compose down --volumes --timeout 30 >/dev/null 2>&1
# Images of other names, of the same layers: `up` has to make them, as on a fresh machine.
{
    echo 'services:'
    override secrets "$postgres_image"
    override postgres "$postgres_image"
    override redis "$redis_image"
    override nginx "$nginx_image"
    for service in message realtime-ntfn; do
        echo "realtalk-test-several-$service:local" >>"$work/names"
        override "$service" "realtalk-test-several-$service:local"
        override "$service-1" "realtalk-test-several-$service:local" build
        override "$service-2" "realtalk-test-several-$service:local"
        override "$service-3" "realtalk-test-several-$service:local"
    done
    override import "realtalk-test-several-message:local" build
} >"$work/several.yml"
files=(-f docker-compose.yml -f docker-compose.scale.yml -f "$work/several.yml")
COMPOSE_PROJECT_NAME="realtalk-test-$$-several"
HISTORY="one two three four five six" CURSOR="$last" SECRET="$secret" python3 scripts/compose-scale-test.py \
    "${compose_command[@]}" --env-file "$work/env" "${files[@]}"
