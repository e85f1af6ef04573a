#!/usr/bin/env bash
# Runs a command beside a Redis server of its own, on a free port, and stops it afterwards. The two services hear of
# each other over it in the tests.
#
#   scripts/with-redis.sh cargo test -p realtalk
#
# Needs Debian's package `redis-server`, or the program in PATH.
set -euo pipefail

[ $# -gt 0 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2; }
command -v redis-server >/dev/null || { echo "with-redis: please install redis-server"; exit 1; }

server=
folder=$(mktemp -d)
finish() {
    [ -z "$server" ] || { kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; }
    rm -rf "$folder"
}
trap finish EXIT

# Somebody else may take the port first: then another one is tried.
for attempt in 1 2 3 4 5; do
    port=$((24000 + RANDOM % 1000))
    redis-server --bind 127.0.0.1 --port "$port" --dir "$folder" --save '' --appendonly no \
        --maxclients 2000 >"$folder/log" &
    server=$!
    for _ in $(seq 100); do
        kill -0 "$server" 2>/dev/null || break
        if grep -q 'Ready to accept connections' "$folder/log"; then
            TEST_REDIS_URL="redis://127.0.0.1:$port" "$@"
            exit
        fi
        sleep 0.05
    done
    kill "$server" 2>/dev/null || true
    server=
done
cat "$folder/log"
echo "with-redis: the server does not start"
exit 1
