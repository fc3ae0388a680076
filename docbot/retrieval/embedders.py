"""The embedder of the model that is set, and those of the models of older indexes.

A model is one of this machine (`local:NAME`) or one of an endpoint; what an index was built with
may be of the other kind than what is set now.
"""

from collections.abc import Sequence

from docbot.errors import RefusedError
from docbot.retrieval.embedder import Embedder, OpenAIEmbedder
from docbot.retrieval.local import LocalModels
from docbot.text import LOCAL_MODEL


class AnyEmbedder:
    """One model of either kind; safe to share between tasks."""

    def __init__(self, model: str, local: LocalModels, endpoint: OpenAIEmbedder | None) -> None:
        """Set up.

        Args:
            model: the one that is set.
            local: the models of this machine.
            endpoint: of any model; None where no endpoint is set.

        Raises:
            RefusedError: the model is not to be had.
        """
        self.model = model
        self._local = local
        self._endpoint = endpoint
        self._own = self.with_model(model)

    async def embed(self, texts: Sequence[str]) -> list[list[float]]:
        return await self._own.embed(texts)

    async def embed_questions(self, texts: Sequence[str]) -> list[list[float]]:
        return await self._own.embed_questions(texts)

    def with_model(self, model: str) -> Embedder:
        """Return another model, wherever it is.

        Raises:
            RefusedError: it is not to be had.
        """
        if model.startswith(LOCAL_MODEL):
            return self._local.embedder(model)
        if self._endpoint is None:
            raise RefusedError(
                f"model {model} is of an endpoint, and neither OPENAI_API_KEY nor OPENAI_BASE_URL"
                " is set"
            )
        return self._endpoint.with_model(model)

    def move_to(self, api_key: str | None, base_url: str | None) -> None:
        """Ask another address, or with another key, from now on; all models of it do."""
        if self._endpoint is not None:
            self._endpoint.move_to(api_key, base_url)

    async def close(self) -> None:
        self._local.close()
        if self._endpoint is not None:
            await self._endpoint.close()
