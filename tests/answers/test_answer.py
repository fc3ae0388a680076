import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from time import process_time

import pytest

from docbot import texts
from docbot.answers.answer import Answer, Answerer
from docbot.answers.generate import OnText
from docbot.answers.prompt import PROMPT_VERSION, ChatMessage, QuestionText, Turn
from docbot.answers.reply import Completion
from docbot.answers.review import MOST_READ
from docbot.errors import (
    BusyError,
    DocbotError,
    DownError,
    EmptyError,
    PermanentError,
    RefusedError,
    TooLongError,
    TransientError,
)
from docbot.retrieval.passages import Part, Passage
from tests.answers.passages import AWAY, DOUBTFUL, found, passage

QUESTION = QuestionText("How do I set max_retries for a failed task?", "It fails.")
OTHER = QuestionText("Which pizza should I eat tonight in Berlin?", "")
FOUND = [passage(1), passage(2), passage(3)]


class ScriptedModel:
    """Gives one reply or one failure, and keeps what it was asked."""

    name = "scripted"

    def __init__(self, script: str | DocbotError) -> None:
        self._script = script
        self.asked: list[Sequence[ChatMessage]] = []

    async def complete(
        self, messages: Sequence[ChatMessage], on_text: OnText | None = None
    ) -> Completion:
        self.asked.append(messages)
        if isinstance(self._script, DocbotError):
            raise self._script
        return Completion(self._script, "scripted-1", 100, 10)


async def reply(
    script: str | DocbotError,
    question: QuestionText = QUESTION,
    passages: Sequence[Passage] = FOUND,
) -> Answer:
    return await Answerer(ScriptedModel(script)).answer(question, [], found(passages))


async def test_an_answer_comes_with_its_evidence() -> None:
    answer = await reply("Set it [2]. Then [1] and [9].")
    assert (answer.lane, answer.text) == ("answer", "Set it [1]. Then [2] and.")
    assert [(c.n, c.url) for c in answer.citations] == [(1, FOUND[1].url), (2, FOUND[0].url)]
    assert answer.citations[0].title == "Configuration › Retries"
    assert [(e.n, e.cited) for e in answer.evidence] == [(2, True), (1, True), (None, False)]
    assert (answer.model, answer.prompt_version) == ("scripted-1", PROMPT_VERSION)
    assert (answer.tokens_in, answer.tokens_out, answer.cut) == (100, 10, ("[9]",))
    assert set(answer.timings_ms) == {"decide", "generate", "total"}


async def test_of_two_chunks_of_one_section_the_model_reads_one_passage_and_the_evidence_says_so() -> (
    None
):
    parts = tuple(
        Part(chunk, chunk, ("Configuration", "Retries"), f"Part {chunk} of `max_retries`.")
        for chunk in (1, 2, 7)
    )
    first, second = (
        passage(rank, page_id=1, url=FOUND[0].url, text=parts[rank - 1].text, section=parts)
        for rank in (1, 2)
    )
    model = ScriptedModel("Set `max_retries` to the number of times a failed task is tried [2].")
    answer = await Answerer(model).answer(QUESTION, [], found([first, second, FOUND[2]]))
    [request] = model.asked
    assert [f"Part {n} of" in request[-1].content for n in (1, 2, 7)] == [True, True, True]
    assert "passage 3" not in request[-1].content
    assert [citation.url for citation in answer.citations] == [FOUND[2].url]
    assert [(e.n, e.given) for e in answer.evidence] == [
        (None, (1, 2, 7)),
        (None, (1, 2, 7)),
        (1, (3,)),
    ]


async def test_what_no_model_read_is_no_passage_given() -> None:
    answer = await Answerer(None).answer(QUESTION, [], found(FOUND))
    assert [piece.given for piece in answer.evidence] == [(), (), ()]


async def test_a_quiet_lane_never_calls_the_model() -> None:
    model = ScriptedModel("Eat [1].")
    answer = await Answerer(model).answer(OTHER, [], found(FOUND, AWAY))
    assert (answer.lane, answer.citations, model.asked) == ("abstain", (), [])
    assert answer.text == texts.nothing_found()


async def test_a_suggestion_links_pages_without_calling_the_model() -> None:
    model = ScriptedModel("Eat [1].")
    answer = await Answerer(model).answer(
        QUESTION, [], found([*FOUND, passage(4), passage(5, page_id=1)], DOUBTFUL)
    )
    assert (answer.lane, answer.text, model.asked) == ("suggest", texts.may_help(), [])
    assert [citation.url for citation in answer.citations] == [each.url for each in FOUND]


@pytest.mark.parametrize(
    "text", ["NO_ANSWER", "Sorry.\n\n**NO_ANSWER**", "`NO_ANSWER`", "NO_ANSWER [9]"]
)
async def test_a_model_that_finds_no_answer_makes_it_quiet(text: str) -> None:
    answer = await reply(text)
    assert (answer.lane, answer.citations) == ("abstain", ())
    assert answer.model == "scripted-1"


async def test_a_model_that_names_a_page_instead_makes_it_a_suggestion() -> None:
    answer = await reply("NO_ANSWER [3]")
    assert answer.lane == "suggest"
    assert [citation.url for citation in answer.citations] == [FOUND[2].url]


@pytest.mark.parametrize("text", ["Just set it.", "Set it [7] or [0].", "`a[1]`"])
async def test_an_answer_that_proves_nothing_becomes_a_suggestion(text: str) -> None:
    answer = await reply(text)
    assert (answer.lane, answer.text) == ("suggest", texts.may_help())
    assert answer.note


async def test_a_passage_the_model_was_not_shown_cannot_be_cited() -> None:
    long = [passage(number, text="max_retries failed task " * 400) for number in (1, 2, 3)]
    answer = await reply("Set it [1] or [3].", passages=long)
    assert answer.cut == ("[3]",)


async def test_tables_of_the_model_become_code() -> None:
    answer = await reply("So [1]:\n\n|a|b|\n|-|-|\n|failed|task|")
    assert answer.text == "So [1]:\n\n```\na       b\n------  ----\nfailed  task\n```"


async def test_a_reply_without_end_is_cut() -> None:
    answer = await reply("Set it to a value [1]. " * 1_000)
    assert len(answer.text) < 6_000
    assert "23000 characters" in answer.cut[0]


async def test_a_failure_in_passing_is_the_callers() -> None:
    with pytest.raises(TransientError):
        await reply(TransientError("busy"))


@pytest.mark.parametrize("error", [RefusedError("wrong key"), PermanentError("too long")])
async def test_a_refusal_falls_back_to_quoting_and_says_why(error: DocbotError) -> None:
    answer = await reply(error)
    assert answer.lane == "answer"
    assert answer.text.startswith("From **Configuration › Retries** [1]:")
    assert answer.note is not None
    assert str(error) in answer.note
    assert (answer.model, answer.prompt_version, answer.tokens_in) == (None, None, None)


async def test_without_a_model_the_best_passage_is_quoted() -> None:
    answer = await Answerer(None).answer(QUESTION, [], found(FOUND))
    assert answer.lane == "answer"
    assert "Set `max_retries`" in answer.text
    assert answer.citations[0].url == FOUND[0].url


async def test_earlier_turns_reach_the_model() -> None:
    model = ScriptedModel("Set it [1].")
    await Answerer(model).answer(
        QUESTION, [Turn("user", "a"), Turn("assistant", "b")], found(FOUND)
    )
    assert [message.role for message in model.asked[0]] == ["system", "user", "assistant", "user"]


async def test_each_request_has_its_own_mark() -> None:
    model = ScriptedModel("Set it [1].")
    answerer = Answerer(model)
    await answerer.answer(QUESTION, [], found(FOUND))
    await answerer.answer(QUESTION, [], found(FOUND))
    assert model.asked[0][-1].content != model.asked[1][-1].content


class SmallModel(ScriptedModel):
    """Takes no more than so many characters."""

    def __init__(self, script: str, most: int) -> None:
        super().__init__(script)
        self._most = most

    async def complete(
        self, messages: Sequence[ChatMessage], on_text: OnText | None = None
    ) -> Completion:
        completion = await super().complete(messages, on_text)
        if sum(len(message.content) for message in messages) > self._most:
            raise TooLongError("that is too long")
        return completion


LONG = [passage(number, text="max_retries failed task " * 100) for number in (1, 2, 3, 4)]


async def test_what_is_too_long_is_asked_once_more_with_fewer_passages() -> None:
    model = SmallModel("Set it [1] or [4].", most=9_000)
    answer = await Answerer(model).answer(QUESTION, [Turn("user", "a")], found(LONG))
    assert (answer.lane, answer.text) == ("answer", "Set it [1] or.")
    assert "[4]" in answer.cut  # the model was not shown it
    assert "that is too long" in (answer.note or "")
    assert [len(messages) for messages in model.asked] == [3, 2]


async def test_what_is_too_long_even_so_is_quoted_and_not_asked_again() -> None:
    model = SmallModel("Set it [1].", most=100)
    answer = await Answerer(model).answer(QUESTION, [], found(LONG))
    assert (answer.lane, answer.model, len(model.asked)) == ("answer", None, 2)
    assert answer.text.startswith("From **Configuration › Retries** [1]:")
    assert "that is too long" in (answer.note or "")


async def test_a_reply_cut_by_the_models_limit_ends_whole_and_shows_it() -> None:
    class Cut(ScriptedModel):
        async def complete(
            self, messages: Sequence[ChatMessage], on_text: OnText | None = None
        ) -> Completion:
            return replace(await super().complete(messages, on_text), is_cut=True)

    answer = await Answerer(Cut("Set it [1]:\n\n```python\nx = 1")).answer(
        QUESTION, [], found(FOUND)
    )
    assert answer.text == "Set it [1]:\n\n```python\nx = 1\n```\n…"
    assert "length limit" in answer.cut[0]


async def test_only_what_a_model_writes_is_told_as_it_is_written() -> None:
    told: list[str] = []

    class Talking(ScriptedModel):
        async def complete(
            self, messages: Sequence[ChatMessage], on_text: OnText | None = None
        ) -> Completion:
            completion = await super().complete(messages)
            if on_text is not None:
                on_text(completion.text)
            return completion

    await Answerer(Talking("Set it [1].")).answer(QUESTION, [], found(FOUND), told.append)
    await Answerer(None).answer(QUESTION, [], found(FOUND), told.append)
    await Answerer(Talking("Eat [1].")).answer(OTHER, [], found(FOUND, AWAY), told.append)
    assert told == ["Set it [1]."]


@pytest.mark.parametrize("filler", [" ", "\n", "\n*", "\t", "`", "> ", "```\n"])
async def test_the_time_to_read_a_reply_grows_with_its_length_alone(filler: str) -> None:
    async def seconds(characters: int) -> float:
        written = filler * (characters // len(filler))
        began = process_time()
        answer = await reply(f"Set it [1].\n{written}End.")
        await reply(written)
        assert answer.text.startswith("Set it [1].")
        return process_time() - began

    await seconds(100)  # what is made once is made
    # What is longer is not read whole.
    short = min([await seconds(MOST_READ // 4) for _ in range(3)])
    assert min([await seconds(MOST_READ - 100) for _ in range(2)]) < 10 * short


class Replies(ScriptedModel):
    """Gives its replies and failures one by one; None never comes."""

    def __init__(self, *scripts: str | DocbotError | None) -> None:
        super().__init__("")
        self._left = deque(scripts)

    async def complete(
        self, messages: Sequence[ChatMessage], on_text: OnText | None = None
    ) -> Completion:
        script = self._left.popleft()
        if script is None:
            await asyncio.Event().wait()
        else:
            self._script = script
        return await super().complete(messages, on_text)


async def told(
    *scripts: str | DocbotError | None, seconds: float = 60, may_wait: bool = True
) -> tuple[Answer, Replies]:
    model = Replies(*scripts)
    answerer = Answerer(model, seconds=seconds, retry_seconds=0)
    return await answerer.answer(QUESTION, [], found(FOUND), may_wait=may_wait), model


UNREACHED = TransientError("the endpoint is away")


@pytest.mark.parametrize("error", [UNREACHED, EmptyError("an empty reply")])
async def test_what_failed_in_passing_is_asked_once_more(error: DocbotError) -> None:
    answer, model = await told(error, "Set it [1].")
    assert (answer.lane, answer.text, len(model.asked)) == ("answer", "Set it [1].", 2)
    assert str(error) in (answer.note or "")
    assert len(model.asked[1]) == 2  # nothing was said that could be shown to it


@pytest.mark.parametrize("useless", ["Just set it.", "Set it [9].", '{"citations": [1]}', '{"a'])
async def test_a_reply_of_no_use_is_shown_to_the_model_which_is_asked_once_more(
    useless: str,
) -> None:
    answer, model = await told(useless, "Set it [1].")
    assert (answer.lane, answer.text) == ("answer", "Set it [1].")
    assert [each.role for each in model.asked[1]] == ["system", "user", "assistant", "user"]
    assert model.asked[1][2].content == useless
    assert (answer.tokens_in, answer.tokens_out) == (200, 20)
    assert "asked again" in (answer.note or "")


async def test_an_answer_in_json_is_an_answer() -> None:
    answer, model = await told('{"answer": "Set it [1].", "confidence": 0.9}')
    assert (answer.lane, answer.text, len(model.asked)) == ("answer", "Set it [1].", 1)


@pytest.mark.parametrize(
    "second", ["Still not.", UNREACHED, BusyError("slow down"), RefusedError("no")]
)
async def test_two_replies_of_no_use_point_to_pages(second: str | DocbotError) -> None:
    answer, model = await told("Just set it.", second)
    assert (answer.lane, answer.text, len(model.asked)) == ("suggest", texts.may_help(), 2)
    assert [citation.url for citation in answer.citations] == [each.url for each in FOUND]


async def test_an_empty_reply_is_quoted_after_the_second_try() -> None:
    answer, model = await told(EmptyError("empty"), EmptyError("empty"))
    assert (answer.lane, answer.model, len(model.asked)) == ("answer", None, 2)
    assert answer.text.startswith("From **Configuration › Retries** [1]:")


async def test_a_failure_of_both_tries_is_the_callers_who_may_wait() -> None:
    with pytest.raises(TransientError):
        await told(UNREACHED, UNREACHED)
    answer, model = await told(UNREACHED, UNREACHED, may_wait=False)
    assert (answer.lane, answer.text, len(model.asked)) == ("suggest", texts.may_help(), 2)
    assert "the endpoint is away" in (answer.note or "")


@pytest.mark.parametrize("error", [BusyError("slow down"), DownError("left alone")])
async def test_a_rate_limit_or_an_endpoint_that_is_left_alone_is_not_asked_twice(
    error: DocbotError,
) -> None:
    model = Replies(error)
    answerer = Answerer(model, retry_seconds=0)
    if isinstance(error, BusyError):
        with pytest.raises(BusyError):
            await answerer.answer(QUESTION, [], found(FOUND), may_wait=False)
    else:
        assert (await answerer.answer(QUESTION, [], found(FOUND))).lane == "answer"


async def test_when_the_time_is_over_pages_are_pointed_to() -> None:
    answer, model = await told(UNREACHED, None, seconds=0.3)  # the second try never ends
    assert (answer.lane, answer.text, len(model.asked)) == ("suggest", texts.may_help(), 1)
    assert [citation.url for citation in answer.citations] == [each.url for each in FOUND]
    assert "gave no reply in the time that was left" in (answer.note or "")


async def test_with_hardly_any_time_left_nothing_is_asked_again() -> None:
    answer, model = await told(UNREACHED, "Set it [1].", seconds=0)
    assert (answer.lane, len(model.asked)) == ("suggest", 1)


async def test_nothing_that_was_told_already_is_asked_again() -> None:
    class BrokenOff(ScriptedModel):
        async def complete(
            self, messages: Sequence[ChatMessage], on_text: OnText | None = None
        ) -> Completion:
            assert on_text is not None
            on_text("Set it [1]. Then")
            return await super().complete(messages)

    model = BrokenOff(UNREACHED)
    with pytest.raises(TransientError):
        await Answerer(model).answer(QUESTION, [], found(FOUND), lambda _: None)
    assert len(model.asked) == 1


async def test_what_was_searched_for_decides_the_lane_and_the_model_hears_the_persons_words() -> (
    None
):
    model = ScriptedModel("Set it [1].")
    words = QuestionText("", "and that?")
    answer = await Answerer(model).answer(words, [], found(FOUND), sought=QUESTION)
    assert answer.lane == "answer"
    assert "and that?" in model.asked[0][-1].content
    assert QUESTION.title not in model.asked[0][-1].content
