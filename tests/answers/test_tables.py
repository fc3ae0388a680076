from docbot.answers.tables import tables_as_code


def test_a_table_becomes_aligned_code_and_keeps_its_citations() -> None:
    table = "Values:\n| Name | **Meaning** |\n|:--|--:|\n| `a\\|b` | first [1] |\n| c | [link](https://x.y) |\nEnd"
    assert tables_as_code(table) == (
        "Values:\n```\nName  Meaning\n----  -------\na|b   first\nc     link\n```\n[1]\nEnd"
    )


def test_rows_too_short_or_too_long_fit_the_head() -> None:
    assert tables_as_code("|a|b|\n|-|-|\n|1|\n|1|2|3|") == "```\na  b\n-  -\n1\n1  2\n```"


def test_what_is_no_table_stays() -> None:
    for text in ["a | b\nc | d", "```\n|a|\n|-|\n```", "a\n---\nb", "|a|b|\n|-|\n"]:
        assert tables_as_code(text) == text
