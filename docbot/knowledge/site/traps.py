"""Addresses without end: calendars, paths that repeat themselves, endless parameters.

Told by the address alone. A trap is left where it shows; what a person may have written, as a
changelog with a page for each day or a package `a.a`, is read.
"""

import re
from collections import Counter
from datetime import date

_MOST_REPEATS = 3  # of a part of the path, one after the other
_LONGEST_REPEAT = 4  # folders
_MOST_OF_ONE_NAME = 5  # folders of a path
_DAYS_AHEAD = 31  # a page may announce something
_MOST_ARCHIVES = 24  # under one folder, as `/2026/11/`; a calendar has one for each day
_MOST_DATED = 500  # under one folder, as `/changelog/2026-11-21`
_MOST_QUERIES = 10  # of one page
_MOST_QUERIED = 20_000  # pages whose queries are counted

_CALENDAR = re.compile(r"(?:^|/)(?:calendar|events?|agenda|schedule)/", re.IGNORECASE)
_SLASHED = re.compile(r"(?:^|/)((?:19|20|21)\d\d)/(0?[1-9]|1[0-2])(?:/(0?[1-9]|[12]\d|3[01]))?/?$")
_DASHED = re.compile(r"(?:^|/)((?:19|20|21)\d\d)-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?/?$")


class Traps:
    """What was seen of a site's dates and queries so far."""

    def __init__(self, today: date) -> None:
        self._today = today
        self._dated: Counter[str] = Counter()  # by folder
        self._queries: Counter[str] = Counter()  # by page

    def reason_against(self, path: str) -> str | None:
        """Say why a path is a trap, None where it is none; asked once for each path."""
        if repeats_itself(path):
            return "addresses that repeat themselves"
        slashed, dashed = _SLASHED.search(path), _DASHED.search(path)
        found = slashed or dashed
        if found is None:
            return None
        folder = path[: found.start()]
        self._dated[folder] += 1
        most = _MOST_ARCHIVES if slashed else _MOST_DATED
        is_endless = self._dated[folder] > most or self._is_far_ahead(found)
        return "calendars" if is_endless or _CALENDAR.search(f"{folder}/") else None

    def is_endless_query(self, page: str) -> bool:
        """Count one more query of a page; True where they are too many to mean anything."""
        if len(self._queries) < _MOST_QUERIED or page in self._queries:
            self._queries[page] += 1
        return self._queries[page] > _MOST_QUERIES

    def _is_far_ahead(self, found: re.Match[str]) -> bool:
        year, month, day = (int(part or 1) for part in found.groups())
        try:
            return (date(year, month, day) - self._today).days > _DAYS_AHEAD
        except ValueError:  # the 31st of February
            return True


def repeats_itself(path: str) -> bool:
    """Tell whether folders come again and again, as in `a/b/a/b/a/b/`; the page's name is none."""
    folders = path.split("/")[:-1]
    if any(count >= _MOST_OF_ONE_NAME for count in Counter(folders).values()):
        return True
    for length in range(1, _LONGEST_REPEAT + 1):
        for start in range(len(folders) - length * _MOST_REPEATS + 1):
            part = folders[start : start + length]
            if folders[start : start + length * _MOST_REPEATS] == part * _MOST_REPEATS:
                return True
    return False
