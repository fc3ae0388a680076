"""What stands around every page of a site is told from the pages themselves, for themes unknown.

Only the ends of a page are looked at: a banner above its text, a footer beneath. A block is taken
for such when most pages begin or end with it; what stands within a page, code, tables and the
headings that give pages their structure stay, however often they occur; a heading goes only with
all that stands beneath it at the end of a page.
"""

import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from itertools import takewhile

FEWEST_PAGES = 5  # that say the same; below, it may be chance
_AT_EACH_END = 5  # blocks
_LEAST_SHARE = 0.6  # of the site's pages
_FEWEST_WORDS = 3  # "None." ends many a page of an API, and says something there
_LONGEST_BLOCK = 2000  # characters; nobody writes more around a page
_HASH_BYTES = 8
_FENCE = re.compile(r"(`{3,}|~{3,})")
_HEADING = re.compile(r"#{1,6}\s")
_LINK = re.compile(r"\[[^\[\]]+\]\([^()\s]+\)")  # the site's name, above its slogan
# Each page may name the years in which it was written.
_RIGHTS = re.compile(r"\u00a9|\(c\)|copyright", re.IGNORECASE)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b(?:[-, \u2013]+(?:19|20)\d\d\b)*")
# The link to a page's own source or neighbours leads elsewhere on each page.
_TARGET = re.compile(r"\]\([^()\s]*\)")


def edges(markdown: str) -> tuple[bytes, ...]:
    """Return the hashes of what may be boilerplate at a page's ends, each once."""
    blocks = _blocks(markdown)
    trailing = list(_trailing(blocks))
    around = [*_leading(blocks), *trailing, *_heading_above(blocks, trailing)]
    return tuple(dict.fromkeys(_hash(blocks[place]) for place in around))


def repeated(counts: Mapping[bytes, int], pages: int) -> frozenset[bytes]:
    """Choose the boilerplate of a site of so many pages.

    Args:
        counts: on how many pages each of the hashes of `edges` occurs.
        pages: how many pages were counted.
    """
    fewest = max(FEWEST_PAGES, _LEAST_SHARE * pages)
    return frozenset(digest for digest, count in counts.items() if count >= fewest)


def without(markdown: str, repeated: frozenset[bytes]) -> str:
    """Take the boilerplate off a page's ends; the very same text where there is none.

    A page that holds nothing else keeps it.
    """
    if not repeated:
        return markdown
    blocks = _blocks(markdown)

    def is_repeated(place: int) -> bool:
        return _hash(blocks[place]) in repeated

    gone = {*takewhile(is_repeated, _leading(blocks)), *takewhile(is_repeated, _trailing(blocks))}
    kept = [block for place, block in enumerate(blocks) if place not in gone]
    if not gone or all(map(_is_heading, kept)):
        return markdown
    if _is_heading(kept[-1]) and _hash(kept[-1]) in repeated:
        kept.pop()
    return "\n\n".join(kept) + "\n"


def _blocks(markdown: str) -> list[str]:
    """Split a text at the blank lines that lie in no fence, list item or other block."""
    blocks: list[list[str]] = []
    fence = ""
    is_after_blank = True
    for line in markdown.splitlines():
        if not fence and not line.strip():
            is_after_blank = True
            continue
        if is_after_blank and (line[0] != " " or not blocks):
            blocks.append([])
        elif is_after_blank:
            blocks[-1].append("")
        is_after_blank = False
        blocks[-1].append(line)
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif fence and line.strip() == fence:
            fence = ""
    return ["\n".join(lines) for lines in blocks]


def _leading(blocks: list[str]) -> Iterator[int]:
    """Give the places of the first blocks, before the page's heading and right after it."""
    has_heading = False
    for place, block in enumerate(blocks[:_AT_EACH_END]):
        if _is_heading(block) and not has_heading:
            has_heading = True
        elif _may_be_boilerplate(block):
            yield place
        else:
            return


def _trailing(blocks: list[str]) -> Iterator[int]:
    """Give the places of the last blocks, the last one first."""
    for place in range(len(blocks) - 1, max(-1, len(blocks) - 1 - _AT_EACH_END), -1):
        if not _may_be_boilerplate(blocks[place]):
            return
        yield place


def _heading_above(blocks: list[str], trailing: list[int]) -> Iterator[int]:
    """Give the place of the heading under which a page ends: it goes if nothing is left beneath."""
    place = trailing[-1] - 1 if trailing else -1
    if place > 0 and _is_heading(blocks[place]):
        yield place


def _is_heading(block: str) -> bool:
    return bool(_HEADING.match(block))


def _may_be_boilerplate(block: str) -> bool:
    is_prose = not block.startswith(("#", "|", "```", "~~~")) and len(block) <= _LONGEST_BLOCK
    return is_prose and (len(block.split()) >= _FEWEST_WORDS or bool(_LINK.fullmatch(block)))


def _hash(block: str) -> bytes:
    text = _TARGET.sub("]()", block)
    if _RIGHTS.search(text):
        text = _YEAR.sub("", text)
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES).digest()
