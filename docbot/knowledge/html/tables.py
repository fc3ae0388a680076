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
    has_list: bool = False
    is_spanned: bool = False  # the cell before reaches over it

    @property
    def line(self) -> str:
        """The cell as the one line that a pipe table allows."""
        return " ".join(" ".join(self.blocks).split()).replace("|", "\\|")


def render_table(rows: Sequence[Sequence[Cell]]) -> tuple[str, ...]:
    """Return the table as blocks of Markdown: one pipe table, or the cells one by one."""
    grid = _filled(rows)
    if not any(cell.blocks for row in grid for cell in row):
        return ()
    header, body = _parted(grid)
    if any(cell.has_fence for row in grid for cell in row) or _is_layout(header, body):
        blocks = _one_by_one(header, body)
        are_lists = all(block.startswith("- ") and "\n\n" not in block for block in blocks)
        return ("\n".join(blocks),) if are_lists else blocks
    width = max(len(row) for row in grid)
    if width * len(grid) - sum(map(len, grid)) > _MOST_PADDING:
        return _one_by_one(header, body)
    lines = [_pipe_row([cell.line for cell in header or ()], width), "|" + " --- |" * width]
    lines += [_pipe_row([cell.line for cell in row], width) for row in body]
    return ("\n".join(lines),)


def _parted(grid: list[list[Cell]]) -> tuple[list[Cell] | None, list[list[Cell]]]:
    """Part the rows of a head, made one, from the others."""
    count = next(
        (at for at, row in enumerate(grid) if not all(cell.is_header for cell in row)), len(grid)
    )
    if count == 0 or count == len(grid):
        return (grid[0], grid[1:]) if count > 1 else (None, grid)
    return _one_head(grid[:count]), grid[count:]


def _one_head(rows: Sequence[Sequence[Cell]]) -> list[Cell]:
    """Join rows of a head; a name that spans columns stands in each."""
    if len(rows) == 1:
        return list(rows[0])
    spread: list[list[str]] = []
    for row in rows:
        names: list[str] = []
        for cell in row:
            names.append(cell.line if not cell.is_spanned else names[-1])
        spread.append(names)
    width = max(map(len, spread))
    columns = [[names[at] for names in spread if at < len(names)] for at in range(width)]
    return [Cell((" ".join(filter(None, dict.fromkeys(names))),), True) for names in columns]


def _is_layout(header: Sequence[Cell] | None, body: Sequence[Sequence[Cell]]) -> bool:
    """Tell whether a table only sets blocks side by side."""
    if header:
        return False
    return len(body[0]) == 1 or (len(body) == 1 and any(cell.has_list for cell in body[0]))


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
            room -= below * (len(cell.line) + _EMPTY_CELL) + beside * (below + 1) * _EMPTY_CELL
            reached = [cell]
            if room > 0:
                reached += [Cell((), cell.is_header, is_spanned=True)] * beside
                if below:
                    open_spans |= {column + at: (one, below) for at, one in enumerate(reached)}
            filled += reached
        if row:  # one without cells is only taken by what reaches over it
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
