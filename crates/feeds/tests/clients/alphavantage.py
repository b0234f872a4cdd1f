"""The most used client of Alpha Vantage (PyPI: alpha_vantage) against the stand-in, whose address is the argument."""

import sys

from alpha_vantage.alphavantage import AlphaVantage
from alpha_vantage.foreignexchange import ForeignExchange

# It has no setting for the address.
AlphaVantage._ALPHA_VANTAGE_API_URL = sys.argv[1] + "?"


def refused(call, part):
    try:
        call()
    except ValueError as error:
        assert part in str(error), error
    else:
        raise AssertionError("not refused: " + part)


client = ForeignExchange(key="KEY")
rate, _ = client.get_currency_exchange_rate("USD", "JPY")
assert rate["5. Exchange Rate"] == "148.19900000", rate
assert rate["6. Last Refreshed"] == "2023-11-30 21:43:02", rate
days, meta = client.get_currency_exchange_daily("EUR", "USD")
assert days["2026-07-13"]["4. close"] == "1.1420", days
assert meta["6. Time Zone"] == "UTC", meta
refused(lambda: ForeignExchange(key="WRONG").get_currency_exchange_rate("USD", "JPY"), "apikey is invalid")
refused(lambda: client.get_currency_exchange_rate("USD", "XXX"), "Invalid API call")
refused(lambda: client.get_currency_exchange_rate("USD", "JPY"), "25 requests per day")
print("rates, days, and errors as the client expects them")
