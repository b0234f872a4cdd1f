"""Runs python-kraken-sdk's SpotWSClient against the address given: the stand-in is faithful if the client takes it for Kraken."""

import asyncio
import sys

from kraken.spot import SpotWSClient


async def main(address: str) -> None:
    seen: asyncio.Queue = asyncio.Queue()

    async def on_message(message: dict) -> None:
        await seen.put(message)

    async def until(what: str, fits) -> dict:
        while True:
            message = await asyncio.wait_for(seen.get(), 20)
            if fits(message):
                print(what, message)
                return message

    client = SpotWSClient(callback=on_message, ws_url=address)
    await client.start()
    await until("status", lambda m: m.get("channel") == "status" and m["data"][0]["system"] == "online")
    await until("pong", lambda m: m.get("method") == "pong")
    await client.subscribe(
        params={"channel": "ticker", "symbol": ["EUR/USD", "XX/YY"], "event_trigger": "bbo", "snapshot": True}
    )
    answers = [await until("answer", lambda m: m.get("method") == "subscribe") for _ in range(2)]
    assert [answer["success"] for answer in answers] == [True, False], answers
    assert answers[0]["result"]["symbol"] == "EUR/USD"
    assert answers[1]["error"] == "Currency pair not supported XX/YY"
    # The client keeps the subscriptions that it will ask for again after a loss.
    kept = client.active_public_subscriptions
    assert [one["symbol"] for one in kept] == [["EUR/USD"]], kept
    ticker = await until("ticker", lambda m: m.get("channel") == "ticker" and m["type"] == "update")
    assert ticker["data"][0]["bid"] == 1.1427 and ticker["data"][0]["ask"] == 1.1429
    await until("heartbeat", lambda m: m == {"channel": "heartbeat"})
    assert not client.exception_occur
    await client.close()
    print("done")


asyncio.run(main(sys.argv[1]))
