"""`make eval`: the cache of vectors, and the figures by words alone on a real site."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.baselines import baselines
from benchmarks.eval import EVALDATA, Lines, Place, by_words, measured, unpack
from benchmarks.eval_cache import CachedEmbedder, VectorCache
from docbot.app.evaluating import Wanted
from docbot.errors import DocbotError, TransientError
from docbot.retrieval.embedder import Embedder
from docbot.settings import Settings

MODEL = "any-model"


class Counting:
    """Gives each text a vector, and counts what it was asked for."""

    def __init__(self, model: str = MODEL) -> None:
        self.model = model
        self.asked: list[str] = []

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += texts
        return [[1.0, float(len(text))] for text in texts]

    async def embed_questions(self, texts: Sequence[str]) -> list[list[float]]:
        self.asked += [f"{text}?" for text in texts]
        return [[2.0, float(len(text))] for text in texts]

    def with_model(self, model: str) -> Embedder:
        return Counting(model)


async def test_a_vector_is_asked_for_once_whoever_asks_again(tmp_path: Path) -> None:
    endpoint = Counting()
    cache = VectorCache(tmp_path / "deep" / "vectors.sqlite")
    embedder = CachedEmbedder(MODEL, cache, endpoint)
    assert await embedder.embed(["one", "three", "one"]) == [[1, 3], [1, 5], [1, 3]]
    assert await embedder.embed_questions(["one"]) == [[2, 3]]
    cache.close()

    again = VectorCache(tmp_path / "deep" / "vectors.sqlite")
    without = CachedEmbedder(MODEL, again, None)
    assert await without.embed(["three", "one"]) == [[1, 5], [1, 3]]
    assert await without.embed_questions(["one"]) == [[2, 3]]
    assert endpoint.asked == ["one", "three", "one?"]
    assert again.models() == [MODEL]
    assert without.lacking(["one", "four"]) == ["four"]
    with pytest.raises(TransientError, match="no endpoint is set"):
        await without.embed(["four"])
    with pytest.raises(TransientError, match="no endpoint is set"):
        await without.embed_questions(["four"])
    with pytest.raises(TransientError, match="vectors of other"):
        await without.with_model("other").embed(["one"])
    again.close()


def test_without_the_data_it_is_said_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(DocbotError, match="is not there"):
        unpack(Place(tmp_path, evaldata=tmp_path / "none"))


@pytest.mark.check
@pytest.mark.skipif(not EVALDATA.is_dir(), reason=f"needs the sites in {EVALDATA}")
async def test_pages_of_a_real_site_are_found_by_words_alone(tmp_path: Path) -> None:
    place = Place(tmp_path, names=("airflow", "vite"))
    unpack(place)
    wanted = Wanted(place.questions, cross=True, remove_gold=True)
    async with by_words(place, Settings(_env_file=None), Lines()) as bench:
        report = await measured(bench, wanted, Lines())
        plain = (await baselines(bench.rooms, report.plan.askings, None)).plain
    assert report.faults == []
    assert report.run.whole.asked == {
        "answerable": 81,
        "unanswerable": 31,
        "cross": 112,
        "removed": 81,
    }
    recall = report.run.sources["airflow"].measures["recall_at_5"]
    wrongly = report.run.whole.measures["wrongly_answered"]
    assert recall is not None
    assert wrongly is not None
    assert recall.value >= 0.5  # measured .57
    assert wrongly.value <= 0.05
    records = report.run.measured.records
    ours = {each.id: each.rank for each in records if each.kind == "answerable"}
    assert plain.keys() == ours.keys()
    missed = [sum(rank is None or rank > 5 for rank in ranks.values()) for ranks in (plain, ours)]
    assert missed[1] <= 0.8 * missed[0]
