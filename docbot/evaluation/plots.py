"""Plots as inline SVG: drawn for a width of 360, so that a phone shows their text as it is.

Pure functions. Colours are classes of the page's style sheet, which has them light and dark.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from docbot.evaluation.metrics import Calibration, Latency, Point
from docbot.evaluation.statistics import Estimate

_WIDTH = 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 12, 40  # margins of a plot with two axes
_HEIGHT = 260
_ROW = 22  # of a plot of bars
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_LEAST_MS = 0.1  # where the scale of times begins
_LONGEST_LABEL = 16  # characters


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: its name, what it shows, and whether a new group of rows begins with it."""

    label: str
    value: Estimate
    begins: str | None = None


def bars(rows: Sequence[Bar], label: str) -> str:
    """Draw shares from 0 to 1 as bars, each with its interval."""
    left, right = 84, 44
    across = _WIDTH - left - right
    parts: list[str] = []
    top = 4.0
    for row in rows:
        if row.begins is not None:
            parts.append(_text(0, top + 14, row.begins, "strong"))
            top += _ROW
        middle = top + _ROW / 2
        found = row.value
        low, high = left + found.low * across, left + found.high * across
        parts += [
            _text(left - 6, middle + 4, row.label, "end"),
            _rect(left, middle - 6, across, 12, "track"),
            _rect(left, middle - 6, found.value * across, 12, "one"),
            _line(low, middle, high, middle, "interval"),
            _line(low, middle - 4, low, middle + 4, "interval"),
            _line(high, middle - 4, high, middle + 4, "interval"),
            _text(_WIDTH - right + 6, middle + 4, f"{found.value:.2f}", "start"),
        ]
        top += _ROW
    return _svg(top + 4, label, parts)


def answer_curve(points: Sequence[Point], tolerated: Point | None, label: str) -> str:
    """Draw what would be answered from each threshold on."""
    parts = [*_axes("answered from this probability on", "share answered")]
    if tolerated is not None:
        at = _x(tolerated.threshold)
        parts.append(_line(at, _y(0), at, _y(1), "mark"))
    parts += _path([(p.threshold, p.answered) for p in points], "one")
    parts += _path([(p.threshold, p.wrongly) for p in points], "two")
    return _svg(_HEIGHT, label, parts)


def reliability(found: Calibration, label: str) -> str:
    """Draw how often each probability came true; the greater a dot, the more questions."""
    parts = [
        *_axes("probability", "share that came true"),
        _line(_x(0), _y(0), _x(1), _y(1), "mark"),
    ]
    most = max(each.count for each in found.bins)
    for each in found.bins:
        radius = 3 + 6 * math.sqrt(each.count / most)
        dot = f'<circle cx="{_x(each.predicted):.1f}" cy="{_y(each.observed):.1f}" r="{radius:.1f}" class="one">'
        title = f"{each.count} questions: {each.predicted:.2f} said, {each.observed:.2f} came true"
        parts.append(f"{dot}<title>{escape(title)}</title></circle>")
    return _svg(_HEIGHT, label, parts)


def latencies(stages: Mapping[str, Latency], label: str) -> str:
    """Draw the median and the 99th percentile of each stage on a logarithmic scale."""
    left, right = 74, 84
    across = _WIDTH - left - right
    powers = _powers(each.p99 for each in stages.values())
    least, most = powers[0], powers[-1]

    def place(milliseconds: float) -> float:
        power = math.log10(max(milliseconds, _LEAST_MS))
        return left + across * (power - least) / (most - least)

    bottom = len(stages) * _ROW + 6
    parts = []
    for power in powers:
        at = left + across * (power - least) / (most - least)
        parts += [
            _line(at, 4, at, bottom, "grid"),
            _text(at, bottom + 14, _duration(10.0**power), "middle"),
        ]
    for row, (stage, taken) in enumerate(stages.items()):
        middle = 4 + _ROW * row + _ROW / 2
        parts += [
            _text(left - 12, middle + 4, stage, "end"),
            _line(place(taken.p50), middle, place(taken.p99), middle, "span"),
            _circle(place(taken.p50), middle, "one"),
            _circle(place(taken.p99), middle, "two"),
            _text(_WIDTH, middle + 4, f"{_short(taken.p50)} / {_short(taken.p99)}", "end"),
        ]
    return _svg(bottom + 20, label, parts)


def _powers(milliseconds: Iterable[float]) -> list[int]:
    """Give the powers of ten that a scale needs, two at least."""
    least = round(math.log10(_LEAST_MS))
    most = math.ceil(math.log10(max([*milliseconds, 1.0])))
    return list(range(least, max(most, least + 1) + 1))


def _duration(milliseconds: float) -> str:
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:g} s"
    return f"{milliseconds:g} ms"


def _short(milliseconds: float) -> str:
    if milliseconds >= 1000:
        return f"{milliseconds / 1000:.1f} s"
    return f"{milliseconds:.1f}" if milliseconds < 10 else f"{milliseconds:.0f}"


def _axes(below: str, beside: str) -> list[str]:
    parts = []
    for tick in _TICKS:
        parts += [
            _line(_x(0), _y(tick), _x(1), _y(tick), "grid"),
            _text(_LEFT - 6, _y(tick) + 4, f"{tick:g}", "end"),
            _text(_x(tick), _y(0) + 16, f"{tick:g}", "middle"),
        ]
    parts.append(_text((_x(0) + _x(1)) / 2, _HEIGHT - 6, below, "middle"))
    turned = f'transform="rotate(-90 9 {(_y(0) + _y(1)) / 2:.1f})"'
    middle = (_y(0) + _y(1)) / 2
    parts.append(f'<text x="9" y="{middle:.1f}" class="middle" {turned}>{escape(beside)}</text>')
    return parts


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)


def _path(points: Iterable[tuple[float, float | None]], style: str) -> list[str]:
    places = [f"{_x(x):.1f},{_y(y):.1f}" for x, y in points if y is not None]
    return [f'<polyline points="{" ".join(places)}" class="line {style}"/>'] if places else []


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def _rect(x: float, y: float, width: float, height: float, style: str) -> str:
    size = f'width="{max(width, 0):.1f}" height="{height:.1f}"'
    return f'<rect x="{x:.1f}" y="{y:.1f}" {size} rx="2" class="{style}"/>'


def _circle(x: float, y: float, style: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" class="{style}"/>'


def _text(x: float, y: float, text: str, style: str) -> str:
    is_label = style == "end" and len(text) > _LONGEST_LABEL
    shown = f"{text[: _LONGEST_LABEL - 1]}…" if is_label else text
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}">{escape(shown)}</text>'


def _svg(height: float, label: str, parts: Iterable[str]) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="{escape(label)}">'
        f"{''.join(parts)}</svg>"
    )
