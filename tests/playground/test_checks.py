from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.playground import checks
from docbot.playground.objects import DiscordError, Payload


def button(number: int = 1, **changes: Any) -> Payload:
    return {"type": 2, "style": 1, "label": "Go", "custom_id": f"b{number}"} | changes


def row(*parts: Payload) -> Payload:
    return {"type": 1, "components": list(parts)}


def select(**changes: Any) -> Payload:
    return {"type": 3, "custom_id": "s", "options": [{"label": "A", "value": "a"}]} | changes


def chat(**changes: Any) -> Payload:
    return {"name": "ask", "description": "Ask", "type": 1} | changes


def option(**changes: Any) -> Payload:
    return {"type": 3, "name": "what", "description": "What"} | changes


@given(st.text(max_size=4100))
def test_content_is_taken_up_to_2000_characters(content: str) -> None:
    if 0 < len(content) <= 2000:
        checks.check_new_message({"content": content})
    else:
        with pytest.raises(DiscordError) as refused:
            checks.check_new_message({"content": content})
        assert refused.value.code == (50035 if content else 50006)


@given(st.lists(st.integers(0, 4200), min_size=1, max_size=10))
def test_all_embeds_together_hold_6000_characters(lengths: list[int]) -> None:
    embeds = [{"description": "x" * length} for length in lengths]
    if max(lengths) <= 4096 and sum(lengths) <= 6000:
        checks.check_new_message({"embeds": embeds})
    else:
        with pytest.raises(DiscordError):
            checks.check_new_message({"embeds": embeds})


@pytest.mark.parametrize(
    "body",
    [
        {"content": "x", "nonce": "n" * 25},
        {"content": "x", "nonce": 12345},
        {"content": "x", "allowed_mentions": {"parse": [], "replied_user": False}},
        {"components": [row(*(button(n) for n in range(5)))]},
        {"content": "x", "components": [row(button(custom_id=None, style=5, url="https://a.b"))]},
        {"components": [row(select())]},
        {"embeds": [{"fields": [{"name": "n", "value": "v"}] * 25}]},
        {"flags": 1 << 15, "components": [{"type": 10, "content": "text"}]},
    ],
)
def test_what_discord_takes_is_taken(body: Payload) -> None:
    checks.check_new_message(body)


@pytest.mark.parametrize(
    "body",
    [
        {"content": "x", "nonce": "n" * 26},
        {"content": "x", "unknown": 1},
        {"content": 5},
        {"content": "x", "message_reference": {"id": "1"}},
        {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
        {"content": "x", "allowed_mentions": {"users": ["1"] * 101}},
        {"content": "x", "allowed_mentions": {"parsed": []}},
        {"components": [row(button(n)) for n in range(6)]},
        {"components": [row(*(button(n) for n in range(6)))]},
        {"components": [row()]},
        {"components": [button()]},
        {"components": [row(button(1), button(1))]},
        {"components": [row(button(custom_id="c" * 101))]},
        {"components": [row(button(custom_id=""))]},
        {"components": [row(button(custom_id=None))]},
        {"components": [row(button(label="l" * 81))]},
        {"components": [row(button(label=None))]},
        {"components": [row(button(labels="x"))]},
        {"components": [row(button(style=5))]},
        {"components": [row(button(style=5, custom_id=None, url="file:///etc"))]},
        {"components": [row(select(options=[]))]},
        {"components": [row(select(options=[{"label": "A", "value": "a"}] * 2))]},
        {"components": [row({"type": 99})]},
        {"embeds": [{"title": "t"}] * 11},
        {"embeds": [{"title": "t" * 257}]},
        {"embeds": [{"fields": [{"name": "n", "value": "v"}] * 26}]},
        {"embeds": [{"fields": [{"name": "", "value": "v"}]}]},
        {"embeds": [{"fields": [{"name": "n", "value": "v" * 1025}]}]},
        {"embeds": [{"titel": "t"}]},
        {"flags": 1 << 15, "content": "x", "components": [{"type": 10, "content": "text"}]},
        {"flags": 1 << 15, "components": [{"type": 10, "content": "t"}] * 41},
    ],
)
def test_what_discord_refuses_is_refused(body: Payload) -> None:
    with pytest.raises(DiscordError) as refused:
        checks.check_new_message(body)
    assert (refused.value.status, refused.value.code) == (400, 50035)
    assert refused.value.errors


def test_an_empty_message_is_refused_unless_it_has_a_file() -> None:
    with pytest.raises(DiscordError) as refused:
        checks.check_new_message({"content": ""})
    assert refused.value.code == 50006
    checks.check_new_message({}, files=1)


def test_a_thread_has_a_name_a_message_and_at_most_five_known_tags() -> None:
    body: Payload = {"name": "n" * 100, "message": {}, "applied_tags": ["1", "2"]}
    checks.check_thread(body, in_forum=True, known_tags={1, 2})
    wrongs: list[Payload] = [
        {"name": "n" * 101},
        {"name": ""},
        {"message": None},
        {"applied_tags": ["3"]},
        {"applied_tags": ["1"] * 6},
        {"auto_archive_duration": 5},
        {"title": "x"},
    ]
    for wrong in wrongs:
        with pytest.raises(DiscordError):
            checks.check_thread(body | wrong, in_forum=True, known_tags={1, 2})


def test_a_forum_has_at_most_20_tags_with_short_names() -> None:
    checks.check_channel_edit({"available_tags": [{"name": "n" * 20}] * 20})
    for wrong in ([{"name": "n" * 21}], [{"name": "n"}] * 21):
        with pytest.raises(DiscordError):
            checks.check_channel_edit({"available_tags": wrong})


def test_a_modal_has_a_short_title_and_up_to_five_parts() -> None:
    text = {"type": 4, "custom_id": "t", "style": 1, "label": "Label"}
    modal: Payload = {"title": "t" * 45, "custom_id": "m", "components": [row(text)]}
    checks.check_modal(modal)
    labelled = {
        "type": 18,
        "label": "Label",
        "component": {"type": 4, "custom_id": "t", "style": 1},
    }
    checks.check_modal(modal | {"components": [labelled]})
    wrongs: list[Payload] = [
        {"title": "t" * 46},
        {"custom_id": ""},
        {"components": []},
        {"components": [row(text | {"custom_id": str(n)}) for n in range(6)]},
        {"components": [row(text), row(text)]},
        {"components": [row(text | {"label": "l" * 46})]},
        {"components": [button()]},
        {"color": 1},
    ]
    for wrong in wrongs:
        with pytest.raises(DiscordError):
            checks.check_modal(modal | wrong)


def test_autocomplete_offers_at_most_25_choices() -> None:
    choice = {"name": "n", "value": "v"}
    checks.check_choices({"choices": [choice] * 25})
    for wrong in ([choice] * 26, [{"name": "", "value": "v"}], [{"name": "n" * 101, "value": "v"}]):
        with pytest.raises(DiscordError):
            checks.check_choices({"choices": wrong})


@pytest.mark.parametrize(
    "commands",
    [
        [chat(name="Ask")],
        [chat(name="a sk")],
        [chat(name="a" * 33)],
        [chat(description="")],
        [chat(description="d" * 101)],
        [chat(), chat()],
        [chat(colour=1)],
        [chat(options=[option(name=f"o{n}") for n in range(26)])],
        [chat(options=[option(), option(name="other", required=True)])],
        [chat(options=[option(choices=[{"name": "n", "value": "v"}] * 26)])],
        [chat(options=[option(autocomplete=True, choices=[{"name": "n", "value": "v"}])])],
        [{"name": "Explain", "type": 3, "description": "not here"}],
        [{"name": "", "type": 3}],
        [chat(name=f"c{n}") for n in range(101)],
    ],
)
def test_commands_that_discord_refuses_are_refused(commands: list[Payload]) -> None:
    with pytest.raises(DiscordError):
        checks.check_commands(commands)


def test_a_hundred_chat_commands_and_menus_of_the_same_name_are_taken() -> None:
    chats = [chat(name=f"c{n}") for n in range(100)]
    menus = [{"name": "Explain", "type": kind} for kind in (2, 3)]
    checks.check_commands([*chats, *menus])
