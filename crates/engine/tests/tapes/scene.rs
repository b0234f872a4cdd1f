//! The shortest path that arms the setup, as a tape.

/// 5m candles from 10:00 that end with a sweep of the lows, a shift upwards and a gap in it; armed at 11:00.
pub(crate) const LONG: &str = "
    10:00 candle EURUSD 5m 60 62 58 60
    10:05 candle EURUSD 5m 60 63 55 56
    10:10 candle EURUSD 5m 56 57 50 52
    10:15 candle EURUSD 5m 52 58 51 57
    10:20 candle EURUSD 5m 57 60 56 58
    10:25 candle EURUSD 5m 58 59 48 49   # breaks the low of 10:10: the trend is down
    10:30 candle EURUSD 5m 49 51 44 46
    10:35 candle EURUSD 5m 46 50 45 49   # confirms the low of 10:30
    10:40 candle EURUSD 5m 49 51 47 48
    10:45 candle EURUSD 5m 48 49 43 46   # sweeps it
    10:50 candle EURUSD 5m 46 58 46 57   # shifts upwards, displacing
    10:55 candle EURUSD 5m 57 62 53 61   # leaves the gap 49 to 53
";

/// The same path seen in a mirror at 53 pips: armed for a short.
pub(crate) fn short() -> String {
    let mirror = |line: &str| {
        let words: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
        let [time, kind, symbol, timeframe, open, high, low, close] = words[..] else {
            return String::new();
        };
        let flip = |pips: &str| 106 - pips.parse::<i64>().unwrap();
        let (open, high, low, close) = (flip(open), flip(low), flip(high), flip(close));
        format!("{time} {kind} {symbol} {timeframe} {open} {high} {low} {close}\n")
    };
    LONG.lines().map(mirror).collect()
}

/// Price has come back to one pip above the gap, and the minutes have turned down: their last one is closed at 11:03:03.
pub(crate) const BACK: &str = "
    11:00:00 EURUSD 1.08595 1.08605
    11:00:20 EURUSD 1.08565 1.08575
    11:01:10 EURUSD 1.08595 1.08605
    11:01:50 EURUSD 1.08615 1.08625
    11:02:10 EURUSD 1.08555 1.08565
    11:02:50 EURUSD 1.08535 1.08545
";

/// The mid touches the gap at its top: pending, to be decided by 11:08:55. The ask has not reached the entry 1.08530.
pub(crate) const TRIGGER: &str = "
    11:04:10 EURUSD 1.08525 1.08535
";

/// And confirmed at 11:06:03.
pub(crate) const CONFIRM: &str = "
    11:04:20 EURUSD 1.08515 1.08525   # entered
    11:05:10 EURUSD 1.08515 1.08525
    11:05:50 EURUSD 1.08555 1.08565
    11:06:04 EURUSD 1.08555 1.08565
";

/// A tape some hours later.
pub(crate) fn later(hours: u32, tape: &str) -> String {
    let later = |line: &str| match line.trim_start().split_once(':') {
        Some((hour, rest)) => format!("{}:{rest}\n", hour.parse::<u32>().unwrap() + hours),
        None => format!("{line}\n"),
    };
    tape.lines().map(later).collect()
}

/// From the first candle to the trigger.
pub(crate) fn triggered() -> String {
    format!("{LONG}{BACK}{TRIGGER}")
}
