"""A recorder in Qdrant's place on a local port: every request is held against the client's models.

    async with QdrantRecorder.open(key="k") as server:
        client = AsyncQdrantClient(url=server.url, api_key="k")

It answers by way of the client's own in-memory mode, so it shows that requests have the right
form and the store reads the right answers; it does not show that a real server does the same.
A request of a wrong form is answered with 400 and kept in `violations`.
"""

import asyncio
import warnings
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError
from qdrant_client import AsyncQdrantClient, models

VERSION = "1.19.0"


@dataclass(frozen=True, slots=True)
class Status:
    """An error in Qdrant's form."""

    status: int
    message: str = "scripted error"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Html:
    """A page where JSON belongs: a proxy's login form, a wrong address."""

    status: int = 200


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing is sent until the server closes."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection is cut before an answer; with `done` what was asked has been done."""

    done: bool = False


Fault = Status | Html | Hang | Cut


@dataclass(frozen=True, slots=True)
class Request:
    """`body` is None where there is none; `path` has the query after a `?`."""

    method: str
    path: str
    key: str | None
    body: BaseModel | None


Body = TypeVar("Body", bound=BaseModel)


class QdrantRecorder:
    def __init__(self, key: str | None, version: str) -> None:
        self.key = key  # None: any key or none will do
        self.version = version
        self.url = ""
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self.client = AsyncQdrantClient(":memory:")
        self.arrived = asyncio.Event()
        self._faults: deque[tuple[str, Fault]] = deque()
        self._closing = asyncio.Event()
        self._runner: web.AppRunner | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, *, key: str | None = None, version: str = VERSION, port: int = 0
    ) -> AsyncIterator[Self]:
        server = cls(key, version)
        async with server.serving(port):
            yield server
        await server.client.close()

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[None]:
        """Listen for as long as the block lasts; what was written outlives it."""
        self._closing.clear()
        app = web.Application(client_max_size=32 * 1024 * 1024, middlewares=[self._watch])
        app.router.add_get("/", self._version)
        app.router.add_get("/collections", self._list)
        app.router.add_get("/collections/{name}", self._describe)
        app.router.add_get("/collections/{name}/exists", self._exists)
        app.router.add_put("/collections/{name}", self._create)
        app.router.add_delete("/collections/{name}", self._delete)
        app.router.add_put("/collections/{name}/index", self._index)
        app.router.add_put("/collections/{name}/points", self._upsert)
        app.router.add_post("/collections/{name}/points", self._retrieve)
        app.router.add_post("/collections/{name}/points/query/batch", self._query)
        app.router.add_post("/collections/{name}/points/count", self._count)
        self._runner = runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield
        finally:
            await self.stop()

    async def stop(self) -> None:
        """Go down; `serving` on the same port brings it back."""
        runner, self._runner = self._runner, None
        if runner is not None:
            self._closing.set()
            await runner.cleanup()

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def fail(self, fault: Fault, times: int = 1, *, on: str = "") -> None:
        """Serve `fault` to the next `times` requests whose `METHOD path` holds `on`."""
        self._faults.extend([(on, fault)] * times)

    def waiting_faults(self) -> list[Fault]:
        return [fault for _, fault in self._faults]

    def forgive(self) -> None:
        """Serve no more faults."""
        self._faults.clear()

    def bodies(self, kind: type[Body]) -> list[Body]:
        """The bodies of this kind, in the order in which they came."""
        return [each.body for each in self.requests if isinstance(each.body, kind)]

    async def names(self) -> list[str]:
        return [each.name for each in (await self.client.get_collections()).collections]

    @web.middleware
    async def _watch(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.arrived.set()
        fault = self._fault_of(request)
        if isinstance(fault, Cut) and fault.done:
            await self._answer(request, handler)
        if fault is not None:
            return await self._strike(request, fault)
        return await self._answer(request, handler)

    async def _answer(self, request: web.Request, handler: Any) -> web.StreamResponse:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the in-memory mode tells what it does not do
            try:
                answer: web.StreamResponse = await handler(request)
            except ValidationError as error:
                self.violations.append(f"{request.method} {request.path}: {error}")
                return _error(400, f"Format error in JSON body: {error}")
            except ValueError as error:  # so the in-memory mode misses a collection
                return _error(404 if "not found" in str(error) else 409, str(error))
        return answer

    def _fault_of(self, request: web.Request) -> Fault | None:
        if self.key is not None and request.headers.get("api-key") != self.key:
            return Status(401, "Must provide an API key or an Authorization bearer token")
        if self._faults and self._faults[0][0] in f"{request.method} {request.path}":
            return self._faults.popleft()[1]
        return None

    async def _strike(self, request: web.Request, fault: Fault) -> web.Response:
        match fault:
            case Status():
                return _error(fault.status, fault.message, fault.headers)
            case Html():
                page = "<!doctype html><title>Sign in</title><p>Sign in to go on."
                return web.Response(text=page, status=fault.status, content_type="text/html")
            case Cut():
                if request.transport is not None:
                    request.transport.abort()
                return web.Response()
            case Hang():
                await self._closing.wait()
                return _error(503, "shutting down")

    async def _version(self, request: web.Request) -> web.Response:
        self._record(request, None)
        title = "qdrant - vector search engine"
        return web.json_response({"title": title, "version": self.version})

    async def _list(self, request: web.Request) -> web.Response:
        self._record(request, None)
        return _result((await self.client.get_collections()).model_dump(mode="json"))

    async def _describe(self, request: web.Request) -> web.Response:
        self._record(request, None)
        info = await self.client.get_collection(_name(request))
        return _result(info.model_dump(mode="json"))

    async def _exists(self, request: web.Request) -> web.Response:
        self._record(request, None)
        return _result({"exists": await self.client.collection_exists(_name(request))})

    async def _create(self, request: web.Request) -> web.Response:
        asked = await self._read(request, models.CreateCollection)
        await self.client.create_collection(
            _name(request),
            vectors_config=asked.vectors,
            sparse_vectors_config=asked.sparse_vectors,
        )
        return _result(True)

    async def _delete(self, request: web.Request) -> web.Response:
        self._record(request, None)
        return _result(await self.client.delete_collection(_name(request)))

    async def _index(self, request: web.Request) -> web.Response:
        await self._read(request, models.CreateFieldIndex)
        return _result({"operation_id": 1, "status": "completed"})

    async def _upsert(self, request: web.Request) -> web.Response:
        asked = await self._read(request, models.PointsList)
        await self.client.upsert(_name(request), asked.points)
        return _result({"operation_id": 1, "status": "completed"})

    async def _retrieve(self, request: web.Request) -> web.Response:
        asked = await self._read(request, models.PointRequest)
        found = await self.client.retrieve(
            _name(request),
            asked.ids,
            with_payload=asked.with_payload or False,
            with_vectors=asked.with_vector or False,
        )
        return _result([each.model_dump(mode="json") for each in found])

    async def _query(self, request: web.Request) -> web.Response:
        asked = await self._read(request, models.QueryRequestBatch)
        found = await self.client.query_batch_points(_name(request), asked.searches)
        return _result([each.model_dump(mode="json") for each in found])

    async def _count(self, request: web.Request) -> web.Response:
        asked = await self._read(request, models.CountRequest)
        found = await self.client.count(_name(request), exact=bool(asked.exact))
        return _result({"count": found.count})

    async def _read(self, request: web.Request, kind: type[Body]) -> Body:
        body = kind.model_validate_json(await request.read())
        self._record(request, body)
        return body

    def _record(self, request: web.Request, body: BaseModel | None) -> None:
        key = request.headers.get("api-key")
        self.requests.append(Request(request.method, request.path_qs, key, body))


def _name(request: web.Request) -> str:
    return request.match_info["name"]


def _result(result: Any) -> web.Response:
    return web.json_response({"result": result, "status": "ok", "time": 0.001})


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = {"status": {"error": message}, "time": 0.001}
    return web.json_response(body, status=status, headers=headers)
