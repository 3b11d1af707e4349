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
        """The direction whose next chunk is cut."""
        self.stranded = False

    def abort(self) -> None:
        for writer in self.writers:
            writer.transport.abort()


class Proxy:
    """Listens on `port` and passes everything on to `target`, as long as nothing else is asked of it."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.delay = 0.0
        """Seconds by which each chunk is late, in both directions."""
        self._refusing = False
        self._links: set[_Link] = set()
        self._loop = LoopThread()
        self._flowing = self._loop.call(self._event())
        self._never = self._loop.call(self._unset_event())
        self._server = self._loop.call(self._listen())
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> int:
        """Ends every connection at once, without a word; how many there were."""
        return self._loop.call(self._cut())

    def cut_mid(self, direction: str) -> None:
        """Cuts each connection in its next chunk of this direction.

        Towards the server half of the chunk still arrives (a statement torn apart); towards the client nothing does
        (the server has done it, and its answer is lost).
        """
        self._loop.call(self._mark(direction))

    def refuse(self, on: bool) -> None:
        """New connections are ended as soon as they are made."""
        self._refusing = on

    def stall(self, on: bool) -> None:
        """Nothing passes, and nothing is cut: as a network that drops every packet."""
        self._loop.call(self._set_flowing(not on))

    def strand(self) -> None:
        """Nothing passes on the connections that there are, ever again, and nobody is told; new ones are good. As when a
        server is replaced by another behind the same address."""
        self._loop.call(self._strand())

    def heal(self) -> None:
        self.delay = 0.0
        self.refuse(False)
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
            pass  # we end
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
                if link.cut_in == direction:
                    if direction == TO_SERVER:
                        writer.write(chunk[: len(chunk) // 2])
                        await writer.drain()
                    break
                writer.write(chunk)
                await writer.drain()
            else:
                if not link.stranded:
                    # The other side has said all that it will say; what is on its way back still passes.
                    writer.write_eof()
                    return
        except OSError:
            pass
        if link.stranded:
            await self._never.wait()  # an end does not pass either
        link.abort()
