"""Sees what a process does to the world around it: each commit, and each call to a far side.

An effect is named after the function of docbot that it happens in, so that whatever is added to
the path has a name at once. A commit that changed nothing is none.
"""

import ast
import re
import sys
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import aiohttp
import asyncpg
import httpx
import openai

OnPoint: TypeAlias = Callable[[str], None]

_WRITES = re.compile(r"\b(INSERT|UPDATE|DELETE)\b")
_HAS_WRITTEN = "SELECT pg_current_xact_id_if_assigned() IS NOT NULL"
_OF_A_TRANSACTION = re.compile(r"BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE")
_IDS = re.compile(r"\d{2,}")  # of Discord's; the version in a path has one digit or stands first
_CALL = re.compile(r"(/webhooks/|/interactions/)\d+/[^/]+")  # with its token
_BEFORE_ROUTE = re.compile(r"^(/api)?/v\d+")


class Observer:
    """Tells `on_point` of `before NAME` and `after NAME` around each effect.

    A name ends with how often it has been there. Observed are the libraries by which docbot
    reaches the world, so this is for a process of its own, and for good.
    """

    def __init__(self, on_point: OnPoint) -> None:
        self._on_point = on_point
        self._counts: Counter[str] = Counter()

    def observe(self) -> None:
        connection: Any = asyncpg.Connection  # Any: its methods are replaced
        self._observe_commits(connection)
        session: Any = aiohttp.ClientSession
        session._request = self._calls(session._request, lambda args: (args[0], str(args[1])))
        for sends in (httpx.AsyncClient, openai.DefaultAsyncHttpxClient):
            client: Any = sends
            client.send = self._calls(client.send, lambda args: (args[0].method, str(args[0].url)))

    def _observe_commits(self, connection: Any) -> None:
        plain_execute, plain_query = connection.execute, connection._execute

        async def execute(conn: Any, sql: str, *args: Any, **options: Any) -> Any:
            if sql == "COMMIT;" and await conn.fetchval(_HAS_WRITTEN):
                return await self._around(
                    f"commit in {_place()}", plain_execute(conn, sql, *args, **options)
                )
            if args or _OF_A_TRANSACTION.match(sql) or conn.is_in_transaction():
                return await plain_execute(conn, sql, *args, **options)
            async with conn.transaction():
                return await plain_execute(conn, sql, **options)

        async def query(conn: Any, *args: Any, **options: Any) -> Any:
            """Open the transaction that a single statement is, to come between it and its commit."""
            if conn.is_in_transaction():
                return await plain_query(conn, *args, **options)
            async with conn.transaction():
                return await plain_query(conn, *args, **options)

        connection.execute, connection._execute = execute, query

    def _calls(self, plain: Any, read: Callable[[Sequence[Any]], tuple[str, str]]) -> Any:
        async def call(client: Any, *args: Any, **options: Any) -> Any:
            method, url = read(args)
            name = f"{method} {_route(url)} in {_place()}"
            return await self._around(name, plain(client, *args, **options))

        return call

    async def _around(self, name: str, effect: Awaitable[Any]) -> Any:
        self._counts[name] += 1
        name = f"{name} #{self._counts[name]}"
        self._on_point(f"before {name}")
        result = await effect
        self._on_point(f"after {name}")
        return result


def _route(url: str) -> str:
    path = _BEFORE_ROUTE.sub("", urlsplit(url).path)
    return _IDS.sub("*", _CALL.sub(r"\1*/*", path))


def _place() -> str:
    """Name the function of docbot that waits for this; coroutines that await stand on the stack."""
    frame = sys._getframe(1)
    while frame.f_back is not None:
        if frame.f_globals["__name__"].startswith("docbot."):
            return frame.f_code.co_qualname.partition(".<locals>")[0]
        frame = frame.f_back
    return "a task of a library"


def writers(file: Path) -> Iterator[str]:
    """Name the functions of a file that commit: a transaction, or one statement that writes."""
    module = ast.parse(file.read_text())
    writes = {
        target.id
        for node in module.body
        if isinstance(node, ast.Assign) and _WRITES.search(ast.unparse(node.value))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for owner, function in _functions(module):
        calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
        if any(_commits(call, writes) for call in calls):
            yield f"{owner}{function.name}"


def _functions(module: ast.Module) -> Iterator[tuple[str, ast.AsyncFunctionDef]]:
    for node in module.body:
        if isinstance(node, ast.AsyncFunctionDef):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            yield from (
                (f"{node.name}.", f) for f in node.body if isinstance(f, ast.AsyncFunctionDef)
            )


def _commits(call: ast.Call, writes: set[str]) -> bool:
    if not isinstance(call.func, ast.Attribute):
        return False
    if call.func.attr == "transaction":
        return True
    statement = call.args[0] if call.args else None
    of_pool = ast.unparse(call.func.value).endswith("_pool")
    return of_pool and isinstance(statement, ast.Name) and statement.id in writes
