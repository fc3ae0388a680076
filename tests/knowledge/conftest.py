"""Real documentation sites, unpacked once a run, and a small web server."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

_CORPORA = Path(__file__).parents[2].parent / "shared" / "evaldata" / "corpora"

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Unpack a named site once; skip, saying so, where it cannot be had."""
    unpacked: dict[str, Path] = {}

    def unpack(name: str) -> Path:
        if name not in unpacked:
            archive = _CORPORA / f"{name}.tar.zst"
            if not archive.exists():
                pytest.skip(f"the site {archive} is not here")
            if not (shutil.which("tar") and shutil.which("zstd")):
                pytest.skip("tar and zstd are needed to unpack the sites")
            folder = tmp_path_factory.mktemp(name)
            subprocess.run(["tar", "--zstd", "-xf", archive], cwd=folder, check=True)
            unpacked[name] = folder / name
        return unpacked[name]

    return unpack


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """Serve on a free local port; gives the address, with its slash."""
    runner = web.ServerRunner(web.Server(handler))
    await runner.setup()
    try:
        place = web.TCPSite(runner, "127.0.0.1", 0)
        await place.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


def folder_handler(root: Path) -> Handler:
    """Serve a folder as a plain web server does, `index.html` for a folder's own address."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        path = root / request.path.lstrip("/")
        if path.is_dir():
            if not request.path.endswith("/"):
                raise web.HTTPMovedPermanently(f"{request.path}/")
            path /= "index.html"
        if not path.is_file():
            raise web.HTTPNotFound
        return web.FileResponse(path)

    return handle


def pages_handler(pages: dict[str, str | Callable[[], web.Response]]) -> Handler:
    """Serve given bodies by path; a callable is asked anew for each request."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        page = pages.get(request.path)
        if page is None:
            raise web.HTTPNotFound
        return (
            web.Response(text=page, content_type="text/html") if isinstance(page, str) else page()
        )

    return handle
