import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.retrieval.lexical import document_vector, prose, query_vector, terms
from docbot.retrieval.store import Row, Sparse, check_row

ANY_TEXT = st.text(max_size=400)


def weight_of(term: str, vector: Sparse) -> float:
    """The weight of one term; its id is that of a question of this one word, asked in the body."""
    (term_id,) = query_vector("", term).ids
    return dict(zip(vector.ids, vector.weights, strict=True)).get(term_id, 0.0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Deploying the deployments", ["deploy", "deploy"]),
        ("Hi, can anyone please help? Thanks in advance!", []),
        ("it isn’t the scheduler’s", ["schedul"]),
        ("max_retries", ["maxretri", "max", "retri"]),
        ("airflow.BashOperator", ["airflow.bashoperator", "airflow", "bashoper", "bash", "oper"]),
        ("/etc/my-app/conf.d", ["etc/myapp/conf.d", "myapp", "app", "conf"]),
        ("ERR_SSL_PROTOCOL E0308", ["errsslprotocol", "err", "ssl", "protocol", "e0308", "0308"]),
        ("v2.5.3", ["2.5.3", "2.5"]),
        ("python 3.11", ["python", "3.11"]),
        ("C++ and c# in C", ["c++", "c#", "c"]),
        ("HTTPServer", ["httpserver", "http", "server"]),
        ("DAGs", ["dag"]),
        ("日本語 docs", ["日本", "本語", "doc"]),
        ("한국어", ["한국", "국어"]),
        ("", []),
    ],
)
def test_technical_text_gives_these_terms(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize("spelling", ["max_retries", "max-retries", "maxRetries", "--max-retries"])
def test_all_spellings_of_an_identifier_share_its_terms(spelling: str) -> None:
    assert terms(spelling) == terms("MAX_RETRIES")


def test_a_version_is_found_with_and_without_its_letter() -> None:
    assert terms("v2.5.3") == terms("2.5.3")


def test_a_blob_gives_no_term_of_its_own() -> None:
    assert all(len(term) <= 64 for term in terms("x" + "Ab1/" * 40))


@given(ANY_TEXT)
def test_any_text_gives_terms_without_blanks_or_capitals(text: str) -> None:
    assert all(term and not any(map(str.isspace, term)) for term in terms(text))


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT)
def test_any_chunk_and_question_give_vectors_that_a_store_takes(
    title: str, heading: str, text: str
) -> None:
    for vector in (
        document_vector(title, [heading], "https://docs.example/a/b.html", text),
        query_vector(title, text, heading),
    ):
        check_row(Row(1, 1, vector, None), 0)
        assert all(weight > 0 for weight in vector.weights)


def test_a_chunk_weighs_a_term_as_bm25_does() -> None:
    # Three distinct words, one of them in the title: 4 counted terms against the usual 150.
    vector = document_vector("Scheduler", [], "", "executor executor")
    norm = 3.0 * (1 - 0.75 + 0.75 * 4 / 150)
    assert weight_of("executor", vector) == pytest.approx(2 * 4 / (2 + norm))
    assert weight_of("scheduler", vector) == pytest.approx(2 * 4 / (2 + norm))


def test_words_of_title_headings_and_address_count_twice() -> None:
    text = "alpha beta gamma delta"
    vector = document_vector("alpha", ["beta"], "https://host.example/gamma/index.html", text)
    weights = [weight_of(word, vector) for word in ("alpha", "beta", "gamma", "delta")]
    assert weights[0] == weights[1] == weights[2] > weights[3]
    assert weight_of("host", vector) == 0


def test_a_heading_path_that_begins_with_the_title_counts_it_once() -> None:
    once = document_vector("Pools", ["Slots"], "", "text")
    assert document_vector("Pools", ["Pools", "Slots"], "", "text") == once


def test_targets_of_links_are_no_words_of_a_chunk() -> None:
    vector = document_vector("", [], "", "see [pools](https://target.example/elsewhere)")
    assert weight_of("pools", vector) > 0
    assert weight_of("elsewhere", vector) == 0


def test_a_word_of_the_title_counts_twice_in_a_question_and_repeats_grow_slowly() -> None:
    vector = query_vector("pools", "slots queue queue queue")
    assert weight_of("slots", vector) == 1
    assert weight_of("pools", vector) == pytest.approx(1 + math.log(2))
    assert weight_of("queue", vector) == pytest.approx(1 + math.log(3))


def test_context_only_adds_terms_and_never_outweighs_the_question() -> None:
    vector = query_vector("pools", "", context="pools slots slots slots")
    assert weight_of("pools", vector) == weight_of("pools", query_vector("pools", ""))
    assert 0 < weight_of("slots", vector) < 1


POST = """\
I run `airflow db init` and <@123> said to look at https://example.org/secret-page and
[the pools page](https://example.org/pools), ![a shot](https://example.org/shot.png).

```python
my_private_variable = 1
raise ValueError("nothing fits")
```

    indented_code = 2
    PermissionError: denied

Why?
"""


def test_a_post_is_read_without_code_addresses_and_mentions_but_with_its_errors() -> None:
    said = prose(POST)
    assert "`airflow db init`" in said
    assert "the pools page" in said
    assert "Why?" in said
    assert 'raise ValueError("nothing fits")' in said
    assert "PermissionError: denied" in said
    for unsaid in ("example.org", "my_private_variable", "indented_code", "123", "a shot"):
        assert unsaid not in said


def test_a_fence_that_is_never_closed_hides_the_rest() -> None:
    assert prose("Before\n```\ncode\nmore") == "Before"


def test_a_fence_is_closed_only_by_one_as_long() -> None:
    assert prose("````\n```\ncode\n````\nafter") == "after"


def test_only_the_last_error_lines_of_a_long_trace_count() -> None:
    trace = "\n".join(f"error number{n}" for n in range(20))
    assert prose(f"```\n{trace}\n```").split("\n") == [f"error number{n}" for n in range(15, 20)]


@given(ANY_TEXT)
def test_any_post_can_be_read(text: str) -> None:
    prose(text)


def test_ids_are_the_same_in_every_version_of_docbot() -> None:
    assert query_vector("", "scheduler").ids == (1497192935,)


def test_posts_of_endless_words_leave_nothing_in_memory() -> None:
    words = [f"{'ab' * 1_000}{number}x" for number in range(80)]
    tracemalloc.start()
    try:
        for word in words:
            query_vector("", word)
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 100_000
