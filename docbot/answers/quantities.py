"""Numbers, versions and values such as `false` in a text, comparable across their units."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

# As a pattern: a number with a unit right behind it. A unit of one letter must touch its number.
NUMBER: Final = (
    r"(?P<number>(?:(?<=[\s(=`'\"\[:])-|^-)?(?<![\w.])\d[\d_,]*(?:\.\d+)*)"
    r"(?:\s?(?P<unit>%|(?<=\d)[A-Za-z]{1,3}\b|(?<=\s)(?:[kKMGT]i?B|bytes?|[mun]?s|percent"
    r"|(?:milli|micro)?seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?)\b))?"
)
WORDS: Final[Mapping[str, str]] = {
    "zero": "0", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8",
    "nine": "9", "ten": "10", "twelve": "12", "hundred": "100", "thousand": "1000", "twice": "2",
    "half": "0.5",
}  # fmt: skip
LITERALS: Final = frozenset({"true", "false", "none", "null", "undefined"})
_UNITS: Final[Mapping[str, tuple[str, float]]] = {
    "ns": ("time", 1e-9), "us": ("time", 1e-6), "microsecond": ("time", 1e-6),
    "ms": ("time", 1e-3), "millisecond": ("time", 1e-3),
    "s": ("time", 1), "sec": ("time", 1), "second": ("time", 1),
    "m": ("time", 60), "min": ("time", 60), "minute": ("time", 60),
    "h": ("time", 3600), "hr": ("time", 3600), "hour": ("time", 3600),
    "d": ("time", 86_400), "day": ("time", 86_400), "week": ("time", 604_800),
    "month": ("time", 2_592_000), "year": ("time", 31_536_000),
    "b": ("size", 1), "byte": ("size", 1),
    "kb": ("size", 1e3), "mb": ("size", 1e6), "gb": ("size", 1e9), "tb": ("size", 1e12),
    "kib": ("size", 2**10), "mib": ("size", 2**20), "gib": ("size", 2**30), "tib": ("size", 2**40),
    "%": ("share", 0.01), "percent": ("share", 0.01),
}  # fmt: skip
_CLOSE = 1e-9  # as a share


@dataclass(frozen=True, slots=True)
class Number:
    """A number, version or literal; `base` is in seconds, bytes or as a share, by `kind`.

    `value` is None for what does not count, as a version; `kind` is empty without a unit.
    """

    text: str
    value: float | None = None
    kind: str = ""
    base: float = 0.0


@lru_cache(maxsize=10_000)
def number(text: str, unit: str = "") -> Number:
    plain = text.replace(",", "").replace("_", "")
    unit = unit.strip().lower()
    unit = unit[:-1] if len(unit) > 3 and unit.endswith("s") else unit
    try:
        value = float(plain)
    except ValueError:
        return Number(plain)
    kind, factor = _UNITS.get(unit, ("", 0.0))
    return Number(plain, value, kind, value * factor)


def equal(one: Number, other: Number) -> bool:
    """Tell whether two numbers are the same, also in other units; a bare one has any unit."""
    if one.value is None or other.value is None:
        return one.text == other.text
    if one.kind and other.kind:
        return one.kind == other.kind and _are_close(one.base, other.base)
    if one.kind:
        return _are_close(one.value, other.value) or _are_close(one.base, other.value)
    return _are_close(one.value, other.value) or (
        bool(other.kind) and _are_close(one.value, other.base)
    )


def _are_close(one: float, other: float) -> bool:
    return one == other or abs(one - other) <= _CLOSE * max(abs(one), abs(other))
