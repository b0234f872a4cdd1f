"""The Python package `websockets`, as its documents show a fan-out: `broadcast` to all connections."""

import asyncio
import sys

from pace import Pace
from websockets.asyncio.server import broadcast, serve


async def main():
    clients = set()

    async def client(connection):
        clients.add(connection)
        try:
            async for _ in connection:
                pass
        finally:
            clients.discard(connection)

    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(lines), sys.stdin
    )
    async with serve(client, "127.0.0.1", 0, compression=None, backlog=4096) as server:
        host, port = server.sockets[0].getsockname()
        print(f"open {host}:{port}", flush=True)
        while line := await lines.readline():
            pace = Pace(line, sys.argv[1])
            while not pace.is_over():
                await asyncio.sleep(max(0, pace.wait_ns() / 1e9))
                for message in pace.take_due():
                    broadcast(clients, message)


asyncio.run(main())
