"""How much of a page a converter kept: the rules, the same for all.

- code: a fenced or indented block has the text, byte for byte but for blank lines at its beginning
  and white space at its end;
- languages, of the blocks whose language the page says: a block with the same words has it;
- tables: a table has each row of the page's, with the words of each cell in a cell, in order; a
  header of two rows may have become one that has the words of both;
- links: a link leads to the same absolute address;
- anchors: a heading with these words states its anchor, or links to it;
- admonitions: a quotation begins with the kind and title, then come its first words;
- tabs: a tab's name stands right before the first words of its panel;
- words: those of the article, in any order, each as often as there;
- navigation: of the lines around the article, those whose words stand in the text.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from urllib.parse import unquote

from benchmarks.markup import Markup
from benchmarks.reference import Admonition, Code, Reference, Tab, language, words_of

COLUMNS = (
    *("code", "languages", "tables", "links", "anchors", "admonitions", "tabs", "words"),
    "navigation",
)
Found = dict[str, list[bool]]
_MOST_BEFORE = 3  # words between the end of an admonition's title and its own


def judge(page: Reference, kept: Markup) -> dict[str, tuple[int, int]]:
    """Return for each column how many were found, and of how many."""
    text = f" {' '.join(kept.words)} "
    judged: dict[str, Iterable[bool]] = {
        "code": _codes(page.codes, kept),
        "languages": _languages(page.codes, kept),
        "tables": [_is_table_kept(table, kept.tables) for table in page.tables],
        "anchors": _anchors(page.headings, kept),
        "admonitions": [_is_admonition_kept(one, kept.quotations) for one in page.admonitions],
        "tabs": [_is_tab_kept(tab, text) for tab in page.tabs],
        "navigation": [f" {line} " in text for line in page.navigation],
    }
    found = {name: _counted(list(column)) for name, column in judged.items()}
    found["links"] = _in_common(map(_address, page.links), map(_address, kept.links))
    found["words"] = _in_common(page.words, kept.words)
    return found


def _counted(column: Sequence[bool]) -> tuple[int, int]:
    return sum(column), len(column)


def _in_common(expected: Iterable[str], kept: Iterable[str]) -> tuple[int, int]:
    wanted = Counter(expected)
    return (wanted & Counter(kept)).total(), wanted.total()


def stripped(code: str) -> str:
    return re.sub(r"\A(?:[ \t]*\n)+", "", code).rstrip()


def _codes(codes: Sequence[Code], kept: Markup) -> list[bool]:
    left = Counter(stripped(fence.text) for fence in kept.fences)
    found = []
    for code in codes:
        text = next((t for t in map(stripped, code.texts) if left[t]), None)
        if text is not None:
            left[text] -= 1
        found.append(text is not None)
    return found


def _languages(codes: Sequence[Code], kept: Markup) -> list[bool]:
    left = Counter((" ".join(words_of(f.text)), language(f.language)) for f in kept.fences)
    found = []
    for code in codes:
        if code.language:
            forms = [(" ".join(words_of(text)), code.language) for text in code.texts]
            form = next((form for form in forms if left[form]), None)
            if form is not None:
                left[form] -= 1
            found.append(form is not None)
    return found


def _is_table_kept(
    table: Sequence[Sequence[str]], tables: Sequence[Sequence[Sequence[str]]]
) -> bool:
    return any(
        _has_rows(candidate, table) or _has_header_of_two(candidate, table) for candidate in tables
    )


def _has_header_of_two(candidate: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> bool:
    return (
        len(rows) > 2
        and has_cells_within(rows[0], candidate[0])
        and has_cells_within(rows[1], candidate[0])
        and _has_rows(candidate[1:], rows[2:])
    )


def has_cells_within(row: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether each of the row's cells stands within one of the other's, in order."""
    position = iter(other)
    return all(any(f" {cell} " in f" {one} " for one in position) for cell in row if cell)


def _has_rows(candidate: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> bool:
    position = iter(candidate)
    return all(any(_is_within(row, other) for other in position) for row in rows)


def _is_within(row: Sequence[str], other: Sequence[str]) -> bool:
    """Tell whether the row's cells stand there in order; what spans rows may stand there again."""
    position = iter(other)
    return all(any(cell == one for one in position) for cell in row if cell)


def _anchors(headings: Sequence[tuple[str, str]], kept: Markup) -> list[bool]:
    left = Counter(
        (heading.words, anchor) for heading in kept.headings for anchor in set(heading.anchors)
    )
    found = []
    for heading in headings:
        found.append(left[heading] > 0)
        left[heading] -= 1
    return found


def _is_admonition_kept(admonition: Admonition, quotations: Sequence[Sequence[str]]) -> bool:
    first = admonition.first_words.split()
    letters = admonition.title.replace(" ", "")
    for words in quotations:
        longest = 1 + len(admonition.title.split()) + _MOST_BEFORE
        for start in range(min(longest, len(words)) + 1):
            head = "".join(words[:start])
            if (
                list(words[start : start + len(first)]) == first
                and admonition.kind in head
                and letters in head
            ):
                return True
    return False


def _is_tab_kept(tab: Tab, text: str) -> bool:
    return f" {tab.label} {tab.first_words}".rstrip() + " " in text


def _address(href: str) -> str:
    return unquote(href).rstrip("#")
