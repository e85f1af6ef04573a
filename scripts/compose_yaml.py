"""The reader of scripts/check-compose.py for Compose files, without any package."""

import json
import re


class Yaml:
    """The part of YAML that the Compose files use: nested maps and lists by indentation, plain and
    quoted scalars, one-line JSON lists, anchors of maps, aliases and merges. Anything else is an
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
            anchor = re.fullmatch(r"&([\w-]+)", value)
            if not value or anchor:
                deeper = self.at < len(self.lines) and self.lines[self.at][1] > indent
                result[key] = self.block(self.lines[self.at][1]) if deeper else None
                if anchor:
                    self.anchors[anchor.group(1)] = result[key]
            elif value.startswith("*"):
                result[key] = self.anchors[value.removeprefix("*")]
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
