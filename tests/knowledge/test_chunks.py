import re
from collections.abc import Iterable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.knowledge.chunking.blocks import MOST
from docbot.knowledge.chunking.chunks import Chunk, chunk
from docbot.knowledge.chunking.tokens import tokens
from docbot.knowledge.html.convert import Converted
from tests.timing import processor_seconds

pytestmark = pytest.mark.slow

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


def section(name: str, size: int, level: int = 2) -> str:
    """A section of so many tokens: each word of it is two, each paragraph has ten words."""
    written = [f"{name}{number}" for number in range(size // 2)]
    paragraphs = [" ".join(written[at : at + 10]) for at in range(0, len(written), 10)]
    return f"{'#' * level} {name.title()} {{#{name}}}\n\n" + "\n\n".join(paragraphs) + "\n\n"


def sections_of(sizes: Iterable[int]) -> list[str]:
    return [section(f"s{chr(ord('a') + at)}", size) for at, size in enumerate(sizes)]


def anchors(pieces: Iterable[Chunk]) -> list[str]:
    return [piece.url.partition("#")[2] for piece in pieces]


def test_a_chunk_knows_the_headings_above_it_and_its_anchor() -> None:
    first, second = cut("# Guide {#guide}\n\n" + words(110) + "\n\n" + section("setup", 300))
    assert (first.heading_path, first.url) == ((), f"{URL}#guide")
    assert (second.heading_path, second.url) == (("Setup",), f"{URL}#setup")
    assert second.text.startswith("setup0 setup1 ")


def test_headings_with_nothing_between_them_lead_to_the_innermost() -> None:
    text = f"# Guide {{#guide}}\n\n## Setup {{#set-up}}\n\n### On `linux` {{#on}}\n\n{words(90)}\n"
    (only,) = cut(text)
    assert (only.heading_path, only.url) == (("Setup", "On linux"), f"{URL}#on")
    assert only.text.startswith("w0 w1")


def test_a_chunk_of_several_sections_opens_at_what_is_above_them_all() -> None:
    text = "## Setup {#set-up}\n\n" + section("linux", 80, 3) + section("mac", 80, 3)
    (only,) = cut(text)
    assert (only.heading_path, only.url) == (("Setup",), f"{URL}#set-up")
    assert only.text.startswith("### Linux\n\nlinux0")
    assert "\n### Mac\n" in only.text


def test_a_heading_without_an_anchor_opens_at_the_one_above_it() -> None:
    text = f"## A {{#a}}\n\n{words(110)}\n\n### B\n\n{words(150)}\n\n## C\n\n{words(150)}"
    assert [piece.url for piece in cut(text)] == [f"{URL}#a", f"{URL}#a", URL]


def test_an_h1_that_is_not_the_title_stands_in_the_path() -> None:
    text = f"# Guide {{#a}}\n\n{words(110)}\n\n# More {{#b}}\n\n{words(110)}\n\n## Sub {{#c}}\n\n{words(110)}"
    assert [piece.heading_path for piece in cut(text)] == [(), ("More",), ("More", "Sub")]


def test_small_sections_are_joined_with_their_neighbours() -> None:
    (only,) = cut("".join(sections_of([80, 80, 80, 80])))
    assert only.url.endswith("#sa")
    assert only.text.count("## S") == 3


def test_a_small_section_goes_with_the_one_before_rather_than_a_decent_one_after() -> None:
    text = section("big", 260) + section("small", 80) + section("next", 260)
    assert anchors(cut(text)) == ["big", "next"]


def test_a_small_section_that_opens_others_goes_with_its_first() -> None:
    text = section("a", 400) + section("b", 40) + section("c", 300, 3)
    assert anchors(cut(text)) == ["a", "b"]


def test_a_section_that_can_stand_alone_does() -> None:
    assert anchors(cut(section("a", 220) + section("b", 220))) == ["a", "b"]


def test_sections_that_are_too_much_together_are_parted_between_them() -> None:
    assert anchors(cut(section("a", 460) + section("b", 120))) == ["a", "b"]


def test_a_long_section_is_cut_between_blocks_into_chunks_of_200_to_500_tokens() -> None:
    pieces = cut(section("a", 5000))
    assert {piece.heading_path for piece in pieces} == {("A",)}
    assert all(200 <= piece.tokens <= MOST for piece in pieces)


def test_tokens_are_those_of_title_headings_and_text() -> None:
    (only,) = cut("## One two {#x}\n\nthree four")
    assert only.tokens == tokens("Guide One two three four")


def test_a_sentence_stays_with_the_code_that_it_introduces() -> None:
    code = "\n".join(words(5, f"c{number}x") for number in range(35))
    for sentence in ("Run this:", "Then run the following."):
        text = f"{words(150)}\n\n{sentence}\n\n```sh\n{code}\n```"
        assert any(piece.text.startswith(f"{sentence}\n\n```sh\n{code}") for piece in cut(text))


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
    code = "\n\n".join(words(5, f"line{number}x") for number in range(40))
    pieces = cut(f"{words(150)}\n\n```\n{code}\n```\n\n{words(150)}")
    assert tokens(code) > MOST
    assert sum(code in piece.text for piece in pieces) == 1


def test_an_enormous_fence_is_cut_at_blank_lines_before_what_is_not_indented() -> None:
    blocks = [
        f"def name{number}():\n    {words(9, f'a{number}x')}\n\n    {words(9, f'b{number}x')}"
        for number in range(40)
    ]
    pieces = cut("```python\n" + "\n\n".join(blocks) + "\n```")
    assert len(pieces) > 5
    assert all(piece.text.startswith("```python\ndef ") for piece in pieces)


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


def test_the_hash_leaves_out_where_links_of_a_page_to_itself_lead() -> None:
    def hashes(url: str, target: str) -> bytes:
        [piece] = chunk(Converted("T", f"See [below]({target}#x)."), url)
        return piece.hash

    here, there = "https://d.test/a", "https://d.test/moved/a"
    assert hashes(here, here) == hashes(there, there)
    assert len({hashes(here, here), hashes(here, there), hashes(here, f"{here}b")}) == 3


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


def test_of_headings_without_text_none_is_lost() -> None:
    [piece] = cut("# First\n\n# Second")
    assert (piece.heading_path, piece.text) == (("First",), "# Second")


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


@given(st.lists(st.lists(_line, min_size=1, max_size=9).map(" ".join), max_size=60))
def test_no_chunk_of_prose_is_beyond_the_most(paragraphs: list[str]) -> None:
    pieces = cut("\n\n".join(f"so {paragraph}." for paragraph in paragraphs))
    assert all(piece.tokens <= MOST for piece in pieces)


@given(st.text())
def test_any_text_is_cut_the_same_each_time(text: str) -> None:
    assert cut(text) == cut(text)


def hashes(sections: Iterable[str]) -> list[bytes]:
    return [piece.hash for piece in cut("# Guide {#guide}\n\n" + "".join(sections))]


_sizes = st.lists(st.integers(2, 50).map(lambda size: size * 20), min_size=2, max_size=8)


@given(_sizes, st.data())
def test_an_edit_changes_the_chunks_around_it_alone(sizes: list[int], data: st.DataObject) -> None:
    sections = sections_of(sizes)
    before = hashes(sections)
    at = data.draw(st.integers(0, len(sections) - 1))
    words_of = sections[at].split(" ")
    words_of.insert(data.draw(st.integers(3, len(words_of) - 1)), "edited")
    sections[at] = " ".join(words_of)
    # Two where it stands in; a third where what a cut leaves becomes too small or too large.
    assert len(set(hashes(sections)) - set(before)) <= 3


def test_an_edit_of_a_paragraph_embeds_two_chunks_at_most_almost_always() -> None:
    draw = Random(4)
    changed = []
    for _ in range(100):
        sizes = [draw.randrange(40, 1200, 20) for _ in range(draw.randint(3, 8))]
        sections = sections_of(sizes)
        before = set(hashes(sections))
        at = draw.randrange(len(sections))
        paragraphs = sections[at].split("\n\n")
        paragraphs[draw.randrange(1, len(paragraphs) - 1)] += " and a few more words"
        sections[at] = "\n\n".join(paragraphs)
        changed.append(len(set(hashes(sections)) - before))
    assert sum(count <= 2 for count in changed) >= 0.97 * len(changed)
    assert sum(changed) <= 1.1 * len(changed)


@given(_sizes)
def test_a_section_put_in_at_the_top_leaves_the_others_as_they_were(sizes: list[int]) -> None:
    sections = sections_of(size + 200 for size in sizes)
    before = hashes(sections)
    after = hashes([section("new", 300), *sections])
    assert set(before) <= set(after)


def test_a_list_of_thousands_of_lines_changes_where_a_line_is_put_in() -> None:
    lines = [f"- `setting_{number}`: {words(12, f'i{number}x')}" for number in range(2000)]
    before = {piece.hash for piece in cut("\n".join(lines))}
    lines.insert(700, "- `another`: a line that was not there")
    after = {piece.hash for piece in cut("\n".join(lines))}
    assert len(before) > 100
    assert len(after - before) <= 2


@pytest.mark.parametrize("page", ["section", "list", "code"])
def test_the_time_to_cut_a_page_grows_with_its_length_alone(page: str) -> None:
    lines = [words(12, f"l{number}x") for number in range(4_000)]
    text = {
        "section": "\n\n".join(f"## H{at}\n\n{line}" for at, line in enumerate(lines[:2_000])),
        "list": "\n".join(f"- {line}" for line in lines),
        "code": "```\n" + "\n".join(lines) + "\n```",
    }[page]
    cut(text[:1_000])  # what is made once is made
    short = processor_seconds(lambda: cut(text[: len(text) // 4]), times=2)
    assert processor_seconds(lambda: cut(text), times=1) < 12 * short


def test_a_heading_beyond_all_measure_loses_no_word() -> None:
    heading = words(900)
    held = " ".join(piece.text for piece in cut(f"## {heading}\n\ntext"))
    assert re.findall(r"w\d+", held) == heading.split()


def test_a_chunk_does_not_end_with_an_empty_line_of_a_quotation() -> None:
    quoted = "\n>\n".join(f"> {'water ' * 60}{number}" for number in range(12))
    pieces = chunk(Converted("Pumps", f"# Pumps\n\n{quoted}\n"), URL)
    assert len(pieces) > 1
    assert not any(piece.text.endswith(">") for piece in pieces)
