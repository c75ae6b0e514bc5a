"""What the isolated process is asked to do with a document. It imports no more than the parsers and `bot.cards`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.sources.feeds.model import DocumentError, FetchedDocument, RefusalReason


@dataclass(frozen=True, slots=True)
class DocumentJob:
    """A document, and the function of a module that reads it."""

    read: Callable[[FetchedDocument], Any]
    document: FetchedDocument


def run_job(job: DocumentJob) -> Any:
    """Read a document; a refusal is returned, since the process must answer every request."""
    try:
        return job.read(job.document)
    except DocumentError as error:
        return error.reason
    except Exception:  # noqa: BLE001 - a bug must not affect other documents
        return RefusalReason.UNREADABLE
