"""What a search gives back: a piece of documentation with its address and why it was chosen."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """A chunk of a section that was cut into several."""

    chunk_id: int
    position: int
    heading_path: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Passage:
    """One chunk that a search found; `rank` 1 is the best of its search.

    `text` is Markdown without its heading line, `url` opens the page at the chunk's heading
    (a relative path for a folder source without a base address). `score` only orders;
    `lexical` is BM25 (0 and up), `dense` the cosine (-1 to 1) or None when no embedding model is set.
    `position` counts chunks from the top of the page. `section` are the parts of the chunk's
    section that are near it, itself included, in the page's order; none where it is the whole one.
    Of a thread that members solved, `title` is the thread's, `solved` the question that opened it,
    and `text` the solution; of documentation `solved` is None.
    """

    rank: int
    chunk_id: int
    page_id: int
    source: str
    title: str
    heading_path: tuple[str, ...]
    url: str
    text: str
    score: float
    lexical: float
    dense: float | None
    position: int = 0
    section: tuple[Part, ...] = ()
    solved: str | None = None

    @property
    def heading(self) -> str:
        """The innermost heading, or the page's title when the chunk stands before any heading."""
        return self.heading_path[-1] if self.heading_path else self.title

    @property
    def chunk_ids(self) -> tuple[int, ...]:
        """The chunks of its section, or the one that it is."""
        return tuple(part.chunk_id for part in self.section) or (self.chunk_id,)
