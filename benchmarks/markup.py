"""What a text in Markdown holds, whoever wrote it: one reader, CommonMark with tables, for all."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from benchmarks.reference import words_of

_STATED_ANCHOR = re.compile(r"\s*\{#([^\s{}]+)\}\s*$")
_BLOCK_ENDS = frozenset({"softbreak", "hardbreak"})


@dataclass(frozen=True, slots=True)
class Fence:
    text: str
    language: str  # the first word after the fence's marks


@dataclass(frozen=True, slots=True)
class Heading:
    words: str
    anchors: tuple[str, ...]  # stated behind it, or where its links lead on a page


@dataclass(frozen=True, slots=True)
class Markup:
    """`quotations` and `tables` (rows of cells) are words; `words` are all of the text in order."""

    fences: tuple[Fence, ...]
    headings: tuple[Heading, ...]
    tables: tuple[tuple[tuple[str, ...], ...], ...]
    links: tuple[str, ...]
    quotations: tuple[tuple[str, ...], ...]
    words: tuple[str, ...]


def read_markdown(text: str) -> Markup:
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    return Markup(
        fences=tuple(_fences(tokens)),
        headings=tuple(_headings(tokens)),
        tables=tuple(_tables(tokens)),
        links=tuple(href for token in tokens for href in _links(token)),
        quotations=tuple(_quotations(tokens)),
        words=tuple(_words(tokens)),
    )


def _fences(tokens: Sequence[Token]) -> Iterator[Fence]:
    for token in tokens:
        if token.type in {"fence", "code_block"}:
            yield Fence(token.content, token.info.strip().split(" ")[0] if token.info else "")


def _headings(tokens: Sequence[Token]) -> Iterator[Heading]:
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            text = _text(inline)
            stated = _STATED_ANCHOR.search(inline.content)  # before "__" in it means anything
            targets = [href.partition("#")[2] for href in _links(inline)]
            anchors = [stated[1]] if stated else [unquote(target) for target in targets if target]
            yield Heading(" ".join(words_of(_STATED_ANCHOR.sub("", text))), tuple(anchors))


def _tables(tokens: Sequence[Token]) -> Iterator[tuple[tuple[str, ...], ...]]:
    rows: list[list[str]] = []
    for token in tokens:
        if token.type == "table_open":
            rows = []
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "inline" and rows:
            rows[-1].append(" ".join(words_of(_text(token))))
        elif token.type == "table_close":
            yield tuple(tuple(row) for row in rows)
            rows = []


def _links(token: Token) -> Iterator[str]:
    for child in token.children or ():
        if child.type == "link_open":
            yield str(child.attrGet("href") or "")


def _quotations(tokens: Sequence[Token]) -> Iterator[tuple[str, ...]]:
    for start, token in enumerate(tokens):
        if token.type == "blockquote_open":
            end = next(
                i
                for i in range(start, len(tokens))
                if tokens[i].type == "blockquote_close" and tokens[i].level == token.level
            )
            yield tuple(_words(tokens[start:end]))


def _words(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in {"fence", "code_block"}:
            yield from words_of(token.content)
        elif token.type == "inline":
            yield from words_of(_STATED_ANCHOR.sub("", _text(token)))


def _text(inline: Token) -> str:
    return "".join(
        "\n" if child.type in _BLOCK_ENDS else child.content
        for child in inline.children or ()
        if child.type != "html_inline"
    )
