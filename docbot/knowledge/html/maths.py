r"""Mathematics: of all the forms in which a page holds a formula, its TeX is kept, once.

Sphinx and Arithmatex write TeX between `\(` and `\)` for a script to draw; KaTeX and MathJax leave
what they drew, with the TeX as an annotation or in a script. What comes out is a `code` (in a line)
or a `pre` (on its own) with the mark `data-docbot-math`.
"""

import re

from lxml import etree

from docbot.knowledge.html.mathml import tex_of
from docbot.knowledge.html.tree import attribute, classes, line_of, select, text_of

_DELIMITED = re.compile(r"\s*\\(?:\((?P<inline>.*)\\\)|\[(?P<display>.*)\\\])\s*", re.DOTALL)
_FORMULAS = (
    ".//*[contains(concat(' ', normalize-space(@class), ' '), ' math ')"
    " or contains(concat(' ', normalize-space(@class), ' '), ' arithmatex ')]"
)
_DRAWN = (
    ".//*[local-name() = 'annotation' and (@encoding = 'application/x-tex' or @encoding = 'TeX')]"
)
_SCRIPTS = ".//script[starts-with(@type, 'math/tex')]"


def keep_tex(main: etree._Element) -> None:
    """Put the TeX of each formula in its place."""
    for formula in select(main, _FORMULAS):
        _keep_delimited(formula)
    for annotation in select(main, _DRAWN):
        _keep_drawn(annotation)
    for script in select(main, _SCRIPTS):
        _become(script, text_of(script), is_display="mode=display" in attribute(script, "type"))
    for math in list(main.iter("math")):  # drawn by MathJax 3, or by the browser
        _keep_mathml(math)


def _keep_delimited(formula: etree._Element) -> None:
    number = next((part for part in formula if "eqno" in classes(part)), None)
    tex = text_of(formula)
    if number is not None:  # its tail is the formula
        tex = tex.removeprefix(formula.text or "").removeprefix(text_of(number))
    delimited = _DELIMITED.fullmatch(tex)
    if delimited is None:
        return
    shown = delimited["display"]
    if shown is not None and number is not None:
        shown += f" \\tag{{{line_of(number).strip('(').partition(')')[0]}}}"
    _become(formula, delimited["inline"] if shown is None else shown, is_display=shown is not None)


def _keep_drawn(annotation: etree._Element) -> None:
    """Replace the outermost element that exists only to draw this formula."""
    drawn = annotation
    is_display = False
    for outer in annotation.iterancestors():
        names = classes(outer)
        is_display = is_display or "katex-display" in names or outer.get("display") == "block"
        if outer.tag in {"math", "mjx-container"} or {"katex", "katex-display"} & set(names):
            drawn = outer
    if drawn is not annotation:
        _become(drawn, text_of(annotation), is_display=is_display)


def _keep_mathml(math: etree._Element) -> None:
    drawn = next(math.iterancestors("mjx-container"), math)
    is_display = "block" in {math.get("display"), drawn.get("display")}
    _become(drawn, tex_of(math), is_display=is_display)


def _become(element: etree._Element, tex: str, *, is_display: bool) -> None:
    tail = element.tail
    for child in list(element):
        element.remove(child)
    element.attrib.clear()
    element.tag, element.tail = ("pre" if is_display else "code"), tail
    element.text = "\n".join(line.strip() for line in tex.splitlines() if line.strip())
    element.set("data-docbot-math", "")
