"""The signatures of API objects, as Sphinx and its kin list them.

Each becomes a `pre` that carries the object's name, followed by its description as plain blocks.
"""

import re

from lxml import etree

from docbot.knowledge.html.tree import attribute, classes, line_of, select, text_of

# Where a signature shows them; line ends and spaces of its source mean nothing.
_LINE_END = "\u2028"
_INDENT = "\u2029"
_PARAMETER = "docbot-parameter"
_PARAMETERS = re.compile(
    r"(<span class=\"sig-paren\">[(\[]</span>)\s*<dl>((?:(?!<dl\b).)*?)</dl>", re.DOTALL
)
_LANGUAGES = {"py": "python", "js": "js", "c": "c", "cpp": "cpp"}


def unfold_parameters(html: str) -> str:
    """Take the list of parameters, one on each line, out of the term that it stands in.

    A list within a term ends the term for a parser, and so the signature after its first bracket.
    """

    def unfolded(found: re.Match[str]) -> str:
        lines = found[2].replace("<dd>", f'<br><span class="{_PARAMETER}">')
        return f"{found[1]}{lines.replace('</dd>', '</span>')}<br>"

    return _PARAMETERS.sub(unfolded, html)


def list_fields(main: etree._Element) -> None:
    """Write lists of fields as docutils does since 2019; before, they were tables."""
    for table in select(main, ".//table[contains(@class, 'field-list')]"):
        rows = select(table, "./tr|./tbody/tr")
        for part in list(table):
            table.remove(part)
        table.tag = "dl"
        for cell in (cell for row in rows for cell in list(row)):
            cell.tag, cell.tail = ("dt" if cell.tag == "th" else "dd"), None
            cell.attrib.clear()
            table.append(cell)


def mark_signatures(listing: etree._Element) -> None:
    """Turn a list of API objects into signatures followed by plain blocks."""
    signatures = [term for term in listing.iterchildren("dt") if _is_signature(term)]
    depth = 1 + sum(outer.get("data-docbot-level") is not None for outer in listing.iterancestors())
    named = ""
    for term in signatures:
        name = _name(term, listing)
        text = _signature(term)
        anchor, tail = attribute(term, "id"), term.tail
        for child in list(term):
            term.remove(child)
        term.tag, term.text, term.tail = "pre", text, tail
        term.attrib.clear()
        if name != named or anchor:  # else one more way to call the same
            term.set("data-docbot-name", name)
            named = name
        term.set("data-docbot-level", str(depth))
        term.set("data-docbot-language", _language(listing))
        if anchor:
            term.set("id", anchor)
    if signatures:
        listing.tag = "div"
        listing.set("data-docbot-level", str(depth))
        for description in listing.iterchildren("dd"):
            description.tag = "div"


def _is_signature(term: etree._Element) -> bool:
    names = classes(term)
    return "sig" in names or bool(
        term.get("id") and select(term, "./*[contains(@class, 'descname')]|.//*[@class='sig-name']")
    )


def _signature(term: etree._Element) -> str:
    """Return the signature with its lines as they are shown."""
    for parameter in select(term, f".//span[@class='{_PARAMETER}']"):
        parameter.text = _INDENT + (parameter.text or "")
    for line_break in term.iter("br"):
        line_break.text = _LINE_END
    lines = text_of(term).split(_LINE_END)
    return "\n".join(
        ("    " if _INDENT in line else "") + " ".join(line.split())
        for line in lines
        if line.strip()
    )


def _name(term: etree._Element, listing: etree._Element) -> str:
    """Return the object's full name: its id when that is one, else the name as shown."""
    parts = [
        part
        for part in term.iter("span", "code")
        if {"descname", "descclassname"} & set(classes(part))
    ]
    if "cpp" in classes(listing):  # the parameters of a template are written like names
        parts = parts[-1:]
    shown = " ".join("".join(map(text_of, parts)).split())
    anchor = attribute(term, "id")
    if "c" in classes(listing):
        anchor = anchor.removeprefix("c.")
    return anchor if shown and f".{anchor}".endswith(f".{shown}") else shown or line_of(term)


def _language(listing: etree._Element) -> str:
    return next((_LANGUAGES[name] for name in classes(listing) if name in _LANGUAGES), "")
