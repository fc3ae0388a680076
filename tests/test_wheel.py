"""What a stranger installs holds all that docbot needs to run."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.check
def test_the_wheel_holds_the_migrations_the_docs_the_prompt_the_texts_and_the_page(
    tmp_path: Path,
) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, ROOT],
        check=True,
    )
    [wheel] = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "docbot/db/sql/0001_begin.sql",
        "docbot/db/watchdog.py",
        "docbot/app/docs/running.md",
        "docbot/answers/prompts/answer.md",
        "docbot/locale/docbot.pot",
        "docbot/playground/page/index.html",
    ):
        assert needed in names
    assert not [name for name in names if name.endswith(".png")]
