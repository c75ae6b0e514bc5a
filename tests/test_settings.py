"""Settings: read from the environment and `.env`, wrong ones named all at once, the token shown to nobody."""

from __future__ import annotations

import logging
import os
import traceback
from datetime import timedelta
from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.logging_config import RedactingFormatter
from bot.settings import PREFIX, Settings, load_settings

TOKEN = "MTIz.SECRET.token"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty folder to start in, and none of the machine's own settings."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_every_wrong_variable_is_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {
        "DATABASE_URL": "postgres://u:SECRET@h/db", "ASSET_BASE_URL": "ftp://x", "MAX_AGE_DAYS": "0",
        "TICK_SECONDS": "nan",
        "RESCAN_SECONDS": "soon", "WATCH": "perhaps", "DISCORD_API": "http://[", "LOG_LEVEL": "LOUD", "TOKEN": TOKEN,
        "METRICS_ADDR": "9464", "INTAKE_ADDR": "127.0.0.1",
        "TOKEN_FILE": "token.txt",
    }  # fmt: skip
    for name, value in wrong.items():
        monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    lines = str(caught.value).splitlines()
    assert {line.split()[0] for line in lines} == {PREFIX + name for name in wrong if name != "TOKEN"}
    assert len(lines) == len(wrong) - 1
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


def test_without_any_variable_everything_has_a_default_outside_the_folder_of_cards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    settings = load_settings()
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path}/state/newsdesk/newsdesk.db"
    assert (settings.cards, settings.max_age, settings.asset_base_url) == (
        (Path("data/cards"),),
        timedelta(days=14),
        None,
    )


@pytest.mark.parametrize("url", ["sqlite+aiosqlite:///", "sqlite+aiosqlite:///:memory:", "sqlite+aiosqlite:///?x=1"])
def test_a_database_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^NEWSDESK_DATABASE_URL must name a file"):
        load_settings(database_url=url)


def test_what_git_pulls_is_not_written_to() -> None:
    with pytest.raises(SettingsError, match=r"^NEWSDESK_WRITE_BACK is set, and so is NEWSDESK_CARDS_GIT_PULL"):
        load_settings(write_back=True, cards_git_pull=60)


def test_a_user_without_a_home_is_asked_where_the_store_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    with pytest.raises(SettingsError, match="NEWSDESK_DATABASE_URL is not set"):
        load_settings()


def test_the_token_is_in_no_text_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSDESK_TOKEN", f" {TOKEN}\n")
    settings = load_settings()
    assert settings.bot_token() == TOKEN
    for text in (repr(settings), str(settings), str(settings.model_dump()), settings.model_dump_json()):
        assert "SECRET" not in text


@pytest.mark.parametrize(
    "url", ["postgresql+asyncpg://host", "postgresql+asyncpg://u:SECRET@host/", "postgresql+asyncpg://u:SECRET@h:x/db",
            "postgresql+asyncpg://u:SECRET@[h/db", "postgresql://u:SECRET@h/db", "mysql://u:SECRET@h/db", "newsdesk.db"]
)  # fmt: skip
def test_an_address_that_is_no_database_of_a_known_engine_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"^NEWSDESK_DATABASE_URL must .*postgresql\+asyncpg://") as caught:
        load_settings(database_url=url)
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


def test_the_databases_password_is_in_no_text_of_the_settings_and_blotted_out_of_logs() -> None:
    url = "postgresql+asyncpg://news:SE%40CRET@db.example/newsdesk?ssl=require"
    settings = load_settings(database_url=url)
    assert settings.database_url == url
    record = logging.makeLogRecord({"msg": f"{url} refused SE@CRET"})
    for text in (
        repr(settings),
        str(settings),
        RedactingFormatter("%(message)s", tuple(settings.url_secrets)).format(record),
    ):
        assert "CRET" not in text
    assert not load_settings(database_url="postgresql+asyncpg:///newsdesk?host=/run/postgresql").url_secrets


def test_a_token_file_is_read_and_trimmed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token.txt").write_text(f"{TOKEN}\n")
    monkeypatch.setenv("NEWSDESK_TOKEN_FILE", "token.txt")
    assert load_settings().bot_token() == TOKEN


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"", "does not hold one token"),
        (f"Bot {TOKEN}".encode(), "does not hold one token"),
        (f"{TOKEN}\n{TOKEN}".encode(), "does not hold one token"),
        (f"“{TOKEN}”".encode(), "has quotes around it"),
        (f"\xff{TOKEN}".encode("latin-1"), "cannot be read: it is not text"),
    ],
)
def test_a_bad_token_file_is_explained_without_its_content(tmp_path: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        (tmp_path / "token.txt").write_bytes(content)
    with pytest.raises(SettingsError, match=words) as caught:
        load_settings(token_file=tmp_path / "token.txt").bot_token()
    assert str(caught.value).startswith("NEWSDESK_TOKEN_FILE ")
    assert "SECRET" not in "".join(traceback.format_exception(caught.value))


def test_a_token_of_two_words_is_refused_without_being_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSDESK_TOKEN", f"Bot {TOKEN}")
    with pytest.raises(SettingsError, match=r"^NEWSDESK_TOKEN does not hold one token") as caught:
        load_settings().bot_token()
    assert "SECRET" not in str(caught.value)


def test_no_token_is_explained_only_when_one_is_needed() -> None:
    settings = load_settings()
    with pytest.raises(SettingsError, match=r"^NEWSDESK_TOKEN is not set"):
        settings.bot_token()


def test_token_and_token_file_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSDESK_TOKEN", TOKEN)
    monkeypatch.setenv("NEWSDESK_TOKEN_FILE", "token.txt")
    with pytest.raises(SettingsError, match=r"^NEWSDESK_TOKEN_FILE is set, and so is NEWSDESK_TOKEN") as caught:
        load_settings()
    assert "SECRET" not in str(caught.value)


def test_a_dotenv_file_is_read_and_the_environment_wins_over_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("NEWSDESK_MAX_AGE_DAYS=3\nNEWSDESK_LOG_LEVEL=debug\nNEWSDESK_CARDS=\nOTHER=1\n")
    assert (load_settings().max_age_days, load_settings().log_level) == (3, "DEBUG")
    assert load_settings().cards == (Path("data/cards"),)
    monkeypatch.setenv("NEWSDESK_MAX_AGE_DAYS", "5")
    assert load_settings().max_age_days == 5
    assert load_settings(max_age_days=7).max_age_days == 7


def test_addresses_lose_their_last_slash() -> None:
    settings = load_settings(asset_base_url="https://a.example/site/", discord_api="http://127.0.0.1:8080/")
    assert (settings.asset_base_url, settings.discord_api) == ("https://a.example/site", "http://127.0.0.1:8080")


@pytest.mark.parametrize(
    ("text", "host", "port"), [("127.0.0.1:9464", "127.0.0.1", 9464), ("[::1]:0", "::1", 0), ("box:80", "box", 80)]
)
def test_where_to_serve_metrics_is_a_host_and_a_port(
    monkeypatch: pytest.MonkeyPatch, text: str, host: str, port: int
) -> None:
    monkeypatch.setenv("NEWSDESK_METRICS_ADDR", text)
    assert load_settings().metrics_addr == (host, port)


@pytest.mark.parametrize("text", ["9464", ":9464", "127.0.0.1", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1"])
def test_where_to_serve_metrics_cannot_be_half_an_address(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("NEWSDESK_METRICS_ADDR", text)
    with pytest.raises(SettingsError, match=r"^NEWSDESK_METRICS_ADDR must be a host and a port"):
        load_settings()


def test_every_setting_says_what_it_is() -> None:
    assert all(field.description for field in Settings.model_fields.values())


@pytest.mark.parametrize("where", ["environment", "dotenv", "given"])
def test_several_folders_of_cards_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str) -> None:
    value = os.pathsep.join(["one", " two words ", "", "/three"])
    if where == "environment":
        monkeypatch.setenv("NEWSDESK_CARDS", value)
    if where == "dotenv":
        (tmp_path / ".env").write_text(f"NEWSDESK_CARDS={value}\n")
    settings = (
        load_settings(cards=[Path("one"), Path("two words"), Path("/three")]) if where == "given" else load_settings()
    )
    assert settings.cards == (Path("one"), Path("two words"), Path("/three"))


@pytest.mark.parametrize("value", ["one:two:one", "one:one/two", "one/two:one", "one:./one", ":", " "])
def test_folders_that_hold_each_other_or_nothing_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("NEWSDESK_CARDS", value.replace(":", os.pathsep))
    with pytest.raises(SettingsError, match=r"^NEWSDESK_CARDS names "):
        load_settings()


def test_pulling_is_off_until_it_is_given_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().cards_git_pull is None
    monkeypatch.setenv("NEWSDESK_CARDS_GIT_PULL", "300")
    assert load_settings().cards_git_pull == 300
    monkeypatch.setenv("NEWSDESK_CARDS_GIT_PULL", "0")
    with pytest.raises(SettingsError, match=r"^NEWSDESK_CARDS_GIT_PULL must be at least 10, not “0”\.$"):
        load_settings()


def test_shards_are_a_number_ranges_or_what_discord_recommends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSDESK_SHARDS", "auto")
    assert load_settings().shards is None
    monkeypatch.setenv("NEWSDESK_SHARDS", "4")
    assert load_settings().shards == 4
    monkeypatch.delenv("NEWSDESK_SHARDS")
    monkeypatch.setenv("NEWSDESK_SHARD_IDS", "0-2, 7,2")
    monkeypatch.setenv("NEWSDESK_SHARD_COUNT", "8")
    assert load_settings().shard_ids == (0, 1, 2, 7)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"SHARDS": "0"}, "NEWSDESK_SHARDS"),
        ({"SHARDS": "many"}, "NEWSDESK_SHARDS"),
        ({"SHARD_IDS": "0-1"}, "NEWSDESK_SHARD_COUNT"),
        ({"SHARD_COUNT": "4"}, "NEWSDESK_SHARD_COUNT"),
        ({"SHARD_IDS": "3-1", "SHARD_COUNT": "4"}, "NEWSDESK_SHARD_IDS"),
        ({"SHARD_IDS": "a", "SHARD_COUNT": "4"}, "NEWSDESK_SHARD_IDS"),
        ({"SHARD_IDS": "0-4", "SHARD_COUNT": "4"}, "NEWSDESK_SHARD_COUNT"),
        ({"SHARD_IDS": "0", "SHARD_COUNT": "4", "SHARDS": "2"}, "NEWSDESK_SHARD_COUNT"),
    ],
)
def test_shards_that_make_no_sense_are_refused(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str], named: str
) -> None:
    for name, value in wrong.items():
        monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError, match=named):
        load_settings()


def test_a_share_of_the_pace_is_never_nothing() -> None:
    assert load_settings(rate_share=0.5).pace == 25
    assert load_settings(rate_share=0.001).pace == 1
    with pytest.raises(SettingsError, match="NEWSDESK_RATE_SHARE"):
        load_settings(rate_share=0)


def test_what_feeds_may_be_fetched_from(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "FETCH_PRIVATE": "wiki.LAN, 10.0.0.5:8080,[fd00::5]:81", "FETCH_PORTS": "80, 8443", "FEED_MINUTES": "5-60",
        "FETCH_PROXY": "http://news:SE%40CRET@proxy.example:3128", "FETCH_CONTACT": "https://example.org/bot",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(PREFIX + name, value)
    settings = load_settings()
    assert settings.fetch_private == (("wiki.lan", None), ("10.0.0.5", 8080), ("fd00::5", 81))
    assert (settings.fetch_ports, settings.feed_minutes) == ((80, 8443), (5, 60))
    assert settings.fetch_contact == "https://example.org/bot"
    assert "CRET" not in repr(settings)
    record = logging.makeLogRecord({"msg": f"{settings.fetch_proxy} refused SE@CRET"})
    assert "CRET" not in RedactingFormatter("%(message)s", tuple(settings.url_secrets)).format(record)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("FETCH_PRIVATE", value)
            for value in ("a,", "http://a", "a/b", "u@a", "a:0", "a:99999", "[::1", "wiki.län", ":80")
        ),
        *(("FETCH_PORTS", value) for value in ("0", "80,", "x", "65536", "-1", "٨٠")),
        *(("FEED_MINUTES", value) for value in ("15", "0-5", "60-15", "15-99999", "a-b")),
        *(
            ("FETCH_PROXY", value)
            for value in ("proxy:3128", "socks5://a:1", "https://a", "http://", "http://a/x", "http://[")
        ),
        *(("FETCH_CONTACT", value) for value in ("a\nb", "(x)", "ü", " a")),
    ],
)
def test_what_feeds_may_not_be_fetched_from(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError, match=f"^NEWSDESK_{name} must be "):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("TICK_SECONDS", "x", "must be a number, such as 15, not “x”."),
        ("TICK_SECONDS", "0", "must be at least 0.1, such as 15, not “0”."),
        ("MAX_AGE_DAYS", "1.5", "must be a whole number, such as 14, not “1.5”."),
        ("MAX_AGE_DAYS", "9" * 5000, f"must be a smaller number, such as 14, not “{'9' * 60}…”."),
        ("RATE_SHARE", "2", "must be at most 1, not “2”."),
        ("SHARDS", "0", "must be at least 1, not “0”."),
        ("WATCH", "perhaps", "must be true or false, not “perhaps”."),
        ("LOG_FORMAT", "xml", "must be 'auto', 'human' or 'json', not “xml”."),
        ("LOG_LEVEL", "LOUD", "must be DEBUG, INFO, WARNING or ERROR, not “LOUD”."),
        ("CARDS_LANGUAGE", "d!", "must be of another form, such as de or pt-BR, not “d!”."),
        ("METRICS_ADDR", "9464", "must be a host and a port such as 127.0.0.1:9464, not “9464”."),
        ("DATABASE_URL", "sqlite+aiosqlite:///", "must name a file, such as sqlite+aiosqlite:////var/lib/newsdesk.db."),
    ],
)
def test_a_wrong_value_is_told_in_a_sentence_with_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert str(caught.value) == f"{PREFIX}{name} {sentence}"


def test_wrong_names_and_wrong_values_are_told_together(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"TOKNE": "SECRET", "WATCH": "perhaps", "SHARDS": '"2"'}.items():
        monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    tokne, shards, watch = str(caught.value).splitlines()
    assert tokne == "NEWSDESK_TOKNE is no setting; did you mean NEWSDESK_TOKEN?"
    assert shards.startswith("NEWSDESK_SHARDS has quotes around it.")
    assert watch == "NEWSDESK_WATCH must be true or false, not “perhaps”."
