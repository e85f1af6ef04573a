#!/usr/bin/env bash
# Runs tests again and again, and stops at the first failure with its output: the tests that have to
# do with time, queues and retries, or those that are named.
#
#   scripts/repeat.sh 100                     those of TIMED below, a hundred times
#   scripts/repeat.sh 100 --busy              the same, beside two loops that keep the processors busy
#   scripts/repeat.sh 25 realtalk/it:cut message-service/it:relay::
#   scripts/repeat.sh 25 web-tests/unit/stream.test.js 'web-tests/browser/recovery.test.js:comes back'
#
# A Rust test is named crate/binary, with a part of its name behind a colon; the binary of what is in
# the crate itself is `lib`, or `main` for a program. A test of the web client is named by its file,
# with a pattern for its name. All that a name stands for is one run, in which eight tests go side by
# side as in ./test.sh; JOBS=1 lets them go one by one.
#
# What is built already is run as it is: nothing is compiled between two runs, only before the first.
# STREAM_ENGINE=portable runs streams on the other engine, REALTALK_SEED=n repeats what a fault test
# did. The seed of a test that failed stands in its output.
set -euo pipefail
cd "$(dirname "$0")/.."

TIMED=(
    common/lib
    http-kit/lib
    message-service/it:relay::
    message-service/it:typing::
    message-service/it:body::
    message-service/it:rate::
    message-service/it:limits::
    message-service/it:sync::
    message-service/it:commit::
    message-service/it:full_disk::
    message-service/it:snapshot::
    message-service/it:tokens::
    message-service/it:tickets::
    message-service/it:log::
    realtime-ntfn/lib
    realtime-ntfn/it
    realtime-ntfn/shards
    realtime-ntfn/allocations
    realtime-ntfn/memory
    realtalk/it
    realtalk/contract
    realtalk-bench/burst
    web-tests/unit/outbox.test.js
    web-tests/unit/people.test.js
    web-tests/unit/receipts.test.js
    web-tests/unit/stream.test.js
    web-tests/browser/recovery.test.js
    web-tests/browser/tabs.test.js
)

usage() {
    sed -n '2,/^set/s/^# \{0,1\}//p' "$0"
    exit 2
}

case ${1:-} in
[1-9]*) rounds=$1 ;;
*) usage ;;
esac
shift
busy=
tests=()
for argument; do
    case $argument in
    --busy) busy=1 ;;
    -*) usage ;;
    *) tests+=("$argument") ;;
    esac
done
[ ${#tests[@]} -gt 0 ] || tests=("${TIMED[@]}")

work=$(mktemp -d)
loops=()
finish() {
    [ ${#loops[@]} -eq 0 ] || kill "${loops[@]}" 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

# What cargo has built: crate, name and kind of each binary with tests, its folder, and where it is.
binaries() {
    cargo test --workspace --no-run --locked --quiet --message-format=json | python3 -c '
import json, os, sys
for line in sys.stdin:
    built = json.loads(line) if line.startswith("{") else {}
    if built.get("executable") and built["profile"]["test"]:
        folder = os.path.dirname(built["manifest_path"])
        crate = next(
            row.split("\"")[1] for row in open(built["manifest_path"]) if row.startswith("name")
        )
        kind = built["target"]["kind"][0]
        name = {"lib": "lib", "bin": "main"}.get(kind, built["target"]["name"])
        print(f"{crate}/{name}", folder, built["executable"], sep="\t")
'
}
cargo build --workspace --bins --locked --quiet
binaries >"$work/binaries"

# run <test>: once, with its output in a file.
run() {
    local name=$1 filter=
    case $name in
    *.js | *.js:*)
        local file=${name%%.js*}.js
        [ "$name" = "$file" ] || filter=${name#"$file:"}
        local options=(--test --test-concurrency=1)
        [ -z "$filter" ] || options+=("--test-name-pattern=$filter")
        [[ $file != */unit/* ]] || options+=(--import "$PWD/web-tests/unit/stage/importmap.js")
        node "${options[@]}" "$file"
        ;;
    *)
        local target=${name%%:*}
        [ "$name" = "$target" ] || filter=${name#"$target:"}
        local folder binary
        IFS=$'\t' read -r folder binary < <(awk -F'\t' -v target="$target" \
            '$1 == target { print $2 "\t" $3 }' "$work/binaries")
        [ -n "${binary:-}" ] || { echo "there is no $target"; return 1; }
        (cd "$folder" && "$binary" ${filter:+"$filter"} --test-threads="${JOBS:-8}")
        ;;
    esac
}

if [ -n "$busy" ]; then
    for _ in 1 2; do
        nice -n 19 bash -c 'while :; do :; done' >/dev/null 2>&1 &
        loops+=($!)
    done
fi

began=$SECONDS
for ((round = 1; round <= rounds; round++)); do
    start=$SECONDS
    for name in "${tests[@]}"; do
        if ! run "$name" >"$work/output" 2>&1; then
            cat "$work/output"
            echo "repeat: $name failed in run $round of $rounds${busy:+, beside busy loops}"
            exit 1
        fi
        # A name that stands for nothing must not pass for a test that holds.
        if ! grep -qE '^test result: ok\. [1-9]|^# pass [1-9]|^ℹ pass [1-9]' "$work/output"; then
            cat "$work/output"
            echo "repeat: $name stands for no test"
            exit 1
        fi
    done
    echo "repeat: run $round of $rounds passed in $((SECONDS - start)) s"
done
echo "repeat: ${#tests[@]} names, $rounds runs${busy:+ beside busy loops}, all passed in $((SECONDS - began)) s"
