import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.answers.split import length
from docbot.bot.described import Described
from docbot.bot.info import (
    Caller,
    Collection,
    Models,
    about,
    collections,
    commands,
    hello,
    host_of,
    listed,
    shown_model,
)
from docbot.bot.who import Who
from tests.answers.discord_reader import read

READ_AT = datetime(2026, 11, 1, tzinfo=UTC)
DAYS = 180
MODELS = Models("chatty", "vectors", "https://models.test/v1")
NAMES = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        ["@everyone", "<@1>", "[x](https://evil.test)", "https://evil.test", "`a` **b"]
    ),
)
# What docbot writes itself: when a source was read.
OWN_TIME = re.compile(r"<t:\d+:R>")


def _is_inert(text: str) -> bool:
    seen = read(OWN_TIME.sub("", text))
    return not (seen.mentions or seen.links or seen.previews) and length(text) <= 2000


def _collection(name: str, *, is_read: bool = True) -> Collection:
    return Collection(name, 1, 2, READ_AT if is_read else None)


@given(names=st.lists(NAMES, max_size=60))
def test_whatever_sources_are_called_their_list_is_inert_and_fits(names: list[str]) -> None:
    assert _is_inert(collections([_collection(name) for name in names]))


@given(usage=NAMES, what=NAMES, count=st.integers(1, 60))
def test_whatever_commands_are_called_their_list_is_inert_and_fits(
    usage: str, what: str, count: int
) -> None:
    known = [Described(usage, who, what) for who in Who] * count
    assert _is_inert(commands(known, Caller(is_staff=False, is_manager=True)))


@given(chat=st.none() | NAMES, embedding=st.none() | NAMES | NAMES.map("local:{}".format))
def test_whatever_models_are_called_what_docbot_is_stays_inert_and_fits(
    chat: str | None, embedding: str | None
) -> None:
    models = Models(chat, embedding, "https://models.test/v1")
    assert _is_inert(about("0.1.0", [_collection("docs")], models, DAYS))


def test_sources_are_listed_with_sizes_and_age() -> None:
    unread = Collection("later", 0, 0, None)
    assert collections([_collection("docs"), unread]).splitlines() == [
        "What I search in for this server:",
        f"- docs: 1 page, 2 passages, last read <t:{READ_AT.timestamp():.0f}:R>",
        "- later: 0 pages, 0 passages, not read yet",
    ]
    assert collections([]) == "There is nothing yet that I could search in for this server."


def test_a_long_list_says_how_many_more_there_are() -> None:
    text = collections([_collection(f"source-{number:03}") for number in range(100)])
    shown = text.count("- source-")
    assert 20 < shown < 100
    assert text.splitlines()[-1] == f"… and {100 - shown} more."
    assert length(text) > 1800


def test_a_list_that_fits_is_not_cut() -> None:
    assert listed("Head", ["a" * 995, "b" * 999]) == f"Head\n{'a' * 995}\n{'b' * 999}"
    assert listed("Head", ["a" * 1_000, "b" * 999]).endswith("… and 1 more.")


KNOWN = [
    Described("/search query [source]", Who.EVERYONE, "Find pages"),
    Described("/solve", Who.AUTHOR, "Mark as solved"),
    Described("/reload-config", Who.MANAGERS, "Take in settings"),
]


def test_a_member_is_told_of_what_members_may_use() -> None:
    assert commands(KNOWN, Caller(is_staff=False, is_manager=False)).splitlines() == [
        "What you can use here:",
        "- `/search query [source]`: Find pages",
        "- `/solve`: Mark as solved, in threads that you opened",
    ]


def test_staff_and_managers_are_told_of_more() -> None:
    for_staff = commands(KNOWN, Caller(is_staff=True, is_manager=False))
    assert "- `/solve`: Mark as solved" in for_staff.splitlines()
    assert "/reload-config" not in for_staff
    assert "/reload-config" in commands(KNOWN, Caller(is_staff=True, is_manager=True))


def test_a_greeting_says_how_to_ask_where_it_stands() -> None:
    assert "new post" in hello("auto", [])
    assert "staff" in hello("draft", [])
    assert "Mention me" in hello("mention", [])
    assert "do not answer here" in hello("off", [5])
    assert "<#5> and <#6>" in hello(None, [5, 6])
    assert "`/search`" in hello(None, [])
    assert hello(None, range(1, 1_000)).count("<#") == 5


def test_who_sees_what_is_asked_is_told_by_model_and_host() -> None:
    text = about("0.1.0", [_collection("docs")], MODELS, DAYS)
    assert "docbot 0.1.0" in text
    assert "1 source with 1 page" in text
    assert "`chatty` at `models.test`" in text
    assert "`vectors` at `models.test`" in text
    assert "threads that members solved" in text


def test_what_is_kept_is_told_with_what_outlives_its_time() -> None:
    text = about("0.1.0", [], MODELS, DAYS)
    assert "with my answers, for 180 days." in text
    assert "votes stay until you take them back" in text
    assert "solved a thread I go on quoting" in text
    assert "if I am running then" in text


def test_without_models_it_says_that_it_quotes_and_searches_by_words() -> None:
    text = about("0.1.0", [], Models(None, None, "https://models.test/v1"), None)
    assert "I quote the documentation" in text
    assert "by words" in text
    assert "models.test" not in text
    assert "however old it is" in text


def test_a_model_of_the_machine_is_said_to_send_nothing_anywhere() -> None:
    text = about("0.1.0", [], Models(None, "local:small/one", "https://models.test/v1"), DAYS)
    assert "`small/one`, on the machine that I run on" in text
    assert "models.test" not in text


@pytest.mark.parametrize(
    "address",
    [
        "https://user:secret@models.test:8443/secret/v1?key=secret",
        "http://models.test",
    ],
)
def test_of_an_endpoint_the_host_alone_is_told(address: str) -> None:
    assert host_of(address) == "models.test"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("vendor/model-7b", "vendor/model-7b"),
        ("/srv/models/model-7b.gguf", "model-7b.gguf"),
        ("~/models/model-7b.gguf", "model-7b.gguf"),
        ("C:\\models\\model-7b.gguf", "model-7b.gguf"),
    ],
)
def test_of_a_model_in_a_file_the_folders_are_not_told(name: str, shown: str) -> None:
    assert shown_model(name) == shown
