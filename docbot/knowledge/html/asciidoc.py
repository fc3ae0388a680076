"""What Asciidoctor, and Antora on it, write as tables that only place things, becomes what it shows."""

from lxml import etree

from docbot.knowledge.html.tree import classes, hollow, line_of, remove, select, written_line_of

_BLOCKS = "descendant::div[contains(@class, 'admonitionblock') or contains(@class, 'colist')]"


def settle_asciidoc(main: etree._Element) -> None:
    for block in select(main, _BLOCKS):
        if "admonitionblock" in classes(block):
            _write_admonition(block)
        elif (notes := block.find("./table")) is not None:
            _write_callouts(notes)


def _write_admonition(block: etree._Element) -> None:
    """Write the kind, which an icon shows, as the title; a title of its own stays within."""
    cells = select(block, "./table/tr/td|./table/tbody/tr/td")
    kind = next((name for name in classes(block) if name != "admonitionblock"), "")
    if len(cells) != 2 or not kind:
        return
    content = cells[1]
    content.tag, content.tail = "div", None
    hollow(block, "div")
    block.set("class", f"admonition {kind}")
    title = next((part for part in content if "title" in classes(part)), None)
    if title is not None:
        shown = etree.SubElement(block, "p")
        shown.set("class", "admonition-title")
        shown.text = written_line_of(title)
        remove(title)
    block.append(content)


def _write_callouts(notes: etree._Element) -> None:
    """Make a numbered list of the notes on lines of code."""
    rows = select(notes, "descendant::tr")
    for part in list(notes):
        notes.remove(part)
    notes.tag = "ol"
    for row in rows:
        row.tag, row.tail = "li", None
        number = next(iter(row), None)
        if number is not None and line_of(number).isdecimal():
            row.remove(number)
        for cell in row:
            cell.tag = "div"
        notes.append(row)
