#!/usr/bin/env bash
# Generates requests from both services' OpenAPI descriptions, and holds the answers against them:
# no server error, no status, header or body that is not described, nothing that breaks the schema
# taken. Most names and ids in the requests are of what is really there; the rest is arbitrary.
# Streams are left out: they do not end.
#
#   scripts/api-test.sh [folder of the programs]
#
# The requests are always the same; SEED=n makes other ones, and SEEDS=n is n runs, each with a seed
# of its own, which is told. EXAMPLES=n makes a run longer, VERBOSE=1 shows all that the tool says.
# Two halves of the paths go side by side, each on services of its own; HALF=1 or HALF=2 is one.
set -euo pipefail
cd "$(dirname "$0")/.."

version=4.32.5
programs=${1:-${CARGO_TARGET_DIR:-target}/debug}
examples=${EXAMPLES:-100}
seed=${SEED:-43891307}
began=$SECONDS

if [ -n "${SEEDS:-}" ]; then
    failed=()
    for ((n = 0; n < SEEDS; n++)); do
        seed=$RANDOM$RANDOM
        SEEDS='' SEED=$seed scripts/api-test.sh "$programs" || failed+=("$seed")
    done
    echo "api-test: $SEEDS seeds, ${#failed[@]} failed${failed[*]:+: ${failed[*]}}"
    exit $((${#failed[@]} > 0))
fi

folder=$(mktemp -d)
children=()
finish() {
    [ ${#children[@]} -eq 0 ] || kill "${children[@]}" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT

# Kept between runs, beside what cargo keeps.
mkdir -p "${CARGO_TARGET_DIR:-target}"
venv=$(cd "${CARGO_TARGET_DIR:-target}" && pwd)/schemathesis-$version
if [ ! -x "$venv/bin/st" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$version"
fi

if [ -z "${HALF:-}" ]; then
    echo "api-test: SEED=$seed, $examples examples an operation"
    for half in 1 2; do
        HALF=$half SEED=$seed scripts/api-test.sh "$programs" >"$folder/half-$half" 2>&1 &
        children+=($!)
    done
    passed=yes
    for half in 1 2; do
        wait "${children[half - 1]}" || passed=
        cat "$folder/half-$half"
    done
    children=()
    [ -n "$passed" ] || exit 1
    echo "api-test: passed in $((SECONDS - began)) s"
    exit
fi

# Below those that the system gives to clients: one of them could take what nobody listens on yet. Each half has
# every other port, so that neither takes one that the other is about to listen on.
free_ports() {
    python3 - "$HALF" <<'PYTHON'
import random, socket, sys
sockets = []
while len(sockets) < 2:
    port = random.randrange(30_000, 32_768, 2) + int(sys.argv[1]) % 2
    try:
        sockets.append(socket.create_server(("127.0.0.1", port)))
    except OSError:
        pass
print(*(s.getsockname()[1] for s in sockets))
PYTHON
}
read -r message_port notification_port <<<"$(free_ports)"
message=http://127.0.0.1:$message_port
notification=http://127.0.0.1:$notification_port
operator="a token of the operator"

# Limits would end the test early, and they have tests of their own.
start() {
    env -i PATH="$PATH" HOST=127.0.0.1 AUTH_MODE=open DATA_DIR="$folder/data" RUST_LOG=warn \
        INTERNAL_SECRET="a secret of the tests" ADMIN_TOKEN="$operator" \
        MESSAGE_SERVICE_URL="$message" NOTIFICATION_SERVICE_URL="$notification" \
        POST_RATE=0 SIGN_IN_RATE=0 DURABILITY=relaxed PORT="$2" \
        "$programs/$1" >"$folder/$1.log" 2>&1 &
    children+=($!)
}

# ready <program> <its process> <its address>: waits, and shows what it said if it ends before.
ready() {
    local deadline=$((SECONDS + 60))
    until curl -sf -o /dev/null --max-time 5 "$3/readyz"; do
        if ! kill -0 "$2" 2>/dev/null || ((SECONDS > deadline)); then
            cat "$folder/$1.log"
            echo "api-test: $1 is not ready"
            exit 1
        fi
        sleep 0.1
    done
}
start message-service "$message_port"
start realtime-ntfn "$notification_port"
ready message-service "${children[0]}" "$message"
ready realtime-ntfn "${children[1]}" "$notification"

# post <path> <body>: what the message service answers to it.
post() {
    curl -sf -X POST "$message$1" -H 'content-type: application/json' -d "$2"
}

# field <name>: of a JSON object in the input.
field() {
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

# Somebody to be, something to be about: without them nearly all requests would end at 404.
password='correct horse battery staple'
for user in alice bob carol; do
    post /users "{\"username\": \"$user\"}" >/dev/null
done
for user in admin leaver dave; do
    post /users "{\"username\": \"$user\", \"password\": \"$password\"}" >/dev/null
done
sign_in() {
    post /sessions "{\"username\": \"$1\", \"password\": \"$password\"}" | field token
}
group=$(post /conversations '{"kind": "group", "name": "Group", "members": ["bob"], "user": "alice"}' | field id)
ids=()
for place in '"recipient": "bob"' '"conversation_id": "public"' "\"conversation_id\": \"$group\""; do
    for words in one two three; do
        ids+=("$(post /messages "{\"user\": \"alice\", \"content\": \"$words\", $place}" | field id)")
    done
done
quoted() {
    printf '"%s", ' "$@"
}
{
    cat schemathesis.toml
    cat <<TOML

[dictionaries]
users = { values = ["alice", "bob", "carol"] }
conversations = { values = ["public", "dm:alice:bob", "$group"] }
messages = { values = [$(quoted "${ids[@]}")] }
ids = { values = ["public", "dm:alice:bob", "$group", $(quoted "${ids[@]}")] }
emoji = { values = ["👍", "❤️", "🎉"] }
others = { values = ["dave"] }

[parameters]
"query.user" = { dictionary = "users", probability = 0.7 }
"query.recipient" = { dictionary = "users", probability = 0.5 }
"query.conversation_id" = { dictionary = "conversations", probability = 0.7 }
"query.after" = { dictionary = "messages", probability = 0.7 }
"query.before" = { dictionary = "messages", probability = 0.5 }
"path.id" = { dictionary = "ids", probability = 0.8 }
"path.user" = { dictionary = "users", probability = 0.8 }
"path.userId" = { dictionary = "users", probability = 0.8 }
"path.conversationId" = { dictionary = "conversations", probability = 0.8 }
"path.emoji" = { dictionary = "emoji", probability = 0.8 }
"body.user" = { dictionary = "users", probability = 0.7 }
"body.recipient" = { dictionary = "users", probability = 0.7 }
"body.conversation_id" = { dictionary = "conversations", probability = 0.7 }
"body.reply_to" = { dictionary = "messages", probability = 0.5 }
"body.senderId" = { dictionary = "users", probability = 0.7 }
"body.receiverId" = { dictionary = "users", probability = 0.7 }
"body.user1" = { dictionary = "users", probability = 0.7 }
"body.user2" = { dictionary = "users", probability = 0.7 }

[[operations]]
include-path = "/users/{user}"
include-method = "PATCH"
headers = { Authorization = "Bearer $operator" }
parameters = { "path.user" = { dictionary = "others", probability = 0.8 } }

[[operations]]
include-path = ["/users/me", "/tickets"]
headers = { Authorization = "Bearer $(sign_in admin)" }

[[operations]]
include-path = "/sessions/current"
headers = { Authorization = "Bearer $(sign_in leaver)" }
TOML
} >"$folder/schemathesis.toml"

# run <name> <description's address> <options>...
run() {
    local name=$1 url=$2
    shift 2
    (
        # The tool leaves a folder of its own where it is started.
        cd "$folder"
        "$venv/bin/st" run "$url/openapi.json" \
            --phases=examples,coverage,fuzzing --max-examples="$examples" --seed="$seed" \
            --generation-database=none --request-timeout=20 --workers=1 --no-color \
            --suppress-health-check=all "$@"
    ) >"$folder/$name.txt" 2>&1 || {
        cat "$folder/$name.txt"
        grep -E 'ERROR|panicked' "$folder"/*.log || true
        echo "api-test: $name failed; repeat with HALF=$HALF SEED=$seed EXAMPLES=$examples scripts/api-test.sh $programs"
        exit 1
    }
    [ -z "${VERBOSE:-}" ] || cat "$folder/$name.txt"
    sed -n "s/^ *\\([0-9]* generated.*\\)/$name: \\1/p" "$folder/$name.txt"
}

# As many requests as all others.
half='^/(conversations|messages)'
if [ "$HALF" = 1 ]; then
    run message "$message" --include-path-regex="$half"
else
    run message "$message" --exclude-path-regex="$half"
    run notification "$notification" --exclude-path=/events --exclude-path=/ws --exclude-path=/sse/chat
fi
if grep -E 'ERROR|panicked' "$folder"/*.log; then
    echo "api-test: a service reported an error (SEED=$seed)"
    exit 1
fi
