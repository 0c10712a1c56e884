"""A far link: relays TCP to a port of 127.0.0.1, each byte later by so many milliseconds each way. It never pushes back, so
what bounds a transfer through it is what the two ends allow to be under way, as on a long fat network.

  delay.py PORT MILLISECONDS     prints the port it listens on
"""
import asyncio
import collections
import sys


class Late(asyncio.Protocol):
    """One side; what it hears goes to the other side after the delay, in order."""

    def __init__(self, delay):
        self.delay, self.other, self.queue, self.loop = delay, None, collections.deque(), asyncio.get_running_loop()
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.later(data)

    def connection_lost(self, _error):
        self.later(None)

    def later(self, data):
        self.queue.append((self.loop.time() + self.delay, data))
        if len(self.queue) == 1:
            self.loop.call_at(self.queue[0][0], self.deliver)

    def deliver(self):
        while self.queue and self.queue[0][0] <= self.loop.time():
            data = self.queue.popleft()[1]
            if data is None:
                self.other.transport.close()
            elif not self.other.transport.is_closing():
                self.other.transport.write(data)
        if self.queue:
            self.loop.call_at(self.queue[0][0], self.deliver)


class Near(Late):
    """The side of the client; the far one is dialled first, and what comes meanwhile waits."""

    def __init__(self, delay, port):
        super().__init__(delay)
        self.port, self.dialling = port, None

    def connection_made(self, transport):
        super().connection_made(transport)
        transport.pause_reading()
        self.dialling = asyncio.ensure_future(self.dial())

    async def dial(self):
        _, self.other = await self.loop.create_connection(lambda: Late(self.delay), "127.0.0.1", self.port)
        self.other.other = self
        self.transport.resume_reading()


async def main():
    port, delay = int(sys.argv[1]), float(sys.argv[2]) / 1000
    server = await asyncio.get_running_loop().create_server(lambda: Near(delay, port), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
