"""Which part of a page holds its own text.

A known theme is asked for its place; any other page is judged by its landmarks and by where its
text stands, since a landmark may wrap a teaser alone, or a sidebar with the text.
"""

from dataclasses import dataclass

from lxml import etree

from docbot.knowledge.html import themes
from docbot.knowledge.html.tree import HEADINGS, attribute, remove, select

_SIGNS_OF_TEXT = frozenset({*HEADINGS, "pre"})
_CONTAINERS = frozenset(
    [
        "body",
        "main",
        "article",
        "section",
        "div",
        "center",
        "td",
        "tr",
        "tbody",
        "table",
        "ul",
        "ol",
        "dl",
        "form",
        "font",
    ]
)
# Of what stands in the landmark around it, or on the page.
_LEAST_SHARE = 0.3
_LEAST_SHARE_OF_MAIN = 0.1  # a page says by it what is its main part, however short
_SHARE_OF_ONE_AMONG_SEVERAL = 0.95
_NAVIGATION_LINKS = 3
_NAVIGATION_SHARE = 0.6  # of its text lies in links
_LEAST_PROSE = 150  # characters; a page of links alone has no text to find by its density


@dataclass(frozen=True, slots=True)
class _Weight:
    """How much text an element holds, outside of what is navigation by its tag or role."""

    text: int = 0  # characters
    linked: int = 0  # of them in links
    links: int = 0

    @property
    def prose(self) -> int:
        return self.text - self.linked


_NOTHING = _Weight()


def find_main(root: etree._Element) -> etree._Element:
    """Find the part of the page that holds its text; the body when nothing tells.

    Lists of links that stand beside it are taken out of the tree.
    """
    for path in themes.MAIN_PATHS:
        found = select(root, path)
        if len(found) == 1 and _has_text(found[0]):
            return found[0]
    body = root.find("body")
    whole = root if body is None else body
    weights = _weigh(whole)
    main = _landmark(whole, weights)
    main = whole if main is None else _with_its_head(main)
    _clear_around_text(main, weights)
    return main


def _with_its_head(main: etree._Element) -> etree._Element:
    """Take in a header that stands before the text and alone holds its title: a hero, an index."""
    parent = main.getparent()
    if parent is None or parent.tag == "body" or main.find(".//h1") is not None:
        return main
    headers = main.itersiblings("header", preceding=True)
    return parent if any(map(_is_head_of_text, headers)) else main


def _is_head_of_text(header: etree._Element) -> bool:
    """Tell a page's own title from the site's, which is linked, or stands beside its navigation."""
    title = header.find(".//h1")
    is_of_site = header.get("role") is not None or header.find(".//nav") is not None
    return title is not None and title.find(".//a[@href]") is None and not is_of_site


def _has_text(element: etree._Element) -> bool:
    return any(str(text).strip() for text in element.itertext("*"))


def _weigh(whole: etree._Element) -> dict[etree._Element, _Weight]:
    """Weigh every element that may hold others, in one pass."""
    text = linked = links = depth_in_link = 0
    weights: dict[etree._Element, _Weight] = {}
    begun: list[tuple[etree._Element, _Weight]] = []
    walk = etree.iterwalk(whole, events=("start", "end"))
    for event, element in walk:
        if event == "start":
            if themes.is_apart(element) and element is not whole:
                walk.skip_subtree()
                continue
            if element.tag in _CONTAINERS or element is whole:
                begun.append((element, _Weight(text, linked, links)))
            if element.tag == "a":
                depth_in_link += 1
                links += 1
            length = _length(element.text)
        else:
            if element.tag == "a":
                depth_in_link -= 1
            if begun and begun[-1][0] is element:
                before = begun.pop()[1]
                weights[element] = _Weight(
                    text - before.text, linked - before.linked, links - before.links
                )
            length = _length(element.tail)
        text += length
        linked += length if depth_in_link else 0
    return weights


def _length(text: str | None) -> int:
    return len(text.strip()) if text else 0


def _landmark(
    whole: etree._Element, weights: dict[etree._Element, _Weight]
) -> etree._Element | None:
    for path in themes.LANDMARK_PATHS:
        found = [element for element in select(whole, path) if weights.get(element, _NOTHING).text]
        if not found:
            continue
        best = max(found, key=lambda element: weights[element].text)
        if len(found) > 1:
            least = _SHARE_OF_ONE_AMONG_SEVERAL
        else:
            least = _LEAST_SHARE_OF_MAIN if _is_main(best) else _LEAST_SHARE
        outer = next(filter(_is_main, best.iterancestors()), whole)
        if _holds(weights[best], weights.get(outer, _NOTHING), least):
            return best
    return None


def _is_main(element: etree._Element) -> bool:
    return element.tag == "main" or element.get("role") == "main"


def _holds(part: _Weight, whole: _Weight, share: float) -> bool:
    return part.prose >= share * whole.prose or part.text >= share * whole.text


def _clear_around_text(main: etree._Element, weights: dict[etree._Element, _Weight]) -> None:
    """Take out lists of links beside the column in which the text stands."""
    column: etree._Element | None = main
    if weights.get(main, _NOTHING).prose < _LEAST_PROSE:
        return
    while column is not None and not _is_column(column):
        parts = [part for part in column if part in weights]
        heaviest = max(parts, key=lambda part: weights[part].prose, default=None)
        if heaviest is None or 2 * weights[heaviest].prose < weights[column].prose:
            return
        for part in parts:
            if part is not heaviest and _is_navigation(part, weights[part]):
                remove(part)
        column = heaviest


def _is_column(element: etree._Element) -> bool:
    """Tell whether text stands right in it, not in some part of it."""
    tags = [child.tag for child in element]
    return not _SIGNS_OF_TEXT.isdisjoint(tags) or tags.count("p") > 1


def _is_navigation(part: etree._Element, weight: _Weight) -> bool:
    return (
        weight.links >= _NAVIGATION_LINKS
        and weight.linked >= _NAVIGATION_SHARE * weight.text
        and part.find(".//h1") is None
        and not attribute(part, "role").startswith("tab")
    )
