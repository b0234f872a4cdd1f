"""One rival over bars of a file, and what that cost: `rival.py NAME BIDS.csv`, where NAME is backtesting, vectorbt or nautilus.

The rule is one that each of them can say: a crossing of two moving averages (20, 50), a stop and a target each one average true
range away. ORION cannot say it: it runs its six setups. Prints NAME, bars, CPU seconds (user and system) of the run alone, and trades.
"""

import resource
import sys

import numpy as np
import pandas as pd

FAST, SLOW, ATR = 20, 50, 14


def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def load(path):
    bars = pd.read_csv(path, parse_dates=["timestamp"], index_col="timestamp")
    return bars.rename(columns=str.title)


def atr(bars):
    before = bars["Close"].shift(1)
    ranges = pd.concat([bars["High"] - bars["Low"], (bars["High"] - before).abs(), (bars["Low"] - before).abs()], axis=1)
    return ranges.max(axis=1).ewm(alpha=1 / ATR, adjust=False).mean()


def backtesting(bars):
    from backtesting import Backtest, Strategy
    from backtesting.lib import crossover

    class Cross(Strategy):
        def init(self):
            mean = lambda values, n: pd.Series(values).rolling(n).mean()
            self.fast = self.I(mean, self.data.Close, FAST)
            self.slow = self.I(mean, self.data.Close, SLOW)
            self.atr = self.I(lambda: atr(self.data.df))

        def next(self):
            # It wants the target beyond the spread.
            price = self.data.Close[-1]
            far = max(self.atr[-1], 0.0003 * price)
            if self.position:
                return
            if crossover(self.fast, self.slow):
                self.buy(size=1, sl=price - far, tp=price + far)
            elif crossover(self.slow, self.fast):
                self.sell(size=1, sl=price + far, tp=price - far)

    test = Backtest(bars, Cross, cash=1e6, spread=0.0001, trade_on_close=True)
    began = cpu()
    found = test.run()
    return cpu() - began, int(found["# Trades"])


def vectorbt(bars):
    import vectorbt as vbt

    def run():
        close = bars["Close"]
        fast, slow = vbt.MA.run(close, FAST), vbt.MA.run(close, SLOW)
        far = atr(bars) / close
        found = vbt.Portfolio.from_signals(
            close, fast.ma_crossed_above(slow), short_entries=fast.ma_crossed_below(slow), sl_stop=far, tp_stop=far,
            open=bars["Open"], high=bars["High"], low=bars["Low"], size=1, slippage=0.00005, freq="1min",
        )
        return int(found.trades.count())

    run()  # compiled once, which is not counted
    began = cpu()
    trades = run()
    return cpu() - began, trades


def nautilus(bars):
    from decimal import Decimal

    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.config import LoggingConfig, StrategyConfig
    from nautilus_trader.indicators import AverageTrueRange, SimpleMovingAverage
    from nautilus_trader.model import BarType, Money, Quantity, TraderId, Venue
    from nautilus_trader.model.currencies import USD
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
    from nautilus_trader.persistence.wranglers import BarDataWrangler
    from nautilus_trader.test_kit.providers import TestInstrumentProvider
    from nautilus_trader.trading.strategy import Strategy

    gold = TestInstrumentProvider.default_fx_ccy("XAU/USD", Venue("SIM"))
    kind = BarType.from_str(f"{gold.id}-1-MINUTE-BID-EXTERNAL")

    class Config(StrategyConfig, frozen=True):
        pass

    class Cross(Strategy):
        def __init__(self):
            super().__init__(Config())
            self.fast, self.slow = SimpleMovingAverage(FAST), SimpleMovingAverage(SLOW)
            self.range, self.above, self.trades = AverageTrueRange(ATR), None, 0

        def on_start(self):
            for one in (self.fast, self.slow, self.range):
                self.register_indicator_for_bars(kind, one)
            self.subscribe_bars(kind)

        def on_bar(self, bar):
            if not self.indicators_initialized():
                return
            above = self.fast.value > self.slow.value
            crossed, self.above = self.above is not None and above != self.above, above
            if not crossed or not self.portfolio.is_flat(gold.id):
                return
            price, far = float(bar.close), self.range.value
            way = 1 if above else -1
            orders = self.order_factory.bracket(
                instrument_id=gold.id, order_side=OrderSide.BUY if above else OrderSide.SELL, quantity=Quantity.from_int(1000),
                sl_trigger_price=gold.make_price(price - way * far), tp_price=gold.make_price(price + way * far),
            )
            self.submit_order_list(orders)
            self.trades += 1

    frame = bars.rename(columns=str.lower)[["open", "high", "low", "close"]]
    told = BarDataWrangler(kind, gold).process(frame)
    engine = BacktestEngine(BacktestEngineConfig(trader_id=TraderId("RIVAL-1"), logging=LoggingConfig(bypass_logging=True)))
    engine.add_venue(Venue("SIM"), OmsType.NETTING, AccountType.MARGIN, [Money(1_000_000, USD)], base_currency=USD,
                     default_leverage=Decimal(30))
    engine.add_instrument(gold)
    engine.add_data(told)
    strategy = Cross()
    engine.add_strategy(strategy)
    began = cpu()
    engine.run()
    return cpu() - began, strategy.trades


if __name__ == "__main__":
    name, path = sys.argv[1:]
    bars = load(path)
    seconds, trades = {"backtesting": backtesting, "vectorbt": vectorbt, "nautilus": nautilus}[name](bars)
    print(f"{name:<12} {len(bars):>8} bars {seconds:>8.2f} CPU s {len(bars) / seconds:>12,.0f} bars a CPU second, {trades} trades")
