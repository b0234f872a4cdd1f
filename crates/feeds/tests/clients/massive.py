"""The official client of Massive (PyPI: massive) against the stand-in: arguments are its ws host:port and its REST address."""

import asyncio
import logging
import sys

from massive import RESTClient, WebSocketClient
from massive.exceptions import AuthError, BadResponse

host, rest = sys.argv[1], sys.argv[2]
warnings = []


class Keep(logging.Handler):
    def emit(self, record):
        warnings.append(record.getMessage())


logging.getLogger("WebSocketClient").addHandler(Keep())


async def listen(market, topics, enough):
    """Everything that comes, until `enough` says so."""
    client = WebSocketClient("KEY", feed=host, market=market, secure=False, subscriptions=topics)
    got = []

    async def take(messages):
        got.extend(messages)
        if enough(got):
            await client.close()

    await asyncio.wait_for(client.connect(take), 30)
    return got


async def wrong_key():
    client = WebSocketClient("WRONG", feed=host, market="forex", secure=False)
    try:
        await asyncio.wait_for(client.connect(lambda _: None), 30)
    except AuthError as error:
        assert "authentication failed" in str(error), error
    else:
        raise AssertionError("a wrong key was taken")


async def main():
    await wrong_key()
    quotes = await listen("forex", ["C.EUR/USD", "C.GBP/USD", "C.NOT/PAID"], lambda got: {m.pair for m in got} >= {"EUR/USD", "GBP/USD"})
    quote = next(m for m in quotes if m.pair == "EUR/USD")
    assert (quote.bid_price, quote.ask_price, quote.timestamp) == (1.14273, 1.14277, 1783944000093), quote
    assert any("not authorized" in line for line in warnings), warnings
    values = await listen("indices", ["V.I:SPX"], lambda got: got)
    assert (values[0].ticker, values[0].value, values[0].timestamp) == ("I:SPX", 3988.5, 1678220098130), values


asyncio.run(main())

client = RESTClient("KEY", base=rest, retries=5)
before = client.get_previous_close_agg("I:SPX")
assert before[0].close == 3822.39, before
bars = list(client.list_aggs("C:EURUSD", 1, "minute", 1783943700000, 1783943999999, limit=2))
assert [bar.timestamp for bar in bars] == [1783943700000 + 60000 * n for n in range(5)], bars
assert bars[0].close == 1.1401 and bars[4].close == 1.1405, bars
assert list(client.list_aggs("C:XAUUSD", 1, "hour", "2026-07-01", "2026-07-02")) == []
last = client.get_last_forex_quote("EUR", "USD")
assert (last.last.bid, last.last.ask, last.last.timestamp) == (1.1426, 1.1427, 1783943999000), last
snapshots = client.get_snapshot_indices(["I:SPX", "I:DJI"])
snapshots = {entry.ticker: entry for entry in snapshots}
assert snapshots["I:SPX"].value == 3988.25, snapshots
assert snapshots["I:DJI"].error == "NOT_ENTITLED", snapshots
try:
    RESTClient("WRONG", base=rest, retries=0).get_previous_close_agg("I:SPX")
except BadResponse as error:
    assert "Unknown API Key" in str(error), error
else:
    raise AssertionError("a wrong key was taken")
print("quotes, values, refusals, pages, snapshots and errors as the client expects them")
