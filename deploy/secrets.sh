#!/bin/sh
# Makes the passwords and secrets of docker-compose.scale.yml in the volume `secrets`, once.
#
# All of them appear at once, in the folder `made`: an address never has another password than the
# one that its server got. A start that was interrupted leaves `new`, which is begun anew.
set -eu
cd /secrets
if [ -e made ]; then
    exit 0
fi

# Who reads them: the users of these numbers in docker-compose.scale.yml and in the Dockerfile.
postgres=999
redis=10002
services=10001

# 64 digits, as a line.
random() { od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n' && echo; }

# before NAME: what docker-compose.yml alone has kept in this file of its volume, or something new.
before() {
    if [ -s "/before/$1" ]; then
        cat "/before/$1"
    else
        random
    fi
}

# keep OWNER NAME: what comes in, in a file for one user.
keep() {
    cat >"new/$2"
    chmod 0400 "new/$2"
    chown "$1:$1" "new/$2"
}

rm -rf new
mkdir -m 0711 new
umask 077

database=$(random)
printf '%s\n' "$database" | keep $postgres postgres-password
printf 'postgres://realtalk:%s@postgres:5432/realtalk\n' "$database" | keep $services database-url

bus=$(random)
printf '%s\n' "$bus" | keep $redis redis-password
printf 'redis://:%s@redis:6379\n' "$bus" | keep $services redis-url
# Nothing in there need be stored.
keep $redis redis.conf <<CONF
requirepass $bus
save ""
appendonly no
maxmemory 192mb
maxmemory-policy noeviction
CONF

before internal.secret | keep $services internal-secret
before jwt.secret | keep $services jwt-secret

# On the disk before a server gets a password.
sync
mv new made
sync
echo "secrets made"
