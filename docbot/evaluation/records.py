"""What became of each question each time it was asked: all that the figures are made from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import Field, TypeAdapter, ValidationError

from docbot.answers.lanes import Lane

# Asked of a source that answers it; that does not; of another source; with its pages taken out.
Kind = Literal["answerable", "unanswerable", "cross", "removed"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
# What should not be answered. With its pages taken out a question may be answered by others.
QUIET: Final[frozenset[Kind]] = frozenset({"unanswerable", "cross"})

Rank = Annotated[int, Field(strict=True, gt=0)]
Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Record:
    """One time a question was asked.

    `source` was asked, `rank` is that of the first gold page among all pages found (1 is the
    best), `pages` are the addresses of the best ten. `given` tells whether a gold page was among
    the passages that an answer is made from. `cost` is None without a price, `dense` tells
    whether embeddings took part.
    """

    id: str
    source: str
    kind: Kind
    rank: Rank | None
    given: bool
    pages: tuple[str, ...]
    probability: float
    lane: Lane
    citations: int = 0
    gold_citations: int = 0
    unknown_names: tuple[str, ...] = ()
    characters: int = 0
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    tokens_in: int | None = None
    tokens_out: int | None = None
    cost: float | None = None
    dense: bool = False
    model: str | None = None
    note: str | None = None
    signals: Mapping[str, float | None] = field(default_factory=dict)  # those of the search

    @property
    def key(self) -> Key:
        """What makes it the same asking as one of another run."""
        return self.id, self.source, self.kind

    @property
    def is_quiet(self) -> bool:
        """Whether it should not be answered."""
        return self.kind in QUIET


_SHAPE: Final = TypeAdapter(Record)


def as_fields(record: Record) -> dict[str, Any]:
    return asdict(record)


def record_from(values: Any) -> Record:
    """Read what `as_fields` gave, back from JSON; fields of a later version are passed over.

    Raises:
        ValueError: it is no record.
    """
    if not isinstance(values, Mapping):
        raise ValueError("is no JSON object")  # noqa: TRY004  # of a file, not of a type
    known = {each.name: values[each.name] for each in fields(Record) if each.name in values}
    try:
        return _SHAPE.validate_python(known)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"]))
        if fault["type"] == "missing":
            raise ValueError(f"lacks the field `{where}`") from error
        raise ValueError(f"has a wrong `{where}`: {fault['msg']}") from error
