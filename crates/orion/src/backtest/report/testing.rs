//! Reports made up for tests: plausible, consistent with themselves, and the same every time.

use lab::backtest::report::{
    Band, Bin, Bootstrap, ByCause, Candle, Confirmation, Control, Costs, Counted, Day, Drawdown,
    EdgeVerdict, FORMAT, Fold, FoldPart, Followed, Grade, Group, LEAST, Month, Parameter, Report,
    Returns, Run, Scores, SignalCounts, Step, SymbolSpan, Tally, Trade, TradeSignal, TradeTarget,
};
use market::SourceTime;

/// 2024-01-02, a Tuesday.
const FIRST_DAY: i64 = 19_724;
const SETUPS: [(&str, &str); 6] = [
    ("mss_fvg", "MSS+FVG setup"),
    ("block_retest", "Order Block retest"),
    ("liquidity_sweep", "Liquidity sweep"),
    ("smt", "SMT divergence"),
    ("bos_retest", "BOS confirmation"),
    ("premium_discount", "Premium/Discount entry"),
];
const SYMBOLS: [(&str, u8, f64); 3] = [
    ("EURUSD", 5, 1.0843),
    ("XAUUSD", 2, 2043.17),
    ("US30", 1, 37_420.5),
];
const KILLZONES: [(&str, i64); 3] = [("asia", 3), ("london", 8), ("ny_am", 14)];

/// Numbers that look random and are always the same (Steele, Lea & Flood 2014: splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as f64 / u64::MAX as f64
    }

    fn pick(&mut self, count: usize) -> usize {
        ((self.roll() * count as f64) as usize).min(count - 1)
    }
}

/// A report of so many trades, each with its bars.
pub(crate) fn report(trades: usize) -> Report {
    let mut dice = Dice(7);
    let trades: Vec<Trade> = (0..trades).map(|place| trade(place, &mut dice)).collect();
    let all: Vec<&Trade> = trades.iter().collect();
    let group = group(&all);
    let days = days(&trades);
    let enough = group.enough;
    Report {
        format: FORMAT,
        run: run(),
        notes: vec![
            "Judged by bars: where a stop and a target lie in one bar, the stop is taken to have come first.".to_owned(),
            "Control: up to 5 random entries beside each trade.".to_owned(),
        ],
        headline: if enough {
            format!("no edge: hits {:.0} % of {}, chance 55 %; {:+.2} R a trade after costs", group.rate * 100.0, group.n, group.r.mean)
        } else if trades.is_empty() {
            "no trades: nothing can be said".to_owned()
        } else {
            format!("not enough data: {} of {LEAST} trades", group.n)
        },
        edge: if enough { EdgeVerdict::None } else { EdgeVerdict::Unknown },
        signals: SignalCounts {
            born: 2 * trades.len() as u64 + 3,
            confirmed: trades.len() as u64 + 1,
            invalidated: trades.len() as u64 + 2,
            running: 1,
            ambiguous: trades.iter().filter(|trade| trade.ambiguous).count() as u64,
        },
        groups: groups(&trades),
        scores: (!trades.is_empty()).then_some(Scores {
            n: trades.len() as u32,
            confidence: 0.561,
            brier: 0.2471,
            skill: Some(-0.0061),
            log_loss: 0.6874,
            calibration_error: 0.0312,
        }),
        months: months(&days),
        drawdown: Drawdown {
            r: days.iter().map(|day| day.drawdown).fold(0.0, f64::max),
            from: days.first().map(|day| day.day.clone()),
            depth: days.last().map(|day| day.day.clone()),
            until: None,
        },
        reliability: bins(&trades),
        control: enough.then(|| control(&days)),
        confirmation: enough.then(|| confirmation(&all)),
        training: None,
        bootstrap: enough.then_some(Bootstrap {
            draws: 2000,
            days: days.len() as u32,
            mean_r: (group.r.mean - 0.08, group.r.mean + 0.08),
            edge: group.edge.map(|edge| (edge - 0.04, edge + 0.04)),
            p_edge: Some(0.3123),
            p_mean_r: 0.2411,
            p_mean_r_deflated: 0.2411,
            deflated_sharpe: Some(0.742),
        }),
        folds: folds(&trades),
        refused: [("killzone", 812), ("cooldown", 240), ("live", 122), ("risk_too_small", 31)].map(counted).to_vec(),
        invalidated: [("timeout", 90), ("stop", 41), ("missed", 33), ("structure", 12)].map(counted).to_vec(),
        days,
        all: group,
        trades,
    }
}

fn counted((name, n): (&str, u64)) -> Counted {
    Counted {
        name: name.to_owned(),
        n,
    }
}

fn run() -> Run {
    let span = |(symbol, digits, _): (&str, u8, f64)| SymbolSpan {
        symbol: symbol.to_owned(),
        digits,
        first: "2024-01-01T22:00:00.000Z".to_owned(),
        last: "2025-12-30T21:59:00.000Z".to_owned(),
        ticks: 0,
        bars: 724_212,
        data: "1m".to_owned(),
    };
    Run {
        command: "orion backtest EURUSD_1m.zip XAUUSD_1m.zip US30_1m.zip --set rules.min_rr=2.0 --report out.html".to_owned(),
        engine_version: 9,
        settings_hash: "3f9a2c51d07be864".to_owned(),
        inputs: ["EURUSD_1m.zip", "XAUUSD_1m.zip", "US30_1m.zip"].map(str::to_owned).to_vec(),
        from: None,
        to: None,
        symbols: SYMBOLS.map(span).to_vec(),
        grade: Grade::Minutes,
        rules: vec![Parameter {
            name: "rules.min_rr".to_owned(),
            value: "2.0".to_owned(),
            default: "1.5".to_owned(),
        }],
        models: Vec::new(),
        costs: Costs {
            slippage: SYMBOLS.map(|(symbol, ..)| (symbol.to_owned(), 0.2)).to_vec(),
            commission: SYMBOLS.map(|(symbol, ..)| (symbol.to_owned(), 7.0)).to_vec(),
        },
        trials: 1,
        seed: 1,
        simulated: false,
    }
}

/// Two trades on a working day.
fn trade(place: usize, dice: &mut Dice) -> Trade {
    let (week, of_week) = (place as i64 / 10, place as i64 % 10 / 2);
    // The week begins on a Monday, the first is cut short.
    let day = FIRST_DAY - 1 + week * 7 + of_week;
    let (symbol, digits, base) = SYMBOLS[dice.pick(3)];
    let (setup, reason) = SETUPS[dice.pick(6)];
    let (killzone, hour) = KILLZONES[dice.pick(3)];
    let entered = day * 86_400 + hour * 3600 + dice.pick(100) as i64 * 36;
    let sign = if dice.roll() < 0.5 { 1.0 } else { -1.0 };
    let risk = base * 0.001;
    let entry = base * (1.0 + 0.02 * dice.roll());
    let odds = 0.5 + 0.1 * dice.roll();
    let hit = dice.roll() < odds;
    let gross = if hit {
        0.3 + 2.2 * dice.roll() * dice.roll()
    } else {
        -1.0 - 0.05 * dice.roll()
    };
    let level = |r: f64| entry + sign * risk * r;
    let round = |price: f64| {
        let units = 10_f64.powi(i32::from(digits));
        (price * units).round() / units
    };
    let (confirmed, ended) = (entered + 130, entered + 1800 + dice.pick(40) as i64 * 300);
    let at = |second: i64| SourceTime::from_secs(second).to_string();
    let step = |second: i64, kind: &str, r: f64, last| Step {
        at: at(second),
        kind: kind.to_owned(),
        price: round(level(r)),
        r,
        last,
    };
    let middle = i64::midpoint(confirmed, ended);
    let steps = if hit {
        vec![
            step(middle, "tp1", 1.0, false),
            step(middle, "stop_moved", 0.05, false),
            step(
                ended,
                if gross > 1.2 { "tp2" } else { "stop" },
                if gross > 1.2 { 2.0 } else { 0.05 },
                true,
            ),
        ]
    } else {
        vec![step(ended, "stop", -1.0, true)]
    };
    let target = |r: f64, percent, runner| TradeTarget {
        price: round(level(r)),
        percent,
        runner,
    };
    Trade {
        signal: TradeSignal {
            id: format!("{place:08x}-6f1e-5d2a-9c3b-a1b2c3d4e5f6"),
            symbol: symbol.to_owned(),
            digits,
            direction: if sign > 0.0 { "long" } else { "short" },
            setup: setup.to_owned(),
            timeframe: "5m",
            reason: reason.to_owned(),
            killzone,
            entry_time: at(entered),
            created_at: at(entered),
            confirmed_at: at(confirmed),
            entry: round(entry),
            stop: round(level(-1.0)),
            targets: vec![
                target(1.0, 30, false),
                target(2.0, 40, false),
                target(3.0, 30, true),
            ],
            confidence: 0.45 + 0.2 * dice.roll(),
            rr_target: 3.0,
            rr_weighted: Some(2.0),
            simulated: false,
            conditions: vec![
                "reward_to_risk 2.00 >= 1.50".to_owned(),
                "killzone".to_owned(),
            ],
            risk_gate: None,
            model: None,
        },
        fill: round(level(0.08)),
        spread: round(risk * 0.1),
        steps,
        hit,
        r_gross: gross,
        cost_r: 0.06,
        r_net: gross - 0.06,
        odds: Some(odds),
        mfe: if hit {
            1.0 + dice.roll() * 2.0
        } else {
            0.9 * dice.roll()
        },
        mae: if hit {
            0.9 * dice.roll()
        } else {
            1.0 + 0.1 * dice.roll()
        },
        ambiguous: place % 97 == 96,
        coarse: false,
        training: false,
        ended_at: at(ended),
        day: at(day * 86_400)[..10].to_owned(),
        window: window(
            entered,
            ended,
            entry,
            level(if hit { 1.0 } else { -1.0 }),
            risk,
            dice,
        )
        .into_iter()
        .map(|bar| bar.rounded(digits))
        .collect(),
    }
}

/// Bars of five minutes that wander from before the entry to where it ended.
fn window(
    entered: i64,
    ended: i64,
    entry: f64,
    end: f64,
    risk: f64,
    dice: &mut Dice,
) -> Vec<Candle> {
    let first = entered / 300 * 300 - 60 * 300;
    let count = (ended / 300 * 300 - first) / 300 + 20;
    let mut close = entry + risk * (dice.roll() - 0.5) * 4.0;
    let bar = |place: i64| {
        let goal = if place < 60 { entry } else { end };
        let open = close;
        close += (goal - close) * 0.06 + risk * (dice.roll() - 0.5) * 0.5;
        let (above, below) = (dice.roll() * risk * 0.15, dice.roll() * risk * 0.15);
        Candle(
            first + place * 300,
            open,
            open.max(close) + above,
            open.min(close) - below,
            close,
        )
    };
    (0..count).map(bar).collect()
}

trait Rounded {
    fn rounded(self, digits: u8) -> Self;
}

impl Rounded for Candle {
    fn rounded(self, digits: u8) -> Self {
        let units = 10_f64.powi(i32::from(digits));
        let round = |price: f64| (price * units).round() / units;
        Self(
            self.0,
            round(self.1),
            round(self.2),
            round(self.3),
            round(self.4),
        )
    }
}

/// Wilson 1927.
fn wilson(hits: u32, n: u32) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (z, n) = (1.96, f64::from(n));
    let p = f64::from(hits) / n;
    let below = 1.0 + z * z / n;
    let middle = p + z * z / (2.0 * n);
    let half = z * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    ((middle - half) / below, (middle + half) / below)
}

/// Confirmed trades beside others that hit half as often.
fn confirmation(trades: &[&Trade]) -> Confirmation {
    let group = group(trades);
    let followed = |n: u32, hits: u32, chance: Option<f64>, mean_r: Option<f64>| {
        let (low, high) = wilson(hits, n);
        let rate = f64::from(hits) / f64::from(n);
        let edge = chance.map(|chance| rate - chance);
        let tally = Tally {
            n,
            hits,
            rate,
            low,
            high,
            chance,
            edge,
        };
        Followed { tally, mean_r }
    };
    let confirmed = followed(group.n, group.hits, group.chance, Some(group.r.gross_mean));
    let others = followed(176, 62, Some(0.49), Some(-0.21));
    let difference = confirmed.tally.rate - others.tally.rate;
    let causes = [
        ("missed", followed(33, 33, None, None)),
        ("stop", followed(41, 0, None, None)),
        ("structure", followed(12, 4, Some(0.47), Some(-0.31))),
        ("timeout", followed(90, 25, Some(0.49), Some(-0.19))),
    ];
    let cause = |(cause, followed): (&str, Followed)| ByCause {
        cause: cause.to_owned(),
        followed,
    };
    Confirmation {
        confirmed,
        others,
        difference,
        difference_low: difference - 0.08,
        difference_high: difference + 0.08,
        causes: causes.map(cause).to_vec(),
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

fn group(trades: &[&Trade]) -> Group {
    let n = trades.len() as u32;
    let hits = trades.iter().filter(|trade| trade.hit).count() as u32;
    let (low, high) = wilson(hits, n);
    let rate = mean(trades.iter().map(|trade| f64::from(u8::from(trade.hit))));
    let chance = (n > 0).then(|| mean(trades.iter().filter_map(|trade| trade.odds)));
    let sum = |value: fn(&Trade) -> f64| {
        trades
            .iter()
            .map(|trade| value(trade))
            .fold(0.0, |sum, one| sum + one)
    };
    let losses = sum(|trade| (-trade.r_net).max(0.0));
    let net_mean = mean(trades.iter().map(|trade| trade.r_net));
    let squares = mean(trades.iter().map(|trade| (trade.r_net - net_mean).powi(2)));
    Group {
        setup: None,
        symbol: None,
        killzone: None,
        n,
        hits,
        enough: n >= LEAST,
        rate,
        low,
        high,
        chance,
        edge: chance.map(|chance| rate - chance),
        r: Returns {
            mean: net_mean,
            sum: sum(|trade| trade.r_net),
            deviation: squares.sqrt(),
            gross_mean: mean(trades.iter().map(|trade| trade.r_gross)),
            gross_sum: sum(|trade| trade.r_gross),
            doubled_sum: sum(|trade| trade.r_gross - 2.0 * trade.cost_r),
            profit_factor: (losses > 0.0).then(|| sum(|trade| trade.r_net.max(0.0)) / losses),
            wins: trades.iter().filter(|trade| trade.r_net > 0.0).count() as u32,
            hours: f64::from(n) * 1.7,
            exposure: 0.123,
        },
    }
}

/// The name of one kind of groups that a trade belongs to.
type Labels = (Option<String>, Option<String>, Option<String>);

fn groups(trades: &[Trade]) -> Vec<Group> {
    let setup = |trade: &Trade| Some(trade.signal.setup.clone());
    let symbol = |trade: &Trade| Some(trade.signal.symbol.clone());
    let killzone = |trade: &Trade| Some(trade.signal.killzone.to_owned());
    let mut all = Vec::new();
    let mut add = |label: &dyn Fn(&Trade) -> Labels| {
        let labels: std::collections::BTreeSet<Labels> = trades.iter().map(label).collect();
        for labels in labels {
            let of: Vec<&Trade> = trades
                .iter()
                .filter(|trade| label(trade) == labels)
                .collect();
            let (setup, symbol, killzone) = labels;
            all.push(Group {
                setup,
                symbol,
                killzone,
                ..group(&of)
            });
        }
    };
    add(&|trade| (setup(trade), None, None));
    add(&|trade| (None, symbol(trade), None));
    add(&|trade| (None, None, killzone(trade)));
    add(&|trade| (setup(trade), symbol(trade), killzone(trade)));
    all
}

fn days(trades: &[Trade]) -> Vec<Day> {
    let (mut gross, mut net, mut doubled, mut highest) = (0.0, 0.0, 0.0, 0.0_f64);
    let day = |of_day: &[Trade]| {
        let r = of_day
            .iter()
            .map(|trade| trade.r_net)
            .fold(0.0, |sum, r| sum + r);
        for trade in of_day {
            gross += trade.r_gross;
            doubled += trade.r_gross - 2.0 * trade.cost_r;
        }
        net += r;
        highest = highest.max(net);
        Day {
            day: of_day[0].day.clone(),
            trades: of_day.len() as u32,
            hits: of_day.iter().filter(|trade| trade.hit).count() as u32,
            r,
            gross,
            net,
            doubled,
            drawdown: highest - net,
        }
    };
    trades
        .chunk_by(|one, other| one.day == other.day)
        .map(day)
        .collect()
}

fn months(days: &[Day]) -> Vec<Month> {
    let month = |days: &[Day]| Month {
        month: days[0].day[..7].to_owned(),
        trades: days.iter().map(|day| day.trades).sum(),
        hits: days.iter().map(|day| day.hits).sum(),
        r: days.iter().map(|day| day.r).fold(0.0, |sum, r| sum + r),
    };
    days.chunk_by(|one, other| one.day[..7] == other.day[..7])
        .map(month)
        .collect()
}

fn bins(trades: &[Trade]) -> Vec<Bin> {
    let mut sorted: Vec<&Trade> = trades.iter().collect();
    sorted.sort_by(|one, other| one.signal.confidence.total_cmp(&other.signal.confidence));
    let bin = |trades: &[&Trade]| {
        let group = group(trades);
        Bin {
            n: group.n,
            hits: group.hits,
            confidence: mean(trades.iter().map(|trade| trade.signal.confidence)),
            rate: group.rate,
            low: group.low,
            high: group.high,
        }
    };
    sorted
        .chunks(trades.len().div_ceil(10).max(1))
        .map(bin)
        .collect()
}

fn control(days: &[Day]) -> Control {
    let band = |(place, day): (usize, &Day)| {
        let wide = 2.2 * (place as f64 + 1.0).sqrt();
        let middle = -0.05 * (place as f64 + 1.0);
        Band {
            day: day.day.clone(),
            low: middle - wide,
            middle,
            high: middle + wide,
        }
    };
    Control {
        per_trade: 5,
        n: 2_391,
        hits: 1_320,
        rate: 0.552,
        low: 0.532,
        high: 0.572,
        chance: 0.549,
        mean_r: -0.041,
        difference: 0.0112,
        difference_low: -0.0331,
        difference_high: 0.0553,
        band: days.iter().enumerate().map(band).collect(),
    }
}

fn folds(trades: &[Trade]) -> Vec<Fold> {
    let quarter = |trade: &Trade| {
        let month: u32 = trade.day[5..7].parse().unwrap_or(1);
        format!("{} Q{}", &trade.day[..4], (month - 1) / 3 + 1)
    };
    let mut begin = 0;
    let fold = |inside: &[Trade]| {
        let before = &trades[..begin];
        begin += inside.len();
        Fold {
            fold: quarter(&inside[0]),
            before: part(before),
            inside: part(inside),
            brier: Some(0.248),
            skill: (!before.is_empty()).then_some(0.0042),
        }
    };
    trades
        .chunk_by(|one, other| quarter(one) == quarter(other))
        .map(fold)
        .collect()
}

fn part(trades: &[Trade]) -> FoldPart {
    let group = group(&trades.iter().collect::<Vec<_>>());
    FoldPart {
        n: group.n,
        hits: group.hits,
        rate: group.rate,
        low: group.low,
        high: group.high,
        chance: group.chance,
        edge: group.edge,
        mean_r: group.r.mean,
        sum_r: group.r.sum,
    }
}
