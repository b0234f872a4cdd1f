//! The bodies of answers, word for word where the words are known.

use super::{Day, State};
use std::collections::BTreeMap;

pub(super) const BAD_KEY: &str = "the parameter apikey is invalid or missing. Please claim your free API key on (https://www.alphavantage.co/support/#api-key). It should take less than 20 seconds.";
pub(super) const SPARINGLY: &str = "Thank you for using Alpha Vantage! Please consider spreading out your free API requests more sparingly. You may subscribe to any of the premium plans at https://www.alphavantage.co/premium/ to lift the free key rate limit (25 requests per day) and instantly unlock all premium endpoints";
pub(super) const NOTE: &str = "Thank you for using Alpha Vantage! Our standard API call frequency is 5 calls per minute and 500 calls per day. Please visit https://www.alphavantage.co/premium/ if you would like to target a higher API call frequency.";
pub(super) const PREMIUM: &str = "Thank you for using Alpha Vantage! This is a premium endpoint. You may subscribe to any of the premium plans at https://www.alphavantage.co/premium/ to instantly unlock all premium endpoints";
pub(super) const DEMO: &str = "The **demo** API key is for demo purposes only. Please claim your free API key at (https://www.alphavantage.co/support/#api-key) to explore our full API offerings. It takes fewer than 20 seconds.";

pub(super) fn day_used(key: &str) -> String {
    format!(
        "We have detected your API key as {key} and our standard API rate limit is 25 requests per day. Please subscribe to any of the premium plans at https://www.alphavantage.co/premium/ to instantly remove all daily rate limits."
    )
}

pub(super) fn invalid(function: &str) -> String {
    format!("Invalid API call. Please retry or visit the documentation for {function}.")
}

/// An error: an object of one sentence.
pub(super) fn sentence(name: &str, text: &str) -> String {
    serde_json::json!({ name: text }).to_string()
}

/// The answer to a function, or `None` when there is none to give.
pub(super) fn data(
    state: &State,
    function: &str,
    asked: &BTreeMap<String, String>,
) -> Option<String> {
    let get = |name: &str| asked.get(name).map(String::as_str);
    let csv = get("datatype") == Some("csv");
    match function {
        "CURRENCY_EXCHANGE_RATE" => rate(state, get("from_currency")?, get("to_currency")?),
        "GOLD_SILVER_SPOT" => spot(state, get("symbol")?),
        "FX_DAILY" => {
            let pair = format!("{}/{}", get("from_symbol")?, get("to_symbol")?);
            let days = state.days.get(&pair)?;
            Some(if csv {
                ohlc_csv(days)
            } else {
                fx_json(&pair, days)
            })
        }
        "INDEX_DATA" => {
            let days = state.days.get(get("symbol")?)?;
            Some(if csv {
                ohlc_csv(days)
            } else {
                index_json(get("symbol")?, days)
            })
        }
        "GOLD_SILVER_HISTORY" => {
            let days = state.days.get(get("symbol")?)?;
            Some(if csv {
                price_csv(days)
            } else {
                metal_json(days)
            })
        }
        _ => None,
    }
}

fn rate(state: &State, from: &str, to: &str) -> Option<String> {
    let rate = state.rates.get(&format!("{from}/{to}"))?;
    let body = serde_json::json!({"Realtime Currency Exchange Rate": {
        "1. From_Currency Code": from,
        "2. From_Currency Name": from,
        "3. To_Currency Code": to,
        "4. To_Currency Name": to,
        "5. Exchange Rate": rate.rate,
        "6. Last Refreshed": rate.refreshed,
        "7. Time Zone": "UTC",
        "8. Bid Price": rate.bid,
        "9. Ask Price": rate.ask,
    }});
    Some(body.to_string())
}

fn spot(state: &State, metal: &str) -> Option<String> {
    let (price, time) = state.spots.get(metal)?;
    let body = serde_json::json!({"nominal": "XAUUSD", "timestamp": time, "price": price});
    Some(body.to_string())
}

fn fx_json(pair: &str, days: &[Day]) -> String {
    let (from, to) = pair.split_once('/').unwrap_or((pair, ""));
    let series: BTreeMap<&str, serde_json::Value> = days
        .iter()
        .map(|day| {
            let close = &day.close;
            let bar = serde_json::json!({"1. open": close, "2. high": close, "3. low": close, "4. close": close});
            (day.date.as_str(), bar)
        })
        .collect();
    serde_json::json!({
        "Meta Data": {
            "1. Information": "Forex Daily Prices (open, high, low, close)",
            "2. From Symbol": from,
            "3. To Symbol": to,
            "4. Output Size": "Compact",
            "5. Last Refreshed": days.first().map(|day| day.date.as_str()),
            "6. Time Zone": "UTC",
        },
        "Time Series FX (Daily)": series,
    })
    .to_string()
}

/// As public programs read it; the document shows no sample.
fn index_json(symbol: &str, days: &[Day]) -> String {
    let day = |day: &Day| {
        let Day { date, close } = day;
        serde_json::json!({"date": date, "open": close, "high": close, "low": close, "close": close})
    };
    let data: Vec<_> = days.iter().map(day).collect();
    serde_json::json!({"symbol": symbol, "name": symbol, "interval": "daily", "data": data})
        .to_string()
}

/// As public programs read it.
fn metal_json(days: &[Day]) -> String {
    let day = |day: &Day| serde_json::json!({"date": day.date, "price": day.close});
    let data: Vec<_> = days.iter().map(day).collect();
    serde_json::json!({"name": "Gold Prices", "interval": "daily", "unit": "USD", "data": data})
        .to_string()
}

fn ohlc_csv(days: &[Day]) -> String {
    let row = |day: &Day| {
        let Day { date, close } = day;
        format!("{date},{close},{close},{close},{close}\r\n")
    };
    let rows: String = days.iter().map(row).collect();
    format!("timestamp,open,high,low,close\r\n{rows}")
}

fn price_csv(days: &[Day]) -> String {
    let rows: String = days
        .iter()
        .map(|day| format!("{},{}\r\n", day.date, day.close))
        .collect();
    format!("timestamp,price\r\n{rows}")
}
