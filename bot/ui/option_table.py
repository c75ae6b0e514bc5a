"""The options of a subscription, one row each: the commands, `/digest setup` and the summary take theirs from here."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import discord
from discord import app_commands

from bot.domain.post_template import MAX_TEMPLATE, find_unknown_placeholders
from bot.domain.schedule_parser import parse_days, parse_times
from bot.domain.subscription import MAX_BACKFILL, MAX_KEEP_DAYS, Frequency, Layout, OnWithdrawal, SubscriptionOptions
from bot.domain.timezones import parse_zone
from bot.domain.user_input import shorten_input
from bot.domain.word_filters import is_word_query
from bot.errors import UserError
from bot.i18n import available_languages, language_name, tr, tr_noop
from bot.render.layouts import DIGEST_LAYOUTS
from bot.render.markdown import escape_markdown
from bot.ui.autocomplete import (
    complete_colours,
    complete_provider_list,
    complete_timezones,
    complete_topic_list,
    split_topics,
)
from bot.ui.colours import parse_colour
from bot.ui.option_summaries import (
    summarize_age,
    summarize_backfill,
    summarize_colour,
    summarize_crosspost,
    summarize_empty,
    summarize_exclusions,
    summarize_language,
    summarize_layout,
    summarize_mention,
    summarize_nothing,
    summarize_providers,
    summarize_quality,
    summarize_silence,
    summarize_size,
    summarize_template,
    summarize_thread,
    summarize_withdrawal,
    summarize_words,
)

Text = app_commands.Range[str, 0, 500]
_Callback = TypeVar("_Callback", bound=Callable[..., Any])
_MAX_ENTRIES = 25
_TOO_MANY = tr_noop("That's {number} entries; the limit is {most}.")
_WORD_ENTRY = re.compile(r'(?:[^,"]|"[^"]*"?)+')
_PLAIN_QUOTES = str.maketrans("“”„«»", '"""""')
"""Quotes as phones write them, which a search does not know."""
SERVERS_OWN = "server"
"""Value of the language option: follow the guild's locale."""
_NOTHING = tr_noop("all, every, none, nothing")
"""Words accepted for "no limit", in English and in the user's locale, which may have several."""


def _take_as_typed(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option as people give it. Those that select cards or times (`selects`) are also offered by `/digest whatif`.

    `annotation` is the type of the command's option. `parse` converts what was given into the value of `field_name`
    in `SubscriptionOptions` (by default the option's name), and raises `UserError`. `choices` are texts by
    value. Those `only_at_start` cannot be changed later. `summarize` returns what the option changes, as Markdown;
    empty if it is as usual, or is shown elsewhere.
    """

    name: str
    description: str
    annotation: Any = Text
    field_name: str = ""
    parse: Callable[[Any], Any] = _take_as_typed
    choices: Mapping[Any, str] = field(default_factory=dict)
    complete: Any = None
    selects: bool = False
    only_at_start: bool = False
    summarize: Callable[[SubscriptionOptions], str] = summarize_nothing


def _parse_names(text: str) -> tuple[str, ...]:
    return _limit_number([] if _means_nothing(text.strip().casefold()) else split_topics(text))


def _limit_number(entries: Sequence[str]) -> tuple[str, ...]:
    if len(entries) > _MAX_ENTRIES:
        raise UserError(tr(_TOO_MANY, number=len(entries), most=_MAX_ENTRIES))
    return tuple(entries)


def _parse_words(text: str) -> tuple[str, ...]:
    """Parse entries that are searches of their own: a comma inside quotes separates nothing."""
    if _means_nothing(text.strip().casefold()):
        return ()
    entries = [" ".join(entry.split()) for entry in _WORD_ENTRY.findall(text.translate(_PLAIN_QUOTES))]
    entries = list(dict.fromkeys(filter(None, entries)))
    if unusable := [entry for entry in entries if not is_word_query(entry)]:
        named = escape_markdown(unusable[0])
        raise UserError(tr('“{entry}” has no word to look for. Use words or `"phrases"`.', entry=named))
    return _limit_number(entries)


def _means_nothing(word: str) -> bool:
    return word in {"-", *split_topics(_NOTHING), *split_topics(tr(_NOTHING))}


def _parse_role(role: discord.Role) -> int:
    return role.id


def _parse_colour(text: str) -> int | None:
    return None if _means_nothing(text.strip().casefold()) else parse_colour(text)


def _parse_template(text: str) -> str:
    template = " ".join(text.split())
    if _means_nothing(template.casefold()):
        return ""
    if unknown := find_unknown_placeholders(template):
        raise UserError(
            tr(
                "I don't know `{unknown}`. Use `{{heading}}`, `{{date}}`, `{{title}}`, `{{publisher}}` or "
                "`{{topics}}`.",
                unknown=f"{{{shorten_input(unknown[0]).replace('`', '')}}}",
            )
        )
    if len(template) > MAX_TEMPLATE:
        raise UserError(tr("That text is too long. The limit is {most} characters.", most=MAX_TEMPLATE))
    return template


def _parse_language(value: str) -> str | None:
    """Parse a language: Discord's clients only offer supported ones, but others can be typed."""
    if value == SERVERS_OWN:
        return None
    if value not in available_languages():
        raise UserError(tr("I don't speak that language. Choose one from the list."))
    return value


FREQUENCIES = {
    Frequency.INSTANT: "instant: each card as it comes in",
    Frequency.HOURLY: "hourly digest",
    Frequency.DAILY: "daily digest",
    Frequency.WEEKDAYS: "digest from Monday to Friday",
    Frequency.WEEKLY: "weekly digest",
}
LAYOUT_CHOICES = {name: layout.description for name, layout in DIGEST_LAYOUTS.items()}

OPTIONS = (
    Option(
        name="topics",
        description="Topics, separated by commas (default: every topic)",
        parse=_parse_names,
        complete=complete_topic_list,
        selects=True,
    ),
    Option(
        name="when",
        description="How often (default: instant, or daily if you give a time)",
        annotation=str,
        field_name="frequency",
        parse=Frequency,
        choices=FREQUENCIES,
        selects=True,
    ),
    Option(
        name="at",
        description="Times of a digest, such as 9:00, 18:30; for hourly ones the minute, such as 0:15",
        field_name="times",
        parse=parse_times,
        selects=True,
    ),
    Option(
        name="on",
        description="Days of a digest, such as mon-fri or Sat",
        field_name="days",
        parse=parse_days,
        selects=True,
    ),
    Option(
        name="timezone",
        description="Time zone of these times (default: this server's last one)",
        parse=parse_zone,
        complete=complete_timezones,
        selects=True,
    ),
    Option(
        name="without",
        description="Topics or words to leave out, separated by commas",
        field_name="excluded",
        parse=_parse_names,
        complete=complete_topic_list,
        selects=True,
        summarize=summarize_exclusions,
    ),
    Option(
        name="words",
        description='Only cards with one of these in title or excerpt, separated by commas: chips, "open source"',
        parse=_parse_words,
        selects=True,
        summarize=summarize_words,
    ),
    Option(
        name="providers",
        description="Only cards from these publishers, separated by commas",
        parse=_parse_names,
        complete=complete_provider_list,
        selects=True,
        summarize=summarize_providers,
    ),
    Option(
        name="min_quality",
        description="Only cards of this quality or better: 40 fair, 70 good, 110 excellent, up to about 190",
        annotation=app_commands.Range[int, 0, 1000],
        selects=True,
        summarize=summarize_quality,
    ),
    Option(
        name="max_cards",
        description="Most cards in a digest (default: 10)",
        annotation=app_commands.Range[int, 1, 25],
        selects=True,
        summarize=summarize_size,
    ),
    Option(
        name="layout",
        description="Layout of a digest (default: cards)",
        annotation=str,
        parse=Layout,
        choices=LAYOUT_CHOICES,
        summarize=summarize_layout,
    ),
    Option(
        name="colour",
        description="Colour of the posts, such as blue or #3E82F6 (default: by topic; none for that)",
        parse=_parse_colour,
        complete=complete_colours,
        summarize=summarize_colour,
    ),
    Option(
        name="template",
        description="Text above each post; may have {heading}, {date}, {title}, {publisher}, {topics}",
        parse=_parse_template,
        summarize=summarize_template,
    ),
    Option(
        name="mention",
        description="Role to mention with each post",
        annotation=discord.Role,
        field_name="mention_role_id",
        parse=_parse_role,
        summarize=summarize_mention,
    ),
    Option(
        name="crosspost",
        description="Also publish to channels that follow this announcement channel",
        annotation=bool,
        summarize=summarize_crosspost,
    ),
    Option(
        name="on_withdrawal",
        description="What happens to a post whose card is withdrawn (default: delete)",
        annotation=str,
        parse=OnWithdrawal,
        choices={
            OnWithdrawal.DELETE: "delete the post",
            OnWithdrawal.MARK: "leave a note in its place",
            OnWithdrawal.KEEP: "keep it as it is",
        },
        summarize=summarize_withdrawal,
    ),
    Option(
        name="skip_empty",
        description="Skip a digest when nothing is new (default: yes)",
        annotation=bool,
        summarize=summarize_empty,
    ),
    Option(
        name="silent",
        description="Post without notifications (default: no)",
        annotation=bool,
        summarize=summarize_silence,
    ),
    Option(
        name="language",
        description="Language of my own texts (default: this server's)",
        annotation=str,
        parse=_parse_language,
        # A value of its own, since leaving the option out keeps the language that was chosen before.
        choices={SERVERS_OWN: "this server's", **{name: language_name(name) for name in available_languages()}},
        summarize=summarize_language,
    ),
    Option(
        name="keep_days",
        description="Delete posts after this many days, unless people talk in their threads (default: 0, never)",
        annotation=app_commands.Range[int, 0, MAX_KEEP_DAYS],
        summarize=summarize_age,
    ),
    Option(
        name="thread",
        description="Start a discussion thread under each post (default: no)",
        annotation=bool,
        summarize=summarize_thread,
    ),
    Option(
        name="backfill",
        description="Post this many of the newest cards right away (default: 0)",
        annotation=app_commands.Range[int, 0, MAX_BACKFILL],
        only_at_start=True,
        summarize=summarize_backfill,
    ),
)
LASTING_OPTIONS = tuple(option for option in OPTIONS if not option.only_at_start)
SELECTING_OPTIONS = tuple(option for option in OPTIONS if option.selects)


def accept_options(options: Iterable[Option]) -> Callable[[_Callback], _Callback]:
    """Let a command accept these options; its `**given` gets their values by name, None for those left out."""
    options = tuple(options)

    def add_options(callback: _Callback) -> _Callback:
        # discord.py builds a command from the signature of its callback, so `**given` is replaced there.
        signature = inspect.signature(callback)
        own = [each for each in signature.parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        added = [
            inspect.Parameter(
                option.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=option.annotation | None
            )
            for option in options
        ]
        # Discord shows options in this order: those of the command alone come last if they are keyword-only.
        parameters = sorted([*own, *added], key=lambda each: (each.kind, each in own))
        callback.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        app_commands.describe(**{option.name: option.description for option in options})(callback)
        app_commands.choices(**{option.name: _to_choices(option.choices) for option in options if option.choices})(
            callback
        )
        app_commands.autocomplete(**{option.name: option.complete for option in options if option.complete})(callback)
        return callback

    return add_options


def _to_choices(texts: Mapping[Any, str]) -> list[app_commands.Choice[str]]:
    return [app_commands.Choice(name=text, value=str(value)) for value, text in texts.items()]


def parse_given(given: Mapping[str, Any]) -> dict[str, Any]:
    """Parse given options, by name, into fields of `SubscriptionOptions`. Raises `UserError` with all that is wrong."""
    # All problems at once: a form has several fields.
    parsed, problems = {}, []
    for option in OPTIONS:
        if option.name in given:
            try:
                parsed[option.field_name or option.name] = option.parse(given[option.name])
            except UserError as error:
                problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    return parsed


def summarize_options(options: SubscriptionOptions) -> list[str]:
    """Return what differs from an ordinary subscription, in words; topics and schedule are shown beside it."""
    return [text for option in OPTIONS if (text := option.summarize(options))]
