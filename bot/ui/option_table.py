"""The options of a subscription, one row each: the commands, `/digest setup` and the summary take theirs from here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import discord
from discord import app_commands

from bot.domain.schedule_parser import parse_days, parse_times
from bot.domain.subscription import Frequency, Layout, OnWithdrawal, SubscriptionOptions
from bot.domain.timezones import parse_zone
from bot.errors import UserError
from bot.i18n import ENGLISH, available_languages, language_name, tr, tr_noop, trn
from bot.render.layouts import DIGEST_LAYOUTS
from bot.render.markdown import fit_escaped
from bot.ui.autocomplete import complete_timezones, complete_topic_list, split_topics

Text = app_commands.Range[str, 0, 500]
_Callback = TypeVar("_Callback", bound=Callable[..., Any])
_MAX_WORDS = 25
_TOO_MANY = tr_noop("These are {number} topics or words; at most {most} are possible.")
_WORDS_SHOWN = 500
SERVERS_OWN = "server"
"""Value of the language option: follow the guild's locale."""
_NOTHING = tr_noop("all, every, none, nothing")
"""Words accepted for "no limit", in English and in the user's locale, which may have several."""


def _take_as_typed(value: Any) -> Any:
    return value


def _summarize_nothing(_options: SubscriptionOptions) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """An option as people give it. Those that select cards or times (`selects`) are also offered by `/digest whatif`.

    `annotation` is the type of the command's option. `parse` converts what was given into the value of `field_name`
    in `SubscriptionOptions` (by default the option's name), and raises `UserError`. `choices` are texts by
    value. `summarize` returns what the option changes, as Markdown; empty if it is as usual, or is shown elsewhere.
    """

    name: str
    description: str
    annotation: Any = Text
    field_name: str = ""
    parse: Callable[[Any], Any] = _take_as_typed
    choices: Mapping[Any, str] = field(default_factory=dict)
    complete: Any = None
    selects: bool = False
    summarize: Callable[[SubscriptionOptions], str] = _summarize_nothing


def _parse_words(text: str) -> tuple[str, ...]:
    words = [] if _means_nothing(text.strip().casefold()) else split_topics(text)
    if len(words) > _MAX_WORDS:
        raise UserError(tr(_TOO_MANY, number=len(words), most=_MAX_WORDS))
    return tuple(words)


def _means_nothing(word: str) -> bool:
    return word in {"-", *split_topics(_NOTHING), *split_topics(tr(_NOTHING))}


def _parse_role(role: discord.Role) -> int:
    return role.id


def _parse_language(value: str) -> str | None:
    """Parse a language: Discord's clients only offer supported ones, but others can be typed."""
    if value == SERVERS_OWN:
        return None
    if value not in available_languages():
        raise UserError(tr("I do not speak that language. Choose one from the list."))
    return value


def _summarize_exclusions(options: SubscriptionOptions) -> str:
    # The only text of any length: cut here, so that all lines fit into one field of an embed.
    words = fit_escaped(", ".join(options.excluded), _WORDS_SHOWN)
    return tr("without {words}", words=words) if words else ""


def _summarize_quality(options: SubscriptionOptions) -> str:
    return tr("quality at least {quality}", quality=options.min_quality) if options.min_quality > 0 else ""


def _summarize_size(options: SubscriptionOptions) -> str:
    if options.frequency is Frequency.INSTANT:
        return ""
    if options.layout is Layout.LIST:
        return trn("as a list of at most {count} headline", "as a list of at most {count} headlines", options.max_cards)
    return trn("at most {count} card", "at most {count} cards", options.max_cards)


def _summarize_mention(options: SubscriptionOptions) -> str:
    return tr("calls {role}", role=f"<@&{options.mention_role_id}>") if options.mention_role_id else ""


def _summarize_crosspost(options: SubscriptionOptions) -> str:
    return tr("published to following channels") if options.crosspost else ""


def _summarize_withdrawal(options: SubscriptionOptions) -> str:
    match options.on_withdrawal:
        case OnWithdrawal.DELETE:
            return ""
        case OnWithdrawal.MARK:
            return tr("a note stays when a card is withdrawn")
        case OnWithdrawal.KEEP:
            return tr("withdrawn cards stay")


def _summarize_empty(options: SubscriptionOptions) -> str:
    also = options.frequency is not Frequency.INSTANT and not options.skip_empty
    return tr("also when there is nothing new") if also else ""


def _summarize_silence(options: SubscriptionOptions) -> str:
    return tr("without notifications") if options.silent else ""


def _summarize_language(options: SubscriptionOptions) -> str:
    if options.language is None:
        return ""
    return tr("in {language}", language=language_name(options.language or ENGLISH))


FREQUENCIES = {
    Frequency.INSTANT: "instant: each card as it appears",
    Frequency.HOURLY: "hourly digest",
    Frequency.DAILY: "daily digest",
    Frequency.WEEKDAYS: "digest from Monday to Friday",
    Frequency.WEEKLY: "weekly digest",
}
LAYOUT_CHOICES = {name: layout.description for name, layout in DIGEST_LAYOUTS.items()}

OPTIONS = (
    Option(
        name="topics",
        description="One or more topics, with commas between them; nothing means every topic",
        parse=_parse_words,
        complete=complete_topic_list,
        selects=True,
    ),
    Option(
        name="when",
        description="When they come; instant when left out, daily when you give a time of day",
        annotation=str,
        field_name="frequency",
        parse=Frequency,
        choices=FREQUENCIES,
        selects=True,
    ),
    Option(
        name="at",
        description="Times of day of a digest, such as 9:00, 18:30; for hourly ones the minute, such as 0:15",
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
        description="Time zone of these times; this server's last one when left out",
        parse=parse_zone,
        complete=complete_timezones,
        selects=True,
    ),
    Option(
        name="without",
        description="Topics or words to leave out, with commas between them",
        field_name="excluded",
        parse=_parse_words,
        complete=complete_topic_list,
        selects=True,
        summarize=_summarize_exclusions,
    ),
    Option(
        name="min_quality",
        description="Only cards of at least this quality (about 0 to 190)",
        annotation=app_commands.Range[int, 0, 1000],
        selects=True,
        summarize=_summarize_quality,
    ),
    Option(
        name="max_cards",
        description="At most so many cards in a digest (10 when left out)",
        annotation=app_commands.Range[int, 1, 25],
        selects=True,
        summarize=_summarize_size,
    ),
    Option(
        name="layout",
        description="How a digest looks: small cards, or a list of headlines",
        annotation=str,
        parse=Layout,
        choices=LAYOUT_CHOICES,
    ),
    Option(
        name="mention",
        description="A role to call when they come",
        annotation=discord.Role,
        field_name="mention_role_id",
        parse=_parse_role,
        summarize=_summarize_mention,
    ),
    Option(
        name="crosspost",
        description="Publish to the channels that follow this announcement channel",
        annotation=bool,
        summarize=_summarize_crosspost,
    ),
    Option(
        name="on_withdrawal",
        description="What becomes of a post whose card is withdrawn; it is deleted when left out",
        annotation=str,
        parse=OnWithdrawal,
        choices={
            OnWithdrawal.DELETE: "delete the post",
            OnWithdrawal.MARK: "leave a note in its place",
            OnWithdrawal.KEEP: "keep it as it is",
        },
        summarize=_summarize_withdrawal,
    ),
    Option(
        name="skip_empty",
        description="Post no digest when there is nothing new; yes when left out",
        annotation=bool,
        summarize=_summarize_empty,
    ),
    Option(
        name="silent",
        description="Post without notifying anybody; no when left out",
        annotation=bool,
        summarize=_summarize_silence,
    ),
    Option(
        name="language",
        description="Language of what I write around the cards; this server's when left out",
        annotation=str,
        parse=_parse_language,
        # A value of its own, since leaving the option out keeps the language that was chosen before.
        choices={SERVERS_OWN: "this server's", **{name: language_name(name) for name in available_languages()}},
        summarize=_summarize_language,
    ),
)
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
    """Parse given options, by name, into fields of `SubscriptionOptions`. Raises `UserError`."""
    return {
        option.field_name or option.name: option.parse(given[option.name]) for option in OPTIONS if option.name in given
    }


def summarize_options(options: SubscriptionOptions) -> list[str]:
    """Return what differs from an ordinary subscription, in words; topics and schedule are shown beside it."""
    return [text for option in OPTIONS if (text := option.summarize(options))]
