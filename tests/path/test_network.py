"""The ways to Discord: through a proxy, and with certificates of one's own."""

import asyncio
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from docbot.app.rooms import open_rooms
from docbot.app.run import RunningBot
from docbot.playground.server import Playground
from tests.town import ANSWER_PLACE, QUESTION, Ground, bind, running, settings_for

pytestmark = pytest.mark.slow

BODY = "It fails each night."


@asynccontextmanager
async def forwarder(
    target: str, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[int, bytearray]]:
    """Pass each connection on to the target; give the port and all that clients sent."""
    host, port = urlsplit(target).hostname, urlsplit(target).port
    sent = bytearray()

    async def pump(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: bytearray
    ) -> None:
        while data := await reader.read(65_536):
            seen.extend(data)
            writer.write(data)
            await writer.drain()
        writer.write_eof() if writer.can_write_eof() else writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(host, port)
        try:
            await asyncio.gather(
                pump(reader, far_writer, sent), pump(far_reader, writer, bytearray())
            )
        except OSError:  # one side is gone: so is the other
            pass
        finally:
            for end in (writer, far_writer):
                end.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1], sent
    finally:
        server.close()


async def test_with_a_proxy_set_everything_for_discord_goes_through_it(ground: Ground) -> None:
    async with Playground.open() as playground, forwarder(playground.url) as (port, sent):
        settings = settings_for(
            playground,
            ground.database_url,
            ground.data_dir,
            docbot_discord_proxy=f"http://127.0.0.1:{port}",
        )
        async with open_rooms(settings) as rooms:
            await bind(rooms, playground)
            async with running(RunningBot(rooms, read_settings=lambda: settings)):
                thread = await playground.members[0].post(playground.forum, QUESTION, BODY)
                reply = await playground.members[0].sees_reply(thread)
    assert ANSWER_PLACE in reply.content
    # A proxy is asked for whole addresses.
    assert b"Upgrade: websocket" in sent
    assert f"GET {playground.api_url}/users/@me".encode() in sent
    assert f"POST {playground.api_url}/channels/{thread.id}/messages".encode() in sent


@asynccontextmanager
async def _certificate(folder: Path) -> AsyncIterator[tuple[Path, ssl.SSLContext]]:
    made = await asyncio.create_subprocess_exec(
        *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
        *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        *("-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")),
        stderr=asyncio.subprocess.DEVNULL,
    )
    assert await made.wait() == 0
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    yield folder / "certificate.pem", tls


async def test_certificates_from_ssl_cert_file_are_trusted(ground: Ground, tmp_path: Path) -> None:
    try:
        await (await asyncio.create_subprocess_exec("openssl", "version")).wait()
    except FileNotFoundError:
        pytest.skip("openssl is not there to make a certificate with")
    async with (
        _certificate(tmp_path) as (certificate, tls),
        Playground.open() as playground,
        forwarder(playground.url, tls=tls) as (port, _),
    ):
        playground.gateway.url = playground.rest.gateway_url = f"wss://localhost:{port}/gateway"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "docbot", "run"),
            cwd=tmp_path,
            env={
                "PATH": "/usr/bin:/bin",
                "SSL_CERT_FILE": str(certificate),
                "DISCORD_TOKEN": playground.token,
                "DOCBOT_DISCORD_API": f"https://localhost:{port}/api/v10",
                "DATABASE_URL": ground.database_url,
                "DOCBOT_DATA_DIR": str(ground.data_dir),
            },
        )
        try:
            await playground.bot_connects()
        finally:
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 15) == 0
