"""Questions whose answers are known: read from JSON Lines, and checked before anything is asked.

A file with a broken line is refused whole, with the number of each such line.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from docbot.errors import UsageError
from docbot.text import printable, shortened, storable

_MOST_LISTED = 20  # lines; who has more of them has one fault in all
_FORM = '{"id": "...", "source": "...", "title": "...", "body": "...", "gold": ["https://..."]}'
_TEXTS = ("id", "source", "title", "body")
_NAMES = ("id", "source")  # which may not be blank
_SHOWN = 80  # characters of a value in a message


@dataclass(frozen=True, slots=True)
class Question:
    """`gold` are addresses of pages of `source` of which any one answers; none: nothing does."""

    id: str
    source: str
    title: str
    body: str
    gold: tuple[str, ...]


def read_questions(path: Path) -> list[Question]:
    """Read the file.

    Raises:
        UsageError: it cannot be read, holds no question, or has lines that cannot be used.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise UsageError(f"{path}:{line}: is not UTF-8; save the file as such") from error
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read ({error.strerror}); give a file of lines such as {_FORM}"
        ) from error
    questions, faults = parse(text.split("\n"))
    if faults:
        raise UsageError(_refusal(path, faults))
    if not questions:
        raise UsageError(f"{path}: no question in it; write lines such as {_FORM}")
    return questions


def parse(lines: Iterable[str]) -> tuple[list[Question], list[tuple[int, str]]]:
    """Read questions; return them with (line number, fault) of each line that cannot be used.

    Blank lines and fields that are not asked for are passed over.
    """
    questions: dict[str, Question] = {}
    first: dict[str, int] = {}
    faults: list[tuple[int, str]] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            question = _question(line)
        except ValueError as error:
            faults.append((number, str(error)))
            continue
        if question.id in first:
            before = f"the id {_shown(question.id)} stands on line {first[question.id]} already"
            faults.append((number, f"{before}; give each question an id of its own"))
        else:
            first[question.id] = number
            questions[question.id] = question
    return list(questions.values()), faults


def _question(line: str) -> Question:
    try:
        fields = json.loads(line)
    except RecursionError as error:
        raise ValueError("is nested too deeply; write it as one object") from error
    except json.JSONDecodeError as error:
        raise ValueError(
            f"is no JSON ({error.msg}, column {error.colno}); write one object on each line"
        ) from error
    if not isinstance(fields, Mapping):
        raise ValueError(f"is no JSON object; write {_FORM}")  # noqa: TRY004  # of the line, not of a type
    texts = {name: _text(fields, name) for name in _TEXTS}
    if not (texts["title"].strip() or texts["body"].strip()):
        raise ValueError("`title` and `body` are both empty; write what was asked")
    return Question(**texts, gold=_gold(fields))


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = _field(fields, name)
    if not isinstance(value, str):
        raise ValueError(f"`{name}` is {_kind(value)}; write it as text")  # noqa: TRY004  # as above
    if name in _NAMES and not value.strip():
        raise ValueError(f"`{name}` is empty; give it")
    return storable(value)


def _gold(fields: Mapping[str, Any]) -> tuple[str, ...]:
    value = _field(fields, "gold")
    advice = "write a list of addresses, `[]` for a question that should not be answered"
    if not isinstance(value, list):
        raise ValueError(f"`gold` is {_kind(value)}; {advice}")  # noqa: TRY004  # as above
    for each in value:
        if not isinstance(each, str) or not each.strip():
            raise ValueError(f"`gold` holds {_kind(each)} that is no address; {advice}")
    return tuple(storable(each.strip()) for each in value)


def _field(fields: Mapping[str, Any], name: str) -> Any:
    if name not in fields:
        raise ValueError(f"has no `{name}`; write {_FORM}")
    return fields[name]


def _kind(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list"}
    return "null" if value is None else names.get(type(value), "an object")


def _shown(text: str) -> str:
    return f"`{shortened(printable(text), _SHOWN)}`"


def _refusal(path: Path, faults: list[tuple[int, str]]) -> str:
    lines = [f"{path}:{number}: {fault}" for number, fault in faults[:_MOST_LISTED]]
    if len(faults) > _MOST_LISTED:
        lines.append(f"and {len(faults) - _MOST_LISTED} more lines cannot be used")
    return "\n".join(lines)


def folded(address: str) -> str:
    """Give what all addresses of one page have in common.

    Without fragment, `index.html`, `.html`, a slash at the end, percent signs and the case of
    scheme and host.
    """
    path = unquote(address.strip().partition("#")[0])
    scheme, mark, rest = path.rpartition("://")
    host, slash, below = rest.partition("/")
    if mark:
        path = f"{scheme.lower()}://{host.lower()}{slash}{below}"
    path = path.rstrip("/").removesuffix(".html").removesuffix(".htm")
    if path.endswith("/index") or path == "index":
        path = path.removesuffix("index")
    return path.rstrip("/")
