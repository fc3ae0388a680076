import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot import texts
from docbot.answers.checking import CheckedReply, Checker
from tests.answers.passages import passage
from tests.timing import processor_seconds

RETRIES = """Tasks are retried when they fail. The default number of retries is 3.
Set `max_retries` in the `@ray.remote` decorator to change it; 0 disables retries.

```python
import ray

@ray.remote(max_retries=1)
def potentially_fail(p):
    return 0
```"""
FOUND = [
    passage(1, text=RETRIES),
    passage(2, text="Set `RAY_TASK_MAX_RETRIES` to change the number for all tasks."),
    passage(3, text="Objects are spilled to disk once the store is full."),
]
QUESTION = "How do I change how often a task is retried?"


def checked(reply: str) -> CheckedReply:
    return Checker(FOUND, QUESTION).checked(reply, most=5_500)


def test_what_is_borne_out_stays_and_citations_are_numbered_by_use() -> None:
    reply = checked("Objects are spilled to disk [3]. By default a task is retried 3 times [1].")
    assert (
        reply.text == "Objects are spilled to disk [1]. By default a task is retried 3 times [2]."
    )
    assert (reply.cited, reply.cut, reply.kept, reply.claimed) == ((3, 1), (), 2, 2)


def test_numbers_follow_on_each_other_where_a_sentence_went() -> None:
    reply = checked(
        "Retries go on for ever [2]. Objects are spilled to disk [3]. 0 disables retries [1]."
    )
    assert reply.text == "Objects are spilled to disk [1]. 0 disables retries [2]."


def test_a_claim_without_a_citation_goes_and_a_connecting_sentence_stays() -> None:
    reply = checked("Yes. 0 disables retries [1]. Tasks are spread over all machines evenly.")
    assert reply.text == "Yes. 0 disables retries [1]."
    assert "cites nothing" in reply.cut[0]


def test_filler_goes_and_counts_for_nothing() -> None:
    reply = checked(
        "Great question! Sure, setting it to 0 disables retries [1].\n\n"
        "I hope this helps! Let me know if you have any further questions."
    )
    assert reply.text == "Setting it to 0 disables retries [1]."
    assert (reply.kept, reply.claimed) == (1, 1)
    assert reply.cut[0] == "Great question! (it tells nobody anything)"


def test_a_claim_is_carried_by_the_citation_of_the_sentence_behind_it() -> None:
    text = "The object store may be full. Objects are spilled to disk [3]."
    assert checked(text).text == text.replace("[3]", "[1]")
    assert checked(text.replace(". O", ".\n\nO")).text == "Objects are spilled to disk [1]."
    assert checked("The default number of retries is 3 [1]. Objects are spilled to disk.").text == (
        "The default number of retries is 3 [1]."
    )


def test_a_sentence_that_a_wrong_passage_is_cited_for_goes() -> None:
    assert checked("Objects are spilled to disk [2].").text == ""


def test_what_the_documentation_does_not_say_may_be_said() -> None:
    text = "0 disables retries [1]. The documentation does not say how long it waits in between."
    assert checked(text).text == text


def test_items_are_carried_by_their_lead_and_false_ones_go() -> None:
    reply = checked(
        "You can set [1]:\n\n1. `max_retries` in the decorator\n2. the colour of the moon\n3. 0 to disable retries"
    )
    assert reply.text == (
        "You can set [1]:\n\n1. `max_retries` in the decorator\n2. 0 to disable retries"
    )


def test_a_lead_and_a_heading_go_with_what_they_lead_to() -> None:
    reply = checked(
        "0 disables retries [1].\n\n## More\n\nThere are two ways:\n\n- Use `magic_retries` [1].\n- Ask the moon [2].\n\n"
        "## End\n\nObjects are spilled to disk [3]."
    )
    assert reply.text == "0 disables retries [1].\n\n## End\n\nObjects are spilled to disk [2]."


def test_a_sentence_is_untied_from_one_that_went() -> None:
    reply = checked("Retries wait for 5 seconds [1]. However, 0 disables retries [1].")
    assert reply.text == "0 disables retries [1]."


def test_a_sentence_with_an_invented_name_goes_whatever_it_cites() -> None:
    reply = checked("Set `retry_policy` in the decorator [1]. 0 disables retries [1].")
    assert reply.text == "0 disables retries [1]."
    assert reply.cut == (
        "Set `retry_policy` in the decorator. (retry_policy stands in no passage)",
    )


CODE = "```python\nimport ray\n\n@ray.remote({})\ndef crunch(data):\n    return {}\n```"


def test_code_with_an_invented_name_goes_with_the_line_that_leads_to_it() -> None:
    code = CODE.format("retry_policy=2", "data")
    reply = checked(
        f"0 disables retries [1].\n\nDo this:\n\n{code}\n\nObjects are spilled to disk [3]."
    )
    assert reply.text == "0 disables retries [1].\n\nObjects are spilled to disk [2]."


def test_code_whose_lead_went_goes_too() -> None:
    code = CODE.format("max_retries=2", "data")
    reply = checked(f"0 disables retries [1].\n\nThis sends an email to everyone [1]:\n\n{code}")
    assert reply.text == "0 disables retries [1]."


def test_code_of_known_names_stays_and_unfamiliar_ones_get_a_warning() -> None:
    known = f"Set `max_retries` [1]:\n\n{CODE.format('max_retries=2', 'data')}"
    assert checked(known).text == known
    foreign = known.replace("import ray\n", "import ray\nimport numpy\n")
    assert checked(foreign).text == f"{foreign}\n{texts.unfamiliar('`numpy`')}"


def test_a_table_loses_its_false_rows_and_goes_with_the_last_of_them() -> None:
    head = "|setting|what it does|\n|-|-|\n"
    true, false = "|`max_retries`|number of retries|", "|`max_sleep`|hours of sleep|"
    assert (
        checked(f"Settings [1]:\n\n{head}{true}\n{false}").text == f"Settings [1]:\n\n{head}{true}"
    )
    assert checked(f"Settings [1]:\n\n{head}{false}").text == ""


def test_what_is_said_again_is_said_once() -> None:
    reply = checked("0 disables retries [1]. " * 40)
    assert reply.text == "0 disables retries [1]."
    assert reply.cut == ("39 sentences that were said before",)
    assert reply.says_enough


def test_little_that_is_left_of_many_claims_is_not_enough() -> None:
    reply = checked("0 disables retries [1]. The moon is blue [2]. Stars are hot [3].")
    assert (reply.kept, reply.claimed, reply.says_enough) == (1, 3, False)


def test_another_language_is_held_to_its_names_and_numbers() -> None:
    true = "Aufgaben werden standardm\u00e4\u00dfig bis zu 3 Mal wiederholt, mit `max_retries` \u00e4nderst du das [1]."
    assert checked(true).text == true
    assert checked(true.replace("3", "7")).text == ""
    assert checked(true.replace("max_", "min_")).text == ""


REPLY = (
    "Great question! Sure, you can change how often a failed task is retried. By default it is retried 3 times [1]. "
    "However, it waits 5 seconds [1].\n\nDo it like this [1]:\n\n" + CODE.format("max_retries=2", "data") + "\n\n"
    "## More\n\nThere are two ways:\n\n1. Set `RAY_TASK_MAX_RETRIES` [2].\n2. Set `RAY_MAGIC` [2].\n\n"
    "|a|b|\n|-|-|\n|`max_retries`|number of retries [1]|\n\nObjects are spilled to disk [3]."
)  # fmt: skip


@given(st.integers(0, len(REPLY)))
def test_what_is_told_of_a_beginning_is_how_the_whole_begins(length: int) -> None:
    begun = Checker(FOUND, QUESTION).checked(
        REPLY[:length], most=5_500, is_broken_off=True, is_whole=False
    )
    assert checked(REPLY).text.startswith(begun.text)


def test_a_sentence_is_told_once_it_is_over_and_not_before() -> None:
    checker = Checker(FOUND, QUESTION)

    def told(text: str) -> str:
        return checker.checked(text, most=5_500, is_broken_off=True, is_whole=False).text

    assert told("0 disables retries [1].") == ""
    assert told("0 disables retries [1]. Ob") == "0 disables retries [1]."
    assert told("Tasks are retried. 0 disables retries") == ""


PIECES = [
    "0 disables retries ", "[1]", "[9]", ". ", "\n", "\n\n", "- ", "## ", "```\n", "`x", "`", "[[", "]]", "{", "NO",
    "|a|b|\n", "|-|-|\n", ":\n", "However, ", "**", "\u3002", "\x00", "\u202e", "1. ",
]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=40).map("".join))
def test_any_reply_is_taken_and_cites_only_what_was_given(reply: str) -> None:
    done = checked(reply)
    assert set(done.cited) <= {1, 2, 3}
    assert done.kept <= done.claimed


@pytest.mark.check
def test_the_time_to_check_a_reply_grows_with_its_length_alone() -> None:
    """50 ms for one of 5,500 characters, within what the loop may stand still."""
    sentence = (
        "The default number {} of retries is 3 and `max_retries` changes it for task {} [{}]. "
    )
    reply = "".join(sentence.format(n, n, n % 8 + 1) for n in range(60))[:5_500]
    passages = [passage(n, text=(RETRIES + "\n\n") * 7) for n in range(1, 9)]

    def seconds(text: str) -> float:
        return processor_seconds(lambda: Checker(passages, QUESTION).checked(text, most=5_500))

    passages_alone = seconds("")
    short, long = (seconds(text) - passages_alone for text in (reply[: len(reply) // 4], reply))
    assert long < 10 * short


def test_what_was_cut_can_be_stored_whatever_it_holds() -> None:
    cut = checked("The moon\x00 is \ud83d blue [1]. Set `my\x00stery_name` [1].").cut
    assert cut
    assert all("\x00" not in each and each.encode() for each in cut)
