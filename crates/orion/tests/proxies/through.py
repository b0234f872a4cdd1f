"""A client that comes through a proxy: URL, certificate, own address, then what it is to do.

It prints a line of JSON for whatever it sees: `tls`, `message`, `still` (nothing came for so long, and the connection holds),
`closed`.
"""

import asyncio
import json
import ssl
import sys

import websockets


def say(**seen):
    print(json.dumps(seen), flush=True)


async def come(url, certificate, address, channels, quiet_s):
    context = ssl.create_default_context(cafile=certificate)
    # Its own pings would keep the connection open too.
    connect = websockets.connect(
        url,
        ssl=context,
        ping_interval=None,
        local_addr=(address, 0),
        additional_headers={"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"},
    )
    async with connect as ws:
        say(tls=ws.transport.get_extra_info("ssl_object").version())
        await ws.send(json.dumps({"type": "subscribe", "channels": channels, "timestamp": "2026-01-01T00:00:00Z"}))
        try:
            while True:
                try:
                    say(message=json.loads(await asyncio.wait_for(ws.recv(), quiet_s)))
                except asyncio.TimeoutError:
                    say(still=quiet_s)
        except websockets.ConnectionClosed as closed:
            say(closed=closed.rcvd.code if closed.rcvd else None)


asyncio.run(come(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4].split(","), float(sys.argv[5])))
