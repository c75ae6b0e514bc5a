"""`python -m tests.crash.steps run`: the program as `newsdesk`, killed at the step that `CRASH_AT` names, if any.

It may take long to end in order, as it does on a machine that is busy with other things. `CRASH_AT` is
`step:when:count`, where `when` is `before` or `after`: the process ends as by SIGKILL at that call of the step, without
any chance to tidy up.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from functools import wraps
from importlib import import_module
from typing import Any

VARIABLE = "CRASH_AT"
STEPS = {
    "fetch": "bot.sources.feeds.fetcher:Fetcher.fetch",
    "read": "bot.sources.feeds.document_reader:DocumentReader.read_feeds",
    "store": "bot.store.cards.importer:CardImporter.import_batches",
    "note": "bot.store.sources.feeds:FeedStore.note_results",
    "plan": "bot.store.outbox.planner:DeliveryPlanner.plan_deliveries",
    "digest": "bot.store.outbox.digests:DigestStore.save_batch",
    "send": "bot.posting.discord_sender:DiscordSender.post_message",
    "statement": "sqlalchemy.ext.asyncio:AsyncConnection.execute",
}
"""The steps between a feed and its posts, by name; a statement of SQL is any within a transaction."""
OTHER_STEPS = {
    "subscribe": "bot.store.subscriptions.subscriptions:Subscriptions.add_subscription",
    "thread": "bot.posting.discord_sender:DiscordSender.start_thread",
    "talk": "bot.posting.discord_sender:DiscordSender.has_discussion",
    "delete": "bot.posting.discord_sender:DiscordSender.delete_message",
}
"""Steps that only some subscriptions take."""


def kill_at(spec: str) -> None:
    """Let this process be killed at a step."""
    step, when, count = spec.split(":")
    module, _, path = (STEPS | OTHER_STEPS)[step].partition(":")
    owner_name, name = path.split(".")
    owner = getattr(import_module(module), owner_name)
    setattr(owner, name, _wrap_step(getattr(owner, name), when, int(count)))


def _wrap_step(work: Callable[..., Awaitable[Any]], when: str, count: int) -> Callable[..., Awaitable[Any]]:
    calls = 0

    def count_call(at: str) -> None:
        nonlocal calls
        calls += at == when
        if at == when and calls == count:
            os.kill(os.getpid(), signal.SIGKILL)

    @wraps(work)
    async def run_step(*args: Any, **options: Any) -> Any:
        count_call("before")
        result = await work(*args, **options)
        count_call("after")
        return result

    return run_step


if __name__ == "__main__":
    from bot import shutdown
    from bot.__main__ import main

    shutdown.WITHIN = 120.0
    if VARIABLE in os.environ:
        kill_at(os.environ[VARIABLE])
    main()
