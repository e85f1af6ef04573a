#!/usr/bin/env python3
"""Runs the snippets of the README and of the guide, each against a fresh RealTalk.

A snippet to run follows a comment `<!-- run: TEXT -->`; its output must hold TEXT. Those of a page
run in the order in which they stand, in one folder, on one instance, with its ports in place of
8080 and 8081.

    scripts/readme-test.py target/debug/realtalk
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from ports import free_ports

ROOT = pathlib.Path(__file__).resolve().parent.parent
SNIPPET = re.compile(r"<!-- run: (.*?) -->\n```(\w+)\n(.*?)```", re.DOTALL)

# The pages, with the fewest snippets that must be found in each.
PAGES = {"README.md": 7, "docs/guide.md": 25}

# Node has no EventSource of its own yet; a page has. What a page follows does not end: the snippet
# does when it has said what is expected of it.
NODE_PRELUDE = """
import {{ createRequire }} from "node:module";
globalThis.EventSource = createRequire("{root}/web-tests/")("eventsource").EventSource;
const say = console.log;
console.log = (...words) => {{
  say(...words);
  if (words.join(" ").includes({expected})) process.exit();
}};
"""


# How snippets follow a stream for a while.
BRIEFLY = "--max-time 2"

# Node 20 has WebSocket behind a flag, which later versions do not know.
WEB_SOCKET = (
    ["--experimental-websocket"]
    if subprocess.run(["node", "-p", "typeof WebSocket"], capture_output=True, text=True, check=False)
    .stdout.startswith("undefined")
    else []
)


def wait_ready(url, process):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            sys.exit(f"realtalk ended with {process.returncode} before it was ready")
        try:
            urllib.request.urlopen(url, timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"{url} did not answer within 120 s")


def command(language, text, expected):
    if language == "sh":
        return ["bash", "-euo", "pipefail", "-c", text]
    if language == "python":
        return [sys.executable, "-c", text]
    if language == "js":
        prelude = NODE_PRELUDE.format(root=ROOT, expected=json.dumps(expected))
        return ["node", *WEB_SOCKET, "--input-type=module", "-e", prelude + text]
    sys.exit(f"no way to run a snippet in {language}")


def attempt(language, text, expected, folder):
    result = subprocess.run(
        command(language, text, expected),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=folder,
    )
    return result, result.returncode == 0 and expected in result.stdout


def run(page, language, text, expected, folder):
    result, succeeded = attempt(language, text, expected, folder)
    if not succeeded and BRIEFLY in text:
        # What is time enough for a reader is not on every machine.
        text = text.replace(BRIEFLY, f"{BRIEFLY}0")
        result, succeeded = attempt(language, text, expected, folder)
    first = text.strip().splitlines()[0]
    if not succeeded:
        sys.exit(
            f"snippet of {page} failed: {first}\nexit code {result.returncode}, expected in its "
            f"output: {expected}\n--- output\n{result.stdout}{result.stderr}"
        )
    print(f"ok: {language}: {first}")


def run_page(binary, page, fewest):
    snippets = SNIPPET.findall((ROOT / page).read_text())
    if len(snippets) < fewest:
        sys.exit(f"only {len(snippets)} snippets found in {page}: is their form the same?")
    message, notification = free_ports(2)
    with tempfile.TemporaryDirectory() as data, tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "PORT": str(message),
            "NOTIFICATION_PORT": str(notification),
            "DATA_DIR": data,
            "RUST_LOG": "warn",
        }
        process = subprocess.Popen([binary], env=environment, stdout=subprocess.DEVNULL)
        try:
            wait_ready(f"http://localhost:{message}/readyz", process)
            wait_ready(f"http://localhost:{notification}/readyz", process)
            for expected, language, text in snippets:
                text = text.replace(":8080", f":{message}").replace(":8081", f":{notification}")
                run(page, language, text, expected, folder)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=120)
    print(f"{page}: {len(snippets)} passed, 0 failed")


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    for page, fewest in PAGES.items():
        run_page(binary, page, fewest)


if __name__ == "__main__":
    main()
