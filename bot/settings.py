"""Settings from the environment and `.env`, prefix `NEWSDESK_`. All problems are reported at once, with their fixes."""

from __future__ import annotations

import codecs
import difflib
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import unquote, urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot.errors import SettingsError
from bot.logging_config import LogFormat
from bot.setting_problems import describe_setting_problem

PREFIX = "NEWSDESK_"
_LAST_PORT = 65535
_PORT = re.compile(r"[0-9]{1,5}")
_MINUTES_OF_WEEK = 7 * 24 * 60
_RANGE = re.compile(r"(?P<first>\d{1,5})(?:-(?P<last>\d{1,5}))?")
_SERVER = "postgresql+asyncpg://"
_FILE = "sqlite+aiosqlite:///"


def _default_database() -> str:
    try:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    except RuntimeError:
        raise SettingsError("NEWSDESK_DATABASE_URL is not set, and the bot's user has no home to put it in.") from None
    return f"sqlite+aiosqlite:///{state / 'newsdesk' / 'newsdesk.db'}"


class ListenAddress(NamedTuple):
    """Address to listen on. Port 0 means any free port."""

    host: str
    port: int


class PrivateHost(NamedTuple):
    """A host that may be fetched from although it is not public. Port None: those of public hosts."""

    host: str
    port: int | None


class MinuteRange(NamedTuple):
    """The least and the greatest number of minutes."""

    least: int
    most: int

    def __str__(self) -> str:
        return f"{self.least}-{self.most}"


class Settings(BaseSettings):
    """Operator settings. A duration has its unit in its name; descriptions are Markdown of `docs/settings.md`."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    token: SecretStr | None = Field(None, description="The bot's token")
    token_file: Path | None = Field(None, description="A file that holds the token, instead of `NEWSDESK_TOKEN`")
    database_url: str = Field(
        default_factory=_default_database,
        repr=False,  # it may hold a password
        description="Where the store is: `sqlite+aiosqlite:///` and a file (by default `newsdesk/newsdesk.db` in the "
        "user's state folder), or `postgresql+asyncpg://user:password@host/database` "
        "([scaling](scaling.md#postgresql))",
    )
    cards: Annotated[tuple[Path, ...], NoDecode] = Field(
        (Path("data/cards"),),
        description="The folder of cards, or several with `:` between them (`;` on Windows); where two hold a card of "
        "the same name, the first folder's is used and the other reported",
    )
    cards_need_category: bool = Field(
        False,
        description="Take only files with `category: news` for cards; otherwise a file without a category is one as "
        "well when it has a `title`, a `webUrl` and a time. Another category is never a card",
    )
    # BCP 47: a language, then subtags for its script or country.
    cards_language: Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}([-_][A-Za-z0-9]{1,8})*$")] = Field(
        "en",
        examples=["de", "pt-BR"],
        description="The language of the cards in the folders, such as `de` or `pt-BR`, in which a search also finds "
        "plurals; a feed says its own. After a change the bot indexes all cards again beside its other "
        "work",
    )
    cards_git_pull: Annotated[float, Field(ge=10)] | None = Field(
        None,
        description="How often, in seconds, folders that are the top of a git checkout are pulled (fast-forward "
        "only); unset: never",
    )
    asset_base_url: str | None = Field(
        None,
        description="Put before site-relative pictures such as `/assets/a.png`; without it such pictures are left out",
    )
    max_age_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        14, description="Older cards are not posted by themselves; a moderator's own publish ignores it"
    )
    tick_seconds: Annotated[float, Field(ge=0.1, le=3600)] = Field(
        15, description="How often, in seconds, due work is looked for, beside what happens at once"
    )
    rescan_seconds: Annotated[float, Field(ge=1)] = Field(
        600, description="How often, in seconds, the whole folder is compared"
    )
    watch: bool = Field(True, description="Load a saved file at once")
    write_back: bool = Field(
        False,
        description="Write the owner's own decisions into the card files: the `published:` line and nothing else. Not "
        "together with `NEWSDESK_CARDS_GIT_PULL`",
    )
    feeds: Path | None = Field(
        None,
        description="A list of feeds for all servers, an OPML file that is watched: what is gone from it is paused "
        "([feeds](feeds.md))",
    )
    feeds_per_server: int = Field(50, ge=0, le=1000, description="How many feeds a server may follow")
    submissions_per_hour: int = Field(
        3,
        ge=0,
        le=1000,
        description="How many links a member may submit in a server within an hour; 0: only moderators submit",
    )
    feed_minutes: Annotated[MinuteRange, NoDecode] = Field(
        MinuteRange(15, 1440),
        description="How long a feed is left alone between two looks, in minutes: the least and the most, whatever "
        "its site says",
    )
    feed_card_days: int = Field(
        90,
        ge=1,
        le=3650,
        description="How many days servers keep the cards of feeds that they follow, if nobody posted, saved, "
        "reported or decided on them",
    )
    unfollowed_feed_days: int = Field(
        1,
        ge=1,
        le=3650,
        description="How many days the cards of a feed stay that no server follows any more; those that somebody "
        "needs stay",
    )
    fetch_private: Annotated[tuple[PrivateHost, ...], NoDecode] = Field(
        (),
        description="Hosts of your own network that feeds may come from, such as `wiki.lan,10.0.0.5:8080`; nothing "
        "else that is not public is fetched",
    )
    fetch_ports: Annotated[tuple[int, ...], NoDecode] = Field(
        (80, 443), description="The ports that feeds and pages are fetched from"
    )
    fetch_proxy: str | None = Field(
        None,
        repr=False,  # it may hold a password
        description="An HTTP proxy that feeds and pages of public hosts are fetched through, such as "
        "`http://proxy.example.org:3128` ([security](security.md))",
    )
    # It becomes a comment of the User-Agent, which a parenthesis would end.
    fetch_contact: Annotated[str, Field(pattern=r"^[\x21-\x27\x2a-\x7e]+( [\x21-\x27\x2a-\x7e]+)*$")] | None = Field(
        None,
        examples=["https://example.org/bot"],
        description="Whom the owner of a site may write to: an address that is sent with each look",
    )
    requests_per_second: Annotated[int, Field(ge=1, le=100_000)] = Field(
        50, description="How fast posts go out at most; Discord grants large bots more than 50"
    )
    rate_share: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None,
        description="This process's share of that, such as `0.5`; unset: couriers on one PostgreSQL store divide it "
        "evenly",
    )
    discord_api: str | None = Field(None, description="Another base of Discord's API, for a REST proxy")
    shards: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Connections to Discord's gateway: a number, or `auto`, as when unset: as many as Discord "
        "recommends",
    )
    shard_ids: Annotated[tuple[int, ...] | None, NoDecode] = Field(
        None, description="The shards that this process holds, such as `0-3` or `0,4,8`, where several share a bot"
    )
    shard_count: Annotated[int, Field(ge=1)] | None = Field(
        None, validate_default=True, description="The shards of all processes together"
    )
    metrics_addr: Annotated[ListenAddress | None, NoDecode] = Field(
        None,
        description="Where health and metrics are served, such as `127.0.0.1:9464`; unset: nowhere "
        "([operations](operations.md#watching-it))",
    )
    intake_addr: Annotated[ListenAddress | None, NoDecode] = Field(
        None,
        description="Where cards are taken from other programs over HTTP, such as `127.0.0.1:8081`; unset: nowhere "
        "([intake](intake.md))",
    )
    log_level: str = Field("INFO", description="`DEBUG`, `INFO`, `WARNING` or `ERROR`")
    log_format: LogFormat = Field(
        LogFormat.AUTO, description="`human` lines, `json` lines, or `auto`: human on a terminal, JSON elsewhere"
    )

    @property
    def pace(self) -> int:
        """Maximum requests per second of this process."""
        # Rounded down: the shares of all processes together must not exceed the limit.
        return max(1, int(self.requests_per_second * (self.rate_share or 1)))

    @property
    def max_age(self) -> timedelta:
        return timedelta(days=self.max_age_days)

    @field_validator("cards", mode="before")
    @classmethod
    def _split_paths(cls, value: object) -> object:
        if isinstance(value, str):
            value = [part.strip() for part in value.split(os.pathsep) if part.strip()]
        return [value] if isinstance(value, Path) else value

    @field_validator("cards")
    @classmethod
    def _reject_nested_folders(cls, value: tuple[Path, ...]) -> tuple[Path, ...]:
        if not value:
            raise ValueError("names no folder")
        places = [folder.absolute() for folder in value]
        for number, place in enumerate(places):
            if _contains_folder(place, places[:number]) or _contains_folder(place, places[number + 1 :]):
                raise ValueError(
                    f"names {value[number]}, which lies in another of its folders, so that its cards would come twice"
                )
        return value

    @field_validator("database_url")
    @classmethod
    def _check_database_url(cls, value: str) -> str:
        return check_database_url(value)

    @field_validator("asset_base_url", "discord_api")
    @classmethod
    def _check_http(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("must be a whole address such as https://example.org/site")
        return value.rstrip("/")

    @field_validator("feed_minutes", mode="before")
    @classmethod
    def _parse_minutes(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        match = _RANGE.fullmatch(value.strip())
        if not match or not match["last"] or not 1 <= int(match["first"]) <= int(match["last"]) <= _MINUTES_OF_WEEK:
            raise ValueError("must be two numbers of minutes, at most a week, such as 15-1440")
        return MinuteRange(int(match["first"]), int(match["last"]))

    @field_validator("fetch_private", mode="before")
    @classmethod
    def _parse_private_hosts(cls, value: object) -> object:
        return tuple(map(_parse_host, value.split(","))) if isinstance(value, str) else value

    @field_validator("fetch_ports", mode="before")
    @classmethod
    def _parse_ports(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        ports = [part.strip() for part in value.split(",")]
        if not all(_PORT.fullmatch(port) and 0 < int(port) <= _LAST_PORT for port in ports):
            raise ValueError("must be ports such as 80,443,8080")
        return tuple(map(int, ports))

    @field_validator("fetch_proxy")
    @classmethod
    def _check_proxy(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parts = urlsplit(value)
            is_whole = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_whole = False
        if not is_whole or parts.path not in ("", "/") or parts.query or parts.fragment:
            raise ValueError("must be the address of an HTTP proxy such as http://proxy.example.org:3128")
        return value

    @field_validator("metrics_addr", "intake_addr", mode="before")
    @classmethod
    def _parse_address(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        host, _, port = value.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not host or not port.isdecimal() or not port.isascii() or int(port) > _LAST_PORT:
            raise ValueError("must be a host and a port such as 127.0.0.1:9464")
        return ListenAddress(host, int(port))

    @field_validator("shards", mode="before")
    @classmethod
    def _parse_shards(cls, value: object) -> object:
        if isinstance(value, str) and not value.isdecimal() and value != "auto":
            raise ValueError("must be auto or a number")
        return None if value == "auto" else value

    @field_validator("shard_ids", mode="before")
    @classmethod
    def _parse_ranges(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        ranges = [_RANGE.fullmatch(part.strip()) for part in value.split(",")]
        if not all(ranges) or any(each and each["last"] and int(each["last"]) < int(each["first"]) for each in ranges):
            raise ValueError("must be numbers or ranges such as 0-3 or 0,4,8")
        ends = [(int(each["first"]), int(each["last"] or each["first"])) for each in ranges if each]
        return tuple(sorted({number for first, last in ends for number in range(first, last + 1)}))

    @field_validator("shard_count")
    @classmethod
    def _check_shard_count(cls, value: int | None, info: ValidationInfo) -> int | None:
        # A field that failed its own validation is missing, and has been reported.
        if "shard_ids" not in info.data or "shards" not in info.data:
            return value
        ids = info.data["shard_ids"]
        if (ids is None) != (value is None):
            raise ValueError("goes with NEWSDESK_SHARD_IDS: set both, or none of them")
        if ids is not None and info.data["shards"]:
            raise ValueError("is for several processes and NEWSDESK_SHARDS for one: set one of the two")
        # `value` is set here: both are, or neither.
        if ids is not None and not all(number < value for number in ids):
            raise ValueError("is too small: NEWSDESK_SHARD_IDS are counted from 0")
        return value

    @field_validator("log_level")
    @classmethod
    def _check_level(cls, value: str) -> str:
        if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @field_validator("write_back")
    @classmethod
    def _reject_with_git_pull(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("cards_git_pull"):
            raise ValueError(
                "is set, and so is NEWSDESK_CARDS_GIT_PULL, but git pulls nothing new into a file that was written "
                "here: set one of the two"
            )
        return value

    @field_validator("token_file")
    @classmethod
    def _reject_two_tokens(cls, value: Path | None, info: ValidationInfo) -> Path | None:
        if value and info.data.get("token"):
            raise ValueError("is set, and so is NEWSDESK_TOKEN: set one of the two")
        return value

    @property
    def url_secrets(self) -> Sequence[str]:
        """The passwords of the database and the proxy, both decoded and as percent-encoded in their URLs."""
        # A driver may quote the URL or the password in an error.
        passwords = [urlsplit(url).password for url in (self.database_url, self.fetch_proxy or "")]
        return [form for password in passwords if password for form in (unquote(password), password)]

    def bot_token(self) -> str:
        """The bot token. Raises `SettingsError` if it is not set or its file cannot be read."""
        if self.token:
            return _read_one_line(self.token.get_secret_value(), "NEWSDESK_TOKEN")
        if self.token_file is None:
            raise SettingsError(
                "NEWSDESK_TOKEN is not set.",
                "Copy the bot's token from the Developer Portal (README, “A bot of your own”), or try `newsdesk demo`, "
                "which needs none.",
            )
        try:
            return _read_one_line(self.token_file.read_text(encoding="utf-8"), "NEWSDESK_TOKEN_FILE")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            raise SettingsError(
                f"NEWSDESK_TOKEN_FILE cannot be read: {reason}.", "Check the path and its rights."
            ) from error


def check_database_url(url: str) -> str:
    """Return the URL of a database that the store can open. Raises `ValueError`."""
    if url.startswith(_SERVER):
        _check_server(url)
    elif not url.startswith(_FILE):
        raise ValueError(
            f"must start with {_FILE}, followed by the file's path, or with {_SERVER}, followed by "
            "user:password@host/database"
        )
    elif url.removeprefix(_FILE).partition("?")[0] in ("", ":memory:"):
        raise ValueError(f"must name a file, such as {_FILE}/var/lib/newsdesk.db")
    return url


def _check_server(url: str) -> None:
    try:
        # `port` is parsed on access, and raises for one that is out of range.
        parts = urlsplit(url)
        is_whole = bool(parts.path.strip("/")) and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ValueError("must name a database on its server, such as postgresql+asyncpg://user:password@host/newsdesk")


def _parse_host(text: str) -> PrivateHost:
    """Parse `host[:port]`, an IPv6 address in brackets. Raises `ValueError`."""
    try:
        parts = urlsplit(f"//{text.strip()}")
        is_host = parts.netloc == text.strip() and "@" not in text and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_host = False
    if not is_host or not text.isascii():
        raise ValueError("must be hosts such as wiki.lan or 10.0.0.5:8080, with commas between them")
    return PrivateHost((parts.hostname or "").rstrip("."), parts.port)


def _contains_folder(place: Path, others: Iterable[Path]) -> bool:
    return any(place.resolve().is_relative_to(other.resolve()) for other in others)


_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "„": "“", "‘": "’", "«": "»", "»": "«", "”": "”", "’": "’"}
_NOT_OURS = re.compile(r"NEWSDESK_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_\w+)?)?)")
"""Variables that Kubernetes sets in every container for a service named newsdesk."""
_MARKS = ((codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
          (codecs.BOM_UTF16_BE, "utf-16"), (codecs.BOM_UTF8, "utf-8-sig"))  # fmt: skip


def _is_quoted(value: str) -> bool:
    value = value.strip()
    return len(value) > 1 and _QUOTES.get(value[0]) == value[-1]


def _find_odd_settings(environment: Mapping[str, str], written: Mapping[str, str | None]) -> dict[str, str]:
    """Return the problems of unknown variable names and of quoted values, by name.

    Quotes in `.env` are stripped when it is read, but `docker run --env-file` and systemd keep them.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    problems = {}
    for where, names in (("", environment), (" in .env", written)):
        for name in sorted(names):
            if not name.upper().startswith(PREFIX) or _NOT_OURS.fullmatch(name.upper()):
                continue
            if name.upper() not in known:
                # The shared prefix would make any two names similar.
                bare = [each.removeprefix(PREFIX) for each in known]
                likely = difflib.get_close_matches(name.upper().removeprefix(PREFIX), bare, 1, 0.6)
                hint = f"did you mean {PREFIX}{likely[0]}?" if likely else "docs/settings.md lists all of them."
                problems[name] = f"{name}{where} is no setting; {hint}"
    for name, value in sorted(environment.items()):
        if name.upper() in known and _is_quoted(value):
            problems[name.upper()] = (
                f"{name} has quotes around it. Write it without: not every program that reads such files takes them "
                "away."
            )
    return problems


def _read_dotenv(path: Path) -> tuple[dict[str, str | None], str]:
    """Read `.env` and return its variables and its encoding. Raises `SettingsError` if it cannot be read."""
    if path.is_dir():
        raise SettingsError(
            f"{path} is a folder. Remove it (Docker makes one for a file that is not there), or unmount it."
        )
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return {}, "utf-8"
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}. Check its rights.") from error
    encoding = next((name for mark, name in _MARKS if raw.startswith(mark)), "utf-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path} is not {encoding.upper()} text (line {line}). Save it as UTF-8.") from None
    if "\0" in text:
        raise SettingsError(f"{path} holds NUL characters, as UTF-16 without its mark does. Save it as UTF-8.")
    return dict(dotenv_values(stream=io.StringIO(text), interpolate=False)), encoding


def _read_one_line(raw: str, name: str) -> str:
    token = raw.strip()
    if _is_quoted(token):
        raise SettingsError(f"{name} has quotes around it.", "Write the token without them.")
    if not token or not token.isascii() or len(token.split()) != 1:
        raise SettingsError(f"{name} does not hold one token.", "Copy the token again, without quotes or other words.")
    return token


def load_settings(**overrides: Any) -> Settings:
    """Load the settings; `overrides` take precedence. Raises `SettingsError` naming every variable that is wrong."""
    dotenv = overrides.get("_env_file", Path(".env"))
    written, encoding = _read_dotenv(Path(dotenv)) if dotenv is not None else ({}, "utf-8")
    problems = _find_odd_settings(os.environ, written)
    settings = None
    try:
        settings = Settings(**{"_env_file_encoding": encoding, **overrides})
    except ValidationError as error:
        for problem in error.errors():
            setting = str(problem["loc"][0])
            name = f"{PREFIX}{setting.upper()}"
            problems.setdefault(name, describe_setting_problem(name, problem, Settings.model_fields[setting]))
    if settings is None or problems:
        raise SettingsError("\n".join(problems.values()))
    return settings
