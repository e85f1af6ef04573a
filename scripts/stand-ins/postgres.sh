#!/bin/bash
# What the official image does at its first start with POSTGRES_USER, POSTGRES_DB,
# POSTGRES_PASSWORD_FILE and POSTGRES_INITDB_ARGS: on an empty data folder, makes a server with that
# superuser and database, and sets it up without listening to the network. From inside, its socket
# asks for no password; from outside, everybody has to have one.
set -euo pipefail
if [ "${1:-}" = postgres ] && [ ! -s "$PGDATA/PG_VERSION" ]; then
    chmod 0700 "$PGDATA"
    # shellcheck disable=SC2086 # several arguments
    initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" ${POSTGRES_INITDB_ARGS:-}
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    echo "listen_addresses = '*'" >>"$PGDATA/postgresql.conf"
    pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
    createdb --username="$POSTGRES_USER" "${POSTGRES_DB:-$POSTGRES_USER}"
    pg_ctl -D "$PGDATA" -m fast -w stop
fi
exec "$@"
