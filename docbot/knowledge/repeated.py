"""Temporary."""

from collections.abc import Mapping

FEWEST_PAGES = 5


def edges(markdown: str) -> tuple[bytes, ...]:
    return ()


def repeated(counts: Mapping[bytes, int], pages: int) -> frozenset[bytes]:
    return frozenset()


def without(markdown: str, repeated: frozenset[bytes]) -> str:
    return markdown
