import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.knowledge.chunking.tokens import tokens


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        (" \n\t ", 0),
        ("the quick brown fox", 4),
        ("internationalization", 3),
        ("max_retries = 12345", 6),
        ("漢字", 2),
        ("ひらがな", 4),
        ("🙂", 1),
    ],
)
def test_words_signs_and_letters_of_other_scripts_count(text: str, count: int) -> None:
    assert tokens(text) == count


@given(st.lists(st.text()))
def test_lines_have_the_tokens_of_their_text(lines: list[str]) -> None:
    assert tokens("\n".join(lines)) == sum(map(tokens, lines))


@given(st.text())
def test_no_text_has_more_tokens_than_characters(text: str) -> None:
    assert tokens(text) <= len(text)


def test_english_prose_has_about_a_token_for_four_characters() -> None:
    prose = (
        "A pool limits how many tasks run at the same time. Each task takes one slot of its pool, "
        "unless it says that it needs more, and waits in the queue while all of them are taken."
    )
    assert tokens(prose) == pytest.approx(len(prose) / 4, rel=0.2)
