"""An embedding model of a few kilobytes, and a stand-in of the hub that models are fetched from.

The model gives each word of a small vocabulary a vector of its own. It is in the form of ONNX,
written by hand: the library that writes it is larger than docbot.
"""

import json
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

from aiohttp import web

MINI = "sentence-transformers/all-MiniLM-L6-v2"  # the mean of its words' vectors
MINI_REPOSITORY = "Qdrant/all-MiniLM-L6-v2-onnx"
BGE = "BAAI/bge-small-en-v1.5"  # the vector of its first word
BGE_REPOSITORY = "Qdrant/bge-small-en-v1.5-onnx-Q"
DIMENSIONS = 384
WORDS = ("[PAD]", "[UNK]", "represent", "forum", "bind", "docker", "install", "sync", "?")
_REVISION = "a" * 40


def model_files(model_file: str = "model.onnx") -> dict[str, bytes]:
    """The files of the model, by name."""
    return {
        model_file: _onnx(),
        "config.json": json.dumps({"pad_token_id": 0}).encode(),
        "tokenizer.json": json.dumps(_tokenizer()).encode(),
        "tokenizer_config.json": json.dumps(
            {"model_max_length": 32, "pad_token": "[PAD]"}
        ).encode(),
        "special_tokens_map.json": json.dumps({"pad_token": "[PAD]"}).encode(),
    }


def put(folder: Path, repository: str, files: Mapping[str, bytes]) -> None:
    """Lay the files into a folder as the hub's own client does."""
    kept = folder / f"models--{repository.replace('/', '--')}"
    snapshot = kept / "snapshots" / _REVISION
    snapshot.mkdir(parents=True)
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text(_REVISION)
    for name, content in files.items():
        (snapshot / name).write_bytes(content)


@asynccontextmanager
async def hub(repository: str, files: Mapping[str, bytes]) -> AsyncIterator[str]:
    """Serve one repository; give the address."""

    async def about(_: web.Request) -> web.Response:
        return web.json_response({"id": repository, "sha": _REVISION, "siblings": _siblings(files)})

    async def tree(_: web.Request) -> web.Response:
        return web.json_response(
            [
                {"type": "file", "path": name, "size": len(content), "oid": name}
                for name, content in files.items()
            ]
        )

    async def content(request: web.Request) -> web.Response:
        name = request.match_info["name"]
        body = files[name]
        headers = {"X-Repo-Commit": _REVISION, "ETag": f'"{name}"'}
        return web.Response(body=body, headers=headers)

    application = web.Application()
    api = f"/api/models/{repository}"
    application.router.add_get(api, about)
    application.router.add_get(f"{api}/revision/{{revision}}", about)
    application.router.add_get(f"{api}/tree/{{revision}}", tree)
    application.router.add_get(f"/{repository}/resolve/{{revision}}/{{name}}", content)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _siblings(files: Mapping[str, bytes]) -> list[dict[str, str]]:
    return [{"rfilename": name} for name in files]


def _tokenizer() -> dict[str, object]:
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Lowercase"},
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {word: number for number, word in enumerate(WORDS)},
            "unk_token": "[UNK]",
        },
    }


def _onnx() -> bytes:
    """`last_hidden_state = table[input_ids]`, as a ModelProto."""
    chance = Random(7)
    numbers = [chance.gauss(0, 1) for _ in range(len(WORDS) * DIMENSIONS)]
    table = (
        b"".join(_number(1, size) for size in (len(WORDS), DIMENSIONS))
        + _number(2, 1)  # of float
        + _bytes(8, b"table")
        + _bytes(9, struct.pack(f"<{len(numbers)}f", *numbers))
    )
    gather = (
        _bytes(1, b"table") + _bytes(1, b"input_ids") + _bytes(2, b"out") + _bytes(4, b"Gather")
    )
    graph = (
        _bytes(1, gather)
        + _bytes(2, b"tiny")
        + _bytes(5, table)
        + _bytes(11, _value(b"input_ids", 7, (b"batch", b"length")))
        + _bytes(12, _value(b"out", 1, (b"batch", b"length", b"numbers")))
    )
    return _number(1, 8) + _bytes(7, graph) + _bytes(8, _number(2, 13))


def _value(name: bytes, kind: int, axes: tuple[bytes, ...]) -> bytes:
    shape = b"".join(_bytes(1, _bytes(2, axis)) for axis in axes)
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, shape)))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    if value < 0x80:
        return bytes([value])
    return bytes([value & 0x7F | 0x80]) + _varint(value >> 7)
