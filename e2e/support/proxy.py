"""A TCP proxy that fails on demand: cuts connections between two bytes, delays, stalls, refuses."""

from __future__ import annotations

import asyncio
from typing import Optional

from support.looping import LoopThread

CHUNK = 65536
TO_SERVER, TO_CLIENT = "to_server", "to_client"


class _Link:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.writers = (client, server)
        self.cut_in: Optional[str] = None
        """The direction in which the next chunk is cut."""
        self.stranded = False

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class Proxy:
    """Listens on `port` and passes everything on to `target`, as long as nothing else is asked of it."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.delay = 0.0
        """Seconds that each chunk is delayed, in both directions."""
        self._refusing = False
        self._losing = False
        self._links: set[_Link] = set()
        self._loop = LoopThread()
        self._flowing = self._loop.call(self._event())
        self._never = self._loop.call(self._unset_event())
        self._server = self._loop.call(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> int:
        """Ends every connection at once; returns how many there were."""
        return self._loop.call(self._cut())

    def cut_mid(self, direction: str) -> None:
        """Cuts each connection at its next chunk in this direction.

        Towards the server, half of the chunk arrives (a torn statement). Towards the client nothing arrives: the server
        has acted, and its answer is lost.
        """
        self._loop.call(self._mark(direction))

    def refuse(self, on: bool) -> None:
        """Ends new connections as soon as they are made."""
        self._refusing = on

    def lose_answers(self, on: bool) -> None:
        """Passes everything on to the server, and ends a connection instead of passing on what it answers."""
        self._losing = on

    def stall(self, on: bool) -> None:
        """Passes nothing on and cuts nothing, like a network that drops every packet."""
        self._loop.call(self._set_flowing(not on))

    def strand(self) -> None:
        """Passes nothing on over the present connections, ever again, and tells neither side; new connections work.
        This is what a client sees when another server takes over the address of the old one."""
        self._loop.call(self._strand())

    def heal(self) -> None:
        self.delay = 0.0
        self.refuse(False)
        self.lose_answers(False)
        self.stall(False)

    def close(self) -> None:
        self.cut()
        self._loop.call(self._stop())
        self._loop.stop()

    async def _event(self) -> asyncio.Event:
        event = asyncio.Event()
        event.set()
        return event

    async def _unset_event(self) -> asyncio.Event:
        return asyncio.Event()

    async def _listen(self) -> asyncio.base_events.Server:
        return await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=CHUNK)

    async def _stop(self) -> None:
        self._server.close()

    async def _cut(self) -> int:
        links = list(self._links)
        for link in links:
            link.abort()
        return len(links)

    async def _mark(self, direction: str) -> None:
        for link in self._links:
            link.cut_in = direction

    async def _strand(self) -> None:
        for link in self._links:
            link.stranded = True

    async def _set_flowing(self, on: bool) -> None:
        self._flowing.set() if on else self._flowing.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        try:
            there, onward = await asyncio.open_connection("127.0.0.1", self.target, limit=CHUNK)
        except OSError:
            writer.transport.abort()
            return
        link = _Link(writer, onward)
        self._links.add(link)
        try:
            await asyncio.gather(
                self._pump(link, reader, onward, TO_SERVER), self._pump(link, there, writer, TO_CLIENT)
            )
        except asyncio.CancelledError:
            pass  # the proxy stops
        finally:
            self._links.discard(link)
            link.abort()

    async def _pump(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: str
    ) -> None:
        try:
            while chunk := await reader.read(CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._flowing.wait()
                if link.stranded:
                    await self._never.wait()
                if self._losing and direction == TO_CLIENT:
                    break
                if link.cut_in == direction:
                    if direction == TO_SERVER:
                        writer.write(chunk[: len(chunk) // 2])
                        await writer.drain()
                    break
                writer.write(chunk)
                await writer.drain()
            else:
                if not link.stranded:
                    # The sender has sent everything; answers to it may still pass.
                    writer.write_eof()
                    return
        except OSError:
            pass
        if link.stranded:
            await self._never.wait()  # the end of a connection is not passed on either
        link.abort()
