"""MathML becomes TeX, for pages that hold a formula in no other form.

What has no sign of its own in TeX is kept as it stands: a reader knows a Greek letter without its
name. Elements that are not known give what is in them.
"""

from collections.abc import Callable, Sequence

from lxml import etree

from docbot.knowledge.html.tree import attribute, line_of, text_of

_SIGNS = {
    "∑": "\\sum",
    "∏": "\\prod",
    "∫": "\\int",
    "√": "\\sqrt",
    "\u2212": "-",
    "\u2217": "*",
    "{": "\\{",
    "}": "\\}",
    "%": "\\%",
    "&": "\\&",
    "#": "\\#",
    "\u2061": "",  # the invisible operators: apply, times, separate, plus
    "\u2062": "",
    "\u2063": "",
    "\u2064": "",
}
_ACCENTS = {
    "^": "\\hat",
    "\u02c6": "\\hat",
    "~": "\\tilde",
    "\u02dc": "\\tilde",
    "¯": "\\bar",
    "―": "\\overline",
    "→": "\\vec",
    "˙": "\\dot",
    "¨": "\\ddot",
}
_WITHOUT_TEXT = frozenset({"annotation", "annotation-xml", "mphantom"})


def tex_of(math: etree._Element) -> str:
    """Return the TeX of a `math` element; it may be nested a hundred deep at most."""
    return " ".join(_tex(math).split())


def _tex(element: etree._Element) -> str:
    if element.tag in _WITHOUT_TEXT or not isinstance(element.tag, str):
        return ""
    if element.tag in _LEAVES:
        return _LEAVES[element.tag](element)
    parts = [_tex(child) for child in element.iterchildren("*")]
    count, shape = _SHAPES.get(element.tag, (None, None))
    if shape is not None and count in {None, len(parts)}:
        return shape(parts)
    if element.tag == "mfenced":
        opening, closing = attribute(element, "open") or "(", attribute(element, "close") or ")"
        return f"{opening}{', '.join(parts)}{closing}"
    return _joined(parts) if len(element) else text_of(element)


def _joined(parts: Sequence[str]) -> str:
    return " ".join(filter(None, parts))


def _name(element: etree._Element) -> str:
    """A letter is written as it is, a word upright."""
    text = line_of(element)
    return text if len(text) < 2 else f"\\mathrm{{{text}}}"


def _sign(element: etree._Element) -> str:
    text = line_of(element)
    return _SIGNS.get(text, text)


def _text(element: etree._Element) -> str:
    text = line_of(element)
    return f"\\text{{{text}}}" if text else ""


def _matrix(rows: Sequence[str]) -> str:
    lines = " \\\\ ".join(rows)
    return f"\\begin{{matrix}} {lines} \\end{{matrix}}"


def _over(parts: Sequence[str]) -> str:
    if accent := _ACCENTS.get(parts[1]):
        return f"{accent}{{{parts[0]}}}"
    return f"\\overset{{{parts[1]}}}{{{parts[0]}}}"


def _raised(parts: Sequence[str]) -> str:
    return f"{_base(parts[0])}^{_group(parts[1])}"


def _lowered(parts: Sequence[str]) -> str:
    return f"{_base(parts[0])}_{_group(parts[1])}"


def _both(parts: Sequence[str]) -> str:
    return f"{_base(parts[0])}_{_group(parts[1])}^{_group(parts[2])}"


def _base(tex: str) -> str:
    return f"{{{tex}}}" if " " in tex else tex


def _group(tex: str) -> str:
    return tex if len(tex) == 1 else f"{{{tex}}}"


_LEAVES: dict[str, Callable[[etree._Element], str]] = {
    "mi": _name,
    "mn": line_of,
    "mo": _sign,
    "mtext": _text,
    "ms": _text,
}
# How many parts it has, None for any number, and what is made of them.
_SHAPES: dict[str, tuple[int | None, Callable[[Sequence[str]], str]]] = {
    "mtable": (None, _matrix),
    "mtr": (None, " & ".join),
    "msqrt": (None, lambda parts: f"\\sqrt{{{_joined(parts)}}}"),
    "mfrac": (2, lambda parts: f"\\frac{{{parts[0]}}}{{{parts[1]}}}"),
    "mroot": (2, lambda parts: f"\\sqrt[{parts[1]}]{{{parts[0]}}}"),
    "msup": (2, _raised),
    "msub": (2, _lowered),
    "msubsup": (3, _both),
    "munder": (2, _lowered),
    "munderover": (3, _both),
    "mover": (2, _over),
}
