"""Footnotes and citations: `[^label]` where they are called, and marked blocks where they stand.

Sphinx, Python-Markdown, GitHub's Markdown and Pandoc differ in all but this: a link that says what
it is leads to an element on the same page, and that element leads back.
"""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from lxml import etree

from docbot.knowledge.html.tree import attribute, classes, line_of, remove, select

_CALL_CLASSES = frozenset(
    {"footnote", "footnote-ref", "footnote-reference", "citation-reference", "footnoteRef"}
)
_NOTE_ROLES = frozenset({"doc-footnote", "doc-biblioentry", "doc-endnote"})
_BACK = (
    ".//a[@role='doc-backlink' or @data-footnote-backref or contains(@class, 'footnote-back')"
    " or contains(@class, 'fn-backref') or contains(@class, 'reversefootnote')]"
)
_TABLES = (
    ".//table[contains(@class, 'footnote') or contains(@class, 'citation')]"
    "[count(.//tr) = 1][.//tr/td[@class = 'label']][count(.//tr/td) = 2]"
)
# mdBook writes nothing on its links back but where they lead.
_ARROW = re.compile("[\u2190-\u21ff\u2b00-\u2bff\ufe0e\ufe0f]+\\d*")


def mark_footnotes(main: etree._Element) -> None:
    """Write calls as text, and set `data-docbot-footnote` on each note to its label."""
    for table in select(main, _TABLES):
        _write_as_list(table)
    places = {attribute(place, "id"): place for place in select(main, ".//*[@id]")}
    labels: dict[etree._Element, str] = {}
    for call in [link for link in main.iter("a") if attribute(link, "href").startswith("#")]:
        place = places.get(unquote(attribute(call, "href")[1:]))
        note = _note_at(place) if _is_call(call) or _is_citation(call, place) else None
        label = "".join(line_of(call).strip("[]").split())
        if note is not None and label:
            labels.setdefault(note, label)
            _write_call(call, labels[note])
    for note in select(main, ".//*[@role]"):
        own = next((part for part in note if "label" in classes(part)), None)
        if attribute(note, "role") in _NOTE_ROLES and own is not None:
            labels.setdefault(note, line_of(own).strip("[] "))
    for note, label in labels.items():
        _mark_note(note, label)


def _write_as_list(table: etree._Element) -> None:
    """Write a note as docutils does since 2019; before, it was a table of its label and text."""
    label, text = select(table, ".//td")[:2]
    for part in list(table):
        table.remove(part)
    anchor, label.tail, text.tail = attribute(table, "id"), None, None
    for links_back in select(text, "./em[a[contains(@class, 'fn-backref')]]"):
        remove(links_back)
    table.tag, label.tag, text.tag = "dl", "dt", "dd"
    label.set("id", anchor)
    table.extend([label, text])


def _is_call(link: etree._Element) -> bool:
    signs = [link, *link.iterancestors("sup")]
    return link.get("data-footnote-ref") is not None or any(
        sign.get("role") == "doc-noteref" or not _CALL_CLASSES.isdisjoint(classes(sign))
        for sign in signs
    )


def _is_citation(link: etree._Element, place: etree._Element | None) -> bool:
    return place is not None and place.get("role") in _NOTE_ROLES and line_of(link)[:1] == "["


def _note_at(place: etree._Element | None) -> etree._Element | None:
    """Return the note at an anchor: what stands there, or the definition that follows the term."""
    if place is None:
        return None
    if place.tag in {"dt", "span"}:
        term = place if place.tag == "dt" else place.getparent()
        following = term.getnext() if term is not None and term.tag == "dt" else None
        return following if following is not None and following.tag == "dd" else None
    return place if place.tag in {"li", "aside", "div", "p"} else None


def _write_call(call: etree._Element, label: str) -> None:
    for child in list(call):
        call.remove(child)
    call.attrib.clear()
    call.tag, call.text = "span", f"[^{label}]"


def _mark_note(note: etree._Element, label: str) -> None:
    for part in list(_only_for_moving(note)):
        if (before := part.getprevious()) is not None and before.tail:
            before.tail = before.tail.rstrip()  # a space that cannot break stands before an arrow
        remove(part)
    listing = note.getparent()
    if listing is not None and listing.tag in {"ol", "ul", "dl"}:
        listing.tag = "div"
        for term in list(listing.iterchildren("dt")):
            remove(term)
    note.tag = "div"
    note.attrib.clear()
    note.set("data-docbot-footnote", label)


def _only_for_moving(note: etree._Element) -> Iterator[etree._Element]:
    """Its label, and the links back to where it was called."""
    for part in note.iterchildren("span"):
        if {"label", "backrefs", "brackets"} & set(classes(part)):
            yield part
    arrows = [link for link in note.iter("a") if _ARROW.fullmatch(line_of(link))]
    for link in dict.fromkeys([*select(note, _BACK), *arrows]):
        outer = link.getparent()
        around = outer if outer is not None and outer.tag == "sup" else link
        if not any("label" in classes(outer) for outer in around.iterancestors("span")):
            yield around
