"""OANDA's own client (v20) and the most used one (oandapyV20) against ORION's stand-in.

Arguments: the stand-in's address, the token, the account. Prints a line for each client that got what it expects.
"""
import itertools
import signal
import sys

import oandapyV20
import oandapyV20.endpoints.accounts
import oandapyV20.endpoints.instruments
import oandapyV20.endpoints.pricing
import v20

# Whatever hangs, this does not: the alarm ends the process.
signal.alarm(120)

ADDRESS, TOKEN, ACCOUNT = sys.argv[1:4]
NAMES = ["EUR_USD", "GBP_USD", "USD_JPY", "XAU_USD", "US30_USD", "NAS100_USD", "SPX500_USD"]


def with_v20():
    host, port = ADDRESS.split(":")

    def context(token, **more):
        return v20.Context(host, int(port), ssl=False, token=token, poll_timeout=30, **more)

    api = context(TOKEN)
    accounts = api.account.list().get("accounts", 200)
    assert [account.id for account in accounts] == [ACCOUNT], accounts
    instruments = api.account.instruments(ACCOUNT).get("instruments", 200)
    assert [instrument.name for instrument in instruments] == NAMES
    assert [instrument.pipLocation for instrument in instruments] == [-4, -4, -2, -2, 0, 0, 0]

    prices = api.pricing.get(ACCOUNT, instruments="EUR_USD,XAU_USD").get("prices", 200)
    assert [price.bids[0].price for price in prices] == [1.14273, 4123.95]
    assert prices[0].tradeable and prices[0].closeoutAsk == 1.14277

    candles = api.instrument.candles("EUR_USD", granularity="M1", price="MBA", count=4).get("candles", 200)
    assert [candle.complete for candle in candles] == [True, True, True, False]
    assert (candles[0].bid.h, candles[0].ask.l, candles[0].mid.c) == (1.3, 1.0002, 1.2001)
    assert candles[0].time == "2026-07-13T11:57:00.000000000Z"
    since = api.instrument.candles("EUR_USD", granularity="M1", price="B", fromTime=candles[2].time, count=5)
    assert [candle.time for candle in since.get("candles", 200)] == [candle.time for candle in candles[2:]]

    stream = api.pricing.stream(ACCOUNT, snapshot=True, instruments="EUR_USD,XAU_USD")
    assert stream.status == 200, stream
    parts = list(itertools.islice(stream.parts(), 5))
    kinds = [kind for kind, _ in parts]
    assert kinds == ["pricing.ClientPrice"] * 2 + ["pricing.PricingHeartbeat"] * 3, kinds
    assert [(part.instrument, part.asks[0].price) for _, part in parts[:2]] == [
        ("EUR_USD", 1.14277),
        ("XAU_USD", 4124.31),
    ]
    assert parts[0][1].time == "2026-07-13T12:00:10.000000000Z"

    unix = context(TOKEN, datetime_format="UNIX")
    price = unix.pricing.get(ACCOUNT, instruments="EUR_USD").get("prices", 200)[0]
    assert price.time == "1783944010.000000000", price.time

    refused = context("wrong").account.list()
    assert refused.status == 401 and "Insufficient" in refused.get("errorMessage")
    unknown = api.pricing.get(ACCOUNT, instruments="EUR_USD,NO_SUCH")
    assert unknown.status == 400 and "instruments" in unknown.get("errorMessage")
    many = api.instrument.candles("EUR_USD", granularity="M1", count=5001)
    assert many.status == 400 and "'count' exceeded" in many.get("errorMessage")
    future = api.instrument.candles("EUR_USD", granularity="M1", fromTime="2026-07-14T00:00:00Z")
    assert future.status == 400 and "future" in future.get("errorMessage")


def with_oandapy():
    url = f"http://{ADDRESS}"
    oandapyV20.oandapyV20.TRADING_ENVIRONMENTS["practice"] = {"stream": url, "api": url}
    endpoints = oandapyV20.endpoints
    api = oandapyV20.API(access_token=TOKEN, request_params={"timeout": 30})

    accounts = api.request(endpoints.accounts.AccountList())
    assert [account["id"] for account in accounts["accounts"]] == [ACCOUNT]
    only = endpoints.accounts.AccountInstruments(ACCOUNT, params={"instruments": "XAU_USD"})
    assert [instrument["name"] for instrument in api.request(only)["instruments"]] == ["XAU_USD"]
    prices = api.request(endpoints.pricing.PricingInfo(ACCOUNT, params={"instruments": "EUR_USD"}))
    assert prices["prices"][0]["bids"][0]["price"] == "1.14273"

    params = {"granularity": "M1", "price": "BA", "count": 2, "from": "2026-07-13T11:58:00Z"}
    candles = api.request(endpoints.instruments.InstrumentsCandles("EUR_USD", params=params))
    assert [candle["time"][11:16] for candle in candles["candles"]] == ["11:58", "11:59"]
    assert "mid" not in candles["candles"][0] and candles["candles"][0]["bid"]["o"] == "1.1"

    stream = endpoints.pricing.PricingStream(ACCOUNT, params={"instruments": "EUR_USD,XAU_USD"})
    lines = list(itertools.islice(api.request(stream), 4))
    assert [line["type"] for line in lines] == ["PRICE", "PRICE", "HEARTBEAT", "HEARTBEAT"], lines
    assert lines[1]["instrument"] == "XAU_USD" and lines[1]["closeoutBid"] == "4123.95"

    try:
        oandapyV20.API(access_token="wrong").request(endpoints.accounts.AccountList())
        raise AssertionError("a wrong token was taken")
    except oandapyV20.exceptions.V20Error as error:
        assert error.code == 401 and "Insufficient" in str(error)


with_v20()
print("v20: ok")
with_oandapy()
print("oandapyV20: ok")
