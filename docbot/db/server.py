"""Whether a Postgres server is one that docbot can work with, and why one cannot be reached.

Every reason names the place and what to do, and none holds a password.
"""

import re
import ssl
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg

from docbot.errors import DocbotError, SettingsError, TransientError

OLDEST_MAJOR = 14  # it brought idle_session_timeout and client_connection_check_interval

# Two connections that share a server process take the same names there.
SHARED = asyncpg.DuplicatePreparedStatementError, asyncpg.InvalidSQLStatementNameError

_FILES = (
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslcrl",
)  # parameters of the address that name a file
# What the driver says of TLS; in anything else it may repeat a password.
_SAYS_NO_VALUE = re.compile(r"`sslmode` parameter must|root certificate file |cannot determine")
_ALLOWED = (
    "postgresql://user:password@host:port/database, with / # ? @ % in the password percent-encoded"
)
_WRONG_PARAMETER = (
    asyncpg.UndefinedObjectError,
    asyncpg.CantChangeRuntimeParamError,
    asyncpg.InvalidParameterValueError,
    asyncpg.ProtocolViolationError,  # what PgBouncer says of a parameter it does not know
)


def refuse_older(version_number: int, place: str) -> None:
    """Refuse a server by its `server_version_num`, as 130011.

    Raises:
        SettingsError: it is older than what docbot is written for.
    """
    major, minor = divmod(version_number, 10_000)
    if major < OLDEST_MAJOR:
        raise SettingsError(
            f"DATABASE_URL: {place} is Postgres {major}.{minor}, and docbot needs {OLDEST_MAJOR} or "
            "later; upgrade the server, or unset DATABASE_URL to use docbot's own"
        )


def shares_sessions(pids: tuple[int, ...]) -> bool:
    """Tell by the server processes that answered two open connections whether they share them.

    Args:
        pids: of connection one, two, two, one, one, two. In this order each way of handing out
            server processes, the last used or the longest idle first, shows.
    """
    one, two = {pids[0], *pids[3:5]}, {*pids[1:3], pids[5]}
    return not (len(one) == len(two) == 1 and one != two)


def refusal_of_pooler(place: str) -> SettingsError:
    return SettingsError(
        f"DATABASE_URL: {place} is a pooler that gives each transaction another connection, and "
        "docbot's locks and notifications live in one session; set pool_mode = session for this "
        "database (PgBouncer), or give the address of Postgres itself"
    )


def connect_error(error: Exception, place: str, url: str | None) -> DocbotError:
    """Say why a connection could not be opened, and whether it is worth another try."""
    if isinstance(error, OSError | asyncpg.InterfaceError | ValueError):
        return _of_the_way(error, place, url or "")
    if isinstance(
        error,
        asyncpg.InvalidAuthorizationSpecificationError | asyncpg.InvalidPasswordError,
    ):
        tls = "no encryption" in str(error) and "; it may want TLS: add ?sslmode=require"
        return SettingsError(f"DATABASE_URL: {place} refuses this user: {error}{tls or ''}")
    if isinstance(error, asyncpg.InvalidCatalogNameError):
        return SettingsError(f"DATABASE_URL: {error} at {place}; create it with `createdb`")
    if isinstance(error, _WRONG_PARAMETER):
        return SettingsError(f"DATABASE_URL: {place} refuses a parameter of the address: {error}")
    return _passing(error, place)


def _of_the_way(error: Exception, place: str, url: str) -> DocbotError:
    """What went wrong before the server knew who asks: the address, TLS, the network."""
    parameters = _parameters(url)
    for name in _FILES:
        file = parameters.get(name)
        if file and not Path(file).is_file():
            return SettingsError(f"DATABASE_URL: {name}={file}: there is no such file")
    if isinstance(error, ssl.SSLCertVerificationError):
        return SettingsError(
            f"DATABASE_URL: the certificate of {place} is not trusted "
            f"({error.verify_message}); give the file of who issued it with sslrootcert=FILE, and "
            "with sslmode=verify-full a host that the certificate names"
        )
    if isinstance(error, ssl.SSLError):
        return TransientError(
            f"TLS with Postgres at {place} fails: {error.reason or error}; look at sslmode and the "
            "ssl* files in DATABASE_URL"
        )
    if isinstance(error, OSError):
        if "rejected SSL upgrade" in str(error) and parameters.get("sslmode", "") != "prefer":
            return SettingsError(
                f"DATABASE_URL: {place} offers no TLS, and sslmode demands it; switch it on there "
                "(ssl = on), or write sslmode=disable for a network that you trust"
            )
        return _passing(error, place)
    return SettingsError(f"DATABASE_URL: {_readable(error)}; allowed: {_ALLOWED}")


def _readable(error: Exception) -> str:
    said = str(error).partition("\n")[0]
    return said if _SAYS_NO_VALUE.match(said) else "cannot be read"


def _parameters(url: str) -> dict[str, str]:
    try:
        found = parse_qs(urlsplit(url).query)
    except ValueError:
        return {}
    return {name: values[-1] for name, values in found.items()}


def _passing(error: Exception, place: str) -> TransientError:
    cause = str(error) or type(error).__name__
    return TransientError(
        f"Postgres at {place} does not answer: {cause}; is it running, and is DATABASE_URL right?"
    )
