"""Reads what came with a request: JSON, or a multipart form with JSON and files."""

import json
from typing import Any

from aiohttp import BodyPartReader, web

from tests.wire.errors import DiscordError, Json


async def read_body(request: web.BaseRequest) -> Any:
    """The parsed body. A body that is no JSON comes back as the error it earns, for the handler's turn to
    raise.
    """
    if request.content_type.startswith("multipart/"):
        return await _read_multipart(request)
    raw = await request.read()
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return DiscordError(400, 50109, "The request body contains invalid JSON.")


async def _read_multipart(request: web.BaseRequest) -> Json:
    payload: Json = {}
    files: list[Json] = []
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader):
            continue
        data = await part.read()
        if part.name == "payload_json":
            payload = json.loads(data)
        else:
            files.append({"filename": part.filename or "file", "size": len(data)})
    _attach_files(payload, files)
    return payload


def _attach_files(payload: Json, files: list[Json]) -> None:
    """Puts each file's name and size to the attachment that announces it; only those are kept of a file."""
    form = payload["message"] if isinstance(payload.get("message"), dict) else payload
    announced = form.setdefault("attachments", [{} for _ in files])
    for place, file in zip((each for each in announced if "url" not in each), files, strict=False):
        place |= file
