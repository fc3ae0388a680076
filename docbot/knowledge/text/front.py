"""What stands before a Markdown file's text: its title, its address, whether it is a draft.

YAML between `---` and TOML between `+++`; of YAML what such heads really hold: plain keys of the
first level with a text each. Anything else in them is passed over, never an error.
"""

import re
import tomllib
from collections.abc import Mapping

_YAML = re.compile(r"\A---[ \t]*\n(.*?\n)?(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TOML = re.compile(r"\A\+\+\+[ \t]*\n(.*?\n)?\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
_KEY = re.compile(r"^([A-Za-z_][\w-]*)[ \t]*:(?:[ \t]+(.*?))?[ \t]*$")
_FOLDED = re.compile(r"[|>][-+]?\d?$")
_COMMENT = re.compile(r"\s#.*$")


def without_front(text: str) -> tuple[Mapping[str, str], str]:
    """Part a text from its head; return the head's values and the rest."""
    if yaml := _YAML.match(text):
        return _yaml_values(yaml[1] or ""), text[yaml.end() :]
    if toml := _TOML.match(text):
        return _toml_values(toml[1] or ""), text[toml.end() :]
    return {}, text


def is_draft(front: Mapping[str, str]) -> bool:
    return front.get("draft", "").lower() == "true" or front.get("published", "").lower() == "false"


def _toml_values(text: str) -> dict[str, str]:
    try:
        found = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}
    return {
        key: str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in found.items()
        if isinstance(value, str | bool | int)
    }


def _yaml_values(text: str) -> dict[str, str]:
    values: dict[str, str] = {}
    key = ""  # whose text goes on in the lines below it
    for line in text.split("\n"):
        if found := _KEY.match(line):
            stated = found[2] or ""
            key = found[1] if not stated or _FOLDED.match(stated) else ""
            values[found[1]] = "" if key else _scalar(stated)
        elif key and line[:1] in {" ", "\t"}:
            values[key] = f"{values[key]} {line.strip()}".strip()
        elif line.strip():
            key = ""
    return values


def _scalar(stated: str) -> str:
    if len(stated) > 1 and stated[0] == stated[-1] and stated[0] in "\"'":
        inner = stated[1:-1]
        return inner.replace("''", "'") if stated[0] == "'" else re.sub(r"\\(.)", r"\1", inner)
    return _COMMENT.sub("", stated)
