import re
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from docbot.answers.markdown import Fence, blocks, spans
from docbot.answers.split import length, split

LINK = "[the guide to retries](https://docs.example/guide?a=1#retries)"
FAMILY = "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


def fences(part: str) -> list[Fence]:
    return [block for block in blocks(part) if isinstance(block, Fence)]


def test_a_short_text_is_one_message_as_it_is() -> None:
    assert split("Set `a` [1].\n\n```py\na = 1\n```") == ["Set `a` [1].\n\n```py\na = 1\n```"]


@pytest.mark.parametrize("text", ["", "\n\n", "  \n \t\n"])
def test_a_text_without_words_gives_no_message(text: str) -> None:
    assert split(text) == []


def test_a_fence_that_spans_two_messages_is_closed_and_reopened_with_its_language() -> None:
    code = "\n".join(f"value_{n} = {n}" for n in range(40))
    parts = split(f"Like so:\n\n```python\n{code}\n```\nDone.", limit=300)
    assert len(parts) == 2
    assert parts[0].startswith("Like so:\n\n```python\n")
    assert all(part.startswith("```python\n") for part in parts[1:])
    assert all(fence.closing == "```" for part in parts for fence in fences(part))
    lines = [line for part in parts for fence in fences(part) for line in fence.lines]
    assert lines == code.split("\n")
    assert parts[-1].endswith("```\nDone.")


@pytest.mark.parametrize("marker", ["```", "````", "~~~", "~~~~~"])
def test_a_fence_is_reopened_with_its_own_marker(marker: str) -> None:
    code = "\n".join(["~~", "``"] + [f"line {n}" for n in range(60)])
    parts = split(f"{marker}sh\n{code}\n{marker}", limit=200)
    assert len(parts) > 1
    assert all(part.startswith(f"{marker}sh\n") and part.endswith(f"\n{marker}") for part in parts)


def test_a_shorter_fence_within_a_longer_one_is_code() -> None:
    inner = "```py\nx = 1\n```\n" * 20
    parts = split(f"````md\n{inner}````", limit=150)
    assert len(parts) > 1
    assert all(len(fences(part)) == 1 and fences(part)[0].marker == "````" for part in parts)


def test_a_fence_in_a_quotation_stays_in_it() -> None:
    code = "\n".join(f"> line {n}" for n in range(40))
    parts = split(f"> ```sh\n{code}\n> ```", limit=120)
    assert len(parts) > 1
    assert all(part.startswith("> ```sh\n") and part.endswith("\n> ```") for part in parts)


def test_a_fence_left_open_is_closed() -> None:
    assert split("Try\n```py\nx = 1") == ["Try\n```py\nx = 1\n```"]


def test_a_cut_falls_between_paragraphs_rather_than_lines() -> None:
    first, second = "one two three. " * 5, "four five\nsix seven\n" * 5
    assert split(f"{first}\n\n{second}", limit=160) == [first.strip(), second.strip()]


def test_a_cut_falls_between_sentences_rather_than_words() -> None:
    text = "This is the first sentence. " * 3 + "And here the last one begins and goes on."
    assert split(text, limit=100)[0].endswith("sentence.")


def test_a_heading_or_a_lead_in_goes_with_what_follows() -> None:
    text = "Some words here, enough of them.\n\n## Heading\n\n" + "More of the words. " * 8
    assert split(text, limit=120)[0] == "Some words here, enough of them."
    led = "Some words that fill it up and more.\n\nRun this:\n\n```\n" + "make\n" * 20 + "```"
    assert split(led, limit=140)[0] == "Some words that fill it up and more."


@given(st.integers(1, 120), st.sampled_from([LINK, "<https://docs.example/a/b/c/d>", "`a b c d`"]))
def test_links_and_code_are_never_cut(words: int, whole: str) -> None:
    text = " ".join(["word"] * words + [f"({whole})."] + ["more"] * words)
    parts = split(text, limit=100)
    assert sum(part.count(whole) for part in parts) == 1


def test_a_bare_address_is_never_cut() -> None:
    address = "https://docs.example/" + "a/" * 30
    assert address in split("(" * 150 + address + "\n" + "y" * 150, limit=100)


def test_code_over_the_limit_is_code_in_every_part() -> None:
    parts = split("`" + "@everyone " * 60 + "`", limit=100)
    assert all(part.startswith("`") and part.endswith("`") for part in parts)


@pytest.mark.parametrize(
    "cluster",
    [FAMILY, "e\u0301", "\U0001f1e9\U0001f1ea", "\U0001f44d\U0001f3fd", "\u1112\u1161\u11ab"],
)
def test_what_is_read_as_one_character_is_never_cut(cluster: str) -> None:
    parts = split(cluster * 100, limit=50)
    assert "".join(parts) == cluster * 100
    assert all(len(part) % len(cluster) == 0 for part in parts)


def test_length_is_counted_in_utf_16_code_units() -> None:
    assert length("a\U0001f600") == 3
    assert all(length(part) <= 2000 for part in split("\U0001f600" * 1500))


def test_writing_without_spaces_is_cut_after_its_punctuation() -> None:
    parts = split("\u6f22\u5b57\u6f22\u5b57\u3002" * 100, limit=99)
    assert all(part.endswith("\u3002") for part in parts)


def test_a_limit_too_small_for_any_message_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        split("a", limit=15)


PIECES = [
    *f"word Sentence. ` `` ** [1] <https://a.example/b> https://a.example/c_d {FAMILY}".split(),
    *[" ", "\t", "    indented", "\n", "\n\n", "- item\n", "> ", "# H\n", LINK, "x" * 70],
    *["\n```py\n", "\n```\n", "\n~~~\n", "\n````\n", "e\u0301\u0301", "\u6f22\u5b57\u3002"],
]
MARKDOWN = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


@settings(max_examples=300)
@given(MARKDOWN | st.text(max_size=400), st.integers(80, 250))
@example("```\n" + "\n" * 300 + "```", 80)
@example("> ```", 80)
@example("```" + "x" * 70, 80)
@example("wordword> ```" + "x" * 70, 80)
@example("word " * 20 + "~~~" + "x" * 70, 80)
@example("`````" + "x" * 70 + " `a`" + "```" * 10, 80)
@example("word " * 20 + "```a\nb```", 80)
@example("``" + "a " * 39 + "```" + "b " * 50 + "``", 80)
@example("```py\n" + "x" * 72 + "``` \n```", 80)
@example("`" * 50 + "\n```py\ncode\n" + "`" * 50, 80)
def test_every_part_is_within_the_limit_not_empty_and_balanced(text: str, limit: int) -> None:
    parts = split(text, limit)
    for part in parts:
        assert length(part) <= limit
        assert part.strip()
        assert all(fence.closing is not None for fence in fences(part))
        assert split(part, limit) == [part.strip("\n")]


@given(st.lists(st.sampled_from(["\n", "\n\n", " ", "\n```py\n", "\n```\n"]), max_size=80))
def test_all_words_are_kept_in_order(gaps: list[str]) -> None:
    text = "".join(f"w{number}w{gap}" for number, gap in enumerate(gaps))
    found = [word for part in split(text, 100) for word in re.findall(r"w\d+w", part)]
    assert found == re.findall(r"w\d+w", text)


@given(st.text(max_size=500).filter(lambda text: "```" not in text and "~~~" not in text))
def test_prose_loses_nothing_but_white_space(text: str) -> None:
    if any(span.kind == "code" for span in spans(text)):
        return  # long code is closed and opened again
    assert "".join("".join(split(text, 60)).split()) == "".join(text.split())


@pytest.mark.parametrize(
    "text",
    [
        "word " * 20_000,
        "a" * 100_000,
        "`a" * 50_000,
        "[" * 100_000,
        "[a](b " * 16_500,
        "[a](x '" * 14_000,
        "```\n" + "x = 1\n" * 16_500,
        "```\n" + "x" * 100_000,
        "a" + " " * 100_000 + "b",
        "a\u0301" * 50_000,
        "<https:/" * 12_500,
        " ".join("`" * n for n in range(420)),
        "https://" + "a." * 48_000,
    ],
    ids=lambda text: text[:12],
)
def test_time_is_linear(text: str) -> None:
    started = process_time()
    split(text)
    # 0.5 s was the slowest measured, on a busy core; a quadratic way takes minutes.
    assert process_time() - started < 10


def test_a_cut_leaves_a_backslash_with_the_mark_it_keeps_from_acting() -> None:
    parts = split("a" * 15 + "\\`" * 20, 16)
    assert all(part.count("\\") == part.count("`") for part in parts)
