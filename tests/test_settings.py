from pathlib import Path

import pytest

from docbot.errors import SettingsError
from docbot.settings import Settings, changed_settings, load


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)


def test_with_nothing_set_every_part_is_docbots_own() -> None:
    settings = load(None)
    assert settings.database_url is None
    assert settings.qdrant_url is None
    assert settings.docbot_chat_model is None
    assert settings.docbot_embedding_model is None


def test_the_environment_goes_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("DOCBOT_LOG_LEVEL=debug\nDOCBOT_LOG_FORMAT=json\nOTHER_TOOL=1\n")
    monkeypatch.setenv("DOCBOT_LOG_LEVEL", "error")
    settings = load(env_file)
    assert (settings.docbot_log_level, settings.docbot_log_format) == ("error", "json")


def test_hosts_that_are_allowed_are_named_with_or_without_a_port(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCBOT_ALLOW_HOSTS", "wiki.local, docs.local:8080 10.0.0.7 ::1 [::1]:80")
    hosts = load(None).docbot_allow_hosts
    assert hosts == ("wiki.local", "docs.local:8080", "10.0.0.7", "::1", "[::1]:80")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("DOCBOT_LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("DOCBOT_CRAWL_PAUSE", "-1", "greater than or equal to 0"),
        ("DATABASE_URL", "mysql://me@there/db", "postgresql://user:password@host:port/database"),
        ("OPENAI_BASE_URL", "ftp://there", "http:// or https://"),
        ("DOCBOT_OPERATOR_GUILD", "my guild", "valid integer"),
        ("DOCBOT_ALLOW_HOSTS", "docs.example.org https://wiki.example.org/", "must be hosts"),
        ("DOCBOT_ALLOW_HOSTS", "wiki.example.org:http", "must be hosts"),
        ("DOCBOT_ALLOW_HOSTS", "me@wiki.example.org", "must be hosts"),
        ("DOCBOT_WEB_LISTEN", "8720", "HOST:PORT"),
        ("DOCBOT_WEB_LISTEN", "foo:80", "HOST:PORT"),
        ("OPENAI_BASE_URL", "http:foo", "with a host"),
        ("OPENAI_BASE_URL", "http://foo:port/v1", "with a host"),
        ("OPENAI_BASE_URL", "http://foo bar/v1", "with a host"),
        ("QDRANT_URL", "http://[::1", "with a host"),
        ("DOCBOT_DATA_DIR", "~nobody-of-that-name/x", "home"),
        ("DOCBOT_LIMITS", "maybe", "'on' or 'off'"),
        ("DOCBOT_EMBEDDING_PRICE", "0,02", "valid number"),
        ("DOCBOT_EMBEDDING_PRICE", "nan", "finite number"),
        ("DOCBOT_EMBEDDING_MODEL", "local:", "`docbot models list`"),
        ("DOCBOT_EMBEDDING_MODEL", "local:bge-small", "`docbot models list`"),
        ("DOCBOT_EMBEDDING_MODEL", "local:../../etc", "`docbot models list`"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(
    name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as error:
        load(None)
    assert str(error.value).startswith(f"{name}: ")
    assert says in str(error.value)


@pytest.mark.parametrize(
    "address",
    [
        "mysql://me:hunter2@there/db",
        "postgresql://me:hunter2/2@there/db",
        "postgresql://me:hunter2#2@there/db",
        "postgresql://me:hunter2?2@there/db",
        "postgresql://me:hunter2@2@there/db",
        "postgresql://me:hun@ter2/2@there/db",
        "postgresql://me:hun@ter2?2@there/db",
        "postgresql://me:hun@ter2#2@there/db",
        "postgresql://me:hunter2[@there/db",
        "postgresql://me:hunter2℀@there/db",
        "postgresql://me:pass@there:hunter2/db",
        "postgresql://me:hunter2@there:99999/db",
        "postgresql://me:hunter2@one:5432,two:0/db",
        "postgresql://me:hunter2@the re/db",
    ],
)
def test_an_error_never_shows_the_value_of_a_secret(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    with pytest.raises(SettingsError, match="must be postgresql://") as error:
        load(None)
    assert not [part for part in ("hun", "ter2", "there") if part in str(error.value)]


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://me:p%2Fss@there/db",
        "postgres://there:5433/db?sslmode=require",
        "postgresql:///db?host=/run/postgresql",
        "postgresql://me@one:5432,two:5433/db",
        "postgresql://me:secret@[::1]:5432/db",
        "postgresql://me:secret@[::1]:5432,two,three:65535/db",
    ],
)
def test_every_form_of_a_postgres_address_passes(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    url = load(None).database_url
    assert url is not None
    assert url.get_secret_value() == address


def test_a_model_of_this_machine_needs_no_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCBOT_EMBEDDING_MODEL", "local:BAAI/bge-small-en-v1.5")
    assert load(None).docbot_embedding_model == "local:BAAI/bge-small-en-v1.5"
    monkeypatch.setenv("DOCBOT_CHAT_MODEL", "writer")
    with pytest.raises(SettingsError, match="a model needs OPENAI_API_KEY"):
        load(None)


def test_a_home_in_the_data_folder_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCBOT_DATA_DIR", "~/docbot-data")
    assert load(None).docbot_data_dir == Path.home() / "docbot-data"


def test_an_env_file_that_is_not_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_bytes(b"DOCBOT_LOG_LEVEL=info\nDOCBOT_CHAT_MODEL=caf\xe9\n")
    with pytest.raises(SettingsError, match=r"\.env: line 2 is not UTF-8"):
        load(env_file)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\n\nDISCORD_TOKEN hunter2\n", "line 3 cannot be read"),
        ("DISCORD_TOKEN\n", "line 1 has no `=`"),
        ("# a remark\nDISCORD_TOKEN: hunter2\n", "line 2 cannot be read"),
        ("set DISCORD_TOKEN=hunter2\n", "line 1 cannot be read"),
        ("- DISCORD_TOKEN=hunter2\n", "line 1 cannot be read"),
        ('\nDISCORD_TOKEN="hunter2\n', "line 2 cannot be read"),
        ("DISCORD_TOKEN='hunter2\nOTHER=it's\n", "line 1 cannot be read"),
        ("OTHER=1\nDISCORD_TOKEN='hunter2' hunter2\n", "line 2 cannot be read"),
        ("=hunter2\n", "line 1 cannot be read"),
        ("OTHER=1\r\nhunter2 hunter2\r\n", "line 2 cannot be read"),
        ("DISCORD_TOKEN=hun\0ter2\n", "line 1 cannot be read"),
        ('DISCORD_TOKEN="hunter2\nA=1\nB="\n', "line 1: the quote .* closes only 2 lines below"),
        ('A="hunter2\nDISCORD_TOKEN=b\nB="\n', "line 1: the quote .* closes only 2 lines below"),
        ("DISCORD_TOKEN=a\ndiscord_token=hunter2\n", "line 2 sets DISCORD_TOKEN again.* line 1;"),
    ],
)
def test_a_line_of_the_env_file_that_cannot_be_meant_is_named_without_its_value(
    tmp_path: Path, text: str, says: str
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_bytes(text.encode())
    with pytest.raises(SettingsError, match=rf"\.env: {says}") as error:
        load(env_file)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "DISCORD_TOKEN=token-1",
        "\ufeffDISCORD_TOKEN=token-1\r\n\r\nOTHER=1\r\n",
        "export DISCORD_TOKEN = token-1   # from the portal\n",
        "DISCORD_TOKEN='token-1' # from the portal",
        "DISCORD_TOKEN=\nDISCORD_TOKEN=token-1\n",
        "DISCORD_TOKEN=token-1\nDISCORD_TOKEN=token-1\n",
        'CERTIFICATE="one\ntwo"\nDISCORD_TOKEN=token-1\nOTHER=1\nOTHER=2\n',
    ],
)
def test_every_usual_form_of_the_env_file_passes(tmp_path: Path, text: str) -> None:
    env_file = tmp_path / ".env"
    env_file.write_bytes(text.encode())
    token = load(env_file).discord_token
    assert token is not None
    assert token.get_secret_value() == "token-1"


_UNREADABLE = Path("/proc/self/mem")  # a file whose reading fails for root as well


@pytest.mark.skipif(not _UNREADABLE.exists(), reason="no file here fails to be read by root")
def test_an_env_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(_UNREADABLE)
    with pytest.raises(SettingsError, match=r"\.env: cannot be read .*; give this user the right"):
        load(tmp_path / ".env")


def test_an_env_file_that_cannot_even_be_looked_for_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").touch()
    with pytest.raises(SettingsError, match=r"\.env: cannot be read .*; give this user the right"):
        load(tmp_path / "folder" / ".env")


def test_without_an_env_file_the_environment_alone_counts(tmp_path: Path) -> None:
    assert load(tmp_path / ".env") == load(None)


def test_an_unknown_name_is_told_with_the_nearest_known_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCBOT_LOGLEVEL", "info")
    with pytest.raises(SettingsError, match=r"DOCBOT_LOGLEVEL.*DOCBOT_LOG_LEVEL"):
        load(None)
    monkeypatch.delenv("DOCBOT_LOGLEVEL")
    env_file = tmp_path / ".env"
    env_file.write_text("DOCBOT_CHATMODEL=x\n")
    with pytest.raises(SettingsError, match=r"DOCBOT_CHATMODEL.*DOCBOT_CHAT_MODEL"):
        load(env_file)


def test_an_empty_value_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "")
    assert load(None).discord_token is None


def test_a_model_without_an_endpoint_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCBOT_CHAT_MODEL", "some-model")
    with pytest.raises(SettingsError, match="OPENAI_API_KEY"):
        load(None)


def test_secrets_include_the_password_within_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@there/db")
    monkeypatch.setenv("DISCORD_TOKEN", "token-1")
    assert {"hunter2", "token-1"} <= set(load(None).secrets())
    assert "hunter2" not in repr(load(None))


@pytest.mark.parametrize("name", ["DOCBOT_DISCORD_PROXY", "OPENAI_BASE_URL", "QDRANT_URL"])
def test_secrets_include_the_password_within_any_address(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://me:hunter2@proxy:3128")
    monkeypatch.setenv("DISCORD_TOKEN", "a://[b")
    assert {"hunter2", "a://[b"} == set(load(None).secrets())


def test_secrets_include_the_password_as_meant_and_those_in_the_query(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:a%2Fb@there/db?sslpassword=c%3Fd")
    assert {"a%2Fb", "a/b", "c?d"} <= set(load(None).secrets())
    monkeypatch.setenv("DATABASE_URL", "postgresql://there/db?user=me&password=hunter2")
    assert "hunter2" in load(None).secrets()


def test_changes_are_told_apart_by_whether_they_need_a_restart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = load(None)
    monkeypatch.setenv("DOCBOT_LOG_LEVEL", "debug")
    monkeypatch.setenv("DOCBOT_DATA_DIR", str(tmp_path))
    assert changed_settings(before, load(None)) == (["DOCBOT_LOG_LEVEL"], ["DOCBOT_DATA_DIR"])


def test_the_example_file_names_only_settings_that_exist() -> None:
    example = Path(__file__).parents[1] / ".env.example"
    names = [
        line.lstrip("# ").split("=")[0] for line in example.read_text().splitlines() if "=" in line
    ]
    assert names
    assert {name.lower() for name in names} <= set(Settings.model_fields)
