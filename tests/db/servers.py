"""A Postgres server as an operator has one: on a port, with passwords and TLS; and a pooler."""

import os
import pwd
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

PASSWORD = "hunter2"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def unprivileged() -> dict[str, Any]:
    """Postgres and PgBouncer refuse to run as root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


@dataclass(frozen=True)
class OwnServer:
    """One cluster in a folder that an unprivileged user owns."""

    binaries: Path
    folder: Path
    port: int

    @property
    def certificate(self) -> Path:
        return self.folder / "server.crt"

    def url(self, query: str = "", *, host: str = "127.0.0.1", password: str = PASSWORD) -> str:
        return f"postgresql://docbot:{password}@{host}:{self.port}/postgres{query}"

    def call(self, program: str, *arguments: str | Path) -> None:
        self.run([self.binaries / program, *arguments])

    def run(self, command: Sequence[str | Path]) -> None:
        subprocess.run(
            command,
            check=True,
            cwd=self.folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **unprivileged(),
        )

    def make(self) -> None:
        """Make and start it; `tls_only` is a database that is given only with TLS."""
        (self.folder / "password").write_text(PASSWORD)
        self._make_certificate()
        self.call(
            "initdb", "--pgdata=data", "--username=docbot", "--auth=scram-sha-256",
            "--pwfile=password", "--no-sync", "--encoding=UTF8", "--locale=C",
        )  # fmt: skip
        (self.folder / "data" / "pg_hba.conf").write_text(
            "hostnossl tls_only all 127.0.0.1/32 reject\nhost all all 127.0.0.1/32 scram-sha-256\n"
        )
        with (self.folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(
                f"port = {self.port}\nlisten_addresses = '127.0.0.1'\nfsync = off\n"
                "unix_socket_directories = ''\nssl = on\n"
                "ssl_cert_file = '../server.crt'\nssl_key_file = '../server.key'\n"
            )
        self.control("start")

    def control(self, action: str, *options: str) -> None:
        self.call("pg_ctl", "--pgdata=data", "--log=log", "--silent", *options, "--wait", action)

    def _make_certificate(self) -> None:
        self.run(
            ["openssl", "req", "-new", "-x509", "-days", "2", "-nodes", "-newkey", "rsa:2048",
             "-subj", "/CN=docbot-test", "-addext", "subjectAltName=DNS:localhost",
             "-out", "server.crt", "-keyout", "server.key", "-batch"]
        )  # fmt: skip
        (self.folder / "server.key").chmod(0o600)


def binaries() -> Path | None:
    """The system's; those that docbot brings have no TLS."""
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


def own_server(folder: Path) -> Iterator[OwnServer]:
    found = binaries()
    if found is None:
        pytest.skip("there is no Postgres in /usr/lib/postgresql")
    if shutil.which("openssl") is None:
        pytest.skip("openssl, which makes the certificate, is not here")
    if os.geteuid() == 0:
        shutil.chown(folder, "nobody")
    server = OwnServer(found, folder, free_port())
    server.make()
    yield server
    server.control("stop", "--mode=immediate")


@contextmanager
def pgbouncer(server: OwnServer, *settings: str) -> Iterator[str]:
    """PgBouncer before the server; gives the address of the database behind it."""
    program = shutil.which("pgbouncer", path=f"{os.defpath}:/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not here")
    port = free_port()
    (server.folder / "users.txt").write_text(f'"docbot" "{PASSWORD}"\n')
    configuration = server.folder / f"pgbouncer-{port}.ini"
    lines = (
        f"[databases]\n* = host=127.0.0.1 port={server.port}\n[pgbouncer]",
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =",
        "auth_type = plain\nauth_file = users.txt",
        *settings,
    )
    configuration.write_text("\n".join(lines) + "\n")
    with subprocess.Popen(
        [program, configuration],
        cwd=server.folder,
        stderr=subprocess.PIPE,
        text=True,
        **unprivileged(),
    ) as pooler:
        assert pooler.stderr is not None
        try:
            for line in pooler.stderr:
                if "process up" in line:
                    break
            yield f"postgresql://docbot:{PASSWORD}@127.0.0.1:{port}/postgres"
        finally:
            pooler.terminate()
