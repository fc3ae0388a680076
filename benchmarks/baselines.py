"""The plain ways to find a page that docbot is measured against, on the very same chunks.

Plain BM25 (Okapi's usual constants) over lower-cased words, a page rated by its best chunk; and
reciprocal rank fusion (k = 60) of that and of the same vectors.

Sources: Robertson and Zaragoza 2009 (BM25); Cormack, Clarke and Buettcher, SIGIR 2009 (k = 60).
"""

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from docbot.app.rooms import Rooms
from docbot.evaluation.measure import Asking
from docbot.evaluation.questions import Question
from docbot.evaluation.records import Record
from docbot.evaluation.statistics import DRAWS, difference, percentile
from docbot.retrieval.embedder import Embedder
from docbot.retrieval.store import Sparse

Ranks = dict[str, int | None]  # of the first gold page, by question

_K1, _B, _FUSED = 1.5, 0.75, 60
_WITHIN = 5
_SEED = 20_261_122
_WORD = re.compile(r"\w+")
_CHUNKS = """
    SELECT chunks.id, page_id, title, heading_path, text
    FROM chunks JOIN pages ON pages.id = page_id
    WHERE chunks.source_id = $1 AND position IS NOT NULL ORDER BY chunks.id
"""
GROUPS: Final = {
    "airflow": ("airflow",),
    "ray": ("ray",),
    "airflow and ray": ("airflow", "ray"),
    "fastapi": ("fastapi",),
    "vite": ("vite",),
}


class PlainIndex:
    """The chunks of one source by their words."""

    def __init__(self, chunks: Mapping[int, tuple[int, str]]) -> None:
        """Take page and text of each chunk."""
        self.page_of = {chunk: page for chunk, (page, _) in chunks.items()}
        counts = {chunk: Counter(_words(text)) for chunk, (_, text) in chunks.items()}
        lengths = {chunk: words.total() for chunk, words in counts.items()}
        average = math.fsum(lengths.values()) / max(len(lengths), 1)
        self._scores: defaultdict[str, dict[int, float]] = defaultdict(dict)
        for chunk, words in counts.items():
            norm = _K1 * (1 - _B + _B * lengths[chunk] / average)
            for word, count in words.items():
                self._scores[word][chunk] = count * (_K1 + 1) / (count + norm)
        for found in self._scores.values():
            idf = math.log(1 + (len(counts) - len(found) + 0.5) / (len(found) + 0.5))
            for chunk in found:
                found[chunk] *= idf

    def ranking(self, question: str) -> list[int]:
        """Every chunk, the best first; those that hold no word of it last, by id."""
        scores: defaultdict[int, float] = defaultdict(float)
        for word, count in Counter(_words(question)).items():
            for chunk, score in self._scores.get(word, {}).items():
                scores[chunk] += count * score
        return sorted(self.page_of, key=lambda chunk: (-scores[chunk], chunk))


def plain_text(question: Question) -> str:
    """Give a question as it was asked, with all that stands in it."""
    return f"{question.title}\n\n{question.body}".strip()


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


async def plain_index(rooms: Rooms, source_id: int) -> PlainIndex:
    rows = await rooms.pool.fetch(_CHUNKS, source_id)
    return PlainIndex(
        {
            row["id"]: (row["page_id"], " ".join([row["title"], *row["heading_path"], row["text"]]))
            for row in rows
        }
    )


@dataclass(frozen=True, slots=True)
class Baselines:
    """What the plain ways found; `fused` is empty without vectors."""

    plain: Ranks
    fused: Ranks


async def baselines(
    rooms: Rooms, askings: Iterable[Asking], embedder: Embedder | None
) -> Baselines:
    """Ask each answerable question in the plain ways."""
    found = Baselines({}, {})
    known: dict[int, PlainIndex] = {}
    for asking in askings:
        if asking.kind != "answerable":
            continue
        site = asking.site.id
        if site not in known:
            known[site] = await plain_index(rooms, site)
        index = known[site]
        text = plain_text(asking.question)
        by_words = index.ranking(text)
        found.plain[asking.question.id] = _rank(by_words, index.page_of, asking.gold)
        if embedder is not None:
            [vector] = await embedder.embed_questions([text])
            by_meaning = await _by_meaning(rooms, vector, site, len(index.page_of))
            fused = fuse([by_words, by_meaning])
            found.fused[asking.question.id] = _rank(fused, index.page_of, asking.gold)
    return found


async def _by_meaning(
    rooms: Rooms, vector: Sequence[float], source_id: int, limit: int
) -> list[int]:
    index = await rooms.index.reach()
    if index is None:
        return []
    hits = await index.search(Sparse((), ()), vector, [source_id], limit)
    return [hit.chunk for hit in sorted(hits, key=lambda hit: (-(hit.dense or 0.0), hit.chunk))]


def fuse(rankings: Sequence[Sequence[int]]) -> list[int]:
    """Merge rankings by reciprocal rank fusion."""
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, chunk in enumerate(ranking, start=1):
            scores[chunk] += 1 / (_FUSED + rank)
    return sorted(scores, key=lambda chunk: (-scores[chunk], chunk))


def _rank(chunks: Sequence[int], page_of: Mapping[int, int], gold: frozenset[int]) -> int | None:
    """Return the rank of the first gold page, where a page stands at its best chunk."""
    pages = dict.fromkeys(page_of[chunk] for chunk in chunks if chunk in page_of)
    return next((rank for rank, page in enumerate(pages, start=1) if page in gold), None)


def lines(records: Sequence[Record], name: str, ranks: Ranks) -> Iterable[str]:
    """Compare docbot's records with one plain way, paired, by group of sources."""
    for group, sources in GROUPS.items():
        pairs = [
            (_is_found(ranks[each.id]), _is_found(each.rank))
            for each in records
            if each.kind == "answerable" and each.source in sources and each.id in ranks
        ]
        if not pairs:
            continue
        plain, ours = ([pair[side] for pair in pairs] for side in (0, 1))
        change = difference(plain, ours)
        if change is not None:
            yield (
                f"{name:<12} {group:<16} {len(pairs):>4}  {sum(plain) / len(plain):.2f}"
                f" -> {sum(ours) / len(ours):.2f}"
                f"  {change.value:+.2f} [{change.low:+.2f}, {change.high:+.2f}]"
                f"  {_fewer(pairs)}"
            )


def _is_found(rank: int | None) -> float:
    return float(rank is not None and rank <= _WITHIN)


def _fewer(pairs: Sequence[tuple[float, float]]) -> str:
    """How many fewer questions have no gold page among the first five, with its interval."""
    whole = _share_fewer(pairs)
    random = Random(_SEED)  # draws, not secrets
    drawn = [_share_fewer(random.choices(pairs, k=len(pairs))) for _ in range(DRAWS)]
    known = sorted(share for share in drawn if share is not None)
    if whole is None or not known:
        return "none missed"
    low, high = percentile(known, 0.025), percentile(known, 0.975)
    return f"{whole:+.0%} missed [{low:+.0%}, {high:+.0%}]"


def _share_fewer(pairs: Sequence[tuple[float, float]]) -> float | None:
    missed = sum(1 - plain for plain, _ in pairs)
    return sum(1 - ours for _, ours in pairs) / missed - 1 if missed else None
