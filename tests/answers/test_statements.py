import pytest

from docbot.answers.statements import (
    is_pointer,
    leads_in,
    leans,
    readable,
    sentences,
    with_plain_links,
    worth,
)


@pytest.mark.parametrize(
    ("paragraph", "cut"),
    [
        ("Set it. Run it!", ["Set it.", "Run it!"]),
        ("Use a tool, e.g. Vim, or none. Then go.", ["Use a tool, e.g. Vim, or none.", "Then go."]),
        ("Set v1.2 and a.b to 3. Go.", ["Set v1.2 and a.b to 3.", "Go."]),
        ("Set `a. B` or [x. Y](u). Go.", ["Set `a. B` or [x. Y](u).", "Go."]),
        ("See https://a.b/c. Then go.", ["See https://a.b/c.", "Then go."]),
        ("The U.S. Government uses it. Go.", ["The U.S. Government uses it.", "Go."]),
        ("See Eq. 4, or ask Prof. Miller.", ["See Eq. 4, or ask Prof. Miller."]),
        ("Use Yahoo! as the provider. Go.", ["Use Yahoo! as the provider.", "Go."]),
        ('He said "no." Then go.', ['He said "no."', "Then go."]),
        ("It goes on ... and on.", ["It goes on ... and on."]),
        (
            "\u8a2d\u5b9a\u3059\u308b\u3002\u6b21\u306b\u3002",
            ["\u8a2d\u5b9a\u3059\u308b\u3002", "\u6b21\u306b\u3002"],
        ),
        ("", []),
    ],
)
def test_prose_is_cut_where_sentences_end(paragraph: str, cut: list[str]) -> None:
    assert sentences(paragraph) == cut


@pytest.mark.parametrize(
    "sentence",
    [
        "This is it.",
        "However, set it.",
        "To avoid this, set it.",
        "You can also set it.",
        "It stops.",
    ],
)
def test_some_sentences_lean_on_the_one_before(sentence: str) -> None:
    assert leans(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "It is possible to set it.",
        "Thistles grow.",
        "Set this option.",
        "In this section it is set.",
    ],
)
def test_others_stand_alone(sentence: str) -> None:
    assert not leans(sentence)


def test_an_instruction_is_worth_more_than_a_statement_and_a_remark_less() -> None:
    said = [
        worth(sentence, aside=False)
        for sentence in (
            "Set it to three.",
            "Many set it to three.",
            "We will now set it to three.",
        )
    ]
    assert said == sorted(said, reverse=True)
    assert len(set(said)) == 3


def test_what_leads_in_or_elsewhere_is_told() -> None:
    assert leads_in("Set one of **these:**")
    assert is_pointer("For the details of it, see the other page.")


def test_links_become_their_words_and_images_nothing() -> None:
    assert with_plain_links("a [b `c`](u) [![i](x)](y) d") == "a b `c` d"
    assert readable("**set `a`** and **b**") == "set `a` and **b**"
