"""Tables as pipe tables, or as plain blocks where a cell holds what no pipe table can."""

from collections.abc import Sequence
from dataclasses import dataclass

# Spans beyond this are a mistake or an attack, not a table.
_WIDEST_SPAN = 40
_MOST_REPEATED = 100_000  # characters that all spans of a table may repeat, an empty cell for 20
_EMPTY_CELL = 20
# Rows of very unequal length would be mostly padding.
_MOST_PADDING = 100_000  # cells


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
    if width * len(grid) - sum(map(len, grid)) > _MOST_PADDING:
        return _one_by_one(header, body)
    lines = [_pipe_row([cell.line for cell in header or ()], width), "|" + " --- |" * width]
    lines += [_pipe_row([cell.line for cell in row], width) for row in body]
    return ("\n".join(lines),)


def _filled(rows: Sequence[Sequence[Cell]]) -> list[list[Cell]]:
    """Repeat what spans rows, and put empty cells where one spans columns."""
    open_spans: dict[int, tuple[Cell, int]] = {}
    room = _MOST_REPEATED
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
            below, beside = (min(span, _WIDEST_SPAN) - 1 for span in (cell.rows, cell.columns))
            room -= below * (len(cell.line) + _EMPTY_CELL) + beside * _EMPTY_CELL
            filled.append(cell)
            if room > 0:
                filled += [Cell((), cell.is_header)] * beside
                open_spans.update({column: (cell, below)} if below else {})
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
