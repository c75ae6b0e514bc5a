"""Why a feed cannot be fetched or read, in words for people."""

from __future__ import annotations

from bot.i18n import tr, tr_noop

_SENTENCES = {
    "invalid_address": tr_noop("This is not a whole web address such as https://example.org/feed."),
    "private_address": tr_noop("This address is in a private network, and I don't fetch from those."),
    "port_refused": tr_noop("I don't fetch from this port."),
    "redirect_loop": tr_noop("The site redirects too many times."),
    "invalid_redirect": tr_noop("The site redirects to something that is not a web address."),
    "unknown_host": tr_noop("This site doesn't exist."),
    "unreachable": tr_noop("I can't reach this site."),
    "tls_error": tr_noop("The site has no valid certificate."),
    "timeout": tr_noop("The site took too long to answer."),
    "invalid_response": tr_noop("The site sent a broken response."),
    "too_large": tr_noop("The document is larger than 5 MB."),
    "login_required": tr_noop("The site asks for a password."),
    "forbidden": tr_noop("The site refuses bots."),
    "not_found": tr_noop("There is nothing at this address."),
    "gone": tr_noop("The site says that the feed is gone for good."),
    "rate_limited": tr_noop("The site asked me to slow down."),
    "server_error": tr_noop("The site has a server error."),
    "unexpected_status": tr_noop("The site sent an unexpected response."),
    "empty": tr_noop("The document is empty."),
    "web_page": tr_noop("This is a web page, not a feed."),
    "login_page": tr_noop("This is a login page, not a feed."),
    "firewall_page": tr_noop("The site shows bots a firewall page instead of the feed."),
    "feed_list": tr_noop("This is a list of feeds, not a feed."),
    "other_json": tr_noop("This is JSON, but not a feed."),
    "other": tr_noop("This is not a feed."),
    "unreadable": tr_noop("I can't read this feed."),
    "too_costly": tr_noop("The feed takes too long to read."),
}
_UNKNOWN = tr_noop("I can't store this feed.")


def describe_problem(problem: str) -> str:
    """Word a `FetchProblem`, or why a document could not be read as a feed."""
    return tr(_SENTENCES.get(problem, _UNKNOWN))
