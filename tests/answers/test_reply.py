from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.answers.reply import ReasoningFilter, ReplyReader
from docbot.retrieval.endpoint import ReportedError
from tests.timing import processor_seconds

WHOLE = [
    ("Because [1].", "Because [1]."),
    ("  \n Because.", "Because."),
    ("<think>hm</think>\n\nBecause.", "Because."),
    ("<thinking>a < b, so </thinkin\n</thinking>Because.", "Because."),
    ("<think>a</think><think>b</think>Because.", "Because."),
    ("<think>never done", ""),
    ("<think></think>", ""),
    ("<thi", "<thi"),
    ("<", "<"),
    ("<thinker> is a tag", "<thinker> is a tag"),
    ("Write `<think>` before it [1].", "Write `<think>` before it [1]."),
    ("", ""),
]


def filtered(pieces: list[str]) -> str:
    reasoning = ReasoningFilter()
    shown = [reasoning.feed(piece) for piece in pieces]
    return "".join([*shown, reasoning.rest()])


@pytest.mark.parametrize(("text", "shown"), WHOLE)
def test_reasoning_is_left_out_whole_or_letter_by_letter(text: str, shown: str) -> None:
    assert filtered([text]) == shown
    assert filtered(list(text)) == shown


@given(
    st.lists(st.sampled_from(["<think>", "</think>", "<", "thinking>", "\n", " ", "a", "b"])),
    st.data(),
)
def test_however_a_text_is_cut_into_pieces_the_same_is_shown(
    parts: list[str], data: st.DataObject
) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert filtered(pieces) == filtered([text])


def reply_of(*documents: Any) -> str:
    reader = ReplyReader("asked")
    for document in documents:
        reader.add(document)
    return reader.completion().text


def message(content: Any, **more: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": content}, **more}], "model": "used"}


def test_a_closing_without_an_opening_ends_reasoning_too() -> None:
    assert reply_of(message("hm [9]\n</think>\n\nBecause.")) == "Because."
    assert reply_of(message("The tag `</think>` ends it.")) == "The tag `</think>` ends it."


def test_a_text_in_parts_is_put_together() -> None:
    parts = [{"type": "text", "text": "Be"}, {"type": "image"}, {"type": "text", "text": "cause."}]
    assert reply_of(message(parts)) == "Because."


def test_the_usage_may_come_last_or_never() -> None:
    reader = ReplyReader("asked")
    reader.add({"choices": [{"delta": {"content": "a"}}]})
    assert (reader.completion().model, reader.completion().tokens_in) == ("asked", None)
    reader.add({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": "?"}})
    assert (reader.completion().tokens_in, reader.completion().tokens_out) == (3, None)


@pytest.mark.parametrize("content", [None, 7, {}, []])
def test_a_content_that_is_no_text_is_none(content: Any) -> None:
    assert reply_of(message(content)) == ""


@pytest.mark.parametrize(
    "document",
    ["text", None, [], {}, {"choices": None}, {"choices": ["a"]}, {"choices": [{"delta": "a"}]}],
)
def test_what_is_no_piece_of_a_reply_is_refused(document: Any) -> None:
    with pytest.raises(ValueError, match=r"choice"):
        ReplyReader("asked").add(document)


def test_an_error_in_place_of_a_piece_is_told() -> None:
    with pytest.raises(ReportedError, match="upstream died"):
        ReplyReader("asked").add({"error": {"message": "upstream died", "code": 502}})


def test_the_time_to_read_empty_lines_grows_with_their_number_alone() -> None:
    def seconds(lines: int) -> float:
        reader = ReplyReader("m")
        reader.add({"choices": [{"message": {"content": f"a{chr(10) * lines}b"}}]})
        assert reader.completion().text.startswith("a")
        return processor_seconds(reader.completion)

    assert seconds(40_000) < 12 * seconds(10_000)  # the square of it took 3 s


def test_usage_without_choices_after_the_end_is_taken_in() -> None:
    for ending in ({"choices": None}, {}):
        reader = ReplyReader("m")
        reader.add({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]})
        assert reader.add({**ending, "usage": {"prompt_tokens": 3}}) == ""
        assert reader.completion().tokens_in == 3


def test_a_choice_that_ends_in_an_error_is_no_reply() -> None:
    reader = ReplyReader("m")
    reader.add({"choices": [{"delta": {"content": "Set"}, "finish_reason": None}]})
    with pytest.raises(ReportedError, match="finish reason: error"):
        reader.add({"choices": [{"delta": {"content": ""}, "finish_reason": "error"}]})
