"""The section around a passage: a long section is cut into chunks, and a model reads it whole.

Pure functions over the chosen chunks and those beside them; a section is what has one address.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from docbot.db.chunks import ChunkBeside
from docbot.knowledge.chunking.tokens import tokens
from docbot.retrieval.passages import Part, Passage

# Chunks before and behind: of the usual 200 to 500 tokens, more than a model is given.
REACH = 4
_MOST = 1_200  # tokens of one section
_GAP = "…"  # where parts between two are left out


def with_sections(passages: Sequence[Passage], beside: Iterable[ChunkBeside]) -> list[Passage]:
    """Give each passage the parts of its section: what is beside it, and what was chosen too."""
    parts: dict[tuple[int, str], dict[int, Part]] = {}
    for one in beside:
        own = parts.setdefault((one.page_id, one.url), {})
        own[one.id] = Part(one.id, one.position, one.heading_path, one.text)
    for passage in passages:
        own = parts.setdefault((passage.page_id, passage.url), {})
        own[passage.chunk_id] = _part(passage)
    return [
        replace(passage, section=_near(passage, parts[passage.page_id, passage.url].values()))
        for passage in passages
    ]


def _near(passage: Passage, parts: Iterable[Part]) -> tuple[Part, ...]:
    near = [part for part in parts if abs(part.position - passage.position) <= REACH]
    return tuple(sorted(near, key=_place)) if len(near) > 1 else ()


def whole(passages: Sequence[Passage], room: int) -> list[Passage]:
    """Make of passages of one section one, and give each as much of its section as there is room.

    Args:
        passages: best first.
        room: tokens that may be added; the best passage takes first. A section comes whole if it
            has at most 1,200 tokens, else what is nearest to its passages.

    Returns:
        at the place and with the address of the best passage of each section; `text` and `section`
        are the parts given, in the page's order, and `heading_path` what their headings share.
    """
    together: dict[tuple[int, str], list[Passage]] = {}
    for passage in passages:
        alone = "" if passage.section else str(passage.chunk_id)
        together.setdefault((passage.page_id, alone or passage.url), []).append(passage)
    given: list[Passage] = []
    for group in together.values():
        parts, taken = _grown(group, room)
        room -= taken
        given.append(_joined(group[0], parts))
    return given


def _grown(group: Sequence[Passage], room: int) -> tuple[list[Part], int]:
    """Add the nearest parts to those of the passages; return all, and the tokens they added."""
    chosen = [_part(passage) for passage in group]
    parts, size = chosen, 0
    known = {part.chunk_id for part in chosen}
    others = {part.chunk_id: part for passage in group for part in passage.section}
    begun = size = tokens(_text(parts))
    for part in sorted(others.values(), key=_distance(chosen)):
        if part.chunk_id in known:
            continue
        grown = tokens(_text([*parts, part]))
        if grown > _MOST or grown - begun > room:
            break  # what lies behind it would stand there without it
        parts, size = [*parts, part], grown
    return sorted(parts, key=_place), size - begun


def _distance(chosen: Sequence[Part]) -> Callable[[Part], tuple[int, int]]:
    def distance(part: Part) -> tuple[int, int]:
        return min(abs(part.position - one.position) for one in chosen), part.position

    return distance


def _joined(best: Passage, parts: Sequence[Part]) -> Passage:
    if len(parts) == 1:
        return replace(best, section=())
    return replace(best, heading_path=_shared(parts), text=_text(parts), section=tuple(parts))


def _text(parts: Sequence[Part]) -> str:
    """Join parts in the page's order, each under the headings that the one before does not have."""
    ordered = sorted(parts, key=_place)
    before = _shared(ordered)
    pieces: list[str] = []
    for at, part in enumerate(ordered):
        if at and part.position != ordered[at - 1].position + 1:
            pieces.append(_GAP)
        pieces += _headings(before, part.heading_path)
        pieces.append(part.text)
        before = part.heading_path
    return "\n\n".join(pieces)


def _headings(before: Sequence[str], path: Sequence[str]) -> list[str]:
    same = _same(before, path)
    # A page's title is its h1.
    return [f"{'#' * min(level + 2, 6)} {path[level]}" for level in range(same, len(path))]


def _shared(parts: Sequence[Part]) -> tuple[str, ...]:
    path = parts[0].heading_path
    least = min((_same(path, part.heading_path) for part in parts), default=0)
    return path[:least]


def _same(left: Sequence[str], right: Sequence[str]) -> int:
    pairs = zip(left, right, strict=False)
    return next(
        (level for level, (one, other) in enumerate(pairs) if one != other),
        min(len(left), len(right)),
    )


def _part(passage: Passage) -> Part:
    return Part(passage.chunk_id, passage.position, passage.heading_path, passage.text)


def _place(part: Part) -> tuple[int, int]:
    return part.position, part.chunk_id
