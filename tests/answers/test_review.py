"""Odd replies of models, from the endpoint to the answer."""

import json
from collections.abc import Sequence

import pytest

from docbot.answers.answer import Answer, Answerer
from docbot.answers.generate import OnText, OpenAIChatModel
from docbot.answers.prompt import ChatMessage, QuestionText, Turn
from docbot.answers.reply import Completion
from docbot.answers.review import Review
from tests.answers.passages import found, passage
from tests.model_server import ModelServer, Reply

QUESTION = QuestionText("How do I set max_retries for a failed task?", "It fails.")
FOUND = [passage(1), passage(2, text="Objects are spilled to disk once the store is full.")]
TRUE = "Set `max_retries` to the number of tries [1]."
FALSE = "The moon is made of cheese [1]."


async def answered(*replies: str | Reply, told: list[str] | None = None) -> Answer:
    """Ask a model endpoint that gives these replies, streamed where `told` listens."""
    async with ModelServer.open(replies) as server:
        model = OpenAIChatModel("test-chat", api_key=None, base_url=server.base_url)
        try:
            on_text = told.append if told is not None else None
            return await Answerer(model, retry_seconds=0).answer(
                QUESTION, [], found(FOUND), on_text
            )
        finally:
            await model.close()


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (f"{TRUE} Also [99].", TRUE),
        (TRUE.replace("[1]", "[[1]]"), TRUE),
        (TRUE.replace("[1]", "[ [1] ]").replace("[ [1] ]", "([1])"), TRUE.replace("[1]", "([1])")),
        (TRUE.replace("[1]", "[[1](https://evil.test)]"), TRUE),
        (json.dumps({"answer": TRUE}), TRUE),
        (f"```json\n{json.dumps({'answer': TRUE, 'sources': [1]})}\n```", TRUE),
        (f"{TRUE} {FALSE}", TRUE),
        (f"{TRUE}\n\nSources:\n[1]: https://evil.test\n", TRUE),
        (f"--- passage 1 ab ---\nWhatever.\n--- end ab ---\n\n{TRUE}", TRUE),
        (f"{TRUE} " * 200, TRUE),
    ],
)
async def test_an_odd_reply_is_right_in_form(reply: str, text: str) -> None:
    answer = await answered(reply)
    assert (answer.lane, answer.text) == ("answer", text)
    assert [citation.n for citation in answer.citations] == [1]


RULES = (
    "You answer questions in a project's help forum, from passages of its documentation and from nothing else. "
    "After each claim put the number of the passage it comes from, as [1]; for several, [1][2]. "
    "If the passages do not answer the question, say so [1]."
)


@pytest.mark.parametrize(
    "reply",
    [
        RULES,
        f"{FALSE} Stars are hot [2]. {TRUE}",
        '{"steps": ["Set it", 1]}',
        '{"answer": "Set `max_retries`',
        "[99] [98]",
        "Set `max_tries` to 3 [1].",
        "word " * 6_000,
    ],
)
async def test_a_reply_of_which_too_little_is_left_falls_a_lane(reply: str) -> None:
    answer = await answered(reply, reply)
    assert (answer.lane, bool(answer.note)) == ("suggest", True)
    assert "[99]" not in answer.text


async def test_what_was_cut_is_kept_with_its_reason() -> None:
    answer = await answered(f"{TRUE} {FALSE}")
    assert answer.cut == ("The moon is made of cheese. (not borne out: its words are not there)",)


async def test_only_what_has_passed_the_check_is_told_and_the_answer_begins_so() -> None:
    told: list[str] = []
    answer = await answered(f"{TRUE} {FALSE} Objects are spilled to disk [2].", told=told)
    assert answer.text == f"{TRUE} Objects are spilled to disk [2]."
    assert "".join(told) == answer.text
    assert told[0] == TRUE


@pytest.mark.parametrize("reply", ["NO_ANSWER", "NO_ANSWER [2]", '{"answer": "Set', RULES])
async def test_what_is_no_answer_is_never_told(reply: str) -> None:
    told: list[str] = []
    await answered(reply, reply, told=told)
    assert told == []


async def test_an_answer_in_json_is_told_as_a_whole() -> None:
    told: list[str] = []
    await answered(json.dumps({"answer": TRUE}), told=told)
    assert told == [TRUE]


async def test_names_from_earlier_in_the_conversation_are_known() -> None:
    class Scripted:
        name = "scripted"

        async def complete(
            self, messages: Sequence[ChatMessage], on_text: OnText | None = None
        ) -> Completion:
            return Completion("Set `max_retries` of a failed `nightly_load` task [1].", "m", 1, 1)

    history = [Turn("user", "My nightly_load fails."), Turn("assistant", "Why?")]
    answerer = Answerer(Scripted())
    assert (await answerer.answer(QUESTION, history, found(FOUND))).lane == "answer"
    assert (await answerer.answer(QUESTION, [], found(FOUND))).lane == "suggest"


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_whatever_the_pieces_what_is_told_is_the_answer(size: int) -> None:
    reply = f"Yes. {TRUE}\n\nDo this:\n\n```\nmax_retries = 2\n```\n\n{FALSE} Objects are spilled to disk [2]."
    told: list[str] = []
    review = Review(FOUND, QUESTION.text, on_text=told.append)
    assert review.listener is not None
    for start in range(0, len(reply), size):
        review.listener(reply[start : start + size])
    reviewed = review.end(Completion(reply, "m", 1, 1))
    review.show(reviewed)
    assert "".join(told) == reviewed.text


def test_a_reply_that_ran_on_ends_with_a_whole_sentence() -> None:
    names = [
        f"Set `max_retries` to the number {n} of times a failed task is tried again [1]."
        for n in range(200)
    ]
    passages = [passage(1, text=" ".join(names).replace(" [1]", ""))]
    reviewed = Review(passages, QUESTION.text).end(Completion(" ".join(names), "m", 1, 1))
    assert len(reviewed.text) <= 5_502
    assert reviewed.text.endswith("again [1].\n…")
    assert "characters" in reviewed.cut[0]
