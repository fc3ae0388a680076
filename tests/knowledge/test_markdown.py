import multiprocessing
import re
import resource

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.knowledge.pages import page_of
from docbot.knowledge.text.anchors import Anchors, slug
from docbot.knowledge.text.markdown import read

URL = "https://docs.example.org/guide/page"


def markdown(text: str) -> str:
    return read(text, URL, lambda href: f"https://docs.example.org/to/{href}").markdown.strip()


def title(text: str) -> str:
    return read(text, URL, str).title


def test_the_title_is_the_front_matters_else_the_h1_else_the_name() -> None:
    assert title('---\nid: x\ntitle: "Set up: now"\n---\n# Other\n') == "Set up: now"
    assert title("# The `page`\n\ntext") == "The page"
    assert title("text") == "Page"
    assert markdown("---\ntitle: x\n---\ntext") == "text"


def test_headings_become_atx_with_their_anchor() -> None:
    text = "One\n===\n\nTwo `x_y` & z\n---\n\n### Two `x_y` & z ###\n\n## Kept {#own}\n"
    assert markdown(text).split("\n\n") == [
        "# One {#one}",
        "## Two `x_y` & z {#two-x_y--z}",
        "### Two `x_y` & z {#two-x_y--z-1}",
        "## Kept {#own}",
    ]


# The slowest takes a fifth of it; the kernel ends who takes more, on a busy machine too.
PROCESSOR_SECONDS = 6


def _read_and_cut(text: str) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))
    page_of(read(text, URL, str), URL)


@pytest.mark.parametrize(
    "text",
    [
        "- " * 2_000 + "word",
        "> " * 2_000 + "word",
        "1. " * 2_000 + "word",
        "# " + "*a " * 10_000,
        "# " + "[" * 10_000,
        "`" * 10_000 + " word",
        "[a](" * 5_000,
        "![a" * 10_000,
        "<!--" * 5_000,
        "::: tip\n" * 1_000,
        "[" + "[a](b)" * 5_000,
        "[" + r"\[a\]" * 5_000,
        "[a](" + " " * 50_000,
        "# {#" + "a" * 50_000,
        "`a` " * 50_000,
        "<!-- " * 50_000 + "*/}",
        "<div>\n# a" + " " * 5_900 + "b\n</div>\n\n" * 20,
    ],
)
def test_no_text_however_odd_keeps_the_reader_busy_for_long(text: str) -> None:
    process = multiprocessing.get_context("fork").Process(target=_read_and_cut, args=(text,))
    process.start()
    process.join()
    assert process.exitcode == 0


def test_a_slug_follows_githubs_rule() -> None:
    assert slug("What's New? (v2.0)") == "whats-new-v20"
    assert slug("Größe & Über") == "größe--über"


def test_relative_links_are_resolved_and_others_left() -> None:
    text = '[a](../b.md#c "t") [d](https://e.f/(g)) [h](#i) [j](mailto:k@l)\n\n[m]: n.md\n\n<a href="o.md">p</a>'
    assert markdown(text) == (
        "[a](https://docs.example.org/to/../b.md#c) [d](https://e.f/%28g%29) "
        f"[h]({URL}#i) [j](mailto:k@l)\n\n[m]: https://docs.example.org/to/n.md\n\n"
        '<a href="https://docs.example.org/to/o.md">p</a>'
    )


def test_an_escaped_bracket_neither_opens_nor_closes_a_link() -> None:
    assert markdown(r"[a\]b](c) \[d](e) [f\\](g)") == (
        r"[a\]b](https://docs.example.org/to/c) \[d](e) [f\\](https://docs.example.org/to/g)"
    )


def test_an_image_is_its_alternative_text_within_a_link_too() -> None:
    assert markdown("![the graph](x.png) [![badge](y.svg)](z)") == (
        "the graph [badge](https://docs.example.org/to/z)"
    )


def test_comments_and_statements_go_but_not_from_code() -> None:
    code = "```js\nimport a from 'b'\n<!-- stays -->\n\n\n[x](y.md)\n# no heading\n```"
    text = f"import Tabs from '@theme/Tabs';\nexport const a = {{\n  b: 1,\n}};\n\nx <!-- gone\n\n# gone --> `<!-- [y](z) -->`\n\n{code}"
    assert markdown(text) == f"x  `<!-- [y](z) -->`\n\n{code}"


def test_admonitions_of_all_dialects_are_quotations() -> None:
    expected = "> **Tip: Use it**\n>\n> ```js\n> a()\n> ```\n\nend"
    fence = "```js\na()\n```"
    indented = fence.replace("\n", "\n    ")
    for text in (
        f":::tip Use it\n\n{fence}\n\n:::\nend",
        f":::tip[Use it]\n{fence}\n:::\n\nend",
        f'!!! tip "Use it"\n\n    {indented}\n\nend',
        f"> [!TIP] Use it\n>\n> {fence.replace(chr(10), chr(10) + '> ')}\n\nend",
    ):
        lines = [line for line in markdown(text).split("\n") if line not in {">", ""}]
        assert lines == [line for line in expected.split("\n") if line not in {">", ""}]


def test_tabs_are_read_under_their_labels() -> None:
    assert markdown('=== "npm"\n\n    npm i\n\n=== "yarn"\n\n    yarn add\n\nend') == (
        "**npm**\n\nnpm i\n\n**yarn**\n\nyarn add\n\nend"
    )
    assert (
        markdown('<Tabs>\n<TabItem value="a" label="npm">\n\nnpm i\n\n</TabItem>\n</Tabs>')
        == "**npm**\n\nnpm i"
    )


_fence = st.lists(
    st.sampled_from(
        [
            "# x",
            "[a](b)",
            "<!-- c -->",
            "",
            ":::tip",
            "!!! note",
            "> [!NOTE]",
            "import a from 'b'",
            "    deep",
            "<Tabs>",
            "---",
        ]
    ),
    max_size=12,
).map(lambda lines: "\n".join(["```text", *lines, "```"]))


@given(
    st.lists(_fence, min_size=1, max_size=4), st.sampled_from(["", "text\n", "# H\n", "- item\n"])
)
def test_what_stands_in_a_fence_is_never_touched(fences: list[str], between: str) -> None:
    text = read(f"\n\n{between}\n\n".join(fences), URL, str).markdown
    assert all(fence in text for fence in fences)


@given(st.text(alphabet="`~#[]()<>!-:{}*_|\n \ta1=.", max_size=200))
def test_no_text_is_an_error(text: str) -> None:
    read(text, URL, str)


def test_a_footnote_is_no_link() -> None:
    assert markdown("Text[^1].\n\n[^1]: The note.") == "Text[^1].\n\n[^1]: The note."


@pytest.mark.parametrize(
    ("generator", "anchors"),
    [
        ("", ["whats-new-v20", "whats-new-v20-1", "größe_x"]),
        ("docusaurus", ["whats-new-v20", "whats-new-v20-1", "größe_x"]),
        ("mkdocs", ["whats-new-v20", "whats-new-v20_1", "große_x".replace("ß", "")]),
        ("vitepress", ["what-s-new-v2-0", "what-s-new-v2-0-1", "große-x"]),
        ("sphinx", ["what-s-new-v2-0", "id1", "groe-x"]),
    ],
)
def test_anchors_follow_the_generators_own_rule(generator: str, anchors: list[str]) -> None:
    rule = Anchors(generator)
    headings = ("What's New? (v2.0)", "What's New? (v2.0)", "Größe_x")
    assert [rule.next(heading) for heading in headings] == anchors


@pytest.mark.parametrize(
    ("info", "shown"),
    [
        ("js {1,3-5} showLineNumbers", "```js\n"),
        ("js{4}", "```js\n"),
        ("ts:no-line-numbers {1}", "```ts\n"),
        ('bash title="run.sh"', "**run.sh**\n\n```bash\n"),
        ('{ .python .annotate title="b.py" hl_lines="2" }', "**b.py**\n\n```python\n"),
        ('title="a.txt"', "**a.txt**\n\n```\n"),
        ("c++", "```c++\n"),
        ("{code-block} python", "```python\n"),
        ("{mermaid}", "```mermaid\n"),
    ],
)
def test_a_fence_keeps_its_language_and_title_alone(info: str, shown: str) -> None:
    assert markdown(f"```{info}\ncode\n```") == f"{shown}code\n```"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "<Tabs>\n  <TabItem label='A'>\n    Text.\n\n    ```js\n    a()\n    ```\n  </TabItem>\n</Tabs>",
            "**A**\n\nText.\n\n```js\na()\n```",
        ),
        (
            '<Card\n  title="Start"\n  href="/s"\n>\n  Body.\n</Card>',
            "**[Start](https://docs.example.org/to//s)**\n\nBody.",
        ),
        (
            '<LinkCard title="L" description="About." href="https://x.test/" />',
            "**[L](https://x.test/)**\n\nAbout.",
        ),
        ("<Steps>\n\n1. One\n2. Two\n\n</Steps>", "1. One\n2. Two"),
        (
            '<Aside type="caution" title="Careful">\nText.\n</Aside>\nend',
            "> **Caution: Careful**\n>\n> Text.\n\nend",
        ),
        ('<Callout variant="tip">Text.</Callout>', "Text."),
        ('A <Badge text="new" /> <Mark c="x">shown</Mark> Vec<T>.', "A new shown Vec<T>."),
        ("```{note} Read\n:class: x\n\nText.\n```\nend", "> **Note: Read**\n>\n> Text.\n\nend"),
        ("```{toctree}\na\nb\n```\ntext", "text"),
        ('::: tip {title="Own"}\nText.\n:::', "> **Tip: Own**\n>\n> Text."),
        (
            "<details>\n<summary>More <b>of it</b></summary>\n\nText.\n\n</details>",
            "**More of it**\n\nText.",
        ),
        ("[[toc]]\n\n[TOC]\n\ntext", "text"),
        (
            "<script setup>\nimport a from 'b'\n\nconst c = 1\n</script>\n\n<style>\n.x {}\n</style>\ntext",
            "text",
        ),
        (
            "Press <kbd>Ctrl</kbd>+<kbd>C</kbd>, H<sub>2</sub>O<br/>next <img src='x' alt='A graph'/>",
            "Press `Ctrl`+`C`, H2O next A graph",
        ),
        ("[Go](a){ .md-button } :material-check: on", "[Go](https://docs.example.org/to/a) on"),
        (
            "<table>\n<tr><th>A</th></tr>\n<tr><td><code>x</code> <a href='y'>z</a></td></tr>\n</table>",
            "| A |\n| --- |\n| `x` [z](https://docs.example.org/to/y) |",
        ),
        ("{% include 'x' %}\n\n{{< note >}}\nText.\n{{< /note >}}", "Text."),
        ('<h1 align="center">Big</h1>\n\ntext', "# Big {#big}\n\ntext"),
        (
            "`<Tabs>` and\n\n```\n<Tabs>\n<kbd>x</kbd>\n```",
            "`<Tabs>` and\n\n```\n<Tabs>\n<kbd>x</kbd>\n```",
        ),
        ("## One { #own .x data-toc-label='y' }", "## One {#own}"),
        ('<Card\n  title="One"\n>\ntwo\n</Card>', "**One**\n\ntwo"),
        ("<Card\none\n\n> two", "<Card\none\n\n> two"),
    ],
)
def test_components_and_tags_leave_their_text(written: str, expected: str) -> None:
    shown = markdown(written)
    lines = [line for line in shown.split("\n") if line.strip(" >")]
    assert lines == [line for line in expected.split("\n") if line.strip(" >")]


_odd = st.sampled_from(
    [
        "<Tabs>",
        "</Tabs>",
        "  <Card",
        'title="w1"',
        ">",
        "w2",
        "    w3",
        "```js",
        "```",
        "<script>",
        ":::tip",
        ":::",
        "```{note}",
        "<table>",
        "<details>",
        "",
        "w4 <b>w5</b>",
        "| w6 |",
        "</script",
    ]
)


@given(st.lists(_odd, max_size=14))
def test_no_word_is_lost_between_tags(pieces: list[str]) -> None:
    text = "\n".join(pieces)
    # A bare word within a tag is the name of an attribute.
    said = re.sub(r"<Card\s[^<>]*>", lambda tag: " ".join(re.findall('"w1"', tag[0])), text)
    words = set(re.findall(r"w\d", said))
    shown = markdown(text)
    assert {word for word in words if word not in shown} == set()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<p hidden>Unseen</p>\n\nText", "Text"),
        ("<p style={{display: 'none'}}>Unseen</p>\n\nText", "Text"),
        ('Text <span class="sr-only">unseen</span>', "Text"),
        ("<div><div>One.</div><p>Two.</p></div>", "One.\n\nTwo."),
        ("| a |\n| --- |\n| <p>x</p> y |", "| a |\n| --- |\n| x y |"),
        ('<iframe src="https://e.org/v" title="The film"></iframe>', "[The film](https://e.org/v)"),
        ('Text <img src="data:image/png;base64,AA" alt="dot">', "Text"),
        (
            "<table><tr><td rowSpan={2}>A</td><td>low</td></tr><tr><td>high</td></tr></table>",
            "|  |  |\n| --- | --- |\n| A | low |\n| A | high |",
        ),
        ("<dl><dt>Head</dt><dd>The height.</dd></dl>", "- **Head**: The height."),
        ('<TabItem label="Mac">Use it.</TabItem>', "**Mac**\n\nUse it."),
        ('See <Card title="One">it</Card>.', "See One it."),
    ],
)
def test_html_within_markdown_reads_as_on_a_page(text: str, shown: str) -> None:
    assert markdown(text).strip() == shown
