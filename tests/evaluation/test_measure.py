from docbot.evaluation.measure import Prices, Site, plan
from docbot.evaluation.questions import Question

DOCS = Site(1, "docs", {"https://d.test/usage": 11, "https://d.test/old": 11}, {11: "usage"})
WIKI = Site(2, "wiki", {"cake.md": 21}, {21: "cake.md"})
SITES = {"docs": DOCS, "wiki": WIKI}

USAGE = Question("usage", "docs", "How?", "", ("https://d.test/usage.html#x",))
CHESS = Question("chess", "docs", "Who won?", "", ())
CAKE = Question("cake", "wiki", "How long?", "", ("cake.md",))


def asked(*questions: Question, cross: bool = False, remove_gold: bool = False) -> list[object]:
    planned = plan(questions, SITES, cross=cross, remove_gold=remove_gold)
    return [(each.question.id, each.site.name, each.kind) for each in planned.askings]


def test_each_question_is_asked_of_its_source() -> None:
    assert asked(USAGE, CHESS, CAKE) == [
        ("usage", "docs", "answerable"),
        ("chess", "docs", "unanswerable"),
        ("cake", "wiki", "answerable"),
    ]


def test_crossed_it_is_asked_of_each_other_source_that_the_file_names() -> None:
    assert asked(USAGE, CHESS, CAKE, cross=True) == [
        ("usage", "docs", "answerable"),
        ("usage", "wiki", "cross"),
        ("chess", "docs", "unanswerable"),
        ("chess", "wiki", "cross"),
        ("cake", "wiki", "answerable"),
        ("cake", "docs", "cross"),
    ]
    assert asked(USAGE, CHESS, cross=True) == asked(USAGE, CHESS)


def test_without_its_pages_only_what_has_some_is_asked() -> None:
    assert asked(USAGE, CHESS, remove_gold=True) == [
        ("usage", "docs", "answerable"),
        ("usage", "docs", "removed"),
        ("chess", "docs", "unanswerable"),
    ]


def test_one_known_page_is_enough_to_ask_and_an_unknown_one_is_told() -> None:
    half = Question("half", "docs", "", "", ("https://d.test/none", "https://d.test/old/"))
    gone = Question("gone", "docs", "", "", ("https://d.test/none",))
    planned = plan([half, gone], SITES, remove_gold=True)
    assert [each.question.id for each in planned.askings] == ["half", "half"]
    assert planned.askings[0].gold == {11}
    assert planned.unknown_gold == (
        ("half", "docs", "https://d.test/none"),
        ("gone", "docs", "https://d.test/none"),
    )


def test_questions_about_an_unknown_source_are_not_asked_at_all() -> None:
    blog = Question("post", "blog", "", "", ())
    planned = plan([blog, USAGE], SITES, cross=True)
    assert [each.question.id for each in planned.askings] == ["usage"]
    assert planned.unknown_sources == ("blog",)


def test_a_price_is_for_a_million_tokens() -> None:
    assert Prices(2, 10).cost(500_000, 100_000) == 2.0
