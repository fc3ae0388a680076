"""An index that is made to be measured once: without one of the stages that make an index."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from docbot.db.generations import Generation
from docbot.retrieval.generations import open_rows
from docbot.retrieval.places import FolderPlace
from docbot.retrieval.stages import Stages
from docbot.retrieval.store import Index
from docbot.retrieval.vocabulary import Counting, Vocabulary

_NAME = "trial"


@dataclass(frozen=True, slots=True)
class TrialIndex:
    """What a search uses in place of the current index; nothing replaces it meanwhile."""

    index: Index
    embedding_model: str | None
    dimensions: int
    vocabularies: Mapping[int, Vocabulary]

    async def reach(self) -> Index | None:
        return self.index

    def let_go(self, gone: Index) -> None:
        """Keep it: nobody drops it before it is closed."""


@asynccontextmanager
async def trial_index(
    database_url: str | None, data_dir: Path, current: Generation, stages: Stages
) -> AsyncIterator[TrialIndex]:
    """Build an index of what the database holds, in a folder that goes with it.

    It is built in this process, which can do nothing else meanwhile: for the command line alone.

    Raises:
        DocbotError: it cannot be built.
    """
    counting = Counting()
    with TemporaryDirectory(prefix="docbot-") as folder:
        store = FolderPlace(Path(folder)).open()
        async with open_rows(database_url, data_dir, current.embedding_model, stages) as (_, rows):
            await store.build(_NAME, current.dimensions, counting.through(rows))
        index = await store.open(_NAME)
        yield TrialIndex(
            index, current.embedding_model, current.dimensions, counting.vocabularies()
        )
        await store.close()
