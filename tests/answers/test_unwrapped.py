import json

import pytest

from docbot.answers.unwrapped import unwrapped


@pytest.mark.parametrize("reply", ["Set it [1].", "", "`{a}` is set [1].", "[1] says so.", "a {b"])
def test_what_is_no_json_stays_as_it_is(reply: str) -> None:
    assert unwrapped(reply) == reply


@pytest.mark.parametrize("name", ["answer", "text", "response", "content"])
def test_the_answer_in_json_is_taken_out(name: str) -> None:
    document = json.dumps({"citations": [1], name: "Set it [1].\n"})
    assert unwrapped(document) == "Set it [1]."
    assert unwrapped(f"```json\n{document}\n```") == "Set it [1]."


@pytest.mark.parametrize(
    "reply",
    ['{"citations": [1]}', '{"answer": "Set it', '{"answer": 3}', '{"a":' * 50_000, "{" * 50_000],
)
def test_json_without_an_answer_is_none(reply: str) -> None:
    assert unwrapped(reply) is None


def test_a_fence_of_json_may_be_what_was_asked_for() -> None:
    fence = '```json\n{"retries": 3}\n```'
    assert unwrapped(fence) == fence
