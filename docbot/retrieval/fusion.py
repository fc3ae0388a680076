"""From hits to an order: both sides of a search added up, then pages, then their chunks.

Pure functions over raw scores; constants were chosen on two documentation sites.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from docbot.retrieval.store import Hit

# What a page's best chunks add to its score. Rating a page by its best chunk alone found .05 and
# .07 fewer pages among the first five: a page on the subject has several. Of chunks of 200 to 500
# tokens it has more than of those of 200 words, for which (1.0, 0.3, 0.1) was chosen; with those
# shares .01 and .03 fewer pages came first.
_CHUNK_SHARES = (1.0, 0.4, 0.2, 0.1)
# A page's next chunk stands behind other pages' best ones unless it is nearly as good as the
# one before it, so that the first few passages show several pages.
_NEXT_CHUNK = 0.6


@dataclass(frozen=True, slots=True)
class RankedPage:
    """A page with its hit chunks and their scores, best first; `score` is 0 and up."""

    page: int
    score: float
    chunks: tuple[tuple[int, float], ...]


def combine(hits: Sequence[Hit]) -> list[tuple[int, float]]:
    """Add both sides of each hit, each counted in standard deviations over these hits.

    Adding what is scaled beats adding ranks (by .07 and .04 of pages among the first five):
    a score that stands far above the rest keeps its distance.

    Args:
        hits: candidates of one search, no chunk twice. A hit without a dense score counts as
            an average one there; if none has one, the lexical side decides alone.

    Returns:
        (chunk id, score), best first, ties by id; the scores' mean is 0 and they only order.
    """
    lexical = _standardised([hit.lexical for hit in hits])
    dense = _standardised([hit.dense for hit in hits])
    scored = [
        (hit.chunk, left + right) for hit, left, right in zip(hits, lexical, dense, strict=True)
    ]
    return sorted(scored, key=_best_first)


def rank_pages(scored: Sequence[tuple[int, float]], page_of: Mapping[int, int]) -> list[RankedPage]:
    """Rank pages by their best four chunks.

    Args:
        scored: (chunk id, score) on any scale; the lowest counts as 0, so that a further chunk
            never lowers its page.
        page_of: page id by chunk id; chunks that are missing here are left out.

    Returns:
        best page first, ties by page id.
    """
    floor = min((score for _, score in scored), default=0.0)
    chunks: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    for chunk, score in sorted(scored, key=_best_first):
        if chunk in page_of:
            chunks[page_of[chunk]].append((chunk, score - floor))
    pages = [RankedPage(page, _page_score(own), tuple(own)) for page, own in chunks.items()]
    return sorted(pages, key=lambda page: (-page.score, page.page))


def order_chunks(pages: Collection[RankedPage], limit: int) -> list[tuple[int, float]]:
    """Return the `limit` chunks to show with the scores that order them, best first.

    A page's best chunk stands at the page's score; each further one at its own, cut down.
    """
    ordered = [
        (chunk, page.score if place == 0 else score * _NEXT_CHUNK**place)
        for page in pages
        for place, (chunk, score) in enumerate(page.chunks)
    ]
    return sorted(ordered, key=_best_first)[:limit]


def _page_score(chunks: Sequence[tuple[int, float]]) -> float:
    return sum(share * score for share, (_, score) in zip(_CHUNK_SHARES, chunks, strict=False))


def _standardised(scores: Sequence[float | None]) -> list[float]:
    """Each score's distance from the mean in standard deviations; 0 for None or no spread."""
    known = [score for score in scores if score is not None]
    if not known:
        return [0.0] * len(scores)
    mean = math.fsum(known) / len(known)
    deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in known) / len(known))
    if deviation <= 1e-9 * max(1.0, abs(mean)):  # equal but for rounding
        return [0.0] * len(scores)
    return [0.0 if score is None else (score - mean) / deviation for score in scores]


def _best_first(scored: tuple[int, float]) -> tuple[float, int]:
    return (-scored[1], scored[0])
