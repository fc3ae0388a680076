"""Tables for Discord, which renders none: each becomes a block of aligned text."""

import re
from collections.abc import Sequence

from docbot.answers.markdown import Prose, blocks, source, spans

_RULE = re.compile(r":?-+:?")
_CELL_END = re.compile(r"(?<!\\)\|")
_CITATION = re.compile(r"\[\d+\](?!\()")


def tables_as_code(text: str) -> str:
    """Turn each Markdown table into a fence; citations in its cells follow after it."""
    return "\n".join(
        _prose(block.text.split("\n")) if isinstance(block, Prose) else source(block)
        for block in blocks(text)
    )


def table_length(lines: Sequence[str], start: int) -> int:
    """Count the lines of the table that starts here; 0 if none does."""
    if start + 1 >= len(lines) or "|" not in lines[start] or "|" not in lines[start + 1]:
        return 0
    rule = _cells(lines[start + 1])
    if not all(_RULE.fullmatch(cell) for cell in rule) or len(rule) != len(_cells(lines[start])):
        return 0
    end = start + 2
    while end < len(lines) and "|" in lines[end] and lines[end].strip():
        end += 1
    return end - start


def _prose(lines: Sequence[str]) -> str:
    done: list[str] = []
    position = 0
    while position < len(lines):
        length = table_length(lines, position)
        if length:
            done.extend(_as_code(lines[position : position + length]))
        else:
            done.append(lines[position])
        position += length or 1
    return "\n".join(done)


def _cells(line: str) -> list[str]:
    inside = line.strip().removeprefix("|")
    if inside.endswith("|") and not inside.endswith("\\|"):
        inside = inside[:-1]
    return [cell.strip() for cell in _CELL_END.split(inside)]


def _as_code(table: Sequence[str]) -> list[str]:
    cited = list(dict.fromkeys(found for line in table for found in _CITATION.findall(line)))
    rows = [[_plain(cell) for cell in _cells(line)] for line in (table[0], *table[2:])]
    columns = len(rows[0])
    rows = [[*row, *[""] * columns][:columns] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(columns)]
    lines = [_aligned(row, widths) for row in rows]
    rule = "  ".join("-" * width for width in widths).rstrip()
    return ["```", lines[0], rule, *lines[1:], "```", *(["".join(cited)] if cited else [])]


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _plain(cell: str) -> str:
    """Take the marks off a cell: inside a fence they would be shown."""
    cell = _CITATION.sub("", cell).replace("\\|", "|")
    parts = []
    position = 0
    for span in spans(cell):
        parts.append(cell[position : span.start])
        parts.append(span.target if span.kind in {"address", "autolink"} else span.text)
        position = span.end
    parts.append(cell[position:])
    return re.sub(r"\*\*|__|<br\s*/?>", " ", "".join(parts)).replace("`", "").strip()
