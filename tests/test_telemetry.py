import json
import logging
from collections.abc import Iterator

import pytest

from docbot.telemetry import set_up_logging


@pytest.fixture(autouse=True)
def _root_logger_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_a_secret_reaches_no_line_not_even_in_a_traceback(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logging("info", "text", ["hunter2"])
    try:
        raise ValueError("the password hunter2 is wrong")
    except ValueError:
        logging.getLogger("docbot.test").exception("login with %s failed", "hunter2")
    said = capsys.readouterr().err
    assert "login with [hidden] failed" in said
    assert "hunter2" not in said


def test_a_json_line_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("info", "json")
    logging.getLogger("docbot.test").warning("two\nlines")
    [line] = capsys.readouterr().err.splitlines()
    document = json.loads(line)
    assert (document["level"], document["message"]) == ("warning", "two\nlines")
