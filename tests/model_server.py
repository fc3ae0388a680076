"""A model endpoint on a local port: OpenAI's protocol, scripted replies, real (hashed) vectors.

    async with ModelServer.open(replies=["First.", Status(503), "Second."]) as server:
        client = AsyncOpenAI(base_url=server.base_url, api_key=server.key)

Whatever a client sends is kept in `server.requests`. A fault is served in place of an answer,
either as one of the scripted chat replies or, for any route, after `server.fail(fault, times)`.
"""

import asyncio
import base64
import json
import math
import re
import socket
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Self

from aiohttp import web

from docbot.retrieval.lexical import terms

DIMENSIONS = 64  # of the vectors; enough that a few hundred words seldom collide


@dataclass(frozen=True, slots=True)
class Status:
    """An error in OpenAI's form; `code` is the word in its body, such as `model_not_found`."""

    status: int
    message: str = "scripted error"
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Html:
    """A page where JSON belongs: a proxy's login form, a wrong base address."""

    status: int = 200


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing more is sent until `server.release` is set or the seconds are over.

    Then all goes on as if nothing was.
    """

    seconds: float | None = None  # None: for as long as it takes


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is cut with a TCP reset."""


Fault = Status | Html | Hang | Reset

NO_QUOTA = Status(429, "You exceeded your current quota.", "insufficient_quota")


@dataclass(frozen=True, slots=True)
class Reply:
    """A chat reply in full; `then` strikes after its text and before its end (streams only).

    Endpoints differ: `streams` False gives one whole reply where a stream was asked for, `done`
    False leaves out the mark at the stream's end, a finish reason of None its last piece.
    """

    text: str
    finish_reason: str | None = "stop"
    then: Status | Hang | Reset | None = None
    streams: bool = True
    done: bool = True


Script = str | Reply | Fault
Chat = Callable[[dict[str, Any]], Script]  # from the request's body


@dataclass(frozen=True, slots=True)
class Request:
    path: str  # such as `/v1/embeddings`
    headers: Mapping[str, str]
    body: dict[str, Any]  # empty for a GET


class ModelServer:
    def __init__(self, chat: Chat, models: Sequence[str], key: str | None) -> None:
        self.chat = chat
        self.models = list(models)
        self.key = key  # None: any key or none will do
        self.base_url = ""  # ends in `/v1`; known once the port is open
        self.dimensions = DIMENSIONS  # of the vectors that are given from now on
        self.requests: list[Request] = []
        self.arrived = asyncio.Event()  # set by each request, for a test to wait on and clear
        self.release = asyncio.Event()
        self._faults: deque[Fault] = deque()

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        replies: Iterable[Script] | Chat = (),
        *,
        models: Sequence[str] = ("test-chat", "test-embedding"),
        key: str | None = None,
    ) -> AsyncIterator[Self]:
        """Serve until left; `replies` are used up one by one, or made from each request's body."""
        server = cls(replies if callable(replies) else in_order(replies), models, key)
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_get("/v1/models", server._answer)
        app.router.add_post("/v1/embeddings", server._answer)
        app.router.add_post("/v1/chat/completions", server._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            server.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
            yield server
        finally:
            server.release.set()
            await runner.cleanup()

    def fail(self, fault: Fault, times: int = 1) -> None:
        """Serve `fault` to the next `times` requests of any route."""
        self._faults.extend([fault] * times)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.json() if request.method == "POST" else {}
        self.requests.append(Request(request.path, dict(request.headers), body))
        self.arrived.set()
        fault = self._faults.popleft() if self._faults else self._refusal(request, body)
        if fault is not None:
            response = await self._strike(request, fault)
            if response is not None:
                return response
        if request.path == "/v1/models":
            return web.json_response({"object": "list", "data": [_model(m) for m in self.models]})
        if request.path == "/v1/embeddings":
            return web.json_response(_embeddings(body, self.dimensions))
        return await self._chat(request, body)

    def _refusal(self, request: web.Request, body: dict[str, Any]) -> Status | None:
        if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
            return Status(401, "Incorrect API key provided.", "invalid_api_key")
        if "model" in body and body["model"] not in self.models:
            message = f"The model `{body['model']}` does not exist."
            return Status(404, message, "model_not_found")
        return None

    async def _strike(self, request: web.Request, fault: Fault) -> web.Response | None:
        """Serve the fault; None after a hang: what was asked is answered after all."""
        match fault:
            case Status():
                return web.json_response(_error(fault), status=fault.status, headers=fault.headers)
            case Html():
                page = "<!doctype html><title>Sign in</title><p>Sign in to go on."
                return web.Response(text=page, status=fault.status, content_type="text/html")
            case Reset():
                _reset(request)
                return web.Response()
            case Hang():
                with suppress(TimeoutError):
                    async with asyncio.timeout(fault.seconds):
                        await self.release.wait()
                return None

    async def _chat(self, request: web.Request, body: dict[str, Any]) -> web.StreamResponse:
        script = self.chat(body)
        while not isinstance(script, str | Reply):
            response = await self._strike(request, script)
            if response is not None:
                return response
            script = self.chat(body)  # a scripted hang is over: the next reply answers
        reply = Reply(script) if isinstance(script, str) else script
        if body.get("stream") and reply.streams:
            return await self._stream(request, body, reply)
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": reply.text},
            "finish_reason": reply.finish_reason,
        }
        whole = _envelope(body, "chat.completion") | {
            "choices": [choice],
            "usage": _usage(body, reply),
        }
        return web.json_response(whole)

    async def _stream(
        self, request: web.Request, body: dict[str, Any], reply: Reply
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        start = _envelope(body, "chat.completion.chunk")
        for piece in ["", *re.findall(r"\S+\s*|\s+", reply.text)]:
            delta = {"content": piece} if piece else {"role": "assistant", "content": ""}
            choice = {"index": 0, "delta": delta, "finish_reason": None}
            await _send_event(response, start | {"choices": [choice]})
        if isinstance(reply.then, Status):
            await _send_event(response, _error(reply.then))
            return response
        if reply.then is not None and await self._strike(request, reply.then) is not None:
            return response
        if reply.finish_reason is None:
            return response
        ending = {"index": 0, "delta": {}, "finish_reason": reply.finish_reason}
        await _send_event(response, start | {"choices": [ending]})
        if (body.get("stream_options") or {}).get("include_usage"):
            await _send_event(response, start | {"choices": [], "usage": _usage(body, reply)})
        if reply.done:
            await response.write(b"data: [DONE]\n\n")
        return response


def in_order(replies: Iterable[Script]) -> Chat:
    """Give the replies one by one; a request beyond the last is the test's mistake, a 400."""
    left = iter(replies)

    def chat(body: dict[str, Any]) -> Script:
        return next(left, Status(400, "the test scripted no further reply"))

    return chat


def hashed_vector(text: str, dimensions: int = DIMENSIONS) -> list[float]:
    """Return a unit vector of the text's terms: more of them in common, a higher cosine."""
    vector = [0.0] * dimensions
    for word in sorted(set(terms(text))) or [""]:
        digest = int.from_bytes(blake2b(word.encode(), digest_size=8).digest())
        vector[digest % dimensions] += 1.0
    length = math.sqrt(sum(value * value for value in vector))
    return [value / length for value in vector]


def _embeddings(body: dict[str, Any], dimensions: int) -> dict[str, Any]:
    texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
    vectors: list[Any] = [hashed_vector(text, dimensions) for text in texts]
    if body.get("encoding_format") == "base64":
        packed = [struct.pack(f"<{dimensions}f", *vector) for vector in vectors]
        vectors = [base64.b64encode(each).decode() for each in packed]
    tokens = sum(len(text.split()) for text in texts)
    return {
        "object": "list",
        "model": body["model"],
        "data": [
            {"object": "embedding", "index": index, "embedding": vector}
            for index, vector in enumerate(vectors)
        ],
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens},
    }


def _error(fault: Status) -> dict[str, Any]:
    return {"error": {"message": fault.message, "type": fault.code, "code": fault.code}}


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 1_700_000_000, "owned_by": "test"}


def _envelope(body: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": kind,
        "created": 1_700_000_000,
        "model": body.get("model", ""),
    }


def _usage(body: dict[str, Any], reply: Reply) -> dict[str, int]:
    """Count words as tokens: what matters is that the figures are there and add up."""
    asked = sum(len(json.dumps(each.get("content")).split()) for each in body.get("messages", []))
    told = len(reply.text.split())
    return {"prompt_tokens": asked, "completion_tokens": told, "total_tokens": asked + told}


async def _send_event(response: web.StreamResponse, event: Mapping[str, Any]) -> None:
    await response.write(f"data: {json.dumps(event, ensure_ascii=False)}\n\n".encode())


def _reset(request: web.Request) -> None:
    """Close with a linger of 0 seconds, which makes the kernel send RST rather than FIN."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
