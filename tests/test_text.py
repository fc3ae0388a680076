from hypothesis import given
from hypothesis import strategies as st

from docbot.text import as_seen, shortened, without_mentions


def test_mentions_of_people_are_left_out_and_nothing_else() -> None:
    assert without_mentions("<@12> and <@!34> how do I use <#5>?") == "and  how do I use <#5>?"


@given(st.text(), st.integers(2, 200))
def test_a_shortened_text_is_one_line_within_its_limit(text: str, limit: int) -> None:
    line = shortened(text, limit)
    assert len(line) <= limit
    assert line.split() == [] or "\n" not in line


def test_a_cut_text_ends_between_words() -> None:
    assert shortened("one two, three", 10) == "one two…"


def test_what_no_reader_sees_parts_no_word_and_joiners_of_scripts_stay() -> None:
    assert as_seen("\u200bfrob\u00adni\u2060cate\ufeff") == "frobnicate"
    assert as_seen("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645") == (
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    )
