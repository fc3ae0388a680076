import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.knowledge.chunks import MOST_WORDS, Chunk, chunk
from docbot.knowledge.html import Converted

URL = "https://docs.example.org/guide/"


def words(count: int, name: str = "w") -> str:
    return " ".join(f"{name}{number}" for number in range(count))


def cut(markdown: str, title: str = "Guide") -> list[Chunk]:
    return chunk(Converted(title, markdown), URL)


def fences_are_balanced(text: str) -> bool:
    """Read a chunk as Discord or a browser would: each fence that opens also closes."""
    open_run = ""
    for line in text.splitlines():
        found = re.match(r"[ >]*(?:[-*+] |\d+[.)] )*[ >]*(`{3,}|~{3,})(.*)$", line)
        if found and not open_run:
            open_run = found[1]
        elif found and found[1].startswith(open_run) and not found[2].strip():
            open_run = ""
    return not open_run


def is_within(needle: Iterable[str], hay: Iterable[str]) -> bool:
    hay = iter(hay)
    return all(word in hay for word in needle)


def test_a_chunk_knows_the_headings_above_it_and_its_anchor() -> None:
    text = f"# Guide {{#guide}}\n\n{words(60)}\n\n## Setup {{#set-up}}\n\n### On `linux` {{#on}}\n\n{words(90)}\n"
    first, second = cut(text)
    assert (first.heading_path, first.url) == ((), f"{URL}#guide")
    assert (second.heading_path, second.url) == (("Setup",), f"{URL}#set-up")
    assert second.text.startswith("### On `linux`\n\nw0")


def test_an_h1_that_is_not_the_title_stands_in_the_path() -> None:
    text = f"# Guide {{#a}}\n\n{words(50)}\n\n# More {{#b}}\n\n{words(50)}\n\n## Sub {{#c}}\n\n{words(50)}"
    assert [piece.heading_path for piece in cut(text)] == [(), ("More",), ("More", "Sub")]


def test_small_sections_are_joined_with_their_neighbours() -> None:
    text = "".join(f"## S{number} {{#s{number}}}\n\n{words(20)}\n\n" for number in range(4))
    (only,) = cut(text)
    assert only.url.endswith("#s0")
    assert only.text.count("## S") == 3


def test_a_small_section_that_opens_others_goes_with_its_first() -> None:
    text = (
        f"## A {{#a}}\n\n{words(150)}\n\n## B {{#b}}\n\n{words(10)}\n\n### C {{#c}}\n\n{words(150)}"
    )
    assert [piece.url for piece in cut(text)] == [f"{URL}#a", f"{URL}#b"]


def test_a_long_section_is_cut_between_blocks_at_about_two_hundred_words() -> None:
    text = "## A {#a}\n\n" + "\n\n".join(words(60, f"p{number}x") for number in range(12))
    pieces = cut(text)
    assert {piece.heading_path for piece in pieces} == {("A",)}
    assert all(120 <= len(piece.text.split()) <= 300 for piece in pieces)


def test_a_table_cut_in_two_repeats_its_header() -> None:
    rows = "\n".join(f"| {words(20, f'r{number}x')} | b |" for number in range(30))
    pieces = cut(f"| Name | Value |\n| --- | --- |\n{rows}\n")
    assert len(pieces) > 1
    assert all(piece.text.startswith("| Name | Value |\n| --- | --- |\n| r") for piece in pieces)


def test_an_enormous_fence_is_closed_and_reopened_with_its_language() -> None:
    code = "\n".join(words(8, f"line{number}x") for number in range(200))
    pieces = cut(f"Intro:\n\n```python\n{code}\n```\n")
    assert len(pieces) > 2
    assert all("```python\nline" in piece.text for piece in pieces)
    assert all(fences_are_balanced(piece.text) for piece in pieces)


def test_a_fence_of_common_size_is_never_cut() -> None:
    code = "\n\n".join(words(10, f"line{number}x") for number in range(45))
    pieces = cut(f"{words(150)}\n\n```\n{code}\n```\n\n{words(150)}")
    assert sum(code in piece.text for piece in pieces) == 1


MOST_CHARACTERS = 8_000  # a whole fence of 6,000 with the ends of its lines, or with its heading


@pytest.mark.parametrize(
    "markdown",
    [
        f"```json\n{'x' * 800_000}\n```",
        f"> ```json\n> {'x' * 100_000}\n> ```",
        "    indented = 1\n" * 6_000,
        f"    {'y' * 100_000}",
        "z" * 100_000,
        "\u6f22\u5b57\u3002" * 30_000,
        f"| a | b |\n| --- | --- |\n| {'cell ' * 20_000} | x |",
        f"# {'long ' * 20_000}\n\ntext",
        f"| {'name ' * 10_000} | b |\n| --- | --- |\n" + "| cell | x |\n" * 500,
        "".join(f"| {'url/' * 200} | x |\n{'| --- | --- |' * (not n)}\n" for n in range(40)),
        f"# a\n\n{'> ' * 60}{'quoted ' * 10_000}",
        "- " * 30 + "a\n" + ("  " * 30 + "b\n") * 2_000,
        "".join(f"# {'heading' * 120}{n}\n\n" for n in range(40)),
        "*" * 50_000,
        f"[a]: {'b' * 50_000}",
    ],
)
def test_no_chunk_is_enormous_whatever_the_page_holds(markdown: str) -> None:
    pieces = cut(markdown)
    assert max(len(piece.text) for piece in pieces) <= MOST_CHARACTERS
    assert all(len(heading) <= 1000 for piece in pieces for heading in piece.heading_path)
    assert all(fences_are_balanced(piece.text) for piece in pieces)


def test_a_fence_with_an_enormous_first_line_does_not_repeat_it() -> None:
    line = "a line\n"
    pieces = cut(f"```{'info' * 10_000}\n{line * 5_000}```")
    assert max(len(piece.text) for piece in pieces) <= MOST_CHARACTERS
    assert sum(len(piece.text) for piece in pieces) < 100_000


def test_writing_without_spaces_is_cut_as_other_writing_is() -> None:
    pieces = cut("\n\n".join("\u6f22\u5b57" * 50 + "\u3002" for _ in range(40)))
    assert len(pieces) > 3


def test_a_line_that_announces_code_goes_with_it() -> None:
    pieces = cut(f"{words(210)}\n\nRun this:\n\n```\n{words(100, 'c')}\n```")
    assert pieces[1].text.startswith("Run this:\n\n```")


def test_a_list_is_cut_between_its_items() -> None:
    text = "\n".join(f"- {words(30, f'i{number}x')}" for number in range(20))
    assert all(piece.text.startswith("- i") for piece in cut(text))


def test_the_hash_is_of_title_path_and_text_and_not_of_the_address() -> None:
    page = Converted("T", "## A {#a}\n\ntext")
    (here,), (there,) = chunk(page, URL), chunk(page, "https://else.example/")
    (renamed,) = chunk(Converted("U", page.markdown), URL)
    (moved,) = chunk(Converted("T", "## B {#a}\n\ntext"), URL)
    assert here.hash == there.hash
    assert len({here.hash, renamed.hash, moved.hash}) == 3
    assert len(here.hash) == 16


@pytest.mark.parametrize(
    ("heading", "shown"),
    [
        ("`server.host`", "server.host"),
        ("A *b* [c](https://x.y/z)", "A b c"),
        ("__init__", "init"),
        ("a_b_c", "a_b_c"),
    ],
)
def test_the_path_is_plain_text(heading: str, shown: str) -> None:
    (only,) = cut(f"## {heading} {{#x}}\n\ntext")
    assert only.heading_path == (shown,)


def test_a_page_of_one_heading_is_one_chunk_and_an_empty_page_none() -> None:
    assert [piece.text for piece in cut("# Guide {#g}\n")] == ["Guide"]
    assert cut("") == cut("\n \n") == []


_line = st.lists(
    st.sampled_from(["alpha", "b-c", "`code`", "x|y", "*", "1.", "#", "word"]),
    min_size=1,
    max_size=30,
).map(" ".join)
_fence = st.builds(
    lambda mark, lines, indent: "\n".join(indent + line for line in [f"{mark}py", *lines, mark]),
    st.sampled_from(["```", "````", "~~~"]),
    st.lists(st.one_of(_line, st.just("")), max_size=80),
    st.just(""),
)
_table = st.lists(_line.map(lambda cell: f"| {cell.replace('|', '')} | c |"), max_size=30).map(
    lambda rows: "\n".join(["| head | er |", "| --- | --- |", *rows])
)
_block = st.one_of(
    _line,
    st.lists(_line, min_size=1, max_size=20).map("\n".join),
    st.builds(
        lambda level, text: f"{'#' * level} {text.replace('#', 'h')} {{#anchor}}",
        st.integers(1, 6),
        _line,
    ),
    _fence,
    _table,
    st.lists(_line, min_size=1, max_size=30).map(
        lambda items: "\n".join(f"- {item}" for item in items)
    ),
    _fence.map(
        lambda text: "- item:\n\n" + "\n".join(f"  {line}".rstrip() for line in text.split("\n"))
    ),
    _fence.map(lambda text: "> quoted\n>\n" + "\n".join(f"> {line}" for line in text.split("\n"))),
)


@given(st.lists(_block, max_size=25).map("\n\n".join))
def test_the_chunks_hold_every_word_in_order_and_balance_their_fences(markdown: str) -> None:
    pieces = cut(markdown)
    assert [piece.position for piece in pieces] == list(range(len(pieces)))
    assert all(fences_are_balanced(piece.text) for piece in pieces)
    written = re.findall(r"\w+", re.sub(r"\{#anchor\}", "", markdown))
    held = (
        word
        for piece in pieces
        for word in re.findall(r"\w+", f"Guide {' '.join(piece.heading_path)}\n{piece.text}")
    )
    assert is_within(written, held)


_long = st.builds(
    lambda text, times, end: text * times + end,
    st.one_of(
        st.sampled_from(
            ["    ", "> ", "- ", "| a ", "|---", "# ", "```", "\n", "x", "\u6f22", "a. "]
        ),
        st.text(alphabet="`~#>-|*[]() \n1.ax\u6f22", min_size=1, max_size=12),
    ),
    st.sampled_from([1, 30, 3_000]),
    st.sampled_from(["", "\n", "\n\n"]),
)


@given(st.lists(st.one_of(_long, _block), max_size=6).map("".join))
def test_no_markdown_gives_an_enormous_chunk(markdown: str) -> None:
    assert all(len(piece.text) <= MOST_CHARACTERS for piece in cut(markdown))


@given(st.lists(_line, min_size=1, max_size=60).map(" ".join))
def test_no_chunk_of_prose_is_far_beyond_the_most_words(paragraph: str) -> None:
    assert all(len(piece.text.split()) <= MOST_WORDS + 40 for piece in cut(paragraph * 3))
