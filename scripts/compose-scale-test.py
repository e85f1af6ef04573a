#!/usr/bin/env python3
"""Starts what docker-compose.scale.yml describes and checks from outside what it promises: above all
that nothing is lost or doubled while one part after the other fails or is replaced.

    scripts/compose-scale-test.py docker compose -f … -f …

scripts/compose-test.sh calls it, with the project's name and the port in the environment, and what
docker-compose.yml alone has left in the volume `data`: messages, a cursor, a secret.
"""

import json
import os
import subprocess
import sys
import time

from compose_clients import PATIENCE, Client, Follower, Poster, Socket, ask

COMPOSE = sys.argv[1:]
PROJECT = os.environ["COMPOSE_PROJECT_NAME"]
PORT = int(os.environ["PORT"])
MESSAGES = ["message-1", "message-2", "message-3"]
STREAMS = ["realtime-ntfn-1", "realtime-ntfn-2", "realtime-ntfn-3"]
INSTANCES = MESSAGES + STREAMS
LASTING = ["postgres", "redis", *INSTANCES, "nginx"]
# Users in the containers.
USERS = {"postgres": 999, "redis": 10002, "nginx": 101}
SECRETS = {
    "postgres-password": 999, "redis-password": 10002, "redis.conf": 10002, "database-url": 10001,
    "redis-url": 10001, "internal-secret": 10001, "jwt-secret": 10001,
}


def say(text):
    print(f"\n== {text}", flush=True)


def passed(text):
    print(f"ok  {text}", flush=True)


def run(*command, may_fail=False, **environment):
    """What a command writes."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=900, check=False,
    )
    assert may_fail or done.returncode == 0, f"{' '.join(command)}: {done.stdout[-2000:]}"
    return done.stdout


def compose(*words, **environment):
    return run(*COMPOSE, *words, **environment)


def container(service):
    """The container of a service, whether it runs or not."""
    labels = {"project": PROJECT, "service": service, "oneoff": "False"}
    filters = [f"--filter=label=com.docker.compose.{name}={value}" for name, value in labels.items()]
    return run("docker", "ps", "-aq", *filters).strip()


def inspect(service):
    return json.loads(run("docker", "inspect", container(service)))[0]


def inside(service, *command, **options):
    return run("docker", "exec", container(service), *command, **options)


def within(text, condition, seconds=PATIENCE):
    """Waits for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{text}: not within {seconds} s"
        time.sleep(0.1)


def is_healthy(service):
    return inspect(service)["State"]["Health"]["Status"] == "healthy"


def await_healthy(services):
    for service in services:
        within(f"{service} is healthy", lambda: is_healthy(service), 180)


def metric(service, name):
    """The sum of a metric of an instance, asked from nginx's container."""
    port = 8080 if service in MESSAGES else 8081
    lines = inside("nginx", "curl", "-s", f"http://{service}:{port}/metrics").splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))


def check_import():
    say("import")
    said = compose("run", "--rm", "import")
    assert "Both hold the same" in said, said
    passed("what the first file has stored is in PostgreSQL")


def check_imported(words):
    _, text = ask(PORT, "GET", "/messages")
    listed = [one["content"] for one in json.loads(text)]
    assert listed == os.environ["HISTORY"].split(), f"imported are {listed}"
    follower = Follower(PORT, os.environ["CURSOR"])
    follower.start()
    within("a stream resumes", lambda: len(follower.seen) >= 3)
    follower.finish()
    assert list(follower.seen.values()) == listed[3:], f"after the cursor came {follower.seen}"
    assert os.environ["SECRET"].strip() in words, "the secret is another one"
    passed("a cursor of before resumes, and the secrets are those of before")


def check_start():
    say("up")
    begun = time.monotonic()
    compose("up", "-d")
    await_healthy(LASTING)
    state = inspect("secrets")["State"]
    assert (state["Status"], state["ExitCode"]) == ("exited", 0), f"secrets: {state}"
    assert not container("message") and not container("realtime-ntfn"), "a single service runs as well"
    passed(f"nine containers are healthy after {time.monotonic() - begun:.0f} s")
    published = {}
    for service in [*LASTING, "secrets"]:
        for bound in inspect(service)["HostConfig"]["PortBindings"].values():
            published[service] = [f"{one['HostIp']}:{one['HostPort']}" for one in bound]
    assert published == {"nginx": [f"127.0.0.1:{PORT}"]}, f"published: {published}"
    passed("nothing is published but nginx, on this machine only")


def check_front():
    say("first contact")
    answer, page = ask(PORT, "GET", "/")
    assert answer.status == 200 and "<!doctype html" in page.lower(), f"the page: {answer.status}"
    for host in (f"localhost:{PORT}", f"127.0.0.1:{PORT}"):
        _, config = ask(PORT, "GET", "/config.json", headers={"Host": host})
        told = json.loads(config)["notification_service_url"]
        assert told == f"http://{host}", f"at {host}, pages look for streams at {told}"
    answer, _ = ask(PORT, "GET", "/presence")
    assert answer.status == 200, f"/presence: {answer.status}"
    passed("the page, and streams under whatever name the page has")
    for path in ("/notify", "/metrics", "/internal/events", "/%6eotify", "//metrics", "/x/../internal/events"):
        for method in ("GET", "POST"):
            answer, _ = ask(PORT, method, path, {} if method == "POST" else None)
            own = answer.getheader("x-request-id")
            assert answer.status == 404 and not own, f"{method} {path} is let through: {answer.status}"
    passed("what is internal is not there")
    # A client cannot say who or where it is.
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": "/evil"}
    answer, _ = ask(PORT, "POST", "/sessions", {"username": "carol"}, forged)
    cookie = answer.getheader("set-cookie")
    assert cookie and "Secure" not in cookie, f"it believes a client that it is https: {cookie}"
    page = {"Origin": "http://evil.example", "Cookie": cookie.split(";")[0], **forged}
    answer, _ = ask(PORT, "POST", "/messages", {"content": "hi"}, page)
    assert answer.status == 403, f"it takes a foreign page for its own: {answer.status}"
    passed("what clients say of themselves is overwritten")


def check_confinement():
    say("confinement")
    for service in LASTING:
        status = dict(line.split(":", 1) for line in inside(service, "cat", "/proc/1/status").splitlines())
        user = str(USERS.get(service, 10001))
        assert status["Uid"].split() == [user] * 4, f"{service}: user {status['Uid']}"
        for kind in ("CapPrm", "CapEff", "CapBnd"):
            assert int(status[kind], 16) == 0, f"{service}: {kind} {status[kind]}"
        assert status["NoNewPrivs"].strip() == "1", f"{service}: may get new privileges"
        mounts = [line.split() for line in inside(service, "cat", "/proc/1/mounts").splitlines()]
        root = next(options for _, place, _, options, *_ in mounts if place == "/")
        assert root.startswith("ro,"), f"{service}: the root file system is {root}"
        host = inspect(service)["HostConfig"]
        assert host["Memory"] and host["PidsLimit"], f"{service}: no limit of memory or threads"
    passed("not root, no capability, nothing writable but what must be")


def secrets():
    """Owner and mode of each secret, and what is in it, read by a container of root's."""
    script = "cd /secrets/made && for f in *; do stat -c '%n %u %a' $f; done"
    image = inspect("postgres")["Config"]["Image"]
    volume = f"{PROJECT}_secrets:/secrets:ro"
    read = ["docker", "run", "--rm", "--network=none", "--volume", volume, "--entrypoint", "sh", image, "-c"]
    listed = [line.split() for line in run(*read, script).splitlines()]
    words = run(*read, "cd /secrets/made && cat *-password internal-secret jwt-secret").split()
    return {name: (int(owner), mode) for name, owner, mode in listed}, words


def check_secrets():
    say("secrets")
    listed, words = secrets()
    assert listed == {name: (owner, "400") for name, owner in SECRETS.items()}, f"secrets: {listed}"
    public = compose("logs", "--no-color")
    for service in [*LASTING, "secrets"]:
        public += run("docker", "inspect", container(service))
    assert len(set(words)) == 4, "secrets are alike"
    for word in words:
        assert len(word) >= 64 and word not in public, "a secret shows"
    theirs = "/secrets/made/database-url"
    assert "denied" in inside("redis", "cat", theirs, may_fail=True), "redis reads the database's address"
    passed("each secret is its reader's, and shows nowhere")
    return words


class Traffic:
    """Posts, and several who follow them, so that each instance has somebody to lose."""

    def __init__(self, words):
        self.followers = [Follower(PORT) for _ in range(9)]
        self.sockets = [Socket(PORT) for _ in range(3)]
        self.listeners = self.followers + self.sockets
        for one in self.listeners:
            one.start()
        within("streams open", lambda: all(one.opened for one in self.listeners))
        self.poster = Poster(PORT, words)
        self.poster.start()
        self.goes_on()

    def goes_on(self, more=20):
        """Waits until so many more are stored, and seen on both streams."""
        target = len(self.poster.ids) + more
        self.await_("posts are stored", lambda: len(self.poster.ids) >= target)
        last = list(self.poster.ids.values())[-1]
        self.await_("streams have them", lambda: all(last in one.seen for one in self.listeners))

    def await_(self, text, condition):
        def holds():
            for client in (self.poster, *self.listeners):
                client.check()
            return condition()

        within(text, holds)

    def finish(self):
        """All that is acknowledged is stored once, and was on the stream once, in the same order."""
        self.poster.finish()
        ids = self.poster.ids
        last = max(ids.values())
        self.await_("streams end", lambda: all(last in one.seen for one in self.listeners))
        self.await_("sockets end", lambda: all(set(ids.values()) <= set(one.seen) for one in self.sockets))
        for one in self.listeners:
            one.finish()
        stored = history(min(one.first for one in self.followers))
        mine = [(one, text) for one, text in stored if text in ids]
        assert dict((text, one) for one, text in mine) == ids, "what is acknowledged is not what is stored"
        assert len(mine) == len(ids), "a post is stored twice"
        for one in self.followers:
            assert list(one.seen.items()) == stored, "a stream is not what is stored"
            assert not one.doubled, f"twice on a stream: {one.doubled}"
        again = sum(one.opened - 1 for one in self.followers), sum(one.opened - 1 for one in self.sockets)
        assert min(again) > 0, "no stream was ever cut off"
        # 1012 is a restart.
        told = {code for one in self.sockets for code in one.closed}
        assert told <= {1001, 1012}, f"sockets were closed with {told}"
        passed(f"{len(ids)} posts, {self.poster.repeated} requests repeated; nine streams came back {again[0]} times,")
        passed(f"three sockets {again[1]} times: nothing lost, nothing twice")
        return stored


def history(cursor):
    """Ids and texts of the messages after a cursor, as they are in the log."""
    found, more = [], True
    while more:
        _, text = ask(PORT, "GET", f"/sync?after={cursor}&limit=100")
        page = json.loads(text)
        found += [(one["id"], one["content"]) for one in page["events"] if one.get("content")]
        cursor, more = page["next"], page["has_more"]
    return found


def check_spread(traffic):
    say("posts and streams")
    traffic.goes_on()
    passed("a post is on an event stream and on a WebSocket, all through nginx")
    within(
        "every message service stores posts",
        lambda: all(metric(one, "realtalk_posts_total") > 0 for one in MESSAGES),
    )
    passed("posts reach whichever instance")
    crowd = [Follower(PORT) for _ in range(24)]
    for one in crowd:
        one.start()
    within("streams open", lambda: all(one.live for one in crowd))
    spread = [metric(one, "realtalk_streams") for one in STREAMS]
    assert sum(spread) >= 26 and min(spread) > 0, f"streams are spread as {spread}"
    for one in crowd:
        one.finish()
    passed("streams are spread over the instances")


def check_failures(traffic):
    say("each part fails and returns, while posts go on")
    for service in INSTANCES:
        compose("kill", "-s", "KILL", service)
        traffic.goes_on()
        compose("start", service)
        await_healthy([service])
        traffic.goes_on()
        passed(f"{service} is killed and returns")
    for service in ("redis", "nginx"):
        compose("kill", "-s", "KILL", service)
        if service == "redis":
            traffic.goes_on()
        compose("start", service)
        await_healthy([service])
        traffic.goes_on()
        passed(f"{service} is killed and returns")
    compose("restart", "postgres")
    await_healthy(["postgres"])
    traffic.goes_on()
    passed("postgres restarts")


class Watch(Client):
    """Counts the instances that are healthy."""

    fewest = len(INSTANCES)

    def once(self):
        filters = [f"--filter=label=com.docker.compose.project={PROJECT}", "--filter=health=healthy"]
        names = run("docker", "ps", *filters, "--format", '{{.Label "com.docker.compose.service"}}')
        self.fewest = min(self.fewest, len(set(names.split()) & set(INSTANCES)))
        self.stopping.wait(0.2)


def check_update(traffic):
    """A changed setting stands for a changed image."""
    say("all instances are replaced, while posts go on")
    before = {service: container(service) for service in LASTING}
    watch = Watch(PORT)
    watch.start()
    run("deploy/update.sh", *COMPOSE, LOG_FORMAT="json")
    watch.finish()
    await_healthy(LASTING)
    after = {service: inspect(service) for service in LASTING}
    replaced = [service for service in LASTING if not after[service]["Id"].startswith(before[service])]
    assert replaced == INSTANCES, f"replaced are {replaced}"
    made = [after[service]["State"]["StartedAt"] for service in INSTANCES]
    assert made == sorted(made), f"the order is {dict(zip(INSTANCES, made))}"
    assert watch.fewest >= 5, f"only {watch.fewest} of six were healthy at a time"
    traffic.goes_on()
    passed("one after the other, each when the one before is healthy")


def check_return(words, stored):
    say("down and up again")
    cursor, last = stored[-2][0], stored[-1]
    compose("down", "--timeout", "30")
    compose("up", "-d")
    await_healthy(LASTING)
    follower = Follower(PORT, cursor)
    follower.start()
    within("the stream goes on", lambda: last[0] in follower.seen)
    answer, text = ask(PORT, "POST", "/messages", {"user": "poster", "content": "afterwards"})
    assert answer.status == 201, f"a post is answered {answer.status} {text}"
    new = json.loads(text)["id"]
    assert new > last[0], f"{new} follows {last[0]}"
    within("a new post is on it", lambda: new in follower.seen)
    follower.finish()
    came = list(follower.seen.items())
    assert came == [last, (new, "afterwards")] and not follower.doubled, f"after {cursor} came {came}"
    assert secrets()[1] == words, "the secrets are others"
    passed("history, ids and secrets are in the volumes")


def main():
    check_import()
    check_start()
    check_front()
    check_confinement()
    words = check_secrets()
    check_imported(words)
    traffic = Traffic("post")
    check_spread(traffic)
    check_failures(traffic)
    check_update(traffic)
    stored = traffic.finish()
    check_return(words, stored)


try:
    main()
except (AssertionError, subprocess.TimeoutExpired) as fault:
    sys.exit(f"compose-scale-test: {fault}")
