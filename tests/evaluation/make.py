"""Records as a test needs them, and any that there could be."""

from typing import Any

from hypothesis import strategies as st

from docbot.evaluation.records import KINDS, Record


def record(number: int = 1, **changes: Any) -> Record:
    usual: dict[str, Any] = {
        "id": f"q{number}",
        "source": "docs",
        "kind": "answerable",
        "rank": 1,
        "given": True,
        "pages": ("https://docs.test/usage",),
        "probability": 0.9,
        "lane": "answer",
    }
    return Record(**{**usual, **changes})


@st.composite
def any_records(draw: st.DrawFn) -> list[Record]:
    made = []
    for number in range(draw(st.integers(0, 12))):
        citations = draw(st.integers(0, 3))
        made.append(
            record(
                number,
                source=draw(st.sampled_from(["docs", "<b>&wiki"])),
                kind=draw(st.sampled_from(KINDS)),
                rank=draw(st.none() | st.integers(1, 200)),
                given=draw(st.booleans()),
                probability=draw(st.floats(0, 1)),
                lane=draw(st.sampled_from(["answer", "suggest", "abstain"])),
                citations=citations,
                gold_citations=draw(st.integers(0, citations)),
                unknown_names=tuple(draw(st.lists(st.just("x_y"), max_size=2))),
                characters=draw(st.integers(0, 5000)),
                timings_ms=draw(
                    st.dictionaries(st.sampled_from(["embed", "total"]), st.floats(0, 1e5))
                ),
                tokens_in=draw(st.none() | st.integers(0, 10_000)),
                tokens_out=draw(st.none() | st.integers(0, 10_000)),
                cost=draw(st.none() | st.floats(0, 1)),
                dense=draw(st.booleans()),
            )
        )
    return made
