"""The body of an answer, bounded before and after it is unpacked, and whole or an error."""

import asyncio
import codecs
import zlib

import httpx

from docbot.errors import GarbledError, TransientError
from docbot.knowledge.html.convert import decode_as

MOST_BYTES = 10_000_000  # as sent and again after decompression
_ENCODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_GZIP = b"\x1f\x8b"
_MOST_PARTS = 100  # of a gzip file
_MOST_AT_ONCE = 100_000  # bytes that are unpacked or decoded without leaving the event loop


async def read_body(url: str, response: httpx.Response) -> tuple[bytes, str]:
    """Return a body and its content type, lower case and without parameters.

    Text whose charset the header names comes as UTF-8, marked so that nothing else is guessed.

    Raises:
        GarbledError: it is larger than 10 MB, or packed in a way that was not asked for.
        TransientError: it ends before its end.
    """
    kind, charset = content_type(response)
    raw = await _raw(url, response)
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if len(raw) > _MOST_AT_ONCE:
        return await asyncio.to_thread(_read, url, raw, encoding, kind, charset), kind
    return _read(url, raw, encoding, kind, charset), kind


def content_type(response: httpx.Response) -> tuple[str, str]:
    """Return the content type and the charset that a header names, HTML and '' where it is silent."""
    kind, _, parameters = response.headers.get("content-type", "text/html").partition(";")
    charset = ""
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            charset = value.strip().strip("\"'")
    return kind.strip().lower() or "text/html", charset


async def _raw(url: str, response: httpx.Response) -> bytes:
    stated = response.headers.get("content-length", "")
    if stated.isdecimal() and int(stated[:20]) > MOST_BYTES:
        raise _too_large(url)
    body = bytearray()
    # Raw: httpx would hand out a decompressed bomb in one piece.
    async for piece in response.aiter_raw():
        body += piece
        if len(body) > MOST_BYTES:
            raise _too_large(url)
    return bytes(body)


def _read(url: str, raw: bytes, encoding: str, kind: str, charset: str) -> bytes:
    body = _unpacked(url, raw, encoding)
    return _as_utf8(body, charset) if kind.startswith("text/") else body


def _unpacked(url: str, raw: bytes, encoding: str) -> bytes:
    if encoding in {"", "identity"} or not raw:
        return raw
    if encoding not in _ENCODINGS:
        raise GarbledError(f"{url} came in the encoding {encoding!r}, which was not asked for")
    window = _ENCODINGS[encoding]
    if encoding == "deflate" and raw[0] & 0x0F != 8:
        window = -15  # some servers send deflate without zlib's header
    body = b""
    for _ in range(_MOST_PARTS):
        unpacking = zlib.decompressobj(wbits=window)
        try:
            body += unpacking.decompress(raw, MOST_BYTES + 1 - len(body))
        except zlib.error as error:
            raise GarbledError(f"{url} came compressed and damaged: {error}") from error
        if len(body) > MOST_BYTES:
            raise _too_large(url)
        if not unpacking.eof:
            raise TransientError(f"{url} came compressed and cut off")
        raw = unpacking.unused_data
        if not raw.startswith(_GZIP):
            return body
    raise GarbledError(f"{url} came compressed in more than {_MOST_PARTS} parts")


def _too_large(url: str) -> GarbledError:
    return GarbledError(f"{url} is larger than {MOST_BYTES // 1_000_000} MB")


def _as_utf8(body: bytes, charset: str) -> bytes:
    text = None if not charset or body.startswith(codecs.BOM_UTF8) else decode_as(body, charset)
    return body if text is None else codecs.BOM_UTF8 + text.encode("utf-8", "replace")
