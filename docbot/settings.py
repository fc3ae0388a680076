"""Every setting that comes from the environment or `.env`, checked before anything starts."""

import difflib
import os
import re
from collections.abc import Iterable, Sequence
from io import StringIO
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import platformdirs
from dotenv.parser import Binding, parse_stream
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from docbot.errors import SettingsError
from docbot.text import LOCAL_MODEL

PREFIX = "DOCBOT_"


def is_http_address(value: str) -> bool:
    """Whether the value is an http or https address with a host and, if any, a possible port."""
    try:
        parts = urlsplit(value)
        named = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number, a bracket that is not closed
        return False
    return named and parts.scheme in ("http", "https") and value.split() == [value]


def _http_address(value: str) -> str:
    if not is_http_address(value):
        raise ValueError("must be an address with a host that starts with http:// or https://")
    return value.rstrip("/")


def _words(value: Any) -> Any:
    """`a, b c` as a tuple of words."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _host(value: str) -> str:
    """Refuse what is no host, with or without a port; an IPv6 address needs no brackets."""
    if not _is_ip_address(value):
        address = f"http://{value}"
        if "@" in value or not is_http_address(address) or urlsplit(address).netloc != value:
            raise ValueError("must be hosts, such as docs.example.org or 10.0.0.7:8080")
    return value


def _listen(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdecimal() or int(port) > 65_535 or not _is_own_host(host):
        raise ValueError(
            "must be HOST:PORT with an IP address, `localhost` or nothing as HOST, "
            "such as 127.0.0.1:8720"
        )
    return value


def _is_own_host(host: str) -> bool:
    return host in ("", "localhost") or _is_ip_address(host.strip("[]"))


def _is_ip_address(value: str) -> bool:
    try:
        return bool(ip_address(value))
    except ValueError:
        return False


HttpAddress = Annotated[str, AfterValidator(_http_address)]
OnOff = Literal["on", "off"]


# One or several hosts, each with or without a port; none of them is the local socket.
_POSTGRES_HOSTS = re.compile(r"(?:(?:\[[\da-fA-F:.%]+\]|[^\[\]:,@\s]*)(?::\d{1,5})?(?:,|$))*")
_POSTGRES_PORT = re.compile(r":(\d+)(?=,|$)")
_IN_QUERY = ("password", "sslpassword")


def _postgres_address(value: SecretStr) -> SecretStr:
    """Refuse what asyncpg would misread; the reason holds no part of the value."""
    address = value.get_secret_value()
    scheme, _, rest = address.partition("://")
    if scheme not in ("postgres", "postgresql"):
        raise ValueError("must be postgresql://user:password@host:port/database")
    authority = re.split("[/?#]", rest, maxsplit=1)[0]
    credentials, _, hosts = authority.rpartition("@")
    # An @ after the hosts: most likely the password's own / ? or # ended them too early.
    whole = "@" not in credentials and "@" not in rest[len(authority) :]
    if not (whole and _are_postgres_hosts(hosts) and _can_be_split(address)):
        raise ValueError(
            "cannot be read; must be postgresql://user:password@host:port/database, where "
            "/ ? # @ [ ] and % in the password are written %2F %3F %23 %40 %5B %5D and %25"
        )
    return value


def _are_postgres_hosts(hosts: str) -> bool:
    ports = map(int, _POSTGRES_PORT.findall(hosts))
    return bool(_POSTGRES_HOSTS.fullmatch(hosts)) and all(0 < port <= 65_535 for port in ports)


def _can_be_split(address: str) -> bool:
    try:
        return bool(urlsplit(address))
    except ValueError:  # a bracket in the password, a character that reads as a / or an @
        return False


def _passwords(address: str) -> list[str]:
    """The passwords in an address, as written and as meant."""
    try:
        parts = urlsplit(address)
    except ValueError:  # a secret that is no address
        return []
    written = parts.password or ""
    in_query = [value for name, value in parse_qsl(parts.query) if name in _IN_QUERY]
    return [password for password in (written, unquote(written), *in_query) if password]


_LOCAL_NAME = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)  # also the name of a folder


def _embedding_model(value: str) -> str:
    if value.startswith(LOCAL_MODEL) and not _LOCAL_NAME.fullmatch(value, len(LOCAL_MODEL)):
        raise ValueError(
            f"must be {LOCAL_MODEL}NAME with a name that `docbot models list` shows, such as "
            f"{LOCAL_MODEL}BAAI/bge-small-en-v1.5"
        )
    return value


def _own_folder(value: Path) -> Path:
    try:
        return value.expanduser()
    except RuntimeError as error:
        raise ValueError("`~` stands for a home that this user does not have") from error


class Settings(BaseSettings):
    """Names are those of the environment in lower case; an empty value counts as not set.

    A field with `reload` in its metadata is taken in by /reload-config; the others need a restart.
    """

    model_config = SettingsConfigDict(
        env_ignore_empty=True, env_file_encoding="utf-8-sig", extra="ignore", frozen=True
    )

    discord_token: SecretStr | None = Field(
        None,
        description="The bot's token, from the application's page at Discord; `docbot run` needs it.",
    )
    database_url: Annotated[SecretStr, AfterValidator(_postgres_address)] | None = Field(
        None,
        description="A Postgres server, `postgresql://user:password@host:port/database`; unset: docbot runs its own.",
    )
    qdrant_url: HttpAddress | None = Field(
        None, description="A Qdrant server; unset: docbot keeps its own index."
    )
    qdrant_api_key: SecretStr | None = Field(None, description="The key of that Qdrant server.")
    openai_api_key: SecretStr | None = Field(
        None, description="The key of the model endpoint.", json_schema_extra={"reload": True}
    )
    openai_base_url: HttpAddress | None = Field(
        None,
        description="Another endpoint that speaks OpenAI's protocol.",
        json_schema_extra={"reload": True},
    )
    docbot_data_dir: Annotated[Path, AfterValidator(_own_folder)] = Field(
        Path(platformdirs.user_data_dir("docbot", appauthor=False)),
        description="Where docbot keeps its own Postgres and index.",
    )
    docbot_chat_model: str | None = Field(
        None,
        description="The model that writes answers; unset: passages are quoted.",
        json_schema_extra={"reload": True},
    )
    docbot_model_calls_at_once: Annotated[int, Field(ge=1, le=64)] = Field(
        4, description="How many questions the chat model is asked at once; the others wait."
    )
    docbot_model_calls_per_minute: Annotated[int, Field(ge=1)] = Field(
        500,
        description="How often the chat model is asked within any minute; the others wait.",
        json_schema_extra={"reload": True},
    )
    docbot_answer_seconds: Annotated[float, Field(ge=5, le=3600, allow_inf_nan=False)] = Field(
        60,
        description="Seconds that the chat model has for an answer; after them only links are given. More for a slow model of your own.",
        json_schema_extra={"reload": True},
    )
    docbot_caution: Literal["cautious", "helpful"] = Field(
        "cautious",
        description="How sure docbot must be before it answers or names pages; docs/retrieval.md has what each does.",
        json_schema_extra={"reload": True},
    )
    docbot_embedding_model: Annotated[str, AfterValidator(_embedding_model)] | None = Field(
        None,
        description="The model that embeds pages and questions, of the endpoint, or `local:NAME` for one of this machine; unset: search is lexical.",
    )
    docbot_embedding_price: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None,
        description="What a million tokens cost with that model, in any currency; a large sync then says what it will cost.",
    )
    docbot_price_in: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None,
        description="What a million tokens to the chat model cost, in any currency; with `DOCBOT_PRICE_OUT` `docbot eval` then says what answers cost.",
    )
    docbot_price_out: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None,
        description="What a million tokens that the chat model writes cost, in the same currency; needs `DOCBOT_PRICE_IN`.",
    )
    docbot_missed_hours: Annotated[float, Field(ge=0, le=8760, allow_inf_nan=False)] = Field(
        6,
        description="How old a question may be that was asked while docbot was away, to be answered; older ones are `cancelled`.",
    )
    docbot_missed_posts: Annotated[int, Field(ge=0, le=10_000)] = Field(
        50,
        description="How many posts of one forum are answered at most that were made while docbot was away; the others are `cancelled`.",
    )
    docbot_operator_guild: Annotated[int, Field(gt=0)] | None = Field(
        None,
        description="The server in which /reload-config also takes in the `.env` file.",
    )
    docbot_language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,4})?$")] = Field(
        "en",
        description="The language that docbot speaks to members, as Discord names it; one that it was translated to (docs/translating.md).",
    )
    docbot_discord_proxy: HttpAddress | None = Field(
        None, description="A proxy for everything that goes to Discord."
    )
    docbot_discord_api: HttpAddress = Field(
        "https://discord.com/api/v10",
        description="Discord's API; another address only for a local stand-in.",
    )
    docbot_crawl_pause: Annotated[float, Field(ge=0, le=3600)] = Field(
        0.5,
        description="Seconds between two requests to one host.",
        json_schema_extra={"reload": True},
    )
    docbot_sync_hours: Annotated[float, Field(ge=0, le=8760, allow_inf_nan=False)] = Field(
        6,
        description="Hours between two scheduled syncs of a source while `docbot run` is active, give or take a tenth; 0: none is scheduled.",
        json_schema_extra={"reload": True},
    )
    docbot_allow_hosts: Annotated[
        tuple[Annotated[str, AfterValidator(_host)], ...], NoDecode, BeforeValidator(_words)
    ] = Field(
        (),
        description="Hosts that may be read although their address is not public, each with or without `:port`. The host and port of a website that you add need not be named.",
    )
    docbot_limits: OnOff = Field(
        "on",
        description="`off` lifts every limit on people, roles and servers, for measuring: no window counts, and nobody waits for their last question. Bans stay.",
    )
    docbot_log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info",
        description="What is logged: `debug`, `info`, `warning` or `error`.",
        json_schema_extra={"reload": True},
    )
    docbot_log_format: Literal["text", "json"] = Field(
        "text", description="How a log line looks: `text` or `json`."
    )
    docbot_web_listen: Annotated[str, AfterValidator(_listen)] | None = Field(
        None, description="HOST:PORT for the operators' pages. Accepted, not used yet."
    )
    docbot_web_url: HttpAddress | None = Field(
        None,
        description="The address at which the operators' pages are reached. Accepted, not used yet.",
    )

    def reloadable(self) -> dict[str, Any]:
        """The values that a running bot takes in, by name."""
        return {name: getattr(self, name) for name in sorted(_reloadable_names())}

    def secrets(self) -> list[str]:
        """Every value that no log line may hold."""
        values = [getattr(self, name) for name in Settings.model_fields]
        hidden = [value.get_secret_value() for value in values if isinstance(value, SecretStr)]
        addresses = [*hidden, *(value for value in values if isinstance(value, str))]
        within = [
            password for value in addresses if "://" in value for password in _passwords(value)
        ]
        return [*hidden, *within]


_SETS_OURS = re.compile(
    rf"^\s*(?:export\s+)?(?:{'|'.join(Settings.model_fields)})\s*=", re.IGNORECASE | re.MULTILINE
)


def load(env_file: Path | None = Path(".env")) -> Settings:
    """Read and check every setting; the environment goes before the file.

    Raises:
        SettingsError: one line for each wrong value: its name, what is wrong, what is allowed.
    """
    _refuse_unknown([*os.environ, *_names_in(env_file)])
    try:
        settings = Settings(_env_file=env_file)
    except ValidationError as error:
        raise SettingsError("\n".join(map(_line, error.errors()))) from None
    _refuse_contradictions(settings)
    return settings


def changed_settings(before: Settings, after: Settings) -> tuple[list[str], list[str]]:
    """The names of what differs: what a running bot takes in, and what needs a restart."""
    changed = [n for n in Settings.model_fields if getattr(before, n) != getattr(after, n)]
    reloadable = before.reloadable().keys()
    taken = [name.upper() for name in changed if name in reloadable]
    return taken, [name.upper() for name in changed if name not in reloadable]


def _names_in(env_file: Path | None) -> Iterable[str]:
    """The names that a `.env` file sets, each of its lines being one that can be read."""
    if env_file is None:
        return ()
    bindings = list(parse_stream(StringIO(_text_of(env_file))))
    for binding in bindings:
        _refuse_unreadable(env_file, binding)
    names = [binding for binding in bindings if binding.key is not None]
    _refuse_repeated(env_file, names)
    return [str(binding.key) for binding in names]


def _text_of(env_file: Path) -> str:
    try:
        return env_file.read_text(encoding="utf-8-sig")  # some editors begin a file with a mark
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise SettingsError(
            f"{env_file}: line {line} is not UTF-8; save the file as such"
        ) from None
    except OSError as error:
        raise SettingsError(
            f"{env_file}: cannot be read ({error.strerror}); give this user the right to read it, "
            "or start docbot in another folder"
        ) from None


def _refuse_unreadable(env_file: Path, binding: Binding) -> None:
    """Refuse what would be passed over, or mean something else; no reason shows a value."""
    where = f"{env_file}: line {_line_of(binding)}"
    if binding.error or "\0" in binding.original.string:
        raise SettingsError(
            f"{where} cannot be read; write NAME=value, and a quote that opens must also close"
        )
    if binding.key is not None and binding.value is None:
        raise SettingsError(f"{where} has no `=`; write NAME=value, or # before a remark")
    lines = len(binding.original.string.strip().splitlines())
    if lines > 1 and (_is_ours(binding) or _SETS_OURS.search(binding.value or "")):
        raise SettingsError(
            f"{where}: the quote that opens there closes only {lines - 1} lines below; "
            "close it on its line"
        )


def _refuse_repeated(env_file: Path, bindings: Sequence[Binding]) -> None:
    """Of a name that is set twice the last counts; nobody who wrote both means that."""
    first: dict[str, Binding] = {}
    for binding in filter(_is_ours, bindings):
        name = str(binding.key).upper()
        before = first.setdefault(name, binding)
        if not before.value:  # as the example file has it
            first[name] = binding
        elif before.value != binding.value:
            raise SettingsError(
                f"{env_file}: line {_line_of(binding)} sets {name} again, otherwise than line "
                f"{_line_of(before)}; keep one of them"
            )


def _is_ours(binding: Binding) -> bool:
    return str(binding.key).lower() in Settings.model_fields


def _line_of(binding: Binding) -> int:
    text = binding.original.string
    blank = text[: len(text) - len(text.lstrip())]  # the empty lines before it are part of it
    return binding.original.line + len(blank.splitlines())


def _refuse_unknown(names: Iterable[str]) -> None:
    for name in map(str.lower, names):
        if name.startswith(PREFIX.lower()) and name not in Settings.model_fields:
            near = difflib.get_close_matches(name, Settings.model_fields, n=1, cutoff=0)
            raise SettingsError(
                f"{name.upper()}: there is no such setting; the nearest is {near[0].upper()}"
            )


def _refuse_contradictions(settings: Settings) -> None:
    endpoint = settings.openai_api_key or settings.openai_base_url
    embedding_model = settings.docbot_embedding_model or LOCAL_MODEL
    models = settings.docbot_chat_model or not embedding_model.startswith(LOCAL_MODEL)
    if models and not endpoint:
        raise SettingsError(
            "DOCBOT_CHAT_MODEL, DOCBOT_EMBEDDING_MODEL: a model needs OPENAI_API_KEY, "
            "or OPENAI_BASE_URL of an endpoint that asks for no key; an embedding model of this "
            f"machine, {LOCAL_MODEL}NAME, needs neither"
        )
    if (settings.docbot_price_in is None) != (settings.docbot_price_out is None):
        raise SettingsError(
            "DOCBOT_PRICE_IN, DOCBOT_PRICE_OUT: one is set alone, and half a price is none; set"
            " both, 0 where nothing is asked, or neither"
        )


def _line(error: ErrorDetails) -> str:
    name = str(error["loc"][0]).upper()
    return f"{name}: {error['msg'].removeprefix('Value error, ')}"


def _reloadable_names() -> set[str]:
    return {
        name
        for name, field in Settings.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and field.json_schema_extra.get("reload")
    }
