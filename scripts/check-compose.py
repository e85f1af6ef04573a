#!/usr/bin/env python3
"""Checks what the container files promise, without Docker and without any package.

Dockerfile, docker-compose.yml, docker-compose.scale.yml with deploy/, and .env.example against the
services' settings, the pinned toolchain and the rules of a confined container. Prints each fault on a line of its own and
exits 1 if there is one.
"""

import json
import re
import sys
from pathlib import Path

from compose_yaml import Yaml

ROOT = Path(__file__).resolve().parent.parent

# Compose service → image target, and the file with the service's settings.
SERVICES = {
    "message": ("message-service", "services/message/src/config/env.rs"),
    "realtime-ntfn": ("realtime-ntfn", "services/real-time-ntfn/src/config/env.rs"),
}
LAUNCHER = "crates/realtalk/src/main.rs"

faults = []


def check(holds, fault):
    if not holds:
        faults.append(fault)


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


# ---------------------------------------------------------------- what the services read


def settings(path):
    """The variables of the `Env` struct in a Rust file, each with its default if it is a literal."""
    source = text(path)
    struct = re.search(r"^(?:pub\(super\) )?struct Env \{\n(.*?)^\}", source, re.S | re.M).group(1)
    defaults = {
        name: value.replace("_", "")
        for name, value in re.findall(r"fn (default_\w+)\(\) -> \w+ \{\s*([\d_]+)\s*\}", source)
    }
    defaults |= {
        name: value
        for name, value in re.findall(
            r'fn (default_\w+)\(\) -> \w+ \{\s*"([^"]*)"\.(?:into|to_owned)\(\)\s*\}', source
        )
    }
    found, default = {}, None
    for line in struct.splitlines():
        if attribute := re.match(r'\s*#\[serde\(default = "(\w+)"\)\]', line):
            default = defaults.get(attribute.group(1))
        elif field := re.match(r"\s*(?:pub(?:\(super\))? )?(\w+): ", line):
            found[field.group(1).upper()] = default
            default = None
    return found


# ---------------------------------------------------------------- .env.example


def check_example(wanted, used_by_compose):
    """`wanted`: the services' settings with their defaults, `None` where not a plain literal."""
    listed, comment = {}, None
    for number, line in enumerate(text(".env.example").splitlines(), 1):
        where = f".env.example:{number}"
        if setting := re.fullmatch(r"#?([A-Z][A-Z0-9_]*)=(.*)", line):
            name, value = setting.groups()
            check(line.startswith("#"), f"{where}: {name} is not commented out")
            check(name not in listed, f"{where}: {name} is there twice")
            check(comment, f"{where}: {name} has no comment above it")
            listed[name] = value
            comment = None
        else:
            check(not line or line.startswith("# "), f"{where}: neither comment nor setting")
            comment = line if line.startswith("# ") else None
    for name, default in wanted.items():
        check(name in listed, f".env.example: {name} is missing")
        if default is not None and name in listed:
            value = listed[name]
            check(value == default, f".env.example: {name} says {value}, the code {default}")
    for name in listed.keys() - wanted.keys() - used_by_compose:
        faults.append(f".env.example: nothing reads {name}")
    for name in used_by_compose - listed.keys():
        faults.append(f".env.example: a Compose file uses {name}, which is missing")


# ---------------------------------------------------------------- docker-compose.yml


def seconds(text):
    """A duration such as `1m30s`."""
    parts = re.findall(r"(\d+)(h|m|s)", str(text))
    return sum(int(count) * {"h": 3600, "m": 60, "s": 1}[unit] for count, unit in parts)


def awaited(service):
    """What a service awaits, each with the condition."""
    return {name: on.get("condition") for name, on in (service.get("depends_on") or {}).items()}


def check_confined(where, service, may=()):
    """The rules of every container, ours or not; `may` names exceptions."""
    check(service.get("read_only") == "true", f"{where}: the root file system is not read_only")
    check(service.get("cap_drop") == ["ALL"], f"{where}: cap_drop is not ALL")
    check(
        "no-new-privileges:true" in service.get("security_opt", []),
        f"{where}: no-new-privileges is not set",
    )
    for key in ("privileged", "cap_add", "network_mode", "pid", "user", "container_name"):
        check(key not in service or key in may, f"{where}: {key} has no business here")
    for key in ("mem_limit", "pids_limit", "restart"):
        check(service.get(key), f"{where}: no {key}")
    for port in service.get("ports", []):
        check(port.startswith("127.0.0.1:"), f"{where}: port {port} is open to the world")


def check_own(where, service, name, own, drain_seconds):
    """The rules of a container of the service `name`, in either file."""
    target, _ = SERVICES[name]
    check_confined(where, service)
    check(service.get("tmpfs"), f"{where}: no tmpfs")
    nofile = (service.get("ulimits") or {}).get("nofile") or {}
    check(int(nofile.get("soft", 0)) >= 10_000, f"{where}: too few open files")
    grace = seconds(service.get("stop_grace_period"))
    check(
        grace > drain_seconds,
        f"{where}: stop_grace_period is {grace} s, DRAIN_SECS {drain_seconds}",
    )
    check_environment(where, service.get("environment") or {}, own[name])


def check_health(where, service, name):
    target, _ = SERVICES[name]
    test = (service.get("healthcheck") or {}).get("test")
    check(test == ["CMD", target, "healthcheck"], f"{where}: healthcheck is {test}")


def check_build(where, service, name):
    target, _ = SERVICES[name]
    build = service.get("build") or {}
    check(build.get("target") == target, f"{where}: builds {build.get('target')}, not {target}")
    # Where Compose looks a name up in a registry first, it may find a stranger's image.
    check(service.get("pull_policy") == "build", f"{where}: pull_policy is not build")


def check_compose(compose, own, drain_seconds):
    services = compose["services"]
    check(set(services) == set(SERVICES), f"docker-compose.yml: services are {sorted(services)}")
    for name, service in services.items():
        where = f"docker-compose.yml: {name}"
        if name not in SERVICES:
            continue
        check_own(where, service, name, own, drain_seconds)
        check_build(where, service, name)
        check_health(where, service, name)
        check(service.get("ports"), f"{where}: no port is published")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            check(source in compose["volumes"], f"{where}: {source} is no named volume")
        for variable, value in (service.get("environment") or {}).items():
            if "SECRET" in variable or "TOKEN" in variable:
                check(value is None, f"{where}: {variable} has a value in the file")
    check_writers("docker-compose.yml", services, {"data": ["message"]})
    condition = awaited(services["realtime-ntfn"]).get("message")
    check(condition == "service_healthy", "docker-compose.yml: realtime-ntfn does not await message")


def check_writers(file, services, wanted):
    """`wanted`: each volume with those who may write to it."""
    for volume, may in wanted.items():
        writers = [
            name
            for name, service in services.items()
            if any(
                mount.split(":")[0] == volume and not mount.endswith(":ro")
                for mount in service.get("volumes", [])
            )
        ]
        check(writers == may, f"{file}: {writers} can write to {volume}, not {may}")


def check_environment(where, environment, own):
    for variable in own:
        check(variable in environment, f"{where}: {variable} is not passed on")
    for variable in environment.keys() - own.keys():
        faults.append(f"{where}: the service does not read {variable}")
    check(environment.get("HOST") == "0.0.0.0", f"{where}: HOST is not 0.0.0.0")
    check(
        environment.get("AUTH_MODE") == "${AUTH_MODE:-open}",
        f"{where}: AUTH_MODE is not set in the open",
    )


# ---------------------------------------------------------------- docker-compose.scale.yml

SCALE = "docker-compose.scale.yml"
# The order in which `up` replaces them.
INSTANCES = [(f"{name}-{number}", name) for name in SERVICES for number in (1, 2, 3)]
# Images of others.
OTHERS = ("secrets", "postgres", "redis", "nginx")


def check_scale(base, compose, own, drain_seconds):
    """What starts with both files: the second one, since it puts the first one's services aside."""
    services = compose["services"]
    wanted = {*SERVICES, *dict(INSTANCES), *OTHERS, "import"}
    if set(services) != wanted:
        faults.append(f"{SCALE}: services are {sorted(services)}")
        return
    for name in SERVICES:
        aside = services[name] == {"profiles": ["single"]}
        check(aside, f"{SCALE}: {name} of docker-compose.yml is not put aside")
    for instance, name in INSTANCES:
        check_instance(f"{SCALE}: {instance}", services[instance], name, base, own, drain_seconds)
    for name in OTHERS:
        check_other(f"{SCALE}: {name}", services[name], name)
    check_import(f"{SCALE}: import", services["import"], base, own, drain_seconds)
    check_order(services)
    check_mounts(compose)
    check_secrets(services)
    check_front(base, services)


def check_instance(where, service, name, base, own, drain_seconds):
    check_own(where, service, name, own, drain_seconds)
    check_health(where, service, name)
    image = base["services"][name]["image"]
    check(service.get("image") == image, f"{where}: the image is not {image}")
    if "build" in service:
        check_build(where, service, name)
    else:
        check(service.get("pull_policy") == "never", f"{where}: pull_policy is not never")
    check(not service.get("profiles"), f"{where}: does not start by itself")
    given = service.get("environment") or {}
    for variable, value in (base["services"][name].get("environment") or {}).items():
        if variable.endswith("_PER_ADDRESS"):
            check(given.get(variable) == value, f"{where}: {variable} is not {value}")
    if name == "realtime-ntfn":
        named = ",".join(f"http://{one}:8080" for one, of in INSTANCES if of == "message")
        check(given.get("MESSAGE_SERVICE_URL") == named, f"{where}: asks others than {named}")


def check_import(where, service, base, own, drain_seconds):
    check_own(where, service, "message", own, drain_seconds)
    check_build(where, service, "message")
    check(service.get("image") == base["services"]["message"]["image"], f"{where}: another image")
    check(service.get("profiles") == ["import"], f"{where}: starts by itself")
    check(service.get("restart") == "no", f"{where}: starts again")
    check(awaited(service).get("postgres") == "service_healthy", f"{where}: does not await postgres")


def check_other(where, service, name):
    is_maker = name == "secrets"
    may = ("user", "cap_add", "network_mode") if is_maker else ("user",)
    check_confined(where, service, may)
    image = service.get("image", "")
    check(re.fullmatch(r"[a-z]+:\d[\w.-]*", image), f"{where}: {image} is no official image of a version")
    check("build" not in service, f"{where}: is built")
    if is_maker:
        rights = ["CHOWN", "DAC_READ_SEARCH"]
        check(service.get("cap_add") == rights, f"{where}: may do more than read and give away files")
        check(service.get("network_mode") == "none", f"{where}: has a network")
        check(service.get("restart") == "no", f"{where}: starts again")
        return
    user = re.fullmatch(r"([1-9]\d*):\1", service.get("user", ""))
    check(user, f"{where}: user is {service.get('user')}, not a number other than root's")
    for key in ("healthcheck", "tmpfs", "stop_grace_period"):
        check(service.get(key), f"{where}: no {key}")


def check_order(services):
    """Secrets, servers, instances one after the other, nginx."""
    made, healthy = "service_completed_successfully", "service_healthy"
    for name in ("postgres", "redis", "message-1"):
        check(awaited(services[name]).get("secrets") == made, f"{SCALE}: {name} does not await secrets")
    for name in ("postgres", "redis"):
        check(
            awaited(services["message-1"]).get(name) == healthy,
            f"{SCALE}: message-1 does not await {name}",
        )
    row = [instance for instance, _ in INSTANCES] + ["nginx"]
    for before, after in zip(row, row[1:]):
        check(
            awaited(services[after]).get(before) == healthy,
            f"{SCALE}: {after} does not await {before}",
        )
    order = f"for service in {' '.join(row[:-1])}; do"
    check(order in text("deploy/update.sh"), f"deploy/update.sh: is not about {row[:-1]}")
    # Two builds of one image at once would be one too many.
    for name in SERVICES:
        builders = [one for one, of in INSTANCES if of == name and "build" in services[one]]
        check(builders == [f"{name}-1"], f"{SCALE}: {name}'s image is built by {builders}")


def check_mounts(compose):
    services = compose["services"]
    for name, service in services.items():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("./"):
                check((ROOT / source).is_file(), f"{SCALE}: {name}: there is no {source}")
                check(mount.endswith(":ro"), f"{SCALE}: {name} can write to {source}")
            else:
                check(source in compose["volumes"], f"{SCALE}: {name}: {source} is no named volume")
    check_writers(
        SCALE, services, {"data": ["import"], "postgres": ["postgres"], "secrets": ["secrets"]}
    )


def check_secrets(services):
    """Each secret comes from a file, which deploy/secrets.sh gives to whoever reads it."""
    script = text("deploy/secrets.sh")
    numbers = dict(re.findall(r"^(\w+)=(\d+)$", script, re.M))
    owners = {file: numbers.get(who) for who, file in re.findall(r"\bkeep \$(\w+) ([\w.-]+)", script)}
    image_user = re.search(r"^USER (\d+):", text("Dockerfile"), re.M).group(1)
    for name in ("postgres", "redis", *dict(INSTANCES), "import"):
        service = services[name]
        where = f"{SCALE}: {name}"
        user = service.get("user", f"{image_user}:").split(":")[0]
        check("secrets:/secrets:ro" in service.get("volumes", []), f"{where}: does not see the secrets")
        for file in re.findall(r"/secrets/made/([\w.-]+)", json.dumps(service)):
            check(file in owners, f"{where}: nobody makes {file}")
            check(owners.get(file) == user, f"{where}: {file} is {owners.get(file)}'s, not {user}'s")
        for variable, value in (service.get("environment") or {}).items():
            is_secret = any(word in variable for word in ("SECRET", "TOKEN", "PASSWORD"))
            is_address = variable.removesuffix("_FILE") in ("DATABASE_URL", "REDIS_URL")
            if value is not None and (is_secret or is_address):
                of_file = variable.endswith("_FILE") and "/secrets/made/" in value
                check(of_file, f"{where}: {variable} has a value in the file")
    for name, wanted in (
        ("message-1", {"DATABASE_URL_FILE", "REDIS_URL_FILE", "INTERNAL_SECRET_FILE", "JWT_SECRET_FILE"}),
        ("realtime-ntfn-1", {"REDIS_URL_FILE", "INTERNAL_SECRET_FILE"}),
    ):
        environment = services[name].get("environment") or {}
        for variable in wanted:
            check(environment.get(variable), f"{SCALE}: {name}: {variable} names no file")


def check_front(base, services):
    """One port for all, and nginx knows the instances under the names and ports that they have."""
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    check(
        published == {"nginx": base["services"]["message"]["ports"]},
        f"{SCALE}: published are {published}",
    )
    front = text("deploy/nginx.conf")
    port = services["nginx"]["ports"][0].split(":")[-1]
    check(f"listen {port};" in front, f"deploy/nginx.conf: does not listen on {port}")
    for instance, name in INSTANCES:
        alias = {"message": "messages", "realtime-ntfn": "streams"}[name]
        service = services[instance]
        given = ((service.get("networks") or {}).get("default") or {}).get("aliases")
        check(given == [alias], f"{SCALE}: {instance}: known as {given}, not {alias}")
        own = service["environment"]["PORT"]
        check(
            f"set ${alias} {alias};" in front and f"proxy_pass http://${alias}:{own};" in front,
            f"deploy/nginx.conf: does not send to {alias}:{own}",
        )
    check(r"^/(notify|metrics|internal)(/|$)" in front, "deploy/nginx.conf: lets internal paths through")


# ---------------------------------------------------------------- Dockerfile


def check_dockerfile():
    source = re.sub(r"^\s*#.*\n", "", text("Dockerfile"), flags=re.M).replace("\\\n", " ")
    arguments, stages, stage = {}, {}, None
    for line in filter(None, map(str.strip, source.splitlines())):
        word, rest = line.split(None, 1)
        if word == "ARG" and stage is None:
            name, _, value = rest.partition("=")
            arguments[name] = value
        elif word == "FROM":
            base, name = re.fullmatch(r"(\S+) AS (\S+)", rest).groups()
            # A stage begins with what its base has set.
            stage = stages[name] = dict(stages.get(base, {}), FROM=stages.get(base, {}).get("FROM", base))
        elif word in ("RUN", "LABEL"):
            stage[word] = f"{stage.get(word, '')}\n{rest}"
        else:
            stage[word] = rest

    toolchain = re.search(r'^channel = "(.*)"', text("rust-toolchain.toml"), re.M).group(1)
    builder = arguments.get("BUILDER_IMAGE", "")
    check(
        re.fullmatch(rf"rust:{re.escape(toolchain)}(-[\w-]+)?", builder),
        f"Dockerfile: {builder} is not the Rust {toolchain} of rust-toolchain.toml",
    )
    runtime = arguments.get("RUNTIME_IMAGE", "")
    same = {re.search(r"bookworm|trixie|forky|$", image).group() for image in (builder, runtime)}
    check(len(same) == 1 and "" not in same, f"Dockerfile: {builder} and {runtime} differ in libc")
    for command in re.findall(r"cargo build[^&\n]*", source):
        check(" --locked" in command and " --release" in command, f"Dockerfile: {command.strip()}")

    version = re.search(r'^version = "(.*)"', text("Cargo.toml"), re.M).group(1)
    for target, _ in SERVICES.values():
        where = f"Dockerfile: {target}"
        stage = stages.get(target)
        if stage is None:
            faults.append(f"{where}: no such stage")
            continue
        check(stage["FROM"] == "${RUNTIME_IMAGE}", f"{where}: is not made from RUNTIME_IMAGE")
        user = re.fullmatch(r"(\d+):(\d+)", stage.get("USER", ""))
        check(
            user and int(user.group(1)) >= 1000,
            f"{where}: USER is {stage.get('USER')}, not a number of its own",
        )
        check(stage.get("ENTRYPOINT") == f'["{target}"]', f"{where}: ENTRYPOINT is not in exec form")
        check(
            stage.get("HEALTHCHECK", "").endswith(f'CMD ["{target}", "healthcheck"]'),
            f"{where}: HEALTHCHECK does not ask the program itself",
        )
        check("RUN" not in stage, f"{where}: runs commands in the final image")
        check(stage.get("EXPOSE", "").isdigit(), f"{where}: no EXPOSE")
        for label in ("title", "description", "source", "licenses", "version"):
            check(
                f"org.opencontainers.image.{label}=" in stage.get("LABEL", ""),
                f"{where}: no label {label}",
            )
        check(
            f'image.version="{version}"' in stage.get("LABEL", ""),
            f"{where}: the label's version is not {version}, the workspace's",
        )


def main():
    own = {name: settings(path) for name, (_, path) in SERVICES.items()}
    launcher = settings(LAUNCHER)
    wanted = {}
    for found in (own["realtime-ntfn"], launcher, own["message"]):
        wanted |= found
    sources = [text("docker-compose.yml"), text(SCALE)]
    base, scale = (Yaml(source).document() for source in sources)
    check_example(wanted, set(re.findall(r"\$\{(\w+)", "".join(sources))))
    drain_seconds = int(own["realtime-ntfn"]["DRAIN_SECS"])
    check_compose(base, own, drain_seconds)
    check_scale(base, scale, own, drain_seconds)
    check_dockerfile()
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        count = len(wanted)
        print(f"Dockerfile, both Compose files and .env.example agree with {count} settings")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
