#!/usr/bin/env python3
"""Checks what the container files promise, without Docker and without any package.

Dockerfile, docker-compose.yml and .env.example against the services' settings, the pinned
toolchain and the rules of a confined container. Prints each fault on a line of its own and
exits 1 if there is one.
"""

import json
import re
import sys
from pathlib import Path

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
        faults.append(f".env.example: docker-compose.yml uses {name}, which is missing")


# ---------------------------------------------------------------- docker-compose.yml


class Yaml:
    """The part of YAML that docker-compose.yml uses: nested maps and lists by indentation, plain
    and quoted scalars, one-line JSON lists, anchors of maps, and merges. Anything else is an
    error, so that nothing is misread in silence."""

    def __init__(self, source):
        self.anchors = {}
        self.lines = []
        for number, line in enumerate(source.splitlines(), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                if "\t" in line or " #" in line:
                    raise ValueError(f"line {number}: a tab, or a comment behind a value")
                self.lines.append((number, len(line) - len(line.lstrip()), line.strip()))
        self.at = 0

    def document(self):
        result = self.block(0)
        if self.at < len(self.lines):
            raise ValueError(f"line {self.lines[self.at][0]}: unexpected indentation")
        return result

    def block(self, indent):
        is_list = self.lines[self.at][2].startswith("- ")
        result = [] if is_list else {}
        while self.at < len(self.lines) and self.lines[self.at][1] == indent:
            number, _, line = self.lines[self.at]
            self.at += 1
            if is_list:
                if not line.startswith("- "):
                    raise ValueError(f"line {number}: not an item of the list")
                result.append(self.scalar(number, line[2:].strip()))
                continue
            entry = re.fullmatch(r"([\w.<-]+):(?: +(.*))?", line)
            if not entry:
                raise ValueError(f"line {number}: not an entry of a map")
            key, value = entry.group(1), entry.group(2) or ""
            if key == "<<":
                result = {**self.anchors[value.removeprefix("*")], **result}
                continue
            anchor = re.fullmatch(r"&(\w+)", value)
            if not value or anchor:
                deeper = self.at < len(self.lines) and self.lines[self.at][1] > indent
                result[key] = self.block(self.lines[self.at][1]) if deeper else None
                if anchor:
                    self.anchors[anchor.group(1)] = result[key]
            else:
                result[key] = self.scalar(number, value)
        return result

    @staticmethod
    def scalar(number, value):
        if value[0] in '["':
            return json.loads(value)
        if value[0] in "&*!|>{'%@`":
            raise ValueError(f"line {number}: {value} is beyond this reader")
        return value


def seconds(text):
    """A duration such as `1m30s`."""
    parts = re.findall(r"(\d+)(h|m|s)", str(text))
    return sum(int(count) * {"h": 3600, "m": 60, "s": 1}[unit] for count, unit in parts)


def check_compose(compose, own, drain_seconds):
    services = compose["services"]
    check(set(services) == set(SERVICES), f"docker-compose.yml: services are {sorted(services)}")
    for name, service in services.items():
        where = f"docker-compose.yml: {name}"
        if name not in SERVICES:
            continue
        target, _ = SERVICES[name]
        build = service.get("build") or {}
        check(build.get("target") == target, f"{where}: builds {build.get('target')}, not {target}")
        # Where Compose looks a name up in a registry first, it may find a stranger's image.
        check(service.get("pull_policy") == "build", f"{where}: pull_policy is not build")
        check(service.get("read_only") == "true", f"{where}: the root file system is not read_only")
        check(service.get("cap_drop") == ["ALL"], f"{where}: cap_drop is not ALL")
        check(
            "no-new-privileges:true" in service.get("security_opt", []),
            f"{where}: no-new-privileges is not set",
        )
        for key in ("privileged", "cap_add", "network_mode", "pid", "user", "container_name"):
            check(key not in service, f"{where}: {key} has no business here")
        for key in ("mem_limit", "pids_limit", "restart", "tmpfs"):
            check(service.get(key), f"{where}: no {key}")
        nofile = (service.get("ulimits") or {}).get("nofile") or {}
        check(int(nofile.get("soft", 0)) >= 10_000, f"{where}: too few open files")
        grace = seconds(service.get("stop_grace_period"))
        check(
            grace > drain_seconds,
            f"{where}: stop_grace_period is {grace} s, DRAIN_SECS {drain_seconds}",
        )
        test = (service.get("healthcheck") or {}).get("test")
        check(test == ["CMD", target, "healthcheck"], f"{where}: healthcheck is {test}")
        check(service.get("ports"), f"{where}: no port is published")
        for port in service.get("ports", []):
            check(port.startswith("127.0.0.1:"), f"{where}: port {port} is open to the world")
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            check(source in compose["volumes"], f"{where}: {source} is no named volume")
        check_environment(where, service.get("environment") or {}, own[name])
    writers = [
        name
        for name, service in services.items()
        if any(not volume.endswith(":ro") for volume in service.get("volumes", []))
    ]
    check(writers == ["message"], f"docker-compose.yml: {writers} can write to the data")
    condition = ((services["realtime-ntfn"].get("depends_on") or {}).get("message") or {}).get(
        "condition"
    )
    check(condition == "service_healthy", "docker-compose.yml: realtime-ntfn does not await message")


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
    for variable in environment:
        if "SECRET" in variable or "TOKEN" in variable:
            value = environment[variable]
            check(value is None, f"{where}: {variable} has a value in the file")


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
    compose_source = text("docker-compose.yml")
    compose = Yaml(compose_source).document()
    check_example(wanted, set(re.findall(r"\$\{(\w+)", compose_source)))
    check_compose(compose, own, int(own["realtime-ntfn"]["DRAIN_SECS"]))
    check_dockerfile()
    for fault in faults:
        print(fault, file=sys.stderr)
    if not faults:
        count = len(wanted)
        print(f"Dockerfile, docker-compose.yml and .env.example agree with {count} settings")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
