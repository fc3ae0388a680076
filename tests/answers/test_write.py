from dataclasses import replace
from functools import reduce

from hypothesis import example, given, settings
from hypothesis import strategies as st

from docbot.answers.answer import Answer, Citation
from docbot.answers.split import length
from docbot.answers.write import write
from tests.answers.discord_reader import read

FIRST = Citation(1, "https://docs.example/a#x", "Page › Heading")
SECOND = Citation(2, "https://docs.example/b_(c)", "list[int] and @everyone")


def test_the_sources_stand_below_the_text() -> None:
    (message,) = write(Answer("answer", "Set it [1]. Then [2].", (FIRST, SECOND)))
    assert message.split("\n") == [
        "Set it [1]. Then [2].",
        "",
        "**Sources**",
        "[1] [Page › Heading](<https://docs.example/a#x>)",
        "[2] [list[int] and @\u200beveryone](<https://docs.example/b_(c)>)",
    ]


def test_sources_of_several_documentations_are_named() -> None:
    old, new = replace(FIRST, source="docs_1.0"), replace(SECOND, source="wiki")
    (message,) = write(Answer("answer", "Set it [1]. Then [2].", (old, new)))
    assert message.split("\n")[3:] == [
        "[1] [Page › Heading](<https://docs.example/a#x>) (docs\\_1.0)",
        "[2] [list[int] and @\u200beveryone](<https://docs.example/b_(c)>) (wiki)",
    ]
    (alike,) = write(Answer("answer", "Set it [1].", (old, replace(new, source="docs_1.0"))))
    assert "docs_1.0" not in alike.replace("\\", "")


def test_a_suggestion_is_its_links() -> None:
    assert write(Answer("suggest", "These pages may help:", (FIRST,))) == [
        "These pages may help:\n[1] [Page › Heading](<https://docs.example/a#x>)"
    ]


def test_an_address_that_cannot_be_a_link_is_text() -> None:
    local = Citation(1, "guide/setup.md#first", "Setup")
    written = write(Answer("answer", "Do [1].", (local,)))
    assert written == ["Do [1].\n\n**Sources**\n[1] Setup: `guide/setup.md#first`"]


def test_the_text_is_sanitised_and_may_link_what_it_cites() -> None:
    text = "@everyone see https://evil.example and https://docs.example/a#x [1]."
    (message,) = write(Answer("answer", text, (FIRST,)))
    seen = read(message)
    assert seen.mentions == seen.previews == []
    assert set(seen.links) == {FIRST.url}


def test_nothing_to_cite_means_no_sources() -> None:
    assert write(Answer("abstain", "I found nothing.")) == ["I found nothing."]


def test_sources_that_do_not_fit_below_get_a_message_of_their_own() -> None:
    parts = write(Answer("answer", "word " * 38 + "[1]", (FIRST,)), limit=200)
    assert len(parts) == 2
    assert parts[1].startswith("**Sources**\n[1] [Page")


def test_an_address_over_the_limit_leaves_the_name() -> None:
    far = Citation(1, "https://docs.example/" + "a" * 3000, "Page")
    assert write(Answer("answer", "Do [1].", (far,)))[-1].endswith("[1] Page")


@given(
    st.lists(
        st.sampled_from(["word ", "[1] ", "\n\n", "```py\n", "\n```\n", "`a b`"]), max_size=80
    ),
    st.lists(st.tuples(st.text(max_size=120), st.integers(1, 200)), max_size=8),
    st.integers(120, 400),
)
def test_no_message_is_empty_or_too_long_and_no_source_is_cut(
    pieces: list[str], sources: list[tuple[str, int]], limit: int
) -> None:
    citations = tuple(
        Citation(n, f"https://docs.example/{n}/" + "a" * size, title)
        for n, (title, size) in enumerate(sources, start=1)
    )
    parts = write(Answer("answer", "".join(pieces), citations), limit)
    assert all(part.strip() and length(part) <= limit for part in parts)
    numbered = [line for part in parts for line in part.split("\n") if line.endswith(">)")]
    linked = [link for line in numbered for link in read(line).links]
    known = [citation.url for citation in citations]
    assert [link for link in linked if link in known] == linked


ODD = [
    *[
        "```",
        "````",
        "```py\n",
        "\n```\n",
        "\n````md\n",
        "`",
        "``",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
    ],
    *["word ", "a" * 70 + " ", "[1]", "@everyone ", "https://evil.test/x ", "    x\n", "# ", "\0"],
    *[
        "Z\u0351\u036b\u0343",
        "\u0300" * 40,
        "\u202e",
        "\u200f",
        "\u0645\u0631 ",
        "\u5982\u4f55\u3002",
    ],
    *["\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f680" * 30, "\ud83d"],
]


@settings(max_examples=400)
@given(st.lists(st.sampled_from(ODD), max_size=60).map("".join), st.integers(100, 300))
@example("```" + "a" * 70 + " \n```https://evil.test/x ", 100)
@example("~~~" + "a" * 70 + " ``` @everyone\nhttps://evil.test/x ", 100)
@example("> " * 70 + "```py\nhttps://evil.test/x ", 100)
def test_whatever_is_quoted_each_message_is_whole_and_nothing_in_it_acts(
    text: str, limit: int
) -> None:
    for part in write(Answer("answer", text), limit):
        assert 0 < length(part) <= limit
        seen = read(part)
        assert seen.mentions == seen.previews == seen.links == []
        words = reduce(lambda rest, code: rest.replace(code, "", 1), seen.code, part)
        assert "```" not in words.replace("\\`", "")
