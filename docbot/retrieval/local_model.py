"""A model of this machine, as the process that it runs in sees it: loads it once, makes vectors.

Promise: loading and embedding ask nothing of the network; only `download` does. What fastembed
and onnxruntime raise becomes docbot's. To be called in a process of its own: a model takes the
interpreter, a processor and some hundred megabytes.
"""

import os
import warnings
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from docbot.errors import DocbotError, PermanentError, RefusedError, TransientError, UsageError
from docbot.retrieval.embedder import normalised

_BATCH = 8  # texts; each is padded to the longest, so larger batches gain nothing on a processor
_LIST_SECONDS = 10.0  # for the hub's first reply
_CAUSE_LENGTH = 300  # characters
_QUIET = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",  # it would take every processor
}
_OFFLINE = {"HF_HUB_OFFLINE": "1"}
_PROBE = "documentation"  # any text shows whether a model works

_EN = "Represent this sentence for searching relevant passages: "
_INSTRUCT = (
    "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
)


@dataclass(frozen=True, slots=True)
class Prompts:
    """What a model was trained to find before a question and before a passage."""

    question: str = ""
    passage: str = ""


# By the beginning of the name in lower case; as the models' own pages say. fastembed adds none.
_PROMPTS = {
    "baai/bge-small-zh": Prompts("为这个句子生成表示以用于检索相关文章："),
    "baai/bge-": Prompts(_EN),
    "mixedbread-ai/mxbai-embed-large": Prompts(_EN),
    "snowflake/snowflake-arctic-embed": Prompts(_EN),
    "nomic-ai/nomic-embed-text": Prompts("search_query: ", "search_document: "),
    "intfloat/multilingual-e5": Prompts("query: ", "passage: "),
    "google/embeddinggemma": Prompts("task: search result | query: ", "title: none | text: "),
    "qwen/qwen3-embedding": Prompts(_INSTRUCT),
}


@dataclass(frozen=True, slots=True)
class Order:
    """All that a process needs to load a model; `folder` is where `download` put it."""

    name: str
    folder: Path
    threads: int
    niceness: int  # 0 to 19; above 0 others go first


@dataclass(frozen=True, slots=True)
class Offered:
    """A model that can be fetched."""

    name: str
    dimensions: int
    gigabytes: float
    licence: str


def prompts_of(name: str) -> Prompts:
    """Return what goes before the texts of a model; nothing for a model that needs nothing."""
    return next(
        (prompts for start, prompts in _PROMPTS.items() if name.lower().startswith(start)),
        Prompts(),
    )


def offered() -> list[Offered]:
    """List the models that fastembed knows, by name.

    Raises:
        UsageError: the extra is not installed.
    """
    found = [
        Offered(each["model"], each["dim"], each["size_in_GB"], each["license"])
        for each in _text_embedding().list_supported_models()
    ]
    return sorted(found, key=lambda each: each.name.lower())


def embed_passages(order: Order, texts: Sequence[str]) -> list[list[float]]:
    """Return one vector of unit length for each text, in order.

    Raises:
        RefusedError: the model cannot be loaded.
        PermanentError: it cannot embed these texts.
    """
    before = prompts_of(order.name).passage
    return _embed(order, "passage_embed", [before + text for text in texts])


def embed_questions(order: Order, texts: Sequence[str]) -> list[list[float]]:
    """Return the vectors of questions; raises as `embed_passages` does."""
    before = prompts_of(order.name).question
    return _embed(order, "query_embed", [before + text for text in texts])


def download(name: str, folder: Path) -> None:
    """Fetch a model into an empty folder, load it from there, and try it.

    Raises:
        TransientError: the hub is out of reach or broke off.
        RefusedError: there is no such model, or what came does not work.
    """
    os.environ |= _QUIET
    try:
        described = _described(name)
        _reach(name, described["sources"]["hf"])
        told = _told_errors()
        try:
            _load(Order(name, folder, threads=1, niceness=0), is_offline=False)
        except ValueError as error:
            reason = _brief(" ".join([*told[-1:], str(error)]))
            raise TransientError(f"model {name} could not be fetched: {reason}") from error
        embed_questions(Order(name, folder, threads=1, niceness=0), [_PROBE])
    except DocbotError:
        raise
    except Exception as error:  # of three libraries, each with its own
        raise RefusedError(
            f"model {name} came and does not work: {_brief(str(error) or repr(error))}"
        ) from error


def _embed(order: Order, method: str, texts: list[str]) -> list[list[float]]:
    model = _loaded(order)
    try:
        found = getattr(model, method)(texts, batch_size=_BATCH)
        return [normalised([float(number) for number in vector]) for vector in found]
    except Exception as error:  # onnxruntime's and tokenizers' errors are of no common kind
        raise PermanentError(
            f"model {order.name} could not embed: {_brief(str(error) or repr(error))}"
        ) from error


@lru_cache(maxsize=1)  # of this process, for as long as it lives; another model takes its place
def _loaded(order: Order) -> Any:
    os.environ |= {**_QUIET, **_OFFLINE}
    with suppress(OSError):
        os.nice(order.niceness)
    try:
        return _load(order, is_offline=True)
    except UsageError:
        raise
    except Exception as error:
        raise RefusedError(
            f"model {order.name} cannot be loaded: {_brief(str(error) or repr(error))}; delete "
            f"{order.folder} and fetch it again with `docbot models fetch {order.name}`"
        ) from error


def _load(order: Order, *, is_offline: bool) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a model's history, for who fetched it years ago
        return _text_embedding()(
            order.name,
            cache_dir=str(order.folder),
            threads=order.threads,
            local_files_only=is_offline,
        )


def _text_embedding() -> Any:  # of a library that need not be installed
    try:
        from fastembed import TextEmbedding  # noqa: PLC0415  # two seconds, and an extra
    except ModuleNotFoundError as error:
        raise UsageError(
            "local models need an extra: `pip install 'docbot[local-embeddings]'`"
        ) from error
    return TextEmbedding


def _described(name: str) -> dict[str, Any]:
    each: dict[str, Any]
    for each in _text_embedding().list_supported_models():
        if each["model"].lower() == name.lower():
            return each
    raise RefusedError(f"there is no local model {name}; `docbot models list` shows all")


def _reach(name: str, repository: str | None) -> None:
    """Ask the hub for the model once: fastembed itself would try for 39 seconds.

    Raises:
        TransientError: it is out of reach.
    """
    import huggingface_hub  # noqa: PLC0415  # of the extra

    try:
        huggingface_hub.model_info(str(repository), timeout=_LIST_SECONDS)
    except Exception as error:  # of httpx or of its own
        address = huggingface_hub.constants.ENDPOINT
        raise TransientError(
            f"model {name} could not be fetched: {address} cannot be asked"
            f" ({_brief(str(error) or repr(error))}); this machine must reach it once, and may"
            " be offline afterwards"
        ) from error


def _told_errors() -> list[str]:
    """Collect what fastembed logs in place of raising it."""
    from loguru import logger  # noqa: PLC0415  # of the extra

    told: list[str] = []
    logger.remove()
    logger.add(lambda line: told.append(str(line)), level="ERROR", format="{message}")
    return told


def _brief(cause: str) -> str:
    cause = " ".join(cause.split())
    return cause if len(cause) <= _CAUSE_LENGTH else f"{cause[:_CAUSE_LENGTH]}…"
