"""Tables as pipe tables, or as plain blocks where a cell holds what no pipe table can."""

from collections.abc import Sequence
from dataclasses import dataclass

# Spans beyond this are a mistake or an attack, not a table.
_WIDEST_SPAN = 40


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell as it was read; `blocks` are pieces of Markdown."""

    blocks: tuple[str, ...]
    is_header: bool = False
    columns: int = 1
    rows: int = 1
    has_fence: bool = False  # or a table of its own

    @property
    def line(self) -> str:
        """The cell as the one line that a pipe table allows."""
        return " ".join(" ".join(self.blocks).split()).replace("|", "\\|")


def render_table(rows: Sequence[Sequence[Cell]]) -> tuple[str, ...]:
    """Return the table as blocks of Markdown: one pipe table, or the cells one by one."""
    grid = _filled([row for row in rows if row])
    if not any(cell.blocks for row in grid for cell in row):
        return ()
    has_header = all(cell.is_header for cell in grid[0]) and len(grid) > 1
    header, body = (grid[0], grid[1:]) if has_header else (None, grid)
    if any(cell.has_fence for row in grid for cell in row) or (len(grid[0]) == 1 and not header):
        return _one_by_one(header, body)
    width = max(len(row) for row in grid)
    lines = [_pipe_row([cell.line for cell in header or ()], width), "|" + " --- |" * width]
    lines += [_pipe_row([cell.line for cell in row], width) for row in body]
    return ("\n".join(lines),)


def _filled(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """Repeat what spans rows, and put empty cells where one spans columns."""
    open_spans: dict[int, tuple[Cell, int]] = {}
    grid: list[list[Cell]] = []
    for row in rows:
        filled: list[Cell] = []
        waiting = list(reversed(row))
        while waiting or len(filled) in open_spans:
            column = len(filled)
            if column in open_spans:
                cell, left = open_spans.pop(column)
                if left > 1:
                    open_spans[column] = (cell, left - 1)
                filled.append(cell)
                continue
            cell = waiting.pop()
            if cell.rows > 1:
                open_spans[column] = (cell, min(cell.rows, _WIDEST_SPAN) - 1)
            filled.append(cell)
            filled += [Cell((), cell.is_header)] * (min(cell.columns, _WIDEST_SPAN) - 1)
        grid.append(filled)
    return grid or [[]]


def _pipe_row(cells: Sequence[str], width: int) -> str:
    padded = [*cells, *[""] * (width - len(cells))]
    return "| " + " | ".join(padded) + " |"


def _one_by_one(header: Sequence[Cell] | None, body: Sequence[Sequence[Cell]]) -> tuple[str, ...]:
    names = [cell.line for cell in header or ()]
    blocks: list[str] = []
    for row in body:
        for column, cell in enumerate(row):
            if cell.blocks and column < len(names) and names[column]:
                blocks.append(f"**{names[column]}**")
            blocks += cell.blocks
    return tuple(blocks)
