# ruff: noqa: RUF001  # letters of many scripts, some of which look like others
import json
from pathlib import Path

import pytest
import snowballstemmer  # type: ignore[import-untyped]  # the package ships no types
from hypothesis import given
from hypothesis import strategies as st

from docbot.retrieval.language import FUNCTION_WORDS, language_of
from tests.timing import processor_seconds

EVALDATA = Path(__file__).parents[2].parent / "shared" / "evaldata"

SAID = {
    "arabic": "كيف يمكن تغيير المنفذ في الخادم؟",
    "armenian": "Ինչպես կարող եմ փոխել պորտը",
    "basque": "Nola egin behar da portua aldatzeko? Ez da irakurtzen.",
    "catalan": "Com puc canviar el port del servidor? Això no es llegeix amb els altres.",
    "czech": "Jak lze změnit port serveru? Nastavení se při startu nečte.",
    "danish": "Hvordan kan jeg ændre porten på serveren? Indstillingen bliver ikke læst.",
    "dutch": "Hoe kan ik de poort van de server wijzigen?",
    "english": "How can I change the port of the server?",
    "esperanto": "Kiel mi povas ŝanĝi la pordon de la servilo?",
    "estonian": "Kuidas ma saan muuta serveri porti? Seda ei loeta.",
    "finnish": "Miten voin muuttaa palvelimen portin? Asetus ei ole luettu.",
    "french": "Comment changer le port du serveur ? Le réglage n'est pas lu.",
    "german": "Wie kann ich den Port des Servers ändern? Die Einstellung wird nicht gelesen.",
    "greek": "Πώς μπορώ να αλλάξω τη θύρα;",
    "hindi": "सर्वर का पोर्ट कैसे बदलें? यह नहीं है।",
    "hungarian": "Hogyan lehet a szerver portját módosítani? Ez nem működik.",
    "indonesian": "Bagaimana saya bisa mengubah port server? Ini tidak dibaca.",
    "irish": "Conas is féidir an port a athrú? Níl sé ag obair.",
    "italian": "Come posso cambiare la porta del server? La scelta non viene letta.",
    "lithuanian": "Kaip galima pakeisti serverio prievadą? Tai nėra skaitoma.",
    "nepali": "सर्भरको पोर्ट कसरी परिवर्तन गर्ने? यो भएको छैन।",
    "norwegian": "Hvordan kan jeg endre porten på serveren? Innstillingen blir ikke lest.",
    "persian": "چگونه می توان درگاه را تغییر داد؟",
    "polish": "Jak mogę zmienić port serwera? To nie jest odczytywane.",
    "portuguese": "Como posso mudar a porta do servidor? A opção não é lida.",
    "romanian": "Cum pot să schimb portul pe server? Nu este citit.",
    "russian": "Как изменить порт сервера?",
    "serbian": "Kako da promenim port na serveru? To nije pročitano.",
    "sesotho": "Joang ke ka fetola port ea server? Ha e balehe hore ke e sebedise.",
    "spanish": "¿Cómo puedo cambiar el puerto del servidor?",
    "swedish": "Hur kan jag ändra porten på servern? Inställningen blir inte läst.",
    "tamil": "இந்த சேவையகத்தை எப்படி மாற்ற வேண்டும்?",
    "turkish": "Sunucunun portunu nasıl değiştirebilirim? Bu ayar için bir örnek var mı?",
    "yiddish": "װי קען איך טוישן די פּאָרט? דער סערװער איז נישט גוט.",
}


def test_every_language_with_a_stemmer_is_known() -> None:
    older_english_and_dutch = {"porter", "dutch_porter"}
    assert set(FUNCTION_WORDS) == set(SAID)
    assert set(FUNCTION_WORDS) == set(snowballstemmer.algorithms()) - older_english_and_dutch


@pytest.mark.parametrize("language", SAID)
def test_a_sentence_or_two_tell_their_language(language: str) -> None:
    assert language_of(SAID[language]) == language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("порт сервера", "russian"),
        ("промењен порт", "serbian"),
        ("θύρα διακομιστή", "greek"),
        ("منفذ الخادم", "arabic"),
        ("درگاه پشتیبان", "persian"),
        ("सर्वर पोर्ट", "hindi"),
        ("порт сервера змінюється", None),  # Ukrainian
        ("שרת ויציאה", None),  # Hebrew
    ],
)
def test_where_few_words_are_said_the_script_tells(text: str, language: str | None) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "42",
        "max_retries",
        "Docker",
        "die",
        "la la la la",  # one word, however often
        "const next = (value) => value + 1;\nexport default next;\n",
        "| name | type | default |\n|---|---|---|\n| port | int | 8080 |",
        "server: {host: 0.0.0.0, port: 8080, tls: true}",
        "配置文件在哪里?",
        "Airflowの設定はどこですか",
    ],
)
def test_too_little_said_code_and_tables_tell_nothing(text: str) -> None:
    assert language_of(text) is None


def test_names_of_another_language_within_a_text_do_not_mislead() -> None:
    text = "The file `de.json` holds what is shown to readers of Die Zeit, El País and Le Monde."
    assert language_of(text) == "english"
    assert language_of(f"```python\n{'import os, sys; ' * 10}\n```\n{SAID['german']}") == "german"


def test_addresses_and_names_in_code_are_no_words() -> None:
    links = "- [Tutorial](https://x.com/en/docs/la-guia.html) `les.un` user@del.com de_la els=un\n"
    assert language_of(links * 10) is None


@given(st.text(max_size=3_000))
def test_any_text_tells_a_known_language_or_none(text: str) -> None:
    assert language_of(text) in {None, *FUNCTION_WORDS}


def test_a_chunk_is_told_in_the_time_of_its_first_words() -> None:
    """0.1 ms on an idle machine."""
    text = "Wie man den Port des Servers ändert, steht in der Konfiguration. "

    def seconds(times: int) -> float:
        return processor_seconds(lambda: language_of(text * times), times=20)

    assert seconds(1_000) < 4 * seconds(100)


def test_no_question_about_an_english_documentation_is_told_as_of_another_language() -> None:
    questions = EVALDATA / "questions.jsonl"
    if not questions.is_file():
        pytest.skip(f"{questions} is not there")
    asked = [json.loads(line) for line in questions.read_text(encoding="utf-8").splitlines()]
    told = {language_of(f"{each['title']}\n{each['body']}") for each in asked}
    assert told == {"english", None}
