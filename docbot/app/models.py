"""The models of this machine: which there are, and fetching one."""

import asyncio
from collections.abc import Sequence

from docbot.app.embedding import Progress
from docbot.app.rooms import local_models, make_folder
from docbot.errors import UsageError
from docbot.retrieval.local_model import Offered, offered
from docbot.settings import Settings
from docbot.text import LOCAL_MODEL


def lines_about_models(settings: Settings) -> list[str]:
    """Say of each model what it is, and whether it was fetched.

    Raises:
        UsageError: the extra is not installed.
    """
    models, found = local_models(settings), offered()
    return model_table(found, [each.name for each in found if models.is_fetched(each.name)])


def model_table(found: Sequence[Offered], fetched: Sequence[str]) -> list[str]:
    """Return a line for each model, in columns, below a heading."""
    width = max((len(each.name) for each in found), default=4)
    heading = f"{'name':{width}}  numbers   size     licence       fetched"
    return [
        heading,
        *(
            f"{each.name:{width}}  {each.dimensions:7}  {each.gigabytes * 1000:5.0f} MB"
            f"  {each.licence:12}  {'yes' if each.name in fetched else 'no'}"
            for each in found
        ),
    ]


async def fetch_model(settings: Settings, name: str, progress: Progress) -> str:
    """Fetch a model into the data folder and return its name as it is listed.

    Raises:
        UsageError: the extra is not installed, or there is no such model.
        DocbotError: it could not be fetched; nothing is left of it.
    """
    known = {each.name.lower(): each for each in await asyncio.to_thread(offered)}
    found = known.get(name.removeprefix(LOCAL_MODEL).lower())
    if found is None:
        raise UsageError(f"there is no local model {name}; `docbot models list` shows all")
    models = local_models(settings)
    if models.is_fetched(found.name):
        return found.name
    make_folder(settings.docbot_data_dir)
    progress.begin(f"fetching {found.name} (MB)")
    progress.expect(round(found.gigabytes * 1000))
    try:
        await models.fetch(found.name, progress)
    finally:
        progress.end()
    return found.name
