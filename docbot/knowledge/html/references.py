"""What the generators of API references, Doxygen and javadoc, write in ways of their own.

Signatures and examples become blocks of code, tables and lists that only place things become
what they show.
"""

import re

from lxml import etree

from docbot.knowledge.html.tree import attribute, classes, hollow, line_of, remove, select

_LISTS_OF_SECTIONS = (
    "descendant::*[self::ul or self::ol][li/section[h1 or h2 or h3 or h4]][not(li/p)]"
)
_REMARKS = (
    "descendant::dl[@class='section note' or @class='section warning'"
    " or @class='section attention' or @class='section important']"
)
_WAYS_TO_MORE = (
    "descendant::div[@class='contents']"
    "/descendant::a[.='More...' or .='Go to the source code of this file.']"
)
_OPENING = re.compile(r"\s*\(\s*")
_CLOSING = re.compile(r"\s+(?=\))")
_POINTER = re.compile(r"([*&]) (?=\w)")


def settle_references(main: etree._Element) -> None:
    for table in _of_class(main, "summary-table"):
        _write_grid(table)
    for signature in _of_class(main, "member-signature") + _of_class(main, "type-signature"):
        hollow(signature, "pre", line_of(signature))
        signature.set("data-language", "java")
    for tabs in _of_class(main, "table-tabs"):  # each shows some rows of one table
        remove(tabs)
    for listing in select(main, _LISTS_OF_SECTIONS):
        for item in listing.iterchildren("li"):
            item.tag = "div"
        listing.tag = "div"
    _settle_doxygen(main)


def _settle_doxygen(main: etree._Element) -> None:
    for title in select(main, "descendant::div[@class='headertitle']/div[@class='title']"):
        title.tag = "h1"
    for links in select(main, "descendant::div[@class='header']/div[@class='summary']"):
        remove(links)
    for tip in _of_class(main, "ttc"):  # shown when a name of an example is pointed at
        remove(tip)
    for example in select(main, "descendant::div[@class='fragment']"):
        example.tag = "pre"
        for line in example.iterchildren("div"):
            line.tail = None  # each line ends one already
    for remark in select(main, _REMARKS):
        _write_admonition(remark)
    for signature in select(main, "descendant::table[@class='memname']"):
        hollow(signature, "pre", _tidy(line_of(signature)))
    for table in select(main, "descendant::dl/dd/table[@class='params' or @class='exception']"):
        _list_parameters(table)
    for link in select(main, _WAYS_TO_MORE):
        remove(link)
    for table in select(main, "descendant::table[@class='memberdecls']"):
        _write_members(table)


def _write_admonition(remark: etree._Element) -> None:
    remark.tag = "div"
    remark.set("class", attribute(remark, "class").replace("section", "admonition"))
    for part in remark:
        if part.tag == "dt":
            part.set("class", "admonition-title")
        part.tag = "div"


def _of_class(main: etree._Element, name: str) -> list[etree._Element]:
    found = select(main, f"descendant::div[contains(@class, '{name}')]")
    return [element for element in found if name in classes(element)]


def _tidy(signature: str) -> str:
    opened = _OPENING.sub("(", signature, count=1)
    return _POINTER.sub(r"\1", _CLOSING.sub("", opened))


def _write_grid(grid: etree._Element) -> None:
    """Make a table of cells that stand one after the other, its header first."""
    cells = list(grid)
    width = sum("table-header" in classes(cell) for cell in cells)
    if width == 0:
        return
    grid.tag = "table"
    for start in range(0, len(cells), width):
        row = etree.SubElement(grid, "tr")
        for cell in cells[start : start + width]:
            cell.tag, cell.tail = "td" if start else "th", None
            row.append(cell)


def _list_parameters(table: etree._Element) -> None:
    """Make a list of a table that sets each parameter's name beside what it is."""
    table.tag = "ul"
    rows = select(table, "descendant::tr")
    for part in list(table):
        table.remove(part)
    for row in rows:
        row.tag = "li"
        table.append(row)
        for cell in row.iterchildren("td"):
            is_name = "paramname" in classes(cell) or "paramdir" in classes(cell)
            cell.tag, cell.tail = ("strong" if is_name else "span"), " "
            if "paramname" in classes(cell):
                cell.tail = ": "


def _write_members(table: etree._Element) -> None:
    """Make paragraphs of a table with a line for each member and one for what it does."""
    table.tag = "div"
    for row in select(table, "descendant::tr"):
        kind = attribute(row, "class").partition(":")[0]
        if kind == "separator":
            remove(row)
            continue
        row.tag = "div" if kind == "heading" else "p"
        for cell in row.iterchildren("td"):
            cell.tag = "div" if kind == "heading" else "span"
