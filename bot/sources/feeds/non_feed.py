"""Tell apart what came instead of a feed."""

from __future__ import annotations

import re

from bot.sources.feeds.model import RefusalReason

_HEAD = 64 * 1024
_MARKUP = re.compile(r"<(?:!doctype\s+html|html|head|body|title|meta|script|div|p|h1|table|center)\b", re.IGNORECASE)
_OPML = re.compile(r"<opml\b", re.IGNORECASE)
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,200})", re.IGNORECASE)
# The whole title, but for a site's name: an article may well be called "Access denied: how …".
_FIREWALL_TITLE = re.compile(
    r"\s*(?:just a moment|attention required|access denied|access to this page has been denied"
    r"|are you (?:a )?(?:human|robot)"
    r"|security check|checking your browser(?: before accessing.*)?|ddos.guard|bot verification|please wait"
    r"|request (?:rejected|blocked)|403 forbidden|robot or human|you have been blocked)[\s.!?…]*(?:[|–-].*)?",
    re.IGNORECASE | re.DOTALL,
)
_FIREWALL_MARK = re.compile(
    r"/cdn-cgi/challenge-platform|cf-chl-|cf-browser-verification|_incapsula_resource|px-captcha|captcha-delivery\.com"
    r"|geo\.captcha|sucuri_cloudproxy|ddos-guard|awswaf|/_sec/cp_challenge|anubis_challenge",
    re.IGNORECASE,
)
_LOGIN_TITLE = re.compile(
    r"\b(?:log|sign)[\s-]?in\b|\blogin\b|\banmelde[n]?\b|\banmeldung\b|\bconnexion\b", re.IGNORECASE
)
_PASSWORD = re.compile(r"<input\b[^>]{0,500}\btype\s*=\s*[\"']?password\b", re.IGNORECASE)
_LOGIN_PATH = re.compile(r"/(?:wp-login\.php|log-?in|sign-?in|oauth2?/authorize)/?(?:[?#]|$)", re.IGNORECASE)


def classify_non_feed(body: bytes, url: str) -> RefusalReason:
    """Classify a document that is no feed. `url` is its final address."""
    if not body.strip(b"\0 \t\r\n\f\v"):
        return RefusalReason.EMPTY
    head = body[:_HEAD].decode("utf-8", "replace")
    if _OPML.search(head):
        return RefusalReason.FEED_LIST
    if not _MARKUP.search(head):
        return RefusalReason.OTHER
    title = match[1] if (match := _TITLE.search(head)) else ""
    if _FIREWALL_TITLE.fullmatch(title) or _FIREWALL_MARK.search(head):
        return RefusalReason.FIREWALL_PAGE
    # A password field alone is no proof: many sites have a login box on every page.
    if _LOGIN_PATH.search(url) or (_PASSWORD.search(head) and _LOGIN_TITLE.search(title)):
        return RefusalReason.LOGIN_PAGE
    return RefusalReason.WEB_PAGE
