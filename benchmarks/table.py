"""What the benchmarks print: a table in Markdown, to be pasted as it is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """`bar` is what it has to hold, empty where there is none."""

    what: str
    measured: str
    bar: str = ""


def print_table(lines: Iterable[Line]) -> None:
    print("| what | measured | bar |")
    print("|---|---|---|")
    for line in lines:
        print(f"| {line.what} | {line.measured} | {line.bar} |")


def print_grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    print(f"| {' | '.join(header)} |")
    print("|---" * len(header) + "|")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def megabytes(count: float) -> str:
    return f"{count / 1e6:.0f} MB"
