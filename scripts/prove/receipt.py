"""What a proof leaves behind: a receipt in JSON and in Markdown that can be shown to anybody. It holds no account id, no ARN, no key, no
address, no name of a person or a folder of theirs: what is known of them is taken out, and what still looks like one is never written.

Hashes are in groups of eight, so that none of their digits read as an account."""

import json
import re

# What must not be in a receipt, and what is in its place.
PATTERNS = [
    ("arn", re.compile(r"""arn(?::|%3A)aws[^\s"'<>,;)\]}]*""", re.I)),
    ("key", re.compile(r"(?<![A-Z0-9])(?:AKIA|ASIA|AROA|AIDA|AGPA|ANPA|ANVA|AIPA|APKA|ABIA|ACCA)[A-Z0-9]{12,}(?::[\w.@+=,-]+)?")),
    ("address", re.compile(r"[\w.+%-]+@[\w-]+\.[\w.-]+")),
    ("url", re.compile(r"https?://[\w.-]*(?:lambda-url|amazonaws)[^\s\"'<>]*|\b[a-z0-9]+\.lambda-url\.[\w.-]+")),
    ("account", re.compile(r"\b\d{4}-\d{4}-\d{4}\b|\d{12,}")),
    # A session token or a secret key in text.
    ("secret", re.compile(r"(?<![A-Za-z0-9/+=])(?=[A-Za-z0-9/+]*[0-9])(?=[A-Za-z0-9/+]*[A-Z])(?=[A-Za-z0-9/+]*[a-z])[A-Za-z0-9/+]{40,}={0,2}(?![A-Za-z0-9/+=])")),
    ("folder", re.compile(r"/(?:home|Users)/[^/\s\"']+")),
]


class Leak(Exception):
    """A receipt would show what it must not."""


def scrub(value, secrets=()):
    """A value without what must not be shown; `secrets` are texts that are known, longest first."""
    if isinstance(value, dict):
        return {scrub(name, secrets): scrub(inner, secrets) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [scrub(inner, secrets) for inner in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "<number>" if re.search(r"\d{12,}", str(value)) else value
    if not isinstance(value, str):
        return value
    # Whole, before what is known of it is taken out of it.
    value = PATTERNS[0][1].sub("<arn>", value)
    for secret in sorted((secret for secret in secrets if len(secret) > 2), key=len, reverse=True):
        value = re.sub(rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])", "<removed>", value)
    for name, pattern in PATTERNS:
        value = pattern.sub(f"<{name}>", value)
    return value


def leaks(text, secrets=()):
    """What a text shows that it must not, by kind."""
    found = [name for name, pattern in PATTERNS if pattern.search(text)]
    return found + ["known" for secret in secrets if len(secret) > 2 and re.search(rf"(?<![A-Za-z0-9]){re.escape(secret)}(?![A-Za-z0-9])", text)]


def grouped(digest):
    """A hash in groups of eight digits."""
    return ":".join(digest[start:start + 8] for start in range(0, len(digest), 8))


def table(head, rows):
    """A table in Markdown."""
    def line(cells):
        return "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return [line(head), line(["---"] * len(head)), *map(line, rows), ""] if rows else ["nothing", ""]


def markdown(receipt):
    """The receipt for people."""
    cost = receipt["estimate"] or {}
    lines = [
        f"# Proof: {receipt['outcome']}", "",
        f"{receipt['began']}, {receipt['seconds']} s, {receipt['where']}, {receipt['region']}. Commit `{receipt['commit']}`"
        f"{' with changes' if receipt['changed'] else ''}.", "",
        *([f"Failed: {receipt['failure']}", ""] if receipt["failure"] else []),
        *([f"Estimated: {cost['month_usd']} dollars a month, {cost['month_list_usd']} at list price (profile {cost['profile']}).", ""] if cost else []),
        "## Steps", "", *table(["step", "seconds", "outcome", "what it found"],
                               [[step["name"], step["seconds"], step["outcome"], step["found"]] for step in receipt["steps"]]),
        "## Tables", "", *table(["table", "rows", "laptop's rows", "SHA-256 of the rows"],
                                [[one["name"], one["rows"], one["laptop_rows"], f"`{one['sha256']}`"] for one in receipt["tables"]]),
        "## Views and named queries", "", *table(["asked", "answered by", "answer", "laptop's"],
                                                 [[one["name"], one["by"], one["there"], one["here"]] for one in receipt["questions"]]),
        "## Alarms", "", *table(["alarm", "state"], sorted(receipt["alarms"].items())),
        "## Tags", "", *table(["kind of resource", "with the cost tags", "of"],
                              [[kind, counts["tagged"], counts["all"]] for kind, counts in sorted(receipt["tags"].items())]),
        "## Versions", "", *table(["what", "version"], sorted(receipt["versions"].items())),
        "## Functions", "", *table(["function", "SHA-256 of the zip"], [[name, f"`{digest}`"] for name, digest in sorted(receipt["functions"].items())]),
        "## Not checked here", "", *table(["what", "why"], [[one["what"], one["why"]] for one in receipt["not_checked"]]),
    ]
    return "\n".join(lines)


def write(receipt, folder, secrets=()):
    """Writes receipt.json and receipt.md; raises `Leak`, and writes nothing, where they would show what they must not."""
    clean = scrub(receipt, secrets)
    texts = {"receipt.json": json.dumps(clean, indent=2) + "\n", "receipt.md": markdown(clean)}
    for name, text in texts.items():
        if found := leaks(text, secrets):
            raise Leak(f"{name} would show: {', '.join(sorted(set(found)))}")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text)
    return [folder / name for name in texts]
