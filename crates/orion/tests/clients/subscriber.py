"""The specification's Python client, with the server's address as its argument.

It prints one line of JSON for each message it sees: the message, the names of its fields in the order they came, and every
number in it that is not a plain decimal.
"""

import asyncio
import json
import sys
from datetime import datetime, timezone

import websockets


def seen(text):
    exponents = []

    def number(kind):
        def parse(literal):
            if "e" in literal.lower():
                exponents.append(literal)
            return kind(literal)

        return parse

    message = json.loads(text, parse_float=number(float), parse_int=number(int))
    return {
        "message": message,
        "fields": list(message),
        "payload_fields": list(message.get("payload", {})),
        "exponents": exponents,
    }


async def subscribe(url):
    async with websockets.connect(url) as ws:
        await ws.send(
            json.dumps(
                {
                    "type": "subscribe",
                    "channels": ["signals", "prices"],
                    "timestamp": datetime.now(timezone.utc).isoformat(),
                }
            )
        )
        async for message in ws:
            print(json.dumps(seen(message)), flush=True)


asyncio.run(subscribe(sys.argv[1]))
