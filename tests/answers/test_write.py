from dataclasses import replace
from functools import reduce

from hypothesis import example, given, settings
from hypothesis import strategies as st

from docbot.answers.answer import Answer, Citation
from docbot.answers.attached import MOST_BYTES, File
from docbot.answers.markdown import Fence, blocks
from docbot.answers.split import LIMIT, length
from docbot.answers.write import Message, write
from tests.answers.discord_reader import read

FIRST = Citation(1, "https://docs.example/a#x", "Page › Heading")
SECOND = Citation(2, "https://docs.example/b_(c)", "list[int] and @everyone")


def contents(answer: Answer, limit: int = LIMIT) -> list[str]:
    return [message.content for message in write(answer, limit)]


def test_the_sources_stand_below_the_text() -> None:
    (message,) = contents(Answer("answer", "Set it [1]. Then [2].", (FIRST, SECOND)))
    assert message.split("\n") == [
        "Set it [1]. Then [2].",
        "",
        "**Sources**",
        "[1] [Page › Heading](<https://docs.example/a#x>)",
        "[2] [list[int] and @\u200beveryone](<https://docs.example/b_(c)>)",
    ]


def test_sources_of_several_documentations_are_named() -> None:
    old, new = replace(FIRST, source="docs_1.0"), replace(SECOND, source="wiki")
    (message,) = contents(Answer("answer", "Set it [1]. Then [2].", (old, new)))
    assert message.split("\n")[3:] == [
        "[1] [Page › Heading](<https://docs.example/a#x>) (docs\\_1.0)",
        "[2] [list[int] and @\u200beveryone](<https://docs.example/b_(c)>) (wiki)",
    ]
    (alike,) = contents(Answer("answer", "Set it [1].", (old, replace(new, source="docs_1.0"))))
    assert "docs_1.0" not in alike.replace("\\", "")


def test_a_suggestion_is_its_links() -> None:
    assert contents(Answer("suggest", "These pages may help:", (FIRST,))) == [
        "These pages may help:\n[1] [Page › Heading](<https://docs.example/a#x>)"
    ]


def test_an_address_that_cannot_be_a_link_is_text() -> None:
    local = Citation(1, "guide/setup.md#first", "Setup")
    written = contents(Answer("answer", "Do [1].", (local,)))
    assert written == ["Do [1].\n\n**Sources**\n[1] Setup: `guide/setup.md#first`"]


def test_the_text_is_sanitised_and_may_link_what_it_cites() -> None:
    text = "@everyone see https://evil.example and https://docs.example/a#x [1]."
    (message,) = contents(Answer("answer", text, (FIRST,)))
    seen = read(message)
    assert seen.mentions == seen.previews == []
    assert set(seen.links) == {FIRST.url}


def test_nothing_to_cite_means_no_sources() -> None:
    assert contents(Answer("abstain", "I found nothing.")) == ["I found nothing."]


def test_sources_that_do_not_fit_below_get_a_message_of_their_own() -> None:
    parts = contents(Answer("answer", "word " * 38 + "[1]", (FIRST,)), limit=200)
    assert len(parts) == 2
    assert parts[1].startswith("**Sources**\n[1] [Page")


def test_an_address_over_the_limit_leaves_the_name() -> None:
    far = Citation(1, "https://docs.example/" + "a" * 3000, "Page")
    assert contents(Answer("answer", "Do [1].", (far,)))[-1].endswith("[1] Page")


def code(lines: int, language: str = "python") -> str:
    return f"```{language}\n" + "value = compute(value)\n" * lines + "```"


def test_code_that_no_message_holds_is_a_file_where_it_stood() -> None:
    text = f"Set this:\n{code(100)}\nThen go on [1].\n\n```sh\nmake\n```"
    assert write(Answer("answer", text, (FIRST,))) == [
        Message(
            "Set this:\n\nSee the attached file `example.py`.\n\nThen go on [1].\n\n"
            "```sh\nmake\n```\n\n**Sources**\n[1] [Page › Heading](<https://docs.example/a#x>)",
            (File("example.py", "value = compute(value)\n" * 100),),
        )
    ]


def test_code_that_one_message_holds_stays_in_an_answer_of_two() -> None:
    messages = write(Answer("answer", f"{code(60)}\n\n{code(61)}"))
    assert [len(message.content) > 1300 for message in messages] == [True, True]
    assert not any(message.files for message in messages)


def test_of_an_answer_of_three_messages_the_longest_code_is_a_file() -> None:
    messages = write(Answer("answer", f"{code(60)}\n\n{code(62, 'yaml')}\n\n{code(61)}"))
    assert [file.name for message in messages for file in message.files] == ["example.yaml"]
    assert len(messages) == 2
    short = "\n\n".join([code(30)] * 8)
    assert not any(message.files for message in write(Answer("answer", short)))


def test_each_file_has_a_name_of_its_own_and_stands_with_the_message_that_names_it() -> None:
    prose = "Some words of prose. " * 93
    text = f"{code(100)}\n{prose}\n{code(101, 'YML')}\n{code(102, 'brainfuck')}\n{code(103, '')}"
    first, second = write(Answer("answer", text))
    assert [file.name for file in first.files] == ["example.py"]
    assert [file.name for file in second.files] == [
        "example-2.yaml",
        "example-3.txt",
        "example-4.txt",
    ]
    assert all(f"`{file.name}`" in first.content for file in first.files)
    assert all(f"`{file.name}`" in second.content for file in second.files)


def test_a_file_is_not_named_as_one_that_the_answer_speaks_of() -> None:
    (message,) = write(Answer("answer", f"Save it as `example.py`.\n\n{code(100)}"))
    assert [file.name for file in message.files] == ["example-2.py"]


def test_code_in_a_list_or_a_quotation_is_a_file_without_its_indentation() -> None:
    inner = "if a:\n    b()\n" * 200
    listed = "1. Do\n2. ```py\n" + "".join(f"   {line}\n" for line in inner.split("\n")[:-1])
    (message,) = write(Answer("answer", f"{listed}   ```\n3. Done"))
    assert message.content == "1. Do\n\n2. See the attached file `example.py`.\n\n3. Done"
    assert message.files == (File("example.py", inner),)
    quoted = "> ```py\n" + "".join(f"> {line}\n" for line in inner.split("\n")[:-1]) + "> ```"
    (message,) = write(Answer("answer", quoted))
    assert message.content == "> See the attached file `example.py`."
    assert message.files == (File("example.py", inner),)


def test_a_mark_left_open_before_a_file_leaves_its_line_alone() -> None:
    (message,) = write(Answer("answer", f"An open ` mark and **one\n{code(100)}\nmore ` **"))
    assert "`example.py`" in read(message.content).code


def test_a_file_holds_nothing_that_turns_its_direction() -> None:
    text = "```py\n" + "a = '\u202e\x00\ud800b'\n" * 300 + "```"
    (message,) = write(Answer("answer", text))
    assert message.files[0].content == "a = 'b'\n" * 300


def test_where_no_file_may_be_attached_code_is_split() -> None:
    messages = write(Answer("answer", code(200)), attaches=False)
    assert len(messages) > 2
    lines = [
        line
        for message in messages
        for block in blocks(message.content)
        if isinstance(block, Fence)
        for line in block.lines
    ]
    assert lines == ["value = compute(value)"] * 200
    assert not any(message.files for message in messages)


def test_a_file_over_discords_limit_is_cut_and_says_so() -> None:
    line = "a" * 1023 + "\n"
    fence = f"```\n{line * (MOST_BYTES // 1024 + 1)}```"
    (message,) = write(Answer("answer", f"{fence}\n{code(100)}"))
    first, second = message.files
    last = "[The rest is left out: it is too long for a file on Discord.]\n"
    assert first.content == line * (MOST_BYTES // 1024 - 1) + last
    # What is left of the room is for the next one.
    assert second.content.endswith(last)
    assert len((first.content + second.content).encode()) <= MOST_BYTES


def test_an_answer_of_ages_is_cut_and_says_so() -> None:
    messages = contents(Answer("answer", "word " * 20_000 + "[1]", (FIRST,)))
    assert len(messages) <= 10
    assert "The rest is left out: it is too long for this channel.\n\n**Sources**" in messages[-1]


def test_of_very_many_long_pieces_of_code_ten_are_files() -> None:
    messages = write(Answer("answer", "\n\n".join([code(90)] * 12)))
    assert sum(len(message.files) for message in messages) == 10


@given(
    st.lists(
        st.sampled_from(["word ", "[1] ", "\n\n", "```py\n", "\n```\n", "`a b`"]), max_size=80
    ),
    st.lists(st.tuples(st.text(max_size=120), st.integers(1, 200)), max_size=8),
    st.integers(120, 400),
)
def test_no_message_is_empty_or_too_long_and_no_source_is_cut(
    pieces: list[str], sources: list[tuple[str, int]], limit: int
) -> None:
    citations = tuple(
        Citation(n, f"https://docs.example/{n}/" + "a" * size, title)
        for n, (title, size) in enumerate(sources, start=1)
    )
    parts = contents(Answer("answer", "".join(pieces), citations), limit)
    assert all(part.strip() and length(part) <= limit for part in parts)
    numbered = [line for part in parts for line in part.split("\n") if line.endswith(">)")]
    linked = [link for line in numbered for link in read(line).links]
    known = [citation.url for citation in citations]
    assert [link for link in linked if link in known] == linked


ODD = [
    *[
        "```",
        "````",
        "```py\n",
        "\n```\n",
        "\n````md\n",
        "`",
        "``",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
    ],
    *["word ", "a" * 70 + " ", "[1]", "@everyone ", "https://evil.test/x ", "    x\n", "# ", "\0"],
    *[
        "Z\u0351\u036b\u0343",
        "\u0300" * 40,
        "\u202e",
        "\u200f",
        "\u0645\u0631 ",
        "\u5982\u4f55\u3002",
    ],
    *["\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f680" * 30, "\ud83d"],
]


@settings(max_examples=400)
@given(st.lists(st.sampled_from(ODD), max_size=60).map("".join), st.integers(100, 300))
@example("```" + "a" * 70 + " \n```https://evil.test/x ", 100)
@example("~~~" + "a" * 70 + " ``` @everyone\nhttps://evil.test/x ", 100)
@example("> " * 70 + "```py\nhttps://evil.test/x ", 100)
def test_whatever_is_quoted_each_message_is_whole_and_nothing_in_it_acts(
    text: str, limit: int
) -> None:
    for part in contents(Answer("answer", text), limit):
        assert 0 < length(part) <= limit
        seen = read(part)
        assert seen.mentions == seen.previews == seen.links == []
        words = reduce(lambda rest, code: rest.replace(code, "", 1), seen.code, part)
        assert "```" not in words.replace("\\`", "")
