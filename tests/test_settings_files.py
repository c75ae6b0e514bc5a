"""Settings that are quoted, misspelt, or in a `.env` of another kind: one sentence, whatever the command."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli.commands import app
from bot.errors import SettingsError
from bot.settings import Settings, load_settings

TOKEN = "MTIz.SECRET.abc"
LINES = f"NEWSDESK_TOKEN={TOKEN}\r\nNEWSDESK_CARDS=cards\r\n"


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.upper().startswith("NEWSDESK_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cards").mkdir()
    return tmp_path


def _refusal_text() -> str:
    """What both a start and the doctor say: the same sentence, exit code 2."""
    text = set()
    for words in (["run"], ["doctor", "--offline"], ["load"], ["health"]):
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 2, (words, result.output, result.exception)
        assert "Traceback" not in result.output
        text.add(result.stderr)
    (sentence,) = text
    assert "SECRET" not in sentence
    return sentence.strip()


@pytest.mark.parametrize("quotes", ['""', "''", "``", "“”", "„“", "‘’", "«»", "»«", "””"])
@pytest.mark.parametrize(("name", "value"), [("TOKEN", TOKEN), ("CARDS", "cards"), ("LOG_LEVEL", "INFO")])
def test_quotes_around_a_value_are_named(monkeypatch: pytest.MonkeyPatch, quotes: str, name: str, value: str) -> None:
    monkeypatch.setenv(f"NEWSDESK_{name}", f"{quotes[0]}{value}{quotes[1]}")
    sentence = _refusal_text()
    assert sentence.startswith(f"NEWSDESK_{name} has quotes around it.")
    assert len(sentence.splitlines()) == 1


def test_quotes_in_dotenv_and_within_a_value_are_as_they_were(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / ".env").write_text(f"NEWSDESK_TOKEN=\"{TOKEN}\"\nNEWSDESK_CARDS='cards'\n")
    assert load_settings().bot_token() == TOKEN
    monkeypatch.setenv("NEWSDESK_CARDS", "o'clock's")
    assert load_settings().cards == (Path("o'clock's"),)


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("NEWSDESK_TOKNE", "NEWSDESK_TOKEN"), ("NEWSDESK_TOKENFILE", "NEWSDESK_TOKEN_FILE"),
        ("NEWSDESK_CARD", "NEWSDESK_CARDS"), ("newsdesk_crads", "NEWSDESK_CARDS"),
        ("NEWSDESK_DATABASE", "NEWSDESK_DATABASE_URL"), ("NEWSDESK_METRICS_ADRR", "NEWSDESK_METRICS_ADDR"),
        ("NEWSDESK_MAX_AGE", "NEWSDESK_MAX_AGE_DAYS"), ("NEWSDESK_LOGLEVEL", "NEWSDESK_LOG_LEVEL"),
        ("NEWSDESK_TICK_SECOND", "NEWSDESK_TICK_SECONDS"), ("NEWSDESK_GIT_PULL", "NEWSDESK_CARDS_GIT_PULL"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("where", ["environment", "dotenv"])
def test_a_misspelt_name_is_told_with_the_likely_one(
    place: Path, monkeypatch: pytest.MonkeyPatch, wrong: str, right: str, where: str
) -> None:
    if where == "dotenv":
        (place / ".env").write_text(f"{wrong}=SECRET\n")
    else:
        monkeypatch.setenv(wrong, "SECRET")
    sentence = _refusal_text()
    name = wrong.upper() if where == "environment" and wrong.isupper() else wrong
    assert f"{name}{' in .env' if where == 'dotenv' else ''} is no setting" in sentence
    assert sentence.endswith(f"did you mean {right}?")


def test_a_name_like_no_other_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSDESK_XYZZY_9", "1")
    assert _refusal_text() == "NEWSDESK_XYZZY_9 is no setting; docs/settings.md lists all of them."


def test_every_setting_is_known_by_its_name_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        for spelt in (f"NEWSDESK_{name.upper()}", f"newsdesk_{name}"):
            monkeypatch.setenv(spelt, "")
    assert load_settings().token is None


@pytest.mark.parametrize(
    "name", ["NEWSDESK_SERVICE_HOST", "NEWSDESK_SERVICE_PORT", "NEWSDESK_SERVICE_PORT_METRICS", "NEWSDESK_PORT",
             "NEWSDESK_PORT_9464_TCP", "NEWSDESK_PORT_9464_TCP_ADDR", "NEWSDESK_PORT_9464_TCP_PROTO"]
)  # fmt: skip
def test_what_kubernetes_sets_beside_a_service_is_none_of_ours(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "tcp://10.0.0.1:9464")
    load_settings()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_dotenv_that_says_its_encoding_is_read(place: Path, encoding: str) -> None:
    (place / ".env").write_bytes(LINES.encode(encoding))
    settings = load_settings()
    assert (settings.bot_token(), settings.cards) == (TOKEN, (Path("cards"),))


def test_a_dotenv_of_the_other_byte_order_is_read(place: Path) -> None:
    (place / ".env").write_bytes(b"\xfe\xff" + LINES.encode("utf-16-be"))
    assert load_settings().bot_token() == TOKEN


BAD_FILES = {
    "UTF-16 without a mark": LINES.encode("utf-16-le"),
    "the other order without a mark": LINES.encode("utf-16-be"),
    "UTF-32 without a mark": LINES.encode("utf-32-le"),
    "Latin-1": f"# für später\n{LINES}".encode("latin-1"),
    "Windows-1252": f"# “quoted”\n{LINES}".encode("cp1252"),
    "Shift JIS": f"# 日本語のコメント\n{LINES}".encode("shift_jis"),
    "UTF-16, cut": (b"\xff\xfe" + LINES.encode("utf-16-le"))[:-1],
    "NUL": LINES.encode() + b"\0\0\0",
    "binary": bytes(range(256)),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(range(128, 256)),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_dotenv_in_another_encoding_is_one_sentence(place: Path, name: str) -> None:
    (place / ".env").write_bytes(BAD_FILES[name])
    sentence = _refusal_text()
    assert sentence.startswith(".env ")
    assert "UTF-8" in sentence
    assert len(sentence.splitlines()) == 1


def test_a_dotenv_that_is_a_folder_is_one_sentence(place: Path) -> None:
    (place / ".env").mkdir()
    assert _refusal_text().startswith(".env is a folder.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_dotenv_that_cannot_be_read_is_one_sentence(place: Path) -> None:
    (place / ".env").write_text(LINES)
    (place / ".env").chmod(0)
    assert _refusal_text().startswith(".env cannot be read:")


def test_a_dotenv_that_fails_to_be_read_is_one_sentence(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", fails)
    assert _refusal_text() == ".env cannot be read: Permission denied. Check its rights."


def test_all_that_is_wrong_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSDESK_TOKNE", "x")
    monkeypatch.setenv("NEWSDESK_CARDS", '"cards"')
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert len(str(caught.value).splitlines()) == 2
