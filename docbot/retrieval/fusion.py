"""From hits to an order: each side of a search rates pages, both are added up, then come chunks.

Pure functions over raw scores. What each constant is worth, and what was tried beside it, stands
in docs/retrieval.md.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from docbot.db.chunks import ChunkPlace
from docbot.retrieval.stages import ALL_STAGES, Stages
from docbot.retrieval.store import Hit

# What a page's best chunks add to its score: a page on the subject has several.
_CHUNK_SHARES = (1.0, 0.4, 0.2, 0.1)
_BEST_CHUNK_ONLY = (1.0,)
# Of each side; what lies below adds nothing to a page, or long pages would gather it.
_CHUNKS_A_SIDE = 200
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


def rank_pages(
    hits: Sequence[Hit], places: Mapping[int, ChunkPlace], stages: Stages = ALL_STAGES
) -> list[RankedPage]:
    """Rank the pages of the hits by what each side holds of them.

    Each side rates a page by its best four chunks, in what they lie above the lowest of its 200
    best; the dense side also by how near all its chunks are. Each rating counts in standard
    deviations over these pages. Within a page the sum of both sides orders the chunks.

    Args:
        hits: candidates of one search, no chunk twice.
        places: by chunk id; hits that are missing here are left out.
        stages: those that take part.

    Returns:
        best page first, ties by page id; the lowest scores 0.
    """
    known = [hit for hit in hits if hit.chunk in places]
    chunks: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    for chunk, score in combine(known):
        chunks[places[chunk].page].append((chunk, score))
    ratings = _ratings(known, places, stages)
    totals = {page: math.fsum(rating[page] for rating in ratings) for page in chunks}
    floor = min(totals.values(), default=0.0)
    pages = [RankedPage(page, totals[page] - floor, tuple(own)) for page, own in chunks.items()]
    return sorted(pages, key=lambda page: (-page.score, page.page))


def order_chunks(pages: Sequence[RankedPage], limit: int) -> list[tuple[int, float]]:
    """Return the `limit` chunks to show with the scores that order them, best first.

    A page's best chunk stands at the page's score; each further one below it, by how far it is
    behind the best among all chunks of these pages.

    Args:
        pages: best first.
        limit: 1 and up.
    """
    floor = _floor(pages)
    # So many pages have so many best chunks, and no chunk stands above its page.
    least = min((page.score for page in pages[:limit]), default=0.0)
    ordered = [
        (shown, score, chunk)
        for page in pages
        if page.score >= least
        for (chunk, score), shown in zip(page.chunks, _shown(page, floor), strict=True)
    ]
    ordered.sort(key=lambda each: (-each[0], -each[1], each[2]))
    return [(chunk, shown) for shown, _, chunk in ordered[:limit]]


def without_chunks(pages: Sequence[RankedPage], left_out: Collection[int]) -> list[RankedPage]:
    """Rank pages anew by the chunks that are not left out; one without any comes last.

    A page stands at the score of its best chunk as `order_chunks` shows it.
    """
    floor = _floor(pages)

    def standing(page: RankedPage) -> float:
        if page.chunks[0][0] not in left_out:
            return page.score
        shown = zip(page.chunks, _shown(page, floor), strict=True)
        return max((each for (chunk, _), each in shown if chunk not in left_out), default=-1.0)

    return sorted(pages, key=lambda page: -standing(page)) if left_out else list(pages)


def _floor(pages: Collection[RankedPage]) -> float:
    return min((page.chunks[-1][1] for page in pages), default=0.0)


def _shown(page: RankedPage, floor: float) -> list[float]:
    """Give the scores that order a page's chunks among those of all pages."""
    best = page.chunks[0][1] - floor
    return [
        page.score * _NEXT_CHUNK**place * _share(score - floor, best)
        for place, (_, score) in enumerate(page.chunks)
    ]


def _ratings(
    hits: Sequence[Hit], places: Mapping[int, ChunkPlace], stages: Stages
) -> list[dict[int, float]]:
    """Rate every page in standard deviations, once for each side, and for its focus."""
    dense = _excess([(hit.chunk, hit.dense) for hit in hits if hit.dense is not None])
    if stages.sides:
        sides = [_excess([(hit.chunk, hit.lexical) for hit in hits if hit.lexical]), dense]
    else:
        sides = [_excess(combine(hits), len(hits))]
    pages = {places[hit.chunk].page: places[hit.chunk].chunks for hit in hits}
    shares = _CHUNK_SHARES if stages.several_chunks else _BEST_CHUNK_ONLY
    ratings = [_rated(pages, _best(side, places, shares)) for side in sides if side]
    if stages.focus and dense:
        focus = _focus(dense, places, pages)
        rated = _rated(pages, focus)
        ratings.append({page: stages.focus * rating for page, rating in rated.items()})
    return ratings


def _excess(
    scored: Sequence[tuple[int, float]], most: int = _CHUNKS_A_SIDE
) -> list[tuple[int, float]]:
    """Give the best chunks of one side, best first, with what they lie above the last of them."""
    best = sorted(scored, key=_best_first)[:most]
    return [(chunk, score - best[-1][1]) for chunk, score in best]


def _best(
    excess: Sequence[tuple[int, float]],
    places: Mapping[int, ChunkPlace],
    shares: Sequence[float],
) -> dict[int, float]:
    counted: defaultdict[int, int] = defaultdict(int)
    scores: defaultdict[int, float] = defaultdict(float)
    for chunk, score in excess:
        page = places[chunk].page
        if counted[page] < len(shares):
            scores[page] += shares[counted[page]] * score
            counted[page] += 1
    return scores


def _focus(
    excess: Sequence[tuple[int, float]],
    places: Mapping[int, ChunkPlace],
    chunks_of: Mapping[int, int],
) -> dict[int, float]:
    scores: defaultdict[int, float] = defaultdict(float)
    for chunk, score in excess:
        page = places[chunk].page
        scores[page] += score / chunks_of[page]
    return scores


def _rated(pages: Collection[int], scores: Mapping[int, float]) -> dict[int, float]:
    ordered = list(pages)
    rated = _standardised([scores.get(page, 0.0) for page in ordered])
    return dict(zip(ordered, rated, strict=True))


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0 else 1.0


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
