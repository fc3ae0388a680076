import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.answers.sentences import cut, joined


def texts(markdown: str) -> list[str]:
    return [piece.text for piece in cut(markdown)]


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("Set it. Then run it.", ["Set it.", "Then run it."]),
        ("Set it [1]. Run it.[2] Done. [3] So.", ["Set it [1].", "Run it.[2]", "Done. [3]", "So."]),
        ("Use e.g. a file, i.e. one. Yes!", ["Use e.g. a file, i.e. one.", "Yes!"]),
        ("Needs v2.5 of docs.py here. Ok.", ["Needs v2.5 of docs.py here.", "Ok."]),
        ("Write `a. B. C` now. Ok.", ["Write `a. B. C` now.", "Ok."]),
        (
            "See [one. Two](https://a.b/c.D) now. Ok.",
            ["See [one. Two](https://a.b/c.D) now.", "Ok."],
        ),
        ("Really? Yes... so it goes on.", ["Really?", "Yes... so it goes on."]),
        (
            "\u3053\u308c\u3060\u3002[1]\u305d\u308c\u3060\uff01",
            ["\u3053\u308c\u3060\u3002[1]", "\u305d\u308c\u3060\uff01"],
        ),
        ("One\nline. Two.", ["One\nline.", "Two."]),
        ("> Quoted one.\n> Quoted two.", ["Quoted one.", "Quoted two."]),
        ("", []),
        (" \n ", []),
    ],
)
def test_a_text_is_cut_where_sentences_end(markdown: str, expected: list[str]) -> None:
    assert texts(markdown) == expected


def test_items_rows_headings_and_code_are_pieces_with_their_place() -> None:
    markdown = "Two ways:\n- One. More.\n  1. Deep.\n\n## Head\n|a|b|\n|-|-|\n```py\nx. y\n```"
    found = [(piece.kind, piece.indent, piece.text) for piece in cut(markdown)]
    assert found == [
        ("sentence", -1, "Two ways:"),
        ("sentence", 0, "One."),
        ("sentence", 0, "More."),
        ("sentence", 2, "Deep."),
        ("heading", -1, "Head"),
        ("row", -1, "|a|b|"),
        ("row", -1, "|-|-|"),
        ("fence", -1, "```py\nx. y\n```"),
    ]


def kept(markdown: str, places: set[int]) -> str:
    return joined(cut(markdown), places)


def test_the_first_sentence_left_of_an_item_has_its_marker() -> None:
    assert kept("- One. Two.\n- Three.", {1, 2}) == "- Two.\n- Three."


def test_numbered_items_are_numbered_anew() -> None:
    assert (
        kept("1. A.\n2. B.\n   1. Deep.\n   2. Er.\n3. C.", {0, 3, 4}) == "1. A.\n   1. Er.\n2. C."
    )


def test_a_paragraph_that_went_leaves_no_gap() -> None:
    assert kept("One.\n\nTwo.\n\nThree.", {0, 2}) == "One.\n\nThree."
    assert kept("One.\n\nTwo.", {1}) == "Two."


PARTS = [
    "word ", "End. ", "e.g. ", "`a. b` ", "`", "[1]", "[a. b](c) ", "\n", "\n\n", "- ", "1. ", "> ",
    "## H\n", "|a|b|\n", "```\n", "\u3002", "! ", "\t", ":\n",
]  # fmt: skip


@given(st.lists(st.sampled_from(PARTS), max_size=25).map("".join))
def test_joined_again_the_pieces_are_the_text(markdown: str) -> None:
    pieces = cut(markdown)
    whole = joined(pieces, set(range(len(pieces))))
    assert re.findall(r"[^\W\d]+|[`|#]", whole) == re.findall(r"[^\W\d]+|[`|#]", markdown)


@given(st.text(max_size=200))
def test_any_text_is_taken(markdown: str) -> None:
    pieces = cut(markdown)
    joined(pieces, set(range(0, len(pieces), 2)))


def test_an_address_is_whole_and_a_full_stop_behind_it_ends_the_sentence() -> None:
    whole = "See https://ja.docs.example/\u5a18\u3002\u6b21 [1]."
    assert [piece.text for piece in cut(whole)] == [whole]
    assert [piece.text for piece in cut("See https://a.example/b. Then go.")] == [
        "See https://a.example/b.",
        "Then go.",
    ]
