"""Twins: the same page as Markdown, used where nothing of the page is lost by it. Pure."""

import re
from collections import Counter

from docbot.knowledge.addresses import bare, folded, without_markdown
from docbot.knowledge.pages import Page

_LEAST_WORDS = 0.98  # of the page's words that its twin must have
_WORD = re.compile(r"\w+")
_FENCE = re.compile(r"^ *(`{3,}|~{3,})[^\n]*\n(.*?)^ *\1", re.MULTILINE | re.DOTALL)


def twin_key(markdown_address: str) -> str:
    """Return what the address of a page and that of its twin have in common."""
    return bare(folded(without_markdown(markdown_address)))


def is_as_complete(twin: Page, page: Page) -> bool:
    """Tell whether a twin has the words, the code and the anchors of the page as its site shows it."""
    words, of_page = Counter(_words(twin)), Counter(_words(page))
    if (words & of_page).total() < _LEAST_WORDS * of_page.total():
        return False
    if _code(page) - _code(twin):
        return False
    return _anchors(twin) <= _anchors(page)


def _words(page: Page) -> list[str]:
    return _WORD.findall(page.markdown)


def _code(page: Page) -> set[str]:
    return {
        "\n".join(line.strip() for line in block[2].strip().splitlines())
        for block in _FENCE.finditer(page.markdown)
    }


def _anchors(page: Page) -> set[str]:
    return {piece.url.partition("#")[2] for piece in page.chunks} - {""}
