"""Runs finnhub-python (REST) and, as finnhub.io/docs shows for trades, websocket-client against the addresses given: REST, then
WebSocket. The key is `good-key`."""

import json
import sys
import threading

import finnhub
import websocket

REST, STREAM = sys.argv[1], sys.argv[2]

finnhub.Client.API_URL = REST + "/api/v1"
client = finnhub.Client(api_key="good-key")
quote = client.quote("OANDA:EUR_USD")
assert {"c", "d", "dp", "h", "l", "o", "pc", "t"} <= quote.keys(), quote
symbols = [one["symbol"] for one in client.forex_symbols("oanda")]
assert "OANDA:EUR_USD" in symbols, symbols
try:
    finnhub.Client(api_key="bad-key").quote("OANDA:EUR_USD")
    raise SystemExit("a wrong key was taken")
except finnhub.FinnhubAPIException as error:
    assert error.status_code == 401, error
print("rest", quote)

seen, errors, done = [], [], threading.Event()


def on_message(socket, text):
    message = json.loads(text)
    seen.append(message)
    print("message", message)
    kinds = {one["type"] for one in seen}
    if {"trade", "ping", "error"} <= kinds:
        done.set()
        socket.close()


def on_open(socket):
    socket.send('{"type":"subscribe","symbol":"OANDA:EUR_USD"}')
    socket.send('{"type":"subscribe","symbol":"OANDA:NOPE"}')


def run(key):
    app = websocket.WebSocketApp(
        f"{STREAM}?token={key}",
        on_message=on_message,
        on_error=lambda _, error: errors.append(error),
        on_open=on_open,
    )
    thread = threading.Thread(target=app.run_forever, daemon=True)
    thread.start()
    thread.join(20)


run("good-key")
assert done.is_set(), (seen, errors)
trade = next(one for one in seen if one["type"] == "trade")["data"][0]
assert (trade["s"], trade["p"], trade["t"]) == ("OANDA:EUR_USD", 1.14275, 1783944000093), trade
error = next(one for one in seen if one["type"] == "error")
assert error["msg"] == "Invalid symbol OANDA:NOPE", error
run("bad-key")
assert any(getattr(error, "status_code", None) == 401 for error in errors), errors
print("done")
