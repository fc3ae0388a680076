"""What `docbot doctor` tells of the data folder, whoever runs it."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from docbot.app.doctor import Examination
from docbot.app.findings import Finding
from docbot.settings import Settings

NOWHERE = "postgresql://docbot@127.0.0.1:9/docbot"
ANOTHER = "61234"  # a user that owns nothing
# All is loaded before root is given up: the other user may not be able to reach this code.
AS_ANOTHER = f"""
import asyncio, concurrent.futures.thread, os, sys
from pathlib import Path
from pydantic import SecretStr
from docbot.app.doctor import Examination
from docbot.settings import Settings
os.setgroups([])
os.setuid({ANOTHER})
for folder in sys.argv[1:]:
    settings = Settings(docbot_data_dir=Path(folder), database_url=SecretStr("{NOWHERE}"))
    examination = Examination(settings, lambda found: print(f"{{found.part}}: {{found.state}}"))
    asyncio.run(examination.quick())
"""


@pytest.fixture
def reachable() -> Iterator[Path]:
    """A folder that every user can reach; pytest's own is closed to others."""
    with tempfile.TemporaryDirectory(prefix="docbot-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("below", ["", "data"])
async def test_a_file_where_the_data_folder_should_be_is_told(tmp_path: Path, below: str) -> None:
    (tmp_path / "taken").write_text("")
    found: list[Finding] = []
    settings = Settings(docbot_data_dir=tmp_path / "taken" / below, database_url=SecretStr(NOWHERE))
    await Examination(settings, found.append).quick()
    assert (found[0].part, found[0].state) == ("data folder", "failed")
    assert "DOCBOT_DATA_DIR" in found[0].advice


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_folder_of_somebody_else_is_told(reachable: Path) -> None:
    (reachable / "closed").mkdir(mode=0o700)
    (reachable / "read_only").mkdir(mode=0o755)
    folders = [reachable / name for name in ("closed", "closed/data", "read_only")]
    ran = subprocess.run(
        [sys.executable, "-c", AS_ANOTHER, *folders],
        capture_output=True,
        text=True,
        check=False,
    )
    told = ["data folder: failed", "bot: failed"]
    assert ran.stdout.splitlines() == told * len(folders), ran.stderr
