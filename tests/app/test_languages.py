# ruff: noqa: RUF001  # letters of full width
"""Documentations in other languages than English, from their files to what a question finds."""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from pydantic import SecretStr

from docbot.app.asking import search_once
from docbot.app.reading import sync_sources
from docbot.app.rooms import Rooms, open_rooms
from docbot.retrieval.search import SearchResult
from docbot.retrieval.signals import NONE
from docbot.settings import Settings
from tests.town import Quiet

pytestmark = pytest.mark.slow

GERMAN = {
    "wiederholungen.md": "# Wiederholungen\n\nWie oft ein Auftrag wiederholt wird, steht in der "
    "Einstellung `max_retries`. Nach der letzten Wiederholung wird er als gescheitert gemeldet.\n",
    "zeit.md": "# Zeitpläne\n\nEin Zeitplan ist eine Zeile mit fünf Feldern. Er wird nicht gelesen, "
    "wenn eines der Felder leer ist.\n",
    "kerne.md": "# Voraussetzungen\n\nDas Programm braucht zwei Kerne und ist mit Docker-Containern "
    "zu betreiben. Ein Gerät mit nur einem Kern ist zu langsam für die Aufträge.\n",
    "rechte.md": "# Rechte\n\nWer die Oberfläche sehen darf, wird mit Rollen geregelt. Die Rolle "
    "`viewer` kann nur lesen und nicht schreiben.\n",
}
FRENCH = {
    "planification.md": "# Planification\n\nUne planification est une ligne de cinq champs. Elle "
    "n'est pas lue si un des champs est vide.\n",
    "droits.md": "# Droits\n\nLes rôles des utilisateurs sont dans la base de données. Un rôle peut "
    "lire ou écrire, mais pas les deux.\n",
    "reprises.md": "# Reprises\n\nLe nombre de reprises est dans `max_retries`. Quand la dernière "
    "reprise a échoué, la tâche est arrêtée et l'administrateur est prévenu par un message.\n",
}
ENGLISH = {
    "retries.md": "# Retries\n\nHow often a job is tried again is in `max_retries`. After the last "
    "of them it is reported as failed.\n",
    "schedules.md": "# Schedules\n\nA schedule is a line of five fields. It is not read if one of "
    "them is empty. The man page lists what may die.\n",
    "roles.md": "# Roles\n\nWho may see the pages is in the roles. A viewer can read and not write.\n",
}
JAPANESE = {
    "retries.md": "# 再試行\n\nAirflowの再試行の回数は`max_retries`で設定します。データベースの接続が"
    "切れた場合は、ジョブを再試行しません。\n",
    "schedules.md": "# スケジュール\n\n五つの欄からなる行です。空の欄がある行は読みません。\n",
    "roles.md": "# 権限\n\n画面を見る人は役割で決めます。\n",
}


@pytest.fixture
async def rooms(database_url: str, tmp_path: Path) -> AsyncIterator[Rooms]:
    changes = {"database_url": SecretStr(database_url), "docbot_data_dir": tmp_path}
    async with open_rooms(Settings(_env_file=None).model_copy(update=changes)) as opened:
        yield opened


async def read(rooms: Rooms, folder: Path, **sources: Mapping[str, str]) -> None:
    for name, pages in sources.items():
        (folder / name).mkdir()
        for page, text in pages.items():
            (folder / name / page).write_text(text, encoding="utf-8")
        await rooms.sources.add(
            name=name, kind="folder", location=str(folder / name), base_url=f"https://{name}.test/"
        )
    await sync_sources(rooms, [], full=False, say=lambda _: None, progress=Quiet())


async def asked(rooms: Rooms, question: str, *names: str) -> SearchResult:
    """Search as `docbot search` does."""
    return await search_once(rooms, question, names, 8)


async def first(rooms: Rooms, question: str, *names: str) -> str:
    return (await asked(rooms, question, *names)).passages[0].url.split("#")[0]


async def test_words_are_found_in_their_other_forms_in_the_language_of_each_source(
    rooms: Rooms, tmp_path: Path
) -> None:
    await read(rooms, tmp_path, german=GERMAN, french=FRENCH, english=ENGLISH)
    spoken = {
        source.name: rooms.index.vocabularies[source.id].languages
        for source in await rooms.sources.all()
    }
    assert spoken == {
        "german": ("english", "german"),
        "french": ("english", "french"),
        "english": ("english",),
    }
    # None of these forms stands in the pages.
    assert await first(rooms, "Felder des Zeitplans", "german") == "https://german.test/zeit"
    assert (
        await first(rooms, "Geräte im Docker-Container?", "german") == "https://german.test/kerne"
    )
    assert await first(rooms, "l'utilisateur et son rôle", "french") == "https://french.test/droits"
    assert await first(rooms, "échouer aux reprises") == "https://french.test/reprises"
    assert await first(rooms, "scheduled field") == "https://english.test/schedules"
    found = {each.url.split("#")[0] for each in (await asked(rooms, "max_retries")).passages[:3]}
    assert found == {
        "https://german.test/wiederholungen",
        "https://french.test/reprises",
        "https://english.test/retries",
    }


async def test_a_question_in_another_language_finds_the_names_in_code(
    rooms: Rooms, tmp_path: Path
) -> None:
    await read(rooms, tmp_path, english=ENGLISH)
    german = await asked(rooms, "Was muss ich bei max_retries einstellen, und wie ist die Grenze?")
    assert german.passages[0].url.split("#")[0] == "https://english.test/retries"
    # Its `die` and `was` are no words that it is about, nor found as such.
    nothing = await asked(rooms, "Was ist die, und wie wird man das?")
    assert (nothing.passages, nothing.signals) == ([], NONE)
    assert await first(rooms, "Why does the man page say that jobs die?") == (
        "https://english.test/schedules"
    )


async def test_japanese_pages_are_found_with_latin_names_and_in_half_width(
    rooms: Rooms, tmp_path: Path
) -> None:
    await read(rooms, tmp_path, japanese=JAPANESE)
    assert await first(rooms, "再試行の回数を設定するには？") == "https://japanese.test/retries"
    assert await first(rooms, "Ａｉｒｆｌｏｗ") == "https://japanese.test/retries"
    assert await first(rooms, "ｽｹｼﾞｭｰﾙ") == "https://japanese.test/schedules"
    assert await first(rooms, "ユーザーの権限はどこですか") == "https://japanese.test/roles"
