"""Tables for Discord, which renders none: aligned text in a fence, or a list where that is wide."""

import re
from collections.abc import Sequence

from docbot.answers.markdown import Prose, blocks, source, spans

# Characters of a line of code on a small window; on a phone even these wrap.
_WIDEST = 60

_RULE = re.compile(r":?-+:?")
_CELL_END = re.compile(r"(?<!\\)\|")
_CITATION = re.compile(r"\[\d+\](?!\()")


def without_tables(text: str, widest: int = _WIDEST) -> str:
    """Turn each Markdown table into a fence, citations in its cells behind it; a wide one to a list.

    Wide is a line of more than `widest` characters: Discord would wrap it, and nothing stands
    below its heading any more.
    """
    return "\n".join(
        _prose(block.text.split("\n"), widest) if isinstance(block, Prose) else source(block)
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


def _prose(lines: Sequence[str], widest: int) -> str:
    done: list[str] = []
    position = 0
    while position < len(lines):
        length = table_length(lines, position)
        if length:
            done.extend(_shown(lines[position : position + length], widest))
        else:
            done.append(lines[position])
        position += length or 1
    return "\n".join(done)


def _cells(line: str) -> list[str]:
    inside = line.strip().removeprefix("|")
    if inside.endswith("|") and not inside.endswith("\\|"):
        inside = inside[:-1]
    return [cell.strip() for cell in _CELL_END.split(inside)]


def _shown(table: Sequence[str], widest: int) -> list[str]:
    written = [_cells(line) for line in (table[0], *table[2:])]
    columns = len(written[0])
    written = [[*row, *[""] * columns][:columns] for row in written]
    rows = [[_plain(cell) for cell in row] for row in written]
    widths = [max(len(row[column]) for row in rows) for column in range(columns)]
    if sum(widths) + 2 * (columns - 1) > widest:
        return _as_list(written)
    cited = list(dict.fromkeys(found for line in table for found in _CITATION.findall(line)))
    return _as_code([_aligned(row, widths) for row in rows], widths, cited)


def _as_code(lines: Sequence[str], widths: Sequence[int], cited: Sequence[str]) -> list[str]:
    rule = "  ".join("-" * width for width in widths).rstrip()
    return ["```", lines[0], rule, *lines[1:], "```", *(["".join(cited)] if cited else [])]


def _as_list(rows: Sequence[Sequence[str]]) -> list[str]:
    """Write an item for each row: the first cell, and below it the others, each with its column."""
    names, *items = [[_in_line(cell) for cell in row] for row in rows]
    lines: list[str] = []
    for first, *others in items:
        # Discord shows no code within bold.
        lead = first if "`" in first or "**" in first or not first else f"**{first}**"
        told = [(name, cell) for name, cell in zip(names[1:], others, strict=True) if cell]
        if len(names) == 2 and lead and told:  # what it is, and what of it
            lines.append(f"- {lead}: {told[0][1]}")
            continue
        lines += [f"- {lead}"] if lead else []
        indent = "  " if lead else ""
        lines += [
            f"{indent}- {name}: {cell}" if name else f"{indent}- {cell}" for name, cell in told
        ]
    return lines


def _in_line(cell: str) -> str:
    return re.sub(r"\s*<br\s*/?>\s*", " ", cell).replace("\\|", "|").strip()


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
