"""A documentation site on a local port, with ETags, that counts what was asked of it.

Run by the benchmarks in a process of its own: a folder of a built site, or pages that are made as
they are asked for. It prints its address; `/.counts` tells what it gave, `/.change` lets one page
say something else from then on.
"""

import argparse
import asyncio
import json
import random
from collections import Counter
from hashlib import blake2b
from pathlib import Path

from aiohttp import web

from benchmarks.corpus import invented_words

_LINKS = 40  # of the navigation that each made page has
_PARTS = 6
_WORDS = invented_words(random.Random(7110))


class Site:
    """Pages by their path; `made` of them where there is no folder."""

    def __init__(self, folder: Path | None, made: int) -> None:
        self._folder = folder
        self._made = made
        self._changed: set[str] = set()
        self.counts = Counter[str]()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path == "/.counts":
            return web.json_response(self.counts)
        if request.path == "/.change":
            self._changed.add(request.query["path"])
            return web.Response()
        body = self._body(request.path)
        self.counts["requests"] += 1
        if body is None:
            raise web.HTTPNotFound
        if request.path in self._changed:
            body = _changed(body)
        tag = f'"{blake2b(body, digest_size=8).hexdigest()}"'
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        self.counts["bodies"] += 1
        return web.Response(body=body, content_type="text/html", headers={"ETag": tag})

    def _body(self, path: str) -> bytes | None:
        return self._made_page(path) if self._folder is None else self._file(self._folder, path)

    def _file(self, folder: Path, path: str) -> bytes | None:
        file = folder / path.lstrip("/")
        file = file / "index.html" if file.is_dir() else file
        return file.read_bytes() if file.is_file() else None

    def _made_page(self, path: str) -> bytes | None:
        name = path.strip("/").removesuffix(".html").removeprefix("page-")
        number = int(name) if name.isdecimal() else 0
        if number >= self._made or (path != "/" and not name.isdecimal()):
            return None
        chance = random.Random(number)
        nearest = [each for each in range(2 * number + 1, 2 * number + 3) if each < self._made]
        others = [*nearest, *(chance.randrange(self._made) for _ in range(_LINKS))]
        links = "".join(f'<li><a href="page-{each}.html">Page {each}</a></li>' for each in others)
        text = "".join(
            f"<h2 id='part-{part}'>Part {part} of {number}</h2>"
            f"<p>{' '.join(chance.choices(_WORDS, k=120))}</p>"
            f"<pre><code class='language-py'>part({part}, page={number})</code></pre>"
            for part in range(_PARTS)
        )
        return (
            f"<html><head><title>Page {number}</title></head><body><nav><ul>{links}</ul></nav>"
            f"<main><h1>Page {number}</h1>{text}</main></body></html>"
        ).encode()


def _changed(body: bytes) -> bytes:
    """Say something else in the middle of the text, away from what stands around it."""
    paragraphs = body.split(b"</p>")
    middle = len(paragraphs) // 2
    paragraphs[middle - 1] += b" And something else."
    return b"</p>".join(paragraphs)


async def serve(site: Site) -> None:
    runner = web.ServerRunner(web.Server(site.handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    print(json.dumps({"url": f"http://{host}:{port}/"}), flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--made", type=int, default=0)
    options = parser.parse_args()
    asyncio.run(serve(Site(options.folder, options.made)))
