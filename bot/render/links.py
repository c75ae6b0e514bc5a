"""Texts about links that people submit: their preview, what became of them, and who submitted a card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.i18n import format_number, tr, tr_noop, trn
from bot.render.card import format_headline, link_target
from bot.render.feed_problems import describe_problem
from bot.render.fit_lines import fit_lines
from bot.render.limits import count_units
from bot.render.markdown import fit_escaped, fit_link
from bot.store.cards.rows import StoredCard
from bot.store.moderation.submissions import Submission

_COMMENT = 200
_PEOPLE = 3
_NOTICE_TITLE, _NOTICE = 300, 1700
"""Characters of a title, and of a title with its link, which leave room for the sentence around them."""
_WAITING = 1200
"""Characters that the submitters of a page of the queue may take of its text."""
_PROBLEMS = {
    "no_link": tr_noop("I can't link to this address. Use one such as https://example.org/story."),
    "invalid_address": tr_noop("This is not a whole web address such as https://example.org/story."),
    "gone": tr_noop("The site says that this page is gone for good."),
    "unexpected_status": tr_noop("The site's answer isn't a web page."),
    "login_page": tr_noop("This is a login page. Use an address that anyone can read."),
    "firewall_page": tr_noop("The site shows bots a firewall page instead of this one."),
    "too_large": tr_noop("The page is larger than 5 MB."),
    "unreadable": tr_noop("I can't read this page."),
    "too_costly": tr_noop("The page takes too long to read."),
}
_FILES = {
    "application/pdf": "PDF",
    "application/json": "JSON",
    "application/zip": "ZIP",
}


def describe_link_problem(problem: str, status: int | None) -> str:
    """Say why a link cannot be submitted, with the site's status code if that says more."""
    text = tr(_PROBLEMS[problem]) if problem in _PROBLEMS else describe_problem(problem)
    return f"{text} ({status})" if status and status >= 400 else text


def describe_untitled(media_type: str) -> str:
    """Ask for a title: of a file of this type, or of a page if it is empty."""
    if not media_type or media_type.startswith("text/html"):
        return tr("This page has no title. Enter one to submit it.")
    name = _FILES.get(media_type, media_type)
    return tr("This is a file ({type}), not a page. Enter a title to submit it.", type=fit_escaped(name, 60))


def describe_preview(comment: str, *, publishes: bool, is_held: bool) -> str:
    """Say above a preview what submitting the link does."""
    if publishes:
        lines = [tr("This is how the card will look.")]
    elif is_held:
        lines = [tr("This card is already waiting for the moderators. Submit it to show that you want it too.")]
    else:
        lines = [tr("This is how the card will look. The moderators decide whether it is published.")]
    if comment:
        lines.append(tr("Note for the moderators: “{comment}”", comment=fit_escaped(comment, _COMMENT)))
    return "\n".join(lines)


def describe_limit(per_hour: int) -> str:
    """Say that a member has submitted as many links as they may."""
    if not per_hour:
        return tr("Only moderators can submit links here.")
    return trn(
        "You can submit {count} link an hour. Try again later.",
        "You can submit {count} links an hour. Try again later.",
        per_hour,
    )


def format_submitters(people: Sequence[Submission], *, quotes: bool = True) -> str:
    """Name who submitted a card, with their comments if `quotes`, for moderators; empty if nobody did."""
    if not people:
        return ""
    named = [_format_submitter(each) if quotes else f"<@{each.user_id}>" for each in people[:_PEOPLE]]
    more = len(people) - _PEOPLE
    if more > 0:
        named.append(tr("+{count} more", count=format_number(more)))
    return f"📨 {tr('Submitted by {people}', people=' · '.join(named))}"


def _format_submitter(submission: Submission) -> str:
    who = f"<@{submission.user_id}>"
    if not submission.comment:
        return who
    return f"{who}: {tr('“{text}”', text=fit_escaped(submission.comment, _COMMENT))}"


def format_waiting_submitters(
    cards: Sequence[StoredCard], people: Mapping[int, Sequence[Submission]], first: int
) -> str:
    """Name who submitted the cards of a list that is numbered from `first`, a line for each card that somebody did.

    As text below the list's heading, since embeds may show users as bare ids.
    """
    numbered = [(number, people[card.id]) for number, card in enumerate(cards, first) if people.get(card.id)]
    return fit_lines(numbered, _format_waiting, _WAITING)


def _format_waiting(entry: tuple[int, Sequence[Submission]], room: int) -> str:
    number, people = entry
    for quotes in (True, False):
        line = f"**{number}.** {format_submitters(people, quotes=quotes)}"
        if count_units(line) <= room:
            return line
    return ""


def render_decision_notice(card: StoredCard, *, is_published: bool) -> str:
    """Tell a member what was decided on their link."""
    title, url = format_headline(card.card), link_target(card.card)
    linked = fit_link(title, url, min(_NOTICE_TITLE + len(url), _NOTICE)) if url else ""
    named = linked or fit_escaped(title, _NOTICE_TITLE)
    if is_published:
        return f"✅ {tr('The link you submitted was published: {title}', title=named)}"
    return f"🚫 {tr('The moderators decided not to publish the link you submitted: {title}', title=named)}"
