"""What the files for containers say, as far as it can be held without an engine."""

import re
import shlex
from pathlib import Path

from docbot.settings import Settings

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
COMPOSE = (ROOT / "compose.yaml").read_text(encoding="utf-8")


def copied() -> list[str]:
    lines = re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE)
    return [source for line in lines for source in shlex.split(line)[:-1]]


def test_all_that_is_copied_is_there_and_not_ignored() -> None:
    allowed = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert copied()
    for source in copied():
        assert (ROOT / source).exists()
        assert f"!{source}" in allowed


def test_all_that_the_wheel_is_built_from_is_copied() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    included = project.partition("[tool.hatch.build.targets.wheel.force-include]")[2]
    folders = re.findall(r'^"([\w/]+)" = ', included.partition("\n[")[0], re.MULTILINE)
    assert {*folders, "docbot", "README.md", "LICENSE"} <= set(copied())


def test_the_container_runs_as_nobody_in_particular_and_is_looked_after() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert "\nUSER docbot\n" in last
    assert 'CMD ["docbot", "doctor", "--quick"]' in last
    assert 'ENTRYPOINT ["docbot"]\nCMD ["run"]' in last


def test_compose_opens_no_port_and_writes_nowhere_but_in_its_volume() -> None:
    assert "ports:" not in COMPOSE
    assert "read_only: true" in COMPOSE
    assert 'volumes: ["docbot:/data"]' in COMPOSE


def test_compose_sets_nothing_that_docbot_does_not_know() -> None:
    own = COMPOSE.partition("  postgres:\n")[0]
    names = re.findall(r"^      ([A-Z_]+):", own, re.MULTILINE)
    assert names
    assert {name.lower() for name in names} <= Settings.model_fields.keys()
