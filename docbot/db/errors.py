"""The one place where Postgres's errors become docbot's."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from docbot.errors import PermanentError, TransientError

# A Postgres that restarts shows as each of these, depending on the moment.
LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InternalClientError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,  # a deadlock or a serialization failure
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,  # a hand-over to another server, or a disk almost full
    # A migration changed what a statement gives; within a transaction the driver does not ask anew.
    asyncpg.InvalidCachedStatementError,
)
_CLOSED = "connection is closed", "connection was closed", "connection has been released"


@contextmanager
def translated() -> Iterator[None]:
    """Raise TransientError for a lost or busy Postgres, PermanentError for a refused statement."""
    try:
        yield
    except LOST as error:
        _go_on_cancelling(error)
        full = isinstance(error, asyncpg.DiskFullError)
        what = (
            "the disk of Postgres is full, make room there" if full else "Postgres is out of reach"
        )
        raise TransientError(f"{what}: {_cause(error)}") from error
    except asyncpg.InterfaceError as error:
        _go_on_cancelling(error)
        if any(sign in str(error) for sign in _CLOSED):
            raise TransientError(f"Postgres is out of reach: {_cause(error)}") from error
        raise
    except asyncpg.PostgresError as error:
        raise PermanentError(f"Postgres refused a statement: {_cause(error)}") from error


def _go_on_cancelling(error: Exception) -> None:
    """A rollback on a lost connection fails, and its error would hide that we are cancelled."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError from error


def _cause(error: BaseException) -> str:
    return str(error).partition("\n")[0] or type(error).__name__
