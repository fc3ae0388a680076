import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docbot.answers.citations import check, without_numbers
from tests.answers.passages import passage

THREE = [passage(1), passage(2), passage(3)]


@pytest.mark.parametrize(
    ("written", "expected", "cited"),
    [
        ("Set it [1].", "Set it [1].", (1,)),
        ("Set it [3]. Then run [1].", "Set it [1]. Then run [2].", (3, 1)),
        ("Both [2, 3].", "Both [1][2].", (2, 3)),
        ("All [1-3].", "All [1][2][3].", (1, 2, 3)),
        ("All [1\u20133].", "All [1][2][3].", (1, 2, 3)),
        ("Both [2][3] and [2].", "Both [1][2] and [1].", (2, 3)),
        ("Wide \u30102\u2020source\u3011.", "Wide [1].", (2,)),
        ("Foot [^2], [passage 3].", "Foot [1], [2].", (2, 3)),
        ("Linked [2](https://docs.example), [[3]](https://x.y).", "Linked [1], [2].", (2, 3)),
        ("Twice [1][1].", "Twice [1].", (1,)),
    ],
)
def test_citations_take_one_form_numbered_by_use(
    written: str, expected: str, cited: tuple[int, ...]
) -> None:
    checked = check(written, THREE)
    assert (checked.text, checked.cited, checked.cut) == (expected, cited, ())


@pytest.mark.parametrize(
    ("written", "expected", "cut"),
    [
        ("Set it [9].", "Set it.", ("[9]",)),
        ("Set [9] it.", "Set it.", ("[9]",)),
        ("[9] Set it.", "Set it.", ("[9]",)),
        ("Set it [8][9].", "Set it.", ("[8]", "[9]")),
        ("Set it [8] [9].", "Set it.", ("[8]", "[9]")),
        ("Set it ([9]).", "Set it.", ("[9]",)),
        ("Set it [1, 9].", "Set it [1].", ("[9]",)),
        ("Set it [2-9].", "Set it [1][2].", ("[2-9]",)),
        ("Set it [0] here", "Set it here", ("[0]",)),
        ("Set it [1-9999].", "Set it [1][2][3].", ("[1-9999]",)),
    ],
)
def test_an_invented_citation_goes_without_a_trace(
    written: str, expected: str, cut: tuple[str, ...]
) -> None:
    checked = check(written, THREE)
    assert (checked.text, checked.cut) == (expected, cut)


@pytest.mark.parametrize(
    "text",
    [
        "Use `list[0]` and `[9]`.",
        "```py\nx = y[9]\n[7]\n```",
        "[page 9](https://docs.example)",
        "https://docs.example/a[9]",
        "Escaped \\[9].",
        "A [ ] box, [x] and [word].",
    ],
)
def test_code_and_links_are_never_touched(text: str) -> None:
    assert check(text, THREE).text == text


def test_passages_of_one_address_share_a_number() -> None:
    same = [passage(1), passage(2, url=passage(1).url), passage(3)]
    checked = check("A [2]. B [1]. C [3]. D [1][2].", same)
    assert checked.text == "A [1]. B [1]. C [2]. D [1]."
    assert checked.cited == (2, 3)


def test_a_list_of_sources_by_the_model_goes() -> None:
    checked = check("A [1].\n\n[1]: https://evil.example\n[2]: other", THREE)
    assert checked.text == "A [1].\n\n"
    assert checked.cut == ("[1]: https://evil.example", "[2]: other")


def test_numbers_of_a_page_are_taken_out_before_it_is_quoted() -> None:
    assert without_numbers("As shown [3], `a[3]` holds [1][2].") == "As shown, `a[3]` holds."


PIECES = [
    "word ",
    "[1]",
    "[2]",
    "[9]",
    "[1, 2]",
    "[2-3]",
    "`a[9]`",
    ". ",
    "(",
    ")",
    "\n",
    "\n```\n[9]\n```\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
@example("[1]([1, 2])")
@example("[1](https://h.test/)(2)")
def test_numbers_are_one_to_k_in_the_order_of_first_use(text: str) -> None:
    checked = check(text, THREE)
    outside = re.sub(r"```.*?(?:```|\Z)|`[^`\n]*`", "", checked.text, flags=re.DOTALL)
    used = list(dict.fromkeys(int(number) for number in re.findall(r"\[(\d+)\]", outside)))
    if "`" not in outside:
        assert used == list(range(1, len(checked.cited) + 1))
    assert len(set(checked.cited)) == len(checked.cited)
    again = check(checked.text, [THREE[number - 1] for number in checked.cited])
    assert again.text == checked.text
    assert again.cut == ()


@given(st.text(max_size=200))
def test_any_text_is_taken(text: str) -> None:
    check(text, THREE)
    assert check(text, ()).cited == ()
