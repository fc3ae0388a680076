from hypothesis import given
from hypothesis import strategies as st

from docbot.answers.markdown import Fence, blocks
from docbot.answers.quote import LIMIT, first_words, quote, title
from tests.answers.passages import passage

TEXT = """The scheduler runs tasks one by one, as they become due.

Each task has a number of retries; set `max_retries` in the file to change it [3].

```ini
[core]
max_retries = 3
```

Restart the scheduler afterwards."""


def test_the_best_words_and_the_code_are_quoted_under_the_name_of_the_page() -> None:
    quoted = quote("how to change max_retries", [passage(text=TEXT)])
    assert quoted == (
        "From **Configuration › Retries** [1]:\n\n"
        "Each task has a number of retries; set `max_retries` in the file to change it.\n\n"
        "```ini\n[core]\nmax_retries = 3\n```"
    )


def test_another_page_is_named_with_its_number() -> None:
    pages = [
        passage(1, text=TEXT),
        passage(2, page_id=1),
        passage(3, title="Scheduler", heading="Start"),
    ]
    assert quote("max_retries", pages).endswith("\n\nSee also **Scheduler › Start** [3].")


def test_the_passage_that_shares_most_with_the_question_is_quoted() -> None:
    other = passage(1, text="Nothing of the kind stands on this page.", heading="Other")
    assert "[2]:" in quote("change max_retries number", [other, passage(2, text=TEXT)])


def test_lines_that_only_the_source_wraps_are_joined_and_list_items_are_not() -> None:
    wrapped = (
        "Set the number of\nretries in the file:\n\n- one is the\n  usual number of retries\n- two"
    )
    assert "Set the number of retries in the file:" in quote("number", [passage(text=wrapped)])
    listed = "- one is the\n  usual number\n- two is more"
    assert "- one is the usual number\n- two is more" in quote("number", [passage(text=listed)])


def test_a_table_is_quoted_as_code() -> None:
    table = "Some names are known to everyone here.\n\n| Name | Value |\n|---|---|\n| `a` | 1 |"
    assert "```\nName  Value\n----  -----\na     1\n```" in quote("names", [passage(text=table)])


def test_nothing_is_quoted_from_nothing() -> None:
    assert quote("anything", []) == ""


def test_a_passage_without_words_is_pointed_to() -> None:
    assert quote("a", [passage(text="")]) == "From **Configuration › Retries** [1]."


def test_a_long_title_is_shortened() -> None:
    assert len(title(passage(title="word " * 100))) == 120


@given(
    st.lists(
        st.sampled_from(
            [
                "word ",
                "long sentence here. ",
                "\n\n",
                "\n```py\n",
                "\n```\n",
                "x = 1\n",
                "| a | b |\n|---|---|\n",
            ]
        ),
        max_size=200,
    ).map("".join),
    st.integers(1, 60),
)
def test_a_quotation_is_within_its_limit_with_whole_fences(text: str, repeat: int) -> None:
    quoted = quote("a word", [passage(1, text=text * repeat), passage(2, title="T" * 300)])
    assert len(quoted) <= LIMIT
    assert all(block.closing for block in blocks(quoted) if isinstance(block, Fence))


def test_the_first_words_leave_out_code_and_headings() -> None:
    assert first_words("### Deep\n\nSet it\nonce.\n\n```sh\nrun\n```\n\nThen go on.") == (
        "Set it once. Then go on."
    )
    assert first_words("```sh\nrun `me`\n```") == "`run me`"
    assert first_words("") == ""


def test_the_first_words_run_on_through_a_list_and_leave_out_a_table() -> None:
    table = "| name | use |\n|---|---|\n| `a` | 1 |\n"
    assert first_words(f"Two *things*:\n\n1. One > none.\n2. Two.\n\n{table}") == (
        "Two *things*: One > none. Two."
    )
    assert first_words(table) == "`name  use`"
