"""What generators of manuals, DocBook, Texinfo and AsciiDoc, write in ways of their own."""

from lxml import etree

from docbot.knowledge.html.tree import attribute, classes, line_of, remove, select

# They may stand at the end of a manual of one page.
_INDEXES = (
    ".//div[@class='index'][descendant::*[@class='indexdiv']]"
    " | .//table[starts-with(@class, 'index-')] | .//table[contains(@class, '-letters-header-')]"
)
_LEAST_SHARE_OF_INDEX = 0.8  # of the text of a page that is an index
# AsciiDoc before Asciidoctor names the kind in the first cell, DocBook by its icon.
_REMARKS_IN_TABLES = (
    ".//div[contains(@class, 'admonitionblock')][table]"
    " | .//div[@class='note' or @class='tip' or @class='warning' or @class='caution'"
    " or @class='important'][table[contains(@summary, ':') or @summary='Note' or @summary='Tip'"
    " or @summary='Warning' or @summary='Caution' or @summary='Important']]"
)
_KINDS = frozenset({"note", "tip", "warning", "caution", "important"})


def drop_indexes(main: etree._Element) -> None:
    """Drop an index of all names, with the page where it is all of the page."""
    indexes = select(main, _INDEXES)
    length = sum(len(line_of(index)) for index in indexes)
    if indexes and length > _LEAST_SHARE_OF_INDEX * len(line_of(main)):
        main.clear()
    for index in indexes:
        remove(index)


def unwrap_remarks(main: etree._Element) -> None:
    """Make plain blocks of the tables that set a remark beside its icon."""
    for remark in select(main, _REMARKS_IN_TABLES):
        cells = select(remark, "./table[1]/descendant::td")
        contents = cells[-1] if len(cells) > 1 else None
        table = remark.find("table")
        if contents is None or table is None:
            continue
        kind = next((name for name in classes(remark) if name in _KINDS), "")
        title = line_of(cells[0]) or _alt_of(cells[0]).strip("[]")
        remark.replace(table, contents)
        contents.tag, contents.tail = "div", None
        remark.set("class", f"admonition {kind or title.lower()}")
        for heading in select(remark, "./*[self::h2 or self::h3 or self::h4]"):
            remove(heading)


def _alt_of(cell: etree._Element) -> str:
    return next((attribute(picture, "alt") for picture in cell.iter("img")), "")
