"""Tell members who asked for it what was decided on the links that they submitted."""

from __future__ import annotations

import hashlib

from bot.delivery.gate import Gate
from bot.delivery.sender import MessageSender
from bot.i18n import override_language
from bot.render.links import render_decision_notice
from bot.store import Store
from bot.store.moderation.submissions import SubmissionNotice

_NONCE = 24
"""Characters; Discord takes 25."""


class SubmissionReporter:
    """Worker for decisions that submitters are yet to be told of: once each, whatever is decided later."""

    def __init__(self, store: Store, sender: MessageSender, gate: Gate) -> None:
        self._store = store
        self._submissions = store.moderation.submissions
        self._sender = sender
        self._gate = gate

    async def report_due(self) -> None:
        """Tell everybody who is waiting. A failure that may pass is tried again with the next call."""
        if not self._gate.is_open:
            return
        for notice in await self._submissions.fetch_notices():
            if await self._report_notice(notice):
                await self._submissions.mark_notified(notice)

    async def _report_notice(self, notice: SubmissionNotice) -> bool:
        card = (await self._store.cards.get_by_ids([notice.card_id], notice.guild_id)).get(notice.card_id)
        if card is None:
            return True
        with override_language(notice.language):
            text = render_decision_notice(card, is_published=notice.is_published)
        return await self._sender.notify_member(notice.user_id, text, self._make_nonce(notice))

    def _make_nonce(self, notice: SubmissionNotice) -> str:
        """Return the same nonce for a notice that was sent before a crash, and not noted."""
        whole = f"{self._store.instance} {notice.guild_id} {notice.card_id} {notice.user_id}"
        return hashlib.blake2b(whole.encode(), digest_size=_NONCE // 2).hexdigest()
