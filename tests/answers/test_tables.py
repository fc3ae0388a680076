from docbot.answers.tables import without_tables


def test_a_table_becomes_aligned_code_and_keeps_its_citations() -> None:
    table = "Values:\n| Name | **Meaning** |\n|:--|--:|\n| `a\\|b` | first [1] |\n| c | [link](https://x.y) |\nEnd"
    assert without_tables(table) == (
        "Values:\n```\nName  Meaning\n----  -------\na|b   first\nc     link\n```\n[1]\nEnd"
    )


def test_rows_too_short_or_too_long_fit_the_head() -> None:
    assert without_tables("|a|b|\n|-|-|\n|1|\n|1|2|3|") == "```\na  b\n-  -\n1\n1  2\n```"


def test_what_is_no_table_stays() -> None:
    for text in ["a | b\nc | d", "```\n|a|\n|-|\n```", "a\n---\nb", "|a|b|\n|-|\n"]:
        assert without_tables(text) == text


def test_a_wide_table_becomes_a_list() -> None:
    long = "what happens when a task has failed for the last time"
    two = f"Values:\n| Name | Meaning |\n|-|-|\n| `a\\|b` | {long} [1] |\n| plain | {long}<br>and more |\nEnd"
    assert without_tables(two) == (
        f"Values:\n- `a|b`: {long} [1]\n- **plain**: {long} and more\nEnd"
    )
    three = (
        f"| Name | Default | Meaning |\n|-|-|-|\n| `a` | 3 | {long} |\n| | | {long} |\n| `c` | | |"
    )
    assert without_tables(three) == (
        f"- `a`\n  - Default: 3\n  - Meaning: {long}\n- Meaning: {long}\n- `c`"
    )


def test_the_widest_table_that_is_code_has_60_characters() -> None:
    assert without_tables(f"|a|b|\n|-|-|\n|{'x' * 29}|{'y' * 29}|").startswith("```")
    assert without_tables(f"|a|b|\n|-|-|\n|{'x' * 29}|{'y' * 30}|").startswith("- ")
