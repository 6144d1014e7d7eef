#!/usr/bin/env python3
"""Writes the README.md of every module from what it says of itself: the comment that opens main.tf, its variables and its
outputs. `--check` writes nothing and fails where a README is out of date."""

import pathlib
import re
import sys

INFRA = pathlib.Path(__file__).resolve().parent.parent
BLOCK = re.compile(r'^(variable|output|resource) "([^"]+)"(?: "([^"]+)")? \{\n(.*?)^\}', re.M | re.S)


def field(body, name):
    """A one-line argument of a block."""
    found = re.search(rf"^  {name}\s*=\s*(.+)$", body, re.M)
    return found.group(1).strip() if found else None


def default(body):
    """How a variable's default reads in a table: `required` without one."""
    value = field(body, "default")
    if value is None:
        return "required"
    return f"`{value}`" if not value.endswith(("{", "[")) else "see variables.tf"


def kind(body):
    """A variable's type, shortened where it is a structure."""
    value = field(body, "type")
    return f"`{value}`" if not value.endswith(("{", "(")) else "`object`" if "object" in value and "map" not in value else "`map(object)`"


def readme(module):
    """The text of a module's README."""
    text = {path.name: path.read_text() for path in sorted(module.glob("*.tf"))}
    opening = re.match(r"(?:#.*\n)+", text["main.tf"])
    if not opening:
        sys.exit(f"{module}/main.tf opens with no comment that says what it is")
    about = "\n".join(line.lstrip("# ").rstrip() for line in opening.group(0).splitlines())
    blocks = [found for body in text.values() for found in BLOCK.findall(body)]
    lines = [f"# {module.name}", "", "<!-- Made by `make infra-docs`. -->", "", about, "", "| input | | type | default |", "|---|---|---|---|"]
    for what, name, _, body in blocks:
        if what == "variable":
            description = field(body, "description").strip('"')
            lines.append(f"| `{name}` | {description} | {kind(body)} | {default(body)} |".replace('\\"', '"'))
    lines += ["", "| output | |", "|---|---|"]
    for what, name, _, body in blocks:
        if what == "output":
            lines.append(f"| `{name}` | {field(body, 'description').strip(chr(34))} |")
    kinds = sorted({name for what, name, _, _ in blocks if what == "resource"})
    if kinds:
        lines += ["", "Makes: " + ", ".join(f"`{name}`" for name in kinds) + "."]
    return "\n".join(lines) + "\n"


def main():
    stale = []
    for module in sorted((INFRA / "modules").iterdir()):
        path, wanted = module / "README.md", readme(module)
        if path.exists() and path.read_text() == wanted:
            continue
        if "--check" in sys.argv:
            stale.append(str(path.relative_to(INFRA.parent)))
        else:
            path.write_text(wanted)
    if stale:
        sys.exit("out of date, `make infra-docs` writes them:\n  " + "\n  ".join(stale))


if __name__ == "__main__":
    main()
