from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from docbot.answers.sanitise import inline_code, is_linkable, masked_link, plain, sanitise
from tests.answers.discord_reader import Seen, read

OK = "https://docs.example/guide#start"
BRACKETS = "https://docs.example/a_(b)_c"
ALLOWED = [OK, BRACKETS]
EVIL = "https://evil.example/a_b"


def clean(text: str) -> str:
    return sanitise(text, ALLOWED)


@pytest.mark.parametrize(
    "mark",
    [
        *[
            "@everyone",
            "@here",
            "<@1>",
            "<@!1>",
            "<@&1>",
            "<#1>",
            "</ask:1>",
            "<t:1:R>",
            "<id:guide>",
        ],
        *["<:smile:1>", "<a:smile:1>", "@[everyone](x)"],
        *["@every\u200bone", "@\u2060here", "@every\u200done", "<@\u200b1>"],
    ],
)
def test_no_mention_acts_and_each_stays_readable(mark: str) -> None:
    written = clean(f"Hello {mark}, read on.")
    seen = read(written)
    assert not seen.mentions
    assert not read(clean(written)).mentions
    visible = "".join(character for character in mark if character.isalnum()).removesuffix("x")
    assert visible in "".join(character for character in written if character.isalnum())


def test_code_is_left_as_it_is() -> None:
    text = "Use `@everyone` and `<@1>`.\n\n```py\n@here  # https://x.example <#1> _a_ **b**\n```"
    assert clean(text) == text


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (f"See [the guide]({OK}).", f"See [the guide](<{OK}>)."),
        (f"See [the guide](<{OK}>).", f"See [the guide](<{OK}>)."),
        (f'See [the guide]({OK} "title").', f"See [the guide](<{OK}>)."),
        (f"See {OK}.", f"See <{OK}>."),
        (f"See <{OK}>.", f"See <{OK}>."),
        (f"(see {BRACKETS})", f"(see <{BRACKETS}>)"),
        (f"[a]({BRACKETS})", f"[a](<{BRACKETS}>)"),
        (f"[a][g] and [g]\n\n[g]: {OK} 'x'", f"[a](<{OK}>) and [g](<{OK}>)\n\n"),
        (f"[`code`]({OK})", f"[`code`](<{OK}>)"),
    ],
)
def test_an_allowed_link_stays_without_a_preview(written: str, expected: str) -> None:
    assert clean(written) == expected
    assert read(expected).links
    assert not read(expected).previews


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (f"See [the page]({EVIL}).", "See the page."),
        (f"See [the **page**](<{EVIL}>).", "See the **page**."),
        (f"See {EVIL}.", f"See `{EVIL}`."),
        (f"See <{EVIL}>.", f"See `{EVIL}`."),
        ("See www.evil.example, please", "See `www.evil.example`, please"),
        ("Join discord.gg/abc!", "Join `discord.gg/abc`!"),
        ("[x](javascript:alert(1))", "x"),
        ("javascript:alert(1)", "`javascript:alert(1`)"),
        ("[page](../guide.html)", "page"),
        (f"[p][r]\n[r]: {EVIL}", "p\n"),
        (f"![a picture]({OK})", "a picture"),
        (f"[{EVIL}]({OK})", f"<{OK}>"),
        (f"[www.evil.example]({OK})", f"<{OK}>"),
        (f"x{EVIL}", f"`x{EVIL}`"),
        ("docs.example/guide", "`docs.example/guide`"),
        ("https://docs.example/guide", "`https://docs.example/guide`"),
    ],
)
def test_any_other_address_goes_or_stands_in_code(written: str, expected: str) -> None:
    assert clean(written) == expected


def test_a_turned_or_hidden_text_is_shown_as_it_is() -> None:
    assert clean("a\u202eb\u2066c\u200bd\ufeffe") == "abcde"
    assert clean(
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f469\u200d\U0001f467 \u2764\ufe0f"
    ) == (
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645 \U0001f469\u200d\U0001f467 \u2764\ufe0f"
    )


def test_bold_and_italics_beside_code_with_an_address_stay() -> None:
    text = "**Set** the _name_ in `a_b` and `http://localhost:8080`, *once*."
    assert clean(text) == text
    assert clean("Not _so `http://localhost/a_b`") == "Not \\_so `http://localhost/a_b`"


def test_deep_headings_become_bold() -> None:
    text = "# A\n## B\n### C\n#### D #\n###### E **f**\n```\n#### code\n```"
    assert clean(text) == "# A\n## B\n### C\n**D**\nE **f**\n```\n#### code\n```"


def test_what_discord_does_not_render_is_written_as_it_does() -> None:
    assert clean("A title\n=======\nWords\n\n---\nmore\n* * *\n") == "**A title**\nWords\n\nmore\n"
    assert clean("> Quoted\n> ===\n> ---\n> words") == "> **Quoted**\n> words"
    for text in ["a == b", "```\n---\na\n===\n```", "-- not one", "-# small", "**", "a --- b"]:
        assert clean(text).replace("\\", "") == text


def test_a_fence_is_written_as_discord_reads_one() -> None:
    assert clean("~~~py title=x\na = 1\n~~~") == "```py\na = 1\n```"
    assert clean("  ```\n  a\n    b") == "```\na\n  b\n```"
    assert clean("> ```sh\n> make\n> ```\nend") == "```sh\nmake\n```\nend"
    assert clean("1. ```sh\n   make\n   ```") == "1.\n```sh\nmake\n```"
    assert clean("a\n```\n\n```\nb") == "a\nb"
    assert read(clean("````\n```\n@everyone\n```\n````")).mentions == []


def test_a_citation_stays_text() -> None:
    text = f"Set it [1][2]. See [3]: there.\n\n[1]: {EVIL}"
    assert clean(text) == "Set it [1][2]. See [3]: there.\n\n"


@pytest.mark.parametrize(
    "text",
    [
        f"**`**{EVIL} `x`",
        "a `b\n\n`<@1>`",
        "[1] ```\n](https://evil.example/x)\n```",
        f"_a `{EVIL}`",
        f"~~~**://~~~ > **`b*`one'{EVIL}",
        "\\https://evil.example/x",
        "\\www.evil.example",
        "``a`<@1>`",
        f"[a [b]({EVIL}) c]({EVIL})",
        "[a]([b](https://evil.example))",
        "https[://evil.example](x)",
        "<@[1](x)>",
        "`x`https://evil.example/`y`",
    ],
)
def test_known_ways_around_are_closed(text: str) -> None:
    seen = read(clean(text))
    assert (seen.links, seen.previews, seen.mentions) == ([], [], [])


MARKS = "` `` ``` [ ] ( ) ]( < > ! * ** _ __ || ~~ ~~~ @ & = | : :// [x] [1] `x` 1> ' # *a* _a_ **a** `b*` `_`"
WORDS = (
    "@everyone @here every one a https www. discord.gg/abc https:/evil.example javascript:alert(1)"
)
MENTIONS = "<@1> <#1> </a:1> <t:1:R>"
LINKS = f"{EVIL} {OK} {BRACKETS} [t]({OK}) [t]({EVIL}) [t](<{EVIL}>) ![i]({EVIL})"
LINES = ["\n", "\n\n", "```py\n", "\n```\n", "\n~~~\n", f"\n[x]: {EVIL}\n", "> ", "- ", "#### "]
PIECES = [
    *f"{MARKS} {WORDS} {MENTIONS} {LINKS}".split(),
    *LINES,
    *[" ", "\\", '"', "\u200b", "\u202e", "\u200d", "\u00e9"],
]


@settings(max_examples=1500)
@given(st.lists(st.sampled_from(PIECES), max_size=14).map("".join) | st.text(max_size=60))
def test_nothing_acts_in_discord_but_allowed_links(text: str) -> None:
    written = clean(text)
    for each in (written, clean(written)):
        seen = read(each)
        assert set(seen.links) <= set(ALLOWED)
        assert not seen.previews
        assert not seen.mentions


@given(
    st.lists(
        st.sampled_from(["Set ", "`a_b`", ". ", "\n\n", "[1]", "**b** ", "```py\nx = 1\n```\n", OK])
    )
)
def test_a_sanitised_text_is_sanitised(pieces: list[str]) -> None:
    once = clean("".join(pieces))
    assert clean(once) == once


def test_a_title_is_written_so_that_no_mark_acts() -> None:
    title = "# __init__ `x` [a](https://evil.example) @everyone <@1> *b*\n> www.x.y"
    seen = read(plain(title))
    assert seen == Seen()
    assert masked_link("a ](b [c", OK) == f"[a )\u200b(b (c](<{OK}>)"
    assert masked_link("list[int]", OK) == f"[list[int]](<{OK}>)"


def test_of_a_title_that_is_a_version_no_backslash_is_shown() -> None:
    assert plain("0.56.1") == r"0\.56.1"
    assert plain("# 1") == r"\# 1"


def test_bold_with_an_escaped_mark_stays_bold_beside_code_that_holds_an_address() -> None:
    text = f"From **{plain('lazy_discover')}** see `a_{EVIL}`"
    assert clean(text).startswith(r"From **lazy\_discover** see ")


def test_only_whole_http_addresses_can_be_links() -> None:
    assert is_linkable(OK)
    assert not any(
        is_linkable(each) for each in ["guide.md#a", "ftp://a.b", "https://a b", "https://a>b"]
    )
    with pytest.raises(ValueError, match="no http address"):
        masked_link("a", "guide.md")


@pytest.mark.parametrize("code", ["a", "a`b", "``a", "a``b", "a` ``b"])
def test_code_marks_hold_what_they_are_given(code: str) -> None:
    written = inline_code(code)
    assert read(written).code == [written]


@pytest.mark.parametrize(
    "text",
    ["`a" * 50_000, f"{EVIL} " * 5_000, f"[a]({OK})" * 4_000, "[" * 100_000, "_ @a <" * 20_000],
)
def test_time_is_linear(text: str) -> None:
    started = process_time()
    clean(text)
    assert process_time() - started < 20
