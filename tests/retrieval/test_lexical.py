# ruff: noqa: RUF001  # letters of full width
import math
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docbot.retrieval.language import ENGLISH, FUNCTION_WORDS
from docbot.retrieval.lexical import (
    asked_in,
    document_language,
    document_vector,
    prose,
    query_vector,
    term_id,
    terms,
    words,
)
from docbot.retrieval.store import Row, Sparse, check_row

ANY_TEXT = st.text(max_size=400)
LANGUAGES = st.sampled_from(sorted(FUNCTION_WORDS))
SENTENCES = [
    "Wie oft werden die Wiederholungen der Docker-Containern mit max_retries=3 versucht?",
    "L'utilisateur n'a pas d'accès à l'API de l'outil aujourd'hui.",
    "Перезапуск Airflow по расписанию, v2.5.3",
]


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
        ("Airflowの設定", ["airflow", "の設", "設定"]),
        (
            "ｴｱﾌﾛｰ Ａｉｒｆｌｏｗ",
            ["エア", "アフ", "フロ", "ロー", "airflow"],
        ),  # half and full width
        ("データ・セット", ["デー", "ータ", "セッ", "ット"]),  # the dot is no letter
        ("時々", ["時々"]),
        ("設定してください", ["設定", "定し", "てく"]),  # what is nearly everywhere is left out
        ("ตั้งค่า", ["ตั้ง", "งค่", "ค่า"]),  # a vowel or tone stays with its letter
        ("दस्तावेज़", ["दस्तावेज़"]),
        ("Konfigura\u00adtion", ["konfigur"]),
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


@pytest.mark.parametrize("blob", ["x" + "Ab1/" * 40, "x" * 200, "1." * 200 + "1"])
def test_a_blob_gives_no_term_of_its_own(blob: str) -> None:
    assert all(len(term) <= 64 for term in terms(blob))


@given(ANY_TEXT, LANGUAGES)
def test_any_text_gives_short_terms_without_blanks_in_any_language(
    text: str, language: str
) -> None:
    found = terms(text, language=language)
    assert all(0 < len(term) <= 64 and not any(map(str.isspace, term)) for term in found)
    # One character can stand for a phrase of 18 in its compatible form, and no more.
    assert len(found) <= 18 * 3 * len(text)


@given(ANY_TEXT)
def test_in_english_alone_a_text_is_searched_by_the_terms_that_it_is_indexed_by(text: str) -> None:
    assert words(text) == [(term,) for term in terms(text)]


@given(st.one_of(ANY_TEXT, st.sampled_from(SENTENCES)), LANGUAGES, LANGUAGES)
def test_a_word_is_searched_by_what_a_chunk_of_any_of_the_languages_holds(
    text: str, one: str, other: str
) -> None:
    languages = tuple(dict.fromkeys((ENGLISH, one, other)))
    searched = words(text, languages=languages)
    assert all(stems and len(set(stems)) == len(stems) for stems in searched)
    indexed = {term for each in languages for term in terms(text, language=each)}
    assert {stem for stems in searched for stem in stems} <= indexed


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


GERMAN = "Die Wiederholungen werden in der Konfiguration mit max_retries eingestellt."


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("german", "die Wiederholungen der Läufe", ["wiederhol", "lauf"]),
        ("german", "den Docker-Containern", ["dockercontainern", "dock", "contain"]),
        ("french", "l'utilisateur qu'une d’applications", ["utilis", "appliqu"]),
        ("italian", "dell'utente un'applicazione", ["utent", "applic"]),
        ("russian", "настройки планировщика", ["настройк", "планировщик"]),
        ("german", "max_retries setzen", ["maxretri", "max", "retri", "setz"]),
        ("german", "des airflow.BashOperator", terms("airflow.BashOperator")),
    ],
)
def test_a_text_gives_the_terms_of_its_language_and_identifiers_theirs(
    language: str, text: str, expected: list[str]
) -> None:
    assert terms(text, language=language) == expected


def test_a_chunk_is_stemmed_in_the_language_that_it_is_told_to_be_in() -> None:
    assert document_language("Wiederholungen", [], GERMAN) == "german"
    assert document_language("Retries", ["Code"], "max_retries = 3") == ENGLISH
    ids = document_vector("", [], "", GERMAN).ids
    assert {term_id(term) for term in terms(GERMAN, language="german")} == set(ids)


def test_a_word_of_a_question_has_its_stem_in_each_language_of_the_sources() -> None:
    asked = words("Wiederholung der `max_retries` Scheduler", languages=(ENGLISH, "german"))
    assert asked[0] == ("wiederholung", "wiederhol")
    assert asked[-4:] == [("maxretri",), ("max",), ("retri",), ("schedul",)]  # the same in both
    vector = query_vector("", "Wiederholung", languages=(ENGLISH, "german"))
    assert vector.weights == (1.0, 1.0)


def test_the_stop_words_of_a_question_are_those_of_its_language_and_of_english() -> None:
    question = "Wie kann ich die Zahl der retries mit the scheduler ändern?"
    stems = set(words(question, own="german"))
    assert stems == {("zahl",), ("retri",), ("schedul",), ("ändern",)}
    assert set(query_vector(question, "").ids) == {term_id(each) for (each,) in stems}


def test_an_english_question_keeps_the_words_that_are_stop_words_elsewhere() -> None:
    question = "Why do my workers die on the man page?"
    assert words(question, own=ENGLISH) == [("worker",), ("die",), ("man",), ("page",)]


def test_a_title_of_stop_words_of_its_language_does_not_say_what_is_asked() -> None:
    title, body = "Wie kann ich das machen?", "Die Wiederholungen werden nicht gezählt."
    assert asked_in(title, body).endswith(body)


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
