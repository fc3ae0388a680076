import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot import texts
from docbot.answers.citations import check
from docbot.answers.markdown import Fence, blocks
from docbot.answers.quote import LIMIT, first_words, quote, title
from tests.answers.passages import passage
from tests.timing import processor_seconds

TEXT = """The scheduler runs tasks one by one, as they become due, and each of them in a process of its own.

A task that failed stays in the list until somebody has looked at it and cleared it by hand. Each task has a number of retries; set `max_retries` in the file to change it [3].

```ini
[core]
max_retries = 3
```

Restart the scheduler afterwards, or wait until it has read the file again, which takes a while."""
LONG = "word by word the page goes on with what has no bearing at all on it. " * 6


def test_the_best_sentence_and_the_code_are_quoted_under_the_name_of_the_page() -> None:
    quoted = quote("how to change max_retries of a task", [passage(text=TEXT)])
    assert quoted.startswith("From **Configuration › Retries** [1]:\n\n")
    assert (
        "Each task has a number of retries; set `max_retries` in the file to change it.\n\n"
        "```ini\n[core]\nmax_retries = 3\n```"
    ) in quoted
    assert "one by one" not in quoted


def test_other_pages_are_named_with_their_numbers() -> None:
    pages = [
        passage(1, text=TEXT),
        passage(2, page_id=1, text=""),
        passage(3, title="Scheduler", heading="Start", text=""),
        passage(4, title="Tasks", heading="Tasks", text=""),
        passage(5, title="More", heading="More", text=""),
    ]
    assert quote("max_retries", pages).endswith(
        "\n\nSee also **Scheduler › Start** [3] and **Tasks** [4]."
    )


def test_the_section_that_says_most_of_the_question_is_quoted() -> None:
    other = passage(1, text="Nothing of the kind stands on this page.", heading="Other")
    assert "[2]:" in quote("change max_retries number", [other, passage(2, text=TEXT)])


def test_a_name_in_the_question_weighs_more_than_its_words() -> None:
    wordy = passage(1, page_id=1, text="You can change how often a job is run by the scheduler.")
    exact = passage(2, page_id=2, text="Set `max_retries` to the number you like.")
    quoted = quote("how often\n\nI found `max_retries` for a job", [wordy, exact])
    assert "Set `max_retries`" in quoted


def test_sections_of_one_page_stand_together_in_its_order() -> None:
    later = passage(9, page_id=1, heading="Delay", text="Set `retry_delay` to wait between tries.")
    sooner = passage(4, page_id=1, text="Set `max_retries` to the number of tries.")
    assert quote("set retry_delay and max_retries tries", [later, sooner]) == (
        "From **Configuration › Retries** [2]:\n\nSet `max_retries` to the number of tries.\n\n"
        "**Delay** [1]:\n\nSet `retry_delay` to wait between tries."
    )


def test_a_heading_within_a_passage_names_what_is_quoted_below_it() -> None:
    text = f"{LONG}\n\n### retry_delay\n\nSeconds to wait between two tries.\n\n- **Default**: `30`"
    quoted = quote("retry_delay default", [passage(text=text)])
    assert r"From **Configuration › Retries** [1], under **retry\_delay**:" in quoted
    assert "Seconds to wait between two tries.\n\n- **Default**: `30`" in quoted


def test_what_is_asked_is_found_in_the_language_of_the_passage() -> None:
    text = (
        "Der Dienst wird mit der Datei eingerichtet, die im Ordner der Anwendung liegt und von dem "
        "Programm beim Start gelesen wird. Das Protokoll steht in einer eigenen Datei und wird "
        "jeden Tag neu begonnen. Wie lange es aufgehoben wird, sagt die Einstellung. Die Anzahl "
        "der Wiederholungen ist drei. Danach ist die Aufgabe gescheitert und wird nicht mehr "
        "begonnen, bis jemand sie von Hand startet."
    )
    quoted = quote("Was ist bei einer `Wiederholung`?", [passage(text=text)])
    assert "Die Anzahl der Wiederholungen ist drei." in quoted
    assert "Protokoll" not in quoted


def test_all_headings_within_a_passage_are_named_and_those_alike_told_apart() -> None:
    text = (
        f"{LONG}\n\n### Pool\n\n#### timeout\n\nSeconds to wait for a slot.\n\n"
        "### Worker\n\n#### timeout\n\nSeconds to wait for an answer."
    )
    assert quote("timeout slot", [passage(text=text)]).startswith(
        "From **Configuration › Retries** [1], under **Pool › timeout**:\n\nSeconds to wait for a slot."
    )
    quoted = quote("timeout answer", [passage(text=text)])
    assert "under **Worker › timeout**:\n\nSeconds to wait for an answer." in quoted


def test_a_part_counts_the_headings_above_it_and_no_others() -> None:
    pool = "### Pool\n\n#### Delay\n\nThe delay is in seconds, so 30 is half a minute."
    worker = "### Worker\n\n#### Delay\n\nThe delay is in minutes, so 30 is half an hour."
    text = f"{LONG}\n\nA worker and a pool wait.\n\n{LONG}\n\n{pool}\n\n{worker}"
    assert "half a minute" in quote("delay of a pool", [passage(text=text)])
    assert "half an hour" in quote("delay of a worker", [passage(text=text)])
    text = "A task retries in seconds.\n\n## Away\n\nSome work waits in minutes."
    assert "minutes" not in quote("retries", [passage(text=text, heading="Retries")])


def test_a_second_section_of_a_page_says_what_the_first_does_not() -> None:
    first = "A task that failed is tried again."
    again = "## Away\n\nSome task that failed is away."
    more = "## Away\n\nThe number of times has a limit."
    question = "number of times that a failed task is tried"
    assert "away" not in quote("failed task", [passage(text=f"{first}\n\n{again}")])
    assert "has a limit" in quote(question, [passage(text=f"{first}\n\n{more}")])


def test_no_heading_takes_the_room_of_what_stands_below_it() -> None:
    heading = "word " * 150
    text = f"{LONG}\n\n### {heading}\n\nThe `drain_lock` is let go at the end."
    quoted = quote("drain_lock", [passage(text=text)])
    assert "…**:\n\nThe `drain_lock` is let go at the end." in quoted
    assert len(quoted) < 300


def test_a_heading_without_words_is_not_named() -> None:
    text = f"{LONG}\n\n### ``\n\nThe `drain_lock` is let go at the end."
    assert "[1]:\n\nThe `drain_lock`" in quote("drain_lock", [passage(text=text)])


def test_where_the_best_passages_hold_nothing_to_quote_the_next_are_looked_into() -> None:
    bare = [passage(n, text="| a | b |\n|---|---|") for n in range(1, 5)]
    told = passage(5, text="Set `max_retries` to the number of tries.")
    assert "Set `max_retries` to the number of tries." in quote("max_retries", [*bare, told])


def test_a_section_that_was_cut_into_two_passages_is_named_once() -> None:
    address = "https://docs.example/page1#retries"
    first = passage(1, url=address, text="Set `max_retries` to the number of tries.")
    second = passage(2, page_id=1, url=address, text="Set `retry_delay` to wait between tries.")
    assert quote("set retry_delay and max_retries tries", [first, second]) == (
        "From **Configuration › Retries** [1]:\n\nSet `max_retries` to the number of tries.\n\n"
        "Set `retry_delay` to wait between tries."
    )


def test_a_section_that_shares_a_passage_does_not_count_the_heading_of_its_neighbour() -> None:
    text = (
        "Set `max_retries` to a number.\n\n## Away\n\nA task may be away on a number of machines."
    )
    quoted = quote("Retries of a task", [passage(text=text)])
    assert quoted.startswith("From **Configuration › Retries** [1]:\n\nSet")


def test_a_sentence_that_leans_brings_the_one_before_it() -> None:
    text = f"{LONG}\n\nThe worker keeps a lock. This is let go when `drain_lock` is called."
    assert "keeps a lock. This is let go" in quote("drain_lock", [passage(text=text)])


@pytest.mark.parametrize(
    "before", ["```\nx\n```", "> **Note**\n>\n> See the other page.", "- one item"]
)
def test_a_sentence_is_left_out_where_what_it_leans_on_cannot_be_quoted(before: str) -> None:
    text = f"{LONG}\n\n{before}\n\nThis is let go when `drain_lock` is called."
    assert "drain_lock" not in quote("drain_lock", [passage(text=text)])


def test_an_item_is_quoted_with_its_lead_in_and_its_list_is_marked_where_it_goes_on() -> None:
    items = "\n".join(f"- `mode_{n}` is for those who {LONG[:70]}" for n in range(9))
    quoted = quote("what is mode_2", [passage(text=f"{LONG}\n\nThese are the modes:\n\n{items}")])
    assert re.search(r"These are the modes:\n(?:- `mode_.*\n)*- `mode_2` is for", quoted)
    assert "\n- …" in quoted


def test_a_step_is_quoted_with_the_steps_before_it() -> None:
    steps = "1. Open the lid.\n2. Take out the `drain_plug` with care.\n3. Close the lid."
    quoted = quote("drain_plug", [passage(text=f"{LONG}\n\nDo so:\n\n{steps}")])
    assert "1. Open the lid.\n2. Take out" in quoted


def test_lines_that_only_the_source_wraps_are_joined() -> None:
    wrapped = (
        "Set the number of\nretries in the file:\n\n- one is the\n  usual number of retries\n- two"
    )
    assert quote("number", [passage(text=wrapped)]).endswith(
        "Set the number of retries in the file:\n- one is the usual number of retries\n- …"
    )


@pytest.mark.parametrize(
    "never",
    [
        "> **Warning**",
        "New in version 2.3.",
        "Changed in version 2.0: the retries were counted otherwise.",
        "![the retries of a task](img.png)",
        "Click here to see all retries of tasks.",
        "For more information, see the page on retries.",
        "See also the page on retries.",
        "To count the retries of tasks, see the page on them.",
        "[Retries of all the tasks](https://docs.example/all)",
        "- [Retries of all the tasks](https://docs.example/all)",
        "[^1]: Retries are counted from one.",
        "Next: retries",
        "**Retries**",
    ],
)
def test_what_only_leads_elsewhere_is_not_quoted(never: str) -> None:
    text = f"A task may be tried again by its owner.\n\n{never}\n\nA task that fails is kept."
    quoted = quote("retries of tasks in version 2.3", [passage(text=text)])
    assert quoted == (
        "From **Configuration › Retries** [1]:\n\nA task may be tried again by its owner.\n\n"
        "A task that fails is kept."
    )


def test_a_link_is_quoted_as_its_words() -> None:
    text = "Set the retries as [its `owner` says](https://docs.example/x), not more."
    assert "as its `owner` says, not more." in quote("retries", [passage(text=text)])


def test_of_long_code_the_lines_that_hold_the_name_are_shown_and_its_language_kept() -> None:
    code = "\n".join([*(f"first_{n} = 1" for n in range(80)), "", "drain_lock()", "last = 1"])
    quoted = quote("drain_lock", [passage(text=f"Call it like this.\n\n```py\n{code}\n```")])
    assert "```py\n…\n" in quoted
    assert "\ndrain_lock()\n" in quoted
    assert len(quoted) <= LIMIT


def test_what_a_program_prints_gives_way_to_code() -> None:
    log = "\n".join(f"2024-01-01 10:00:0{n} INFO drain_lock was let go" for n in range(5))
    text = f"Let it go.\n\n```\n{log}\n```\n\n```py\ndrain_lock()\n```"
    quoted = quote("drain_lock", [passage(text=text)])
    assert "```py\ndrain_lock()\n```" in quoted
    assert "INFO" not in quoted


def test_of_a_table_the_head_and_the_rows_that_match_are_quoted_as_code() -> None:
    table = "| Name | Value |\n|---|---|\n| `a_lock` | 1 |\n| `b_lock` | 2 |"
    text = f"Some names are known to everyone here.\n\n{table}"
    assert "```\nName    Value\n------  -----\nb_lock  2\n…\n```" in quote(
        "b_lock", [passage(text=text)]
    )


def test_nothing_is_quoted_from_nothing() -> None:
    assert quote("anything", []) == ""


def test_a_passage_without_words_is_pointed_to() -> None:
    assert quote("a", [passage(text="")]) == "See **Configuration › Retries** [1]."


def test_of_words_that_have_no_end_the_beginning_is_quoted() -> None:
    quoted = quote("word", [passage(text="word " * 1000)])
    assert re.fullmatch(r"From \*\*Configuration › Retries\*\* \[1\]:\n\n(?:word )+…", quoted)
    assert 300 < len(quoted) <= LIMIT


def test_a_question_in_another_language_is_met_with_the_first_words_of_the_best_page() -> None:
    pages = [passage(1, text=TEXT), passage(2, text=TEXT.replace("task", "job"))]
    assert quote("どうすればよい", pages).startswith("From **Configuration › Retries** [1]:")


def test_a_long_title_is_shortened() -> None:
    assert len(title(passage(title="word " * 100))) == 120


PIECES = [
    "word ",
    "Long sentence here. ",
    "This leans on it. ",
    "a `b` c ",
    "`",
    "**",
    "*i* ",
    "[l](https://a.b/c) ",
    "![i](x.png) ",
    "[1]",
    "[[2]](u)",
    "【3】",
    "<https://a.b> ",
    "https://a.b/c. ",
    ": ",
    "\n",
    "\n\n",
    "\n```py\n",
    "\n```\n",
    "\n~~~~ x\n",
    "~~~",
    "```",
    "x = 1\n",
    "\n- item of it ",
    "\n  - deeper item ",
    "\n1. step of it ",
    "\n> quoted words ",
    "\n> **Note**\n",
    "\n> ```\n> y = 2\n",
    "\n## Head [4]\n",
    "\n| a | b |\n|---|---|\n| c | d `e` |\n",
    "\n    indented\n",
    "漢字です。",
    "\\",
    "\t",
]
ODD_TEXT = st.lists(st.sampled_from(PIECES), max_size=120).map("".join) | st.text(max_size=300)
ODD_PASSAGES = st.lists(st.tuples(ODD_TEXT, st.text(max_size=40), st.integers(1, 3)), max_size=5)
QUESTIONS = st.lists(
    st.sampled_from(["word", "`b`", "x = 1", "Error: item", "\n\n", "sentence", "[2]", "漢字"])
).map(" ".join)


@given(QUESTIONS, ODD_PASSAGES, st.sampled_from([1, 1, 20]))
def test_whatever_the_passages_hold_a_quotation_is_short_whole_and_cites_only_them(
    question: str, given_passages: list[tuple[str, str, int]], repeat: int
) -> None:
    pages = [
        passage(number, text=text * repeat, heading=heading, page_id=page)
        for number, (text, heading, page) in enumerate(given_passages, start=1)
    ]
    quoted = quote(question, pages)
    assert len(quoted) <= LIMIT
    assert bool(quoted) == bool(pages)
    assert all(block.closing for block in blocks(quoted) if isinstance(block, Fence))
    checked = check(quoted, pages)
    assert checked.cut == ()
    assert set(checked.cited) <= set(range(1, len(pages) + 1))


PLAIN_PIECES = [
    "word ",
    "Long sentence here. ",
    "This leans on it. ",
    "For `b` there is [a link](https://a.b/c) now. ",
    "\n\n",
    "\n\n- item of the list",
    "\n\n1. step of many steps",
    "\n\n> **Note**\n>\n> Somebody said it so.\n\n",
    "\n\n```py\nx = 1\n```\n\n",
    "\n\n## Head\n\n",
    "\n\n| a | b |\n|---|---|\n| c | d `e` |\n\n",
]


@given(QUESTIONS, st.lists(st.lists(st.sampled_from(PLAIN_PIECES)).map("".join), max_size=4))
def test_nothing_is_said_but_what_the_passages_say(question: str, given_texts: list[str]) -> None:
    pages = [passage(number, text=text) for number, text in enumerate(given_texts, start=1)]
    known = " ".join(f"{each.title} {each.heading} {each.text}" for each in pages)
    own = " ".join([texts.from_page("1", "2"), texts.see("3"), texts.see_also(["1", "2", "4"])])
    assert words(quote(question, pages)) <= words(known) | words(own)


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text))


def test_the_time_to_quote_grows_with_what_was_found_alone() -> None:
    """5 ms for four passages of 2,000 characters."""

    def seconds(characters: int) -> float:
        text = (TEXT * 20)[:characters]
        pages = [passage(n, text=text, heading=f"Part {n}") for n in range(1, 5)]
        question = "how to change max_retries of a task that failed"
        return processor_seconds(lambda: quote(question, pages))

    assert seconds(4_000) < 8 * seconds(1_000)


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
