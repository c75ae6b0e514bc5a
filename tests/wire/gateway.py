"""The gateway's websocket: hello, heartbeats, identify, resume, and the faults of a connection on command."""

import asyncio
import json
import zlib
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from tests.wire.errors import Json
from tests.wire.payloads import bot_member
from tests.wire.sessions import Session, Sessions
from tests.wire.settings import WireSettings
from tests.wire.state import WireWorld

_HEARTBEAT, _IDENTIFY, _RESUME, _REQUEST_MEMBERS = 1, 2, 6, 8
_RECONNECT, _INVALID_SESSION, _HELLO, _HEARTBEAT_ACK = 7, 9, 10, 11
_AUTHENTICATION_FAILED, _TIMED_OUT, _NOT_AUTHENTICATED = 4004, 4009, 4003
_ALREADY_AUTHENTICATED, _INVALID_SHARD, _DECODE_ERROR, _UNKNOWN_OPCODE = 4005, 4010, 4002, 4001


class _HangUpError(Exception):
    """The server ends the connection with a close code of Discord's."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Connection:
    """One websocket. Frames leave in order through a queue, since compression is one stream over all of
    them.
    """

    def __init__(self, socket: web.WebSocketResponse, request: web.BaseRequest) -> None:
        self._socket = socket
        self._transport = request.transport
        # zstd is in no library that comes along; a client that asks for it reads plain text frames as well.
        self._deflate = zlib.compressobj() if request.query.get("compress") == "zlib-stream" else None
        self._outgoing: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self.session: Session | None = None

    def send_text(self, text: str) -> None:
        self._outgoing.put_nowait(text)

    def send_frame(self, data: bytes, *, packed: bool) -> None:
        """Any bytes as a frame; ``packed``, they are part of the compressed stream."""
        if packed and self._deflate is not None:
            data = self._deflate.compress(data) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        self._outgoing.put_nowait(data)

    def send_op(self, op: int, data: Any = None) -> None:
        self.send_text(json.dumps({"op": op, "d": data, "s": None, "t": None}))

    def finish_writing(self) -> None:
        """Lets :meth:`write_frames` return once all before it is sent."""
        self._outgoing.put_nowait(None)

    async def write_frames(self) -> None:
        with suppress(ConnectionError):
            while (text := await self._outgoing.get()) is not None:
                await self._write_one(text)

    async def _write_one(self, text: str | bytes) -> None:
        if isinstance(text, bytes):
            await self._socket.send_bytes(text)
            return
        if self._deflate is None:
            await self._socket.send_str(text)
            return
        data = self._deflate.compress(text.encode()) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        await self._socket.send_bytes(data)

    def drop_connection(self) -> None:
        """Breaks the line without a close frame, as a failing network does."""
        if self._transport is not None:
            self._transport.abort()

    async def close(self, code: int, reason: str) -> None:
        with suppress(ConnectionError):
            await self._socket.close(code=code, message=reason.encode())


class Gateway:
    """Serves connections and binds them to sessions."""

    def __init__(self, world: WireWorld, settings: WireSettings, sessions: Sessions) -> None:
        self._world = world
        self._settings = settings
        self._sessions = sessions
        self.connections: set[Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve_connection(self, request: web.BaseRequest) -> web.StreamResponse:
        if self._settings.gateway_down:
            return web.Response(status=503, text="upstream connect error")
        socket = web.WebSocketResponse(max_msg_size=1 << 20)
        await socket.prepare(request)
        connection = Connection(socket, request)
        self.connections.add(connection)
        writer = asyncio.create_task(connection.write_frames())
        try:
            connection.send_op(_HELLO, {"heartbeat_interval": self._settings.heartbeat_interval_ms, "_trace": []})
            await self._read_frames(connection, socket)
        except _HangUpError as ending:
            await connection.close(ending.code, ending.reason)
        finally:
            self._remove_connection(connection)
            connection.finish_writing()
            await writer
        return socket

    def _remove_connection(self, connection: Connection) -> None:
        self.connections.discard(connection)
        session = connection.session
        if session is not None and session.line is connection:
            session.line = None

    async def _read_frames(self, connection: Connection, socket: web.WebSocketResponse) -> None:
        # Discord gives up on a client that lets its heartbeats fail; twice the interval is surely that.
        patience = 2 * self._settings.heartbeat_interval_ms / 1000
        while True:
            try:
                frame = await socket.receive(timeout=patience)
            except TimeoutError:
                raise _HangUpError(_TIMED_OUT, "Session timed out.") from None
            if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                return
            try:
                packet = json.loads(frame.data)
                op, data = int(packet["op"]), packet.get("d")
            except (ValueError, KeyError, TypeError):
                raise _HangUpError(_DECODE_ERROR, "Error while decoding payload.") from None
            self._handle_frame(connection, op, data)

    def _handle_frame(self, connection: Connection, op: int, data: Any) -> None:
        if op == _HEARTBEAT:
            connection.send_op(_HEARTBEAT_ACK)
        elif op == _IDENTIFY:
            self._handle_identify(connection, data)
        elif op == _RESUME:
            self._handle_resume(connection, data)
        elif connection.session is None:
            raise _HangUpError(_NOT_AUTHENTICATED, "Not authenticated.")
        elif op == _REQUEST_MEMBERS:
            self._send_member_chunk(connection.session, data)
        elif op not in (3, 4, 31):
            raise _HangUpError(_UNKNOWN_OPCODE, "Unknown opcode.")

    def _handle_identify(self, connection: Connection, data: Json) -> None:
        if connection.session is not None:
            raise _HangUpError(_ALREADY_AUTHENTICATED, "Already authenticated.")
        self._check_token(data)
        number, count = data.get("shard") or (0, 1)
        if not 0 <= number < count:
            raise _HangUpError(_INVALID_SHARD, "Invalid shard.")
        if self._sessions.is_too_soon(number, asyncio.get_running_loop().time()):
            connection.send_op(_INVALID_SESSION, data=False)
            return
        connection.session = self._sessions.identify_shard(connection, (number, count), int(data["intents"]))

    def _handle_resume(self, connection: Connection, data: Json) -> None:
        self._check_token(data)
        session = self._sessions.get_session(str(data.get("session_id")))
        if session is not None:
            session.line = connection
            if session.replay_events(int(data["seq"] or 0)):
                connection.session = session
                self._sessions.resumed += 1
                session.dispatch_event("RESUMED", '{"_trace":[]}')
                return
            session.line = None
            self._sessions.invalidate_session(session)
        connection.send_op(_INVALID_SESSION, data=False)

    def _check_token(self, data: Json) -> None:
        token = self._settings.token
        if not data.get("token") or token not in (None, data["token"]):
            raise _HangUpError(_AUTHENTICATION_FAILED, "Authentication failed.")

    def _send_member_chunk(self, session: Session, data: Json) -> None:
        """Op 8: every member there is in one chunk, which is the bot and those whom a test made."""
        guild = self._world.guilds.get(int(data["guild_id"]))
        if guild is None:
            return
        chunk: Json = {
            "guild_id": str(guild.id),
            "members": [bot_member(self._world, guild), *guild.members.values()],
            "chunk_index": 0,
            "chunk_count": 1,
        }
        if data.get("nonce"):
            chunk["nonce"] = data["nonce"]
        session.dispatch_event("GUILD_MEMBERS_CHUNK", json.dumps(chunk))

    def frame(self, data: bytes, *, packed: bool) -> int:
        """Sends these bytes as a frame on every live connection; says on how many."""
        for connection in self.connections:
            connection.send_frame(data, packed=packed)
        return len(self.connections)

    def run_command(self, action: str, shard: int | None, code: int, *, resumable: bool) -> int:
        """Does to the live connections what a test wants; says to how many.

        ``reconnect`` sends op 7, ``invalid`` op 9, ``close`` a close frame, ``drop`` breaks the line.
        """
        selected = [each for each in self.connections if shard is None or _shard_of(each) == shard]
        for connection in selected:
            if action in ("invalid", "close", "drop") and not resumable and connection.session is not None:
                self._sessions.invalidate_session(connection.session)
            if action == "reconnect":
                connection.send_op(_RECONNECT)
            elif action == "invalid":
                connection.send_op(_INVALID_SESSION, data=resumable)
            elif action == "close":
                self._hold_reference(asyncio.create_task(connection.close(code, "On command.")))
            else:
                connection.drop_connection()
        return len(selected)

    def _hold_reference(self, task: asyncio.Task[None]) -> None:
        """Keeps a reference until the task is done, since the loop keeps only a weak one."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _shard_of(connection: Connection) -> int | None:
    return connection.session.shard[0] if connection.session else None
