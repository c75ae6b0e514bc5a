"""What a subscription's options change, in words, for the summary of one subscription."""

from __future__ import annotations

from bot.domain.subscription import Frequency, Layout, OnWithdrawal, SubscriptionOptions, digest_layout
from bot.i18n import ENGLISH, language_name, tr, trn
from bot.render.levels import quality_text
from bot.render.markdown import fit_escaped
from bot.ui.colours import format_colour

_WORDS_SHOWN = 250
"""Characters shown of each list of words or names, so that all lines fit into one field of an embed."""
_TEMPLATE_SHOWN = 100


def summarize_nothing(_options: SubscriptionOptions) -> str:
    return ""


def summarize_words(options: SubscriptionOptions) -> str:
    words = fit_escaped(", ".join(options.words), _WORDS_SHOWN)
    return tr("with {words}", words=words) if words else ""


def summarize_providers(options: SubscriptionOptions) -> str:
    providers = fit_escaped(", ".join(options.providers), _WORDS_SHOWN)
    return tr("only from {providers}", providers=providers) if providers else ""


def summarize_exclusions(options: SubscriptionOptions) -> str:
    words = fit_escaped(", ".join(options.excluded), _WORDS_SHOWN)
    return tr("without {words}", words=words) if words else ""


def summarize_quality(options: SubscriptionOptions) -> str:
    quality = options.min_quality
    return tr("quality at least {quality} ({word})", quality=quality, word=quality_text(quality)) if quality > 0 else ""


def summarize_size(options: SubscriptionOptions) -> str:
    if options.frequency is Frequency.INSTANT:
        return ""
    if options.layout is Layout.LIST:
        return trn("as a list of at most {count} headline", "as a list of at most {count} headlines", options.max_cards)
    return trn("at most {count} card", "at most {count} cards", options.max_cards)


def summarize_mention(options: SubscriptionOptions) -> str:
    return tr("mentions {role}", role=f"<@&{options.mention_role_id}>") if options.mention_role_id else ""


def summarize_crosspost(options: SubscriptionOptions) -> str:
    return tr("published to following channels") if options.crosspost else ""


def summarize_withdrawal(options: SubscriptionOptions) -> str:
    match options.on_withdrawal:
        case OnWithdrawal.DELETE:
            return ""
        case OnWithdrawal.MARK:
            return tr("withdrawn cards leave a note")
        case OnWithdrawal.KEEP:
            return tr("withdrawn cards stay")


def summarize_empty(options: SubscriptionOptions) -> str:
    also = options.frequency is not Frequency.INSTANT and not options.skip_empty
    return tr("even when nothing is new") if also else ""


def summarize_silence(options: SubscriptionOptions) -> str:
    return tr("without notifications") if options.silent else ""


def summarize_language(options: SubscriptionOptions) -> str:
    if options.language is None:
        return ""
    return tr("in {language}", language=language_name(options.language or ENGLISH))


def summarize_age(options: SubscriptionOptions) -> str:
    if not options.keep_days:
        return ""
    return trn("posts are deleted after {count} day", "posts are deleted after {count} days", options.keep_days)


def summarize_thread(options: SubscriptionOptions) -> str:
    return tr("with a thread under each post") if options.thread else ""


def summarize_backfill(options: SubscriptionOptions) -> str:
    if not options.backfill:
        return ""
    return trn("starts with the latest {count} card", "starts with the latest {count} cards", options.backfill)


def summarize_layout(options: SubscriptionOptions) -> str:
    if options.frequency is Frequency.INSTANT:
        return ""
    if digest_layout(options) is not options.layout:
        return tr("as cards instead of a magazine while a role is mentioned or posts are crossposted")
    match options.layout:
        case Layout.COMPACT:
            return tr("in compact lines")
        case Layout.MAGAZINE:
            return tr("as a magazine")
        case _:
            return ""


def summarize_colour(options: SubscriptionOptions) -> str:
    return "" if options.colour is None else tr("in the colour {colour}", colour=format_colour(options.colour))


def summarize_template(options: SubscriptionOptions) -> str:
    text = fit_escaped(options.template, _TEMPLATE_SHOWN)
    return tr("with “{text}” above each post", text=text) if text else ""
