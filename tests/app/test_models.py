import importlib.util
from pathlib import Path

import pytest

from docbot.app.models import fetch_model, lines_about_models, model_table
from docbot.app.rooms import local_models
from docbot.errors import UsageError
from docbot.retrieval.local_model import Offered
from docbot.settings import Settings
from tests.retrieval.tiny_model import MINI, MINI_REPOSITORY, hub, model_files
from tests.town import Quiet

has_extra = importlib.util.find_spec("fastembed") is not None
needs_extra = pytest.mark.skipif(not has_extra, reason="docbot[local-embeddings] is not installed")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None).model_copy(update={"docbot_data_dir": tmp_path / "data"})


def test_each_model_is_shown_with_what_decides_about_it() -> None:
    small = Offered("Org/small", 384, 0.067, "mit")
    large = Offered("Org/larger-one", 1024, 2.24, "cc-by-nc-4.0")
    assert model_table([small, large], ["Org/small"]) == [
        "name            numbers   size     licence       fetched",
        "Org/small           384     67 MB  mit           yes",
        "Org/larger-one     1024   2240 MB  cc-by-nc-4.0  no",
    ]


@pytest.mark.skipif(has_extra, reason="docbot[local-embeddings] is installed")
async def test_without_the_extra_both_commands_say_how_to_install_it(settings: Settings) -> None:
    with pytest.raises(UsageError, match=r"pip install 'docbot\[local-embeddings\]'"):
        lines_about_models(settings)
    with pytest.raises(UsageError, match=r"pip install 'docbot\[local-embeddings\]'"):
        await fetch_model(settings, MINI, Quiet())


@needs_extra
async def test_a_model_that_nobody_offers_is_refused_with_where_to_look(
    settings: Settings,
) -> None:
    with pytest.raises(UsageError, match="`docbot models list` shows all"):
        await fetch_model(settings, "Org/Unknown", Quiet())
    assert not settings.docbot_data_dir.exists()


@needs_extra
async def test_a_model_is_fetched_once_whatever_the_case_of_its_name(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hub(MINI_REPOSITORY, model_files()) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        assert await fetch_model(settings, f"local:{MINI.upper()}", Quiet()) == MINI
    assert local_models(settings).is_fetched(MINI)
    assert await fetch_model(settings, MINI, Quiet()) == MINI  # with nobody there
    [line] = [line for line in lines_about_models(settings) if line.startswith(f"{MINI} ")]
    assert line.endswith("yes")
