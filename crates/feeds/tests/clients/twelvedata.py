"""Runs Twelve Data's own client against the addresses given: REST, then WebSocket. The key is `good-key`."""

import queue
import sys

from twelvedata import TDClient
from twelvedata.exceptions import InvalidApiKeyError

REST, STREAM = sys.argv[1], sys.argv[2]

try:
    TDClient(apikey="bad-key", base_url=REST)
    raise SystemExit("a wrong key was taken")
except InvalidApiKeyError as error:
    print("refused", error)

seen: queue.Queue = queue.Queue()
vendor = TDClient(apikey="good-key", base_url=REST)
assert vendor.price(symbol="EUR/USD").as_json() == {"price": "1.14275"}
client = vendor.websocket(symbols=["EUR/USD", "NOPE"], on_event=seen.put)
# The client has no setting for the host.
client.url = STREAM + "/v1/quotes/price?apikey=good-key"
client.connect()


def until(kind):
    while True:
        event = seen.get(timeout=20)
        print("event", event)
        if event["event"] == kind:
            return event


status = until("subscribe-status")
assert [one["symbol"] for one in status["success"]] == ["EUR/USD"], status
assert [one["symbol"] for one in status["fails"]] == ["NOPE"], status
price = until("price")
assert (price["symbol"], price["bid"], price["ask"], price["timestamp"]) == ("EUR/USD", 1.14273, 1.14277, 1783944000), price
client.heartbeat()
assert until("heartbeat")["status"] == "ok"
client.disconnect()
print("done")
