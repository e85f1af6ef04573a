#!/usr/bin/env bash
# Runs a command beside a PostgreSQL server of its own, on a free port and in a fresh folder, and stops it
# afterwards. The tests of the message service and of the two services together keep their data there.
#
#   scripts/with-postgres.sh cargo test -p message-service
#
# Needs openssl, and Debian's package `postgresql` or the server's programs in PATH. What is committed is not forced to the
# disk: SIGKILL of a service or of the server loses nothing by that, loss of power would.
set -euo pipefail

[ $# -gt 0 ] || { sed -n '2,/^set/s/^# \{0,1\}//p' "$0"; exit 2; }

# Debian keeps them out of PATH, or has a link to one of them there.
initdb=$(find /usr/lib/postgresql -path '*/bin/initdb' 2>/dev/null | sort -V | tail -1)
programs=$(dirname "$(readlink -f "${initdb:-$(command -v initdb)}")")
[ -x "$programs/initdb" ] || { echo "with-postgres: please install postgresql"; exit 1; }

# The server does not run as root.
as_server() {
    if [ "$(id -u)" -eq 0 ]; then
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

command -v openssl >/dev/null || { echo "with-postgres: please install openssl"; exit 1; }

folder=$(mktemp -d)
[ "$(id -u)" -ne 0 ] || chown postgres "$folder"
finish() {
    # Those too that a test has started, and had no time to stop.
    local pid
    while read -r pid; do
        as_server "$programs/pg_ctl" -D "$(dirname "$pid")" -m immediate -w stop >/dev/null 2>&1 || true
    done < <(find "$folder" -name postmaster.pid)
    rm -rf "$folder"
}
trap finish EXIT

# As an operator's server is: with a certificate of an authority that only this run knows.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=tests" \
    -keyout "$folder/ca.key" -out "$folder/ca.crt" 2>/dev/null
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=postgres" \
    -keyout "$folder/server.key" -out "$folder/server.csr" 2>/dev/null
openssl x509 -req -in "$folder/server.csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -CAcreateserial \
    -days 2 -extfile <(echo "subjectAltName=IP:127.0.0.1") -out "$folder/server.crt" 2>/dev/null
[ "$(id -u)" -ne 0 ] || chown postgres "$folder/server.key"
chmod 755 "$folder"
mkdir -m 1777 "$folder/tmp"
password=$(openssl rand -hex 16)
echo "$password" >"$folder/password"
tls="-c ssl=on -c ssl_cert_file=$folder/server.crt -c ssl_key_file=$folder/server.key"

as_server "$programs/initdb" -D "$folder/data" -U realtalk --auth=md5 \
    --pwfile="$folder/password" -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
# Somebody else may take the port first: then another one is tried.
for attempt in 1 2 3 4 5; do
    port=$((21000 + RANDOM % 3000))
    options="-p $port -k $folder -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=300 $tls"
    if as_server "$programs/pg_ctl" -D "$folder/data" -l "$folder/log" -o "$options" -w start >/dev/null; then
        break
    fi
    [ "$attempt" -lt 5 ] || { cat "$folder/log"; exit 1; }
done

status=0
url="postgres://realtalk:$password@127.0.0.1:$port/postgres?sslmode=verify-full&sslrootcert=$folder/ca.crt"
TMPDIR=$folder/tmp TEST_DATABASE_URL=$url POSTGRES_PROGRAMS=$programs "$@" || status=$?
[ $status -eq 0 ] || grep -E 'PANIC|FATAL:  (sorry|out of)' "$folder/log" | tail -20 || true
exit $status
