"""What of a site was left out, in a line for each reason. Pure."""

from collections.abc import Mapping

_MOST_NAMED = 6  # folders of one reason


def lines_of_left_out(counts: Mapping[str, int]) -> list[str]:
    """Say how many addresses were left out and why, the most first.

    `counts` are by reason as `crawl` tells it; what stands after a colon names the folder, and
    those of one reason are told together: "210 other versions (v1.1/, v1.2/)".
    """
    numbers: dict[str, int] = {}
    folders: dict[str, list[str]] = {}
    for reason, count in sorted(counts.items()):
        kind, _, folder = reason.partition(": ")
        numbers[kind] = numbers.get(kind, 0) + count
        if folder:
            folders.setdefault(kind, []).append(folder)
    ordered = sorted(numbers.items(), key=lambda pair: (-pair[1], pair[0]))
    return [f"{number} {kind}{_named(folders.get(kind, []))}" for kind, number in ordered]


def _named(folders: list[str]) -> str:
    if not folders:
        return ""
    more = len(folders) - _MOST_NAMED
    shown = ", ".join(folders[:_MOST_NAMED])
    return f" ({shown} and {more} more)" if more > 0 else f" ({shown})"
