"""What a site's robots.txt lets a robot ask for, as RFC 9309 reads it. Pure.

What a page says to search engines (`noindex`, `nofollow`, `X-Robots-Tag`) is about their index and
not about reading: it is not obeyed, since whoever added the source asked for its pages.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes, urlsplit

_MOST_BYTES = 500 * 1024  # what RFC 9309 asks a reader to take in at least
_MOST_RULES = 2000
LONGEST_CRAWL_DELAY = 30.0  # seconds; a robots.txt that asks for more is obeyed this far
_LONGEST_ASKED = 366 * 86_400.0  # seconds; what is beyond it is taken as that


@dataclass(frozen=True, slots=True)
class _Rule:
    length: int  # of its path; the longest that matches counts
    allows: bool
    parts: tuple[bytes, ...]  # of the path, between its `*`
    is_whole: bool  # it ended in `$`

    def matches(self, path: bytes) -> bool:
        """Look for the parts one after the other, which takes no longer for many `*`."""
        first, *others = self.parts
        if not path.startswith(first):
            return False
        place = len(first)
        last = others.pop() if others and self.is_whole else None
        for part in others:
            found = path.find(part, place)
            if found < 0:
                return False
            place = found + len(part)
        if last is not None:
            return path.endswith(last) and len(path) - len(last) >= place
        return not self.is_whole or place == len(path)


@dataclass(frozen=True, slots=True)
class Robots:
    """The rules for one robot; none allow everything."""

    rules: tuple[_Rule, ...] = ()
    asked_delay: float = 0.0  # seconds between two requests, as it asks for them
    sitemaps: tuple[str, ...] = ()

    @property
    def crawl_delay(self) -> float:
        """The seconds that are left between two requests: 30 at most."""
        return min(self.asked_delay, LONGEST_CRAWL_DELAY)

    def allows(self, url: str) -> bool:
        parts = urlsplit(url)
        path = unquote_to_bytes(parts.path or "/")
        if parts.query:
            path += b"?" + unquote_to_bytes(parts.query)
        matching = [rule for rule in self.rules if rule.matches(path)]
        return not matching or max(matching, key=lambda rule: (rule.length, rule.allows)).allows


def parse_robots(body: bytes, user_agent: str) -> Robots:
    """Read the group for a robot, by the name before the slash, else the one for all robots."""
    name = user_agent.partition("/")[0].strip().lower()
    lines = list(_lines(body[:_MOST_BYTES].decode("utf-8-sig", "replace")))
    own = [pair for agents, pair in _grouped(lines) if name in agents]
    is_named = any(field == "user-agent" and _name_of(value) == name for field, value in lines)
    group = own if is_named else [pair for agents, pair in _grouped(lines) if "*" in agents]
    return Robots(
        rules=tuple(
            _rule(value, allows=field == "allow")
            for field, value in group
            if field in {"allow", "disallow"} and value
        )[:_MOST_RULES],
        asked_delay=max(
            (_seconds(value) for field, value in group if field == "crawl-delay"), default=0.0
        ),
        sitemaps=tuple(
            dict.fromkeys(value for field, value in lines if field == "sitemap" and value)
        ),
    )


def _lines(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        field, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield field.strip().lower(), value.strip()


def _grouped(lines: list[tuple[str, str]]) -> Iterator[tuple[set[str], tuple[str, str]]]:
    """Give each rule with the robots it is for; several names in a row share what follows."""
    agents: set[str] = set()
    is_naming = False
    for field, value in lines:
        if field == "user-agent":
            agents = {*agents, _name_of(value)} if is_naming else {_name_of(value)}
            is_naming = True
        elif field in {"allow", "disallow", "crawl-delay"}:
            is_naming = False
            yield agents, (field, value)


def _name_of(value: str) -> str:
    return value.partition("/")[0].strip().lower()


def _rule(path: str, *, allows: bool) -> _Rule:
    parts = (unquote_to_bytes(part) for part in path.removesuffix("$").split("*"))
    return _Rule(len(path), allows, tuple(parts), path.endswith("$"))


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        return 0.0
    return 0.0 if math.isnan(seconds) else min(max(seconds, 0.0), _LONGEST_ASKED)
