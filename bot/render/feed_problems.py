"""Why a feed cannot be fetched or read, in words for people."""

from __future__ import annotations

from bot.i18n import tr, tr_noop

_SENTENCES = {
    "invalid_address": tr_noop("This is not a whole web address such as https://example.org/feed."),
    "private_address": tr_noop("This address leads into a private network, from which nothing is fetched."),
    "port_refused": tr_noop("Nothing is fetched from this port."),
    "redirect_loop": tr_noop("The site redirects too often."),
    "invalid_redirect": tr_noop("The site redirects to something that is not a web address."),
    "unknown_host": tr_noop("There is no such site."),
    "unreachable": tr_noop("The site cannot be reached."),
    "tls_error": tr_noop("The site has no valid certificate."),
    "timeout": tr_noop("The site does not answer in time."),
    "invalid_response": tr_noop("The site's answer is garbled."),
    "too_large": tr_noop("The document is larger than 5 MB."),
    "login_required": tr_noop("The site asks for a password."),
    "forbidden": tr_noop("The site refuses bots."),
    "not_found": tr_noop("There is nothing at this address."),
    "gone": tr_noop("The site says that the feed is gone for good."),
    "rate_limited": tr_noop("The site wants to be left alone for a while."),
    "server_error": tr_noop("The site is in trouble."),
    "unexpected_status": tr_noop("The site's answer means nothing for a feed."),
    "empty": tr_noop("The document is empty."),
    "web_page": tr_noop("This is a web page, not a feed."),
    "login_page": tr_noop("This is a login page, not a feed."),
    "firewall_page": tr_noop("The site shows bots a page of its firewall instead of the feed."),
    "feed_list": tr_noop("This is a list of feeds, not a feed."),
    "other_json": tr_noop("This is JSON, but no feed."),
    "other": tr_noop("This is not a feed."),
    "unreadable": tr_noop("The feed cannot be read."),
    "too_costly": tr_noop("The feed takes too long to read."),
}
_UNKNOWN = tr_noop("The feed cannot be stored.")


def describe_problem(problem: str) -> str:
    """Word a `FetchProblem`, or why a document could not be read as a feed."""
    return tr(_SENTENCES.get(problem, _UNKNOWN))
