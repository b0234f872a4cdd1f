//! Instruments, sources and rules for tapes that fit on a page.

use engine::setup::SetupKind;
use engine::{PriceRules, Rules, Settings};
use market::{Calendar, Catalog, Instrument, Price, PriceKind, Source, SourceId, Symbol};

/// EURUSD and XAUUSD of a live source, GBPUSD of one without heartbeats, and setups that need few bars.
pub(crate) fn settings() -> Settings {
    let source = |name: &str, heartbeats| Source {
        name: name.into(),
        heartbeats,
        simulated: false,
        always_open: false,
    };
    let catalog = Catalog {
        sources: vec![source("live", true), source("quiet", false)],
        instruments: vec![
            fx("EURUSD", SourceId(0)),
            gold("XAUUSD", SourceId(0)),
            fx("GBPUSD", SourceId(1)),
        ],
    };
    Settings {
        market: "test".into(),
        catalog,
        rules: rules(),
        own_rules: engine::RuleBook::default(),
        prices: PriceRules::default(),
        account: engine::Account::default(),
        portfolio: engine::Limits::default(),
        news: engine::News::default(),
        features: engine::features::FeatureRules::default(),
    }
}

/// The defaults but for short periods and open gates.
pub(crate) fn rules() -> Rules {
    Rules {
        atr_period: 3,
        swing_left: 1,
        swing_right: 1,
        killzone_gate: false,
        symbol_cooldown_s: 0,
        max_signals_per_day: 0,
        setups: vec![SetupKind::MssFvg],
        ..Rules::default()
    }
}

fn fx(name: &str, source: SourceId) -> Instrument {
    Instrument {
        symbol: Symbol::new(name).unwrap(),
        digits: 5,
        tick_size: Price::parse("0.00001").unwrap(),
        pip_size: Price::parse("0.0001").unwrap(),
        kind: PriceKind::Cfd,
        calendar: Calendar::Fx,
        spread_default: Price::parse("0.0001").unwrap(),
        source,
        signals: true,
        prices: true,
        contract: None,
        slippage_pips: None,
    }
}

fn gold(name: &str, source: SourceId) -> Instrument {
    Instrument {
        digits: 2,
        tick_size: Price::parse("0.01").unwrap(),
        pip_size: Price::parse("0.1").unwrap(),
        calendar: Calendar::Metal,
        spread_default: Price::parse("0.3").unwrap(),
        ..fx(name, source)
    }
}
