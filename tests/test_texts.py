"""What docbot says to members, and in which language."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from docbot import texts
from docbot.errors import SettingsError
from tests.translations import translate

DOCBOT = Path(texts.__file__).parent
CATALOGUE = Path(texts.__file__)
# Calls of discord.py that show something, and what is shown by name.
SHOWS = {"send", "send_message", "edit", "edit_message", "edit_original_response", "reply"}
SHOWN = {"content", "label", "placeholder", "title", "reason"}


def test_without_a_translation_all_is_english(tmp_path: Path) -> None:
    assert texts.find_catalogue("de", tmp_path) is None
    with texts.speaking(None):
        assert texts.may_help() == "These pages may help:"


def test_a_translation_is_found_and_spoken_until_the_block_ends(tmp_path: Path) -> None:
    translate(tmp_path, "de", {"These pages may help:": "Diese Seiten helfen vielleicht:"})
    with texts.speaking(texts.find_catalogue("de", tmp_path)):
        assert texts.may_help() == "Diese Seiten helfen vielleicht:"
        assert texts.next_page() == "Next"  # not translated
    assert texts.may_help() == "These pages may help:"


def test_pages_that_were_erased_are_not_named() -> None:
    assert texts.status_outcome("answered", "suggest", "Pages", "").endswith("help: Pages.")
    assert texts.status_outcome("answered", "suggest", "", "") == "I answered."


@pytest.mark.parametrize("language", ["pt", "pt-BR"])
def test_a_language_serves_the_countries_that_speak_it(tmp_path: Path, language: str) -> None:
    translate(tmp_path, "pt", {"Next": "Seguinte"})
    with texts.speaking(texts.find_catalogue(language, tmp_path)):
        assert texts.next_page() == "Seguinte"


@pytest.mark.parametrize("said", ["Seite {site}", "Seite {0}", "Seite {page", "Seite {page.x}"])
def test_a_translation_that_cannot_be_filled_is_said_in_english(tmp_path: Path, said: str) -> None:
    translate(tmp_path, "de", {"See {page}.": said})
    with texts.speaking(texts.find_catalogue("de", tmp_path)):
        assert texts.see("**Usage**") == "See **Usage**."


def test_what_is_filled_in_is_no_pattern() -> None:
    assert texts.nothing_found_for("`{page}`") == (
        "I found nothing about `{page}` in the documentation."
    )


def test_a_list_is_joined_as_the_language_does(tmp_path: Path) -> None:
    assert texts.see_also(["A", "B", "C"]) == "See also A and B and C."
    translate(tmp_path, "de", {"{names} and {name}": "{names} und {name}"})
    with texts.speaking(texts.find_catalogue("de", tmp_path)):
        assert texts.see_also(["A", "B"]) == "See also A und B."


def test_a_text_that_counts_takes_the_form_for_its_number(tmp_path: Path) -> None:
    english = "There is no source {name}. Sources: {listed} and {count} more."
    translate(tmp_path, "de", {(english, english): ("{listed}, eine weitere", "{listed}, {count}")})
    with texts.speaking(texts.find_catalogue("de", tmp_path)):
        assert texts.no_such_source("`x`", ["`a`"], 1) == "`a`, eine weitere"
        assert texts.no_such_source("`x`", ["`a`"], 2) == "`a`, 2"
    assert texts.no_such_source("`x`", ["`a`"], 2) == (
        "There is no source `x`. Sources: `a` and 2 more."
    )


def test_a_file_that_is_no_catalogue_is_named(tmp_path: Path) -> None:
    path = translate(tmp_path, "de", {}) / "de" / "LC_MESSAGES" / "docbot.mo"
    for content in (b"", b"no catalogue at all", path.read_bytes()[:30]):
        path.write_bytes(content)
        with pytest.raises(SettingsError, match=re.escape(str(path))):
            texts.find_catalogue("de", tmp_path)


def test_every_text_is_said_somewhere() -> None:
    used = {
        node.attr
        for _, tree in _modules(DOCBOT)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "texts"
    }
    defined = {
        node.name
        for node in ast.parse(CATALOGUE.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }
    assert defined - used == set()


def test_nothing_is_shown_to_members_but_texts() -> None:
    said = [
        f"{path.relative_to(DOCBOT)}:{shown.lineno}: {ast.unparse(shown)}"
        for path, tree in _modules(DOCBOT / "bot")
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for shown in _shown_by(node)
        if _has_words(shown)
    ]
    assert said == []


def test_no_sentence_stands_where_members_are_spoken_to() -> None:
    rooms = (DOCBOT / room for room in ("answers", "forum", "bot"))
    said = [
        f"{path.relative_to(DOCBOT)}: {written}"
        for room in rooms
        for path, tree in _modules(room)
        for written in _written(tree)
        if re.match(r"[A-Z][a-z']*,? \S+ .*[.?!:]\Z", written, re.DOTALL)
    ]
    assert said == []


def _modules(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def _shown_by(call: ast.Call) -> Iterator[ast.expr]:
    if isinstance(call.func, ast.Attribute) and call.func.attr in SHOWS:
        yield from call.args[:1]
    yield from (each.value for each in call.keywords if each.arg in SHOWN)


def _has_words(shown: ast.expr) -> bool:
    """Whether the expression itself, not what it calls, holds a word."""
    if isinstance(shown, ast.Constant):
        return isinstance(shown.value, str) and any(map(str.isalpha, shown.value))
    if isinstance(shown, ast.Call | ast.Subscript):
        return False
    return any(
        _has_words(each) for each in ast.iter_child_nodes(shown) if isinstance(each, ast.expr)
    )


def _written(tree: ast.Module) -> Iterator[str]:
    """Give all strings but documentation and those of errors."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        is_documentation = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if is_documentation or isinstance(node, ast.Raise):
            continue
        if isinstance(node, ast.JoinedStr):
            parts = [each.value if isinstance(each, ast.Constant) else "…" for each in node.values]
            yield "".join(map(str, parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        waiting.extend(ast.iter_child_nodes(node))
