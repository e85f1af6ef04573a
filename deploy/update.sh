#!/bin/sh
# Builds, and makes the six instances of docker-compose.scale.yml anew where their image or a setting
# has changed: one after the other, each when the one before is healthy. Ends at one that does not
# become healthy; the others stay as they are. (`up` with all of them would stop them all at first.)
#
#   deploy/update.sh
#   deploy/update.sh docker-compose -f …   # with another Compose, or other files
set -eu
cd "$(dirname "$0")/.."
if [ $# = 0 ]; then
    set -- docker compose -f docker-compose.yml -f docker-compose.scale.yml
fi

health() {
    docker inspect --format '{{.State.Health.Status}}' "$container"
}

"$@" build
for service in message-1 message-2 message-3 realtime-ntfn-1 realtime-ntfn-2 realtime-ntfn-3; do
    "$@" up -d --no-deps --no-build "$service"
    container=$("$@" ps -q "$service")
    waited=0
    until [ "$(health)" = healthy ]; do
        if [ "$(health)" = unhealthy ] || [ $waited -ge 120 ]; then
            echo "$service does not become healthy; those after it are as they were" >&2
            exit 1
        fi
        sleep 1
        waited=$((waited + 1))
    done
    echo "$service is healthy"
done
