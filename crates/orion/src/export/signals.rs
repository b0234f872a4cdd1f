//! One row a signal, with its whole life: what was published, the verdict, and what became of it.

use super::{
    CHANCE_PLACES, MEASURE_PLACES, Out, chance_cell, end_cells, end_columns, price, price_cell,
    ratio, ratio_cell, read, time_cell,
};
use anyhow::Result;
use history::table::{Cell, Column, Unit};
use journal::{Looking, Record};
use market::{Ended, Outcome, OutcomeKind, Price, PriceKind, Ratio, Signal, Time, Uuid};
use serde_json::json;
use std::collections::BTreeMap;

/// The most targets a signal has.
const TARGETS: usize = 4;

/// A signal as it stands now, and what happened to it.
struct Life {
    signal: Signal,
    /// The farthest target that traded.
    targets_hit: Option<u8>,
    /// Where the stop lies after it was moved.
    stop_moved: Option<Price>,
    end: Option<End>,
}

/// What the last step was.
struct End {
    kind: OutcomeKind,
    at: Time,
    price: Price,
    r: Ratio,
    realised: Option<Ratio>,
    how: Option<Ended>,
}

pub(super) fn columns() -> Vec<Column> {
    let time = |name: &str| Column::time(name, Unit::Nanos);
    let chance = |name: &str| Column::decimal(name, CHANCE_PLACES);
    let mut columns = vec![
        Column::text("market"),
        Column::text("id"),
        Column::text("symbol"),
        Column::text("direction"),
        Column::text("setup"),
        Column::text("timeframe"),
        Column::text("killzone"),
        Column::text("reason"),
        Column::flag("simulated"),
        Column::text("status"),
        Column::text("cause").optional(),
        time("entry_time"),
        time("created_at"),
        time("decide_by"),
        time("decided_at").optional(),
        price("entry"),
        price("stop"),
    ];
    for place in 1..=TARGETS {
        columns.push(price(&format!("target_{place}")).optional());
        columns.push(Column::integer(&format!("target_{place}_percent")).optional());
    }
    columns.extend([
        ratio("rr_target"),
        ratio("rr_weighted").optional(),
        chance("confidence"),
        chance("odds").optional(),
        Column::text("source"),
        Column::text("price_kind").optional(),
        Column::text("conditions"),
        Column::text("config_hash"),
        Column::integer("targets_hit"),
        price("stop_moved").optional(),
        Column::text("ended").optional(),
        time("ended_at").optional(),
        price("ended_price").optional(),
        ratio("ended_r").optional(),
        ratio("realised").optional(),
    ]);
    columns.extend(end_columns());
    columns.extend([
        Column::text("model").optional(),
        Column::text("model_version").optional(),
        Column::decimal("model_score", MEASURE_PLACES).optional(),
        Column::flag("of_training"),
    ]);
    columns
}

/// Writes the rows of a market, oldest signal first.
pub(super) async fn write(market: &str, journal: &Looking, out: &mut Out<'_>) -> Result<()> {
    let mut order: Vec<Uuid> = Vec::new();
    let mut lives: BTreeMap<Uuid, Life> = BTreeMap::new();
    let wanted = &mut *out.wanted;
    read(market, journal, |_, record| {
        match record {
            Record::Signal(signal) if wanted.has(signal.created_at, signal.symbol) => {
                let id = signal.id;
                if let Some(life) = lives.get_mut(&id) {
                    life.signal = signal;
                } else {
                    order.push(id);
                    lives.insert(id, Life::of(signal));
                }
            }
            Record::Signal(_) => {}
            Record::Outcome(outcome) => {
                if let Some(life) = lives.get_mut(&outcome.id) {
                    life.take(&outcome);
                }
            }
        }
        Ok(())
    })
    .await?;
    for life in order.iter().filter_map(|id| lives.get(id)) {
        life.write(market, out)?;
    }
    Ok(())
}

impl Life {
    fn of(signal: Signal) -> Self {
        Self {
            signal,
            targets_hit: None,
            stop_moved: None,
            end: None,
        }
    }

    fn take(&mut self, outcome: &Outcome) {
        match outcome.kind {
            OutcomeKind::Target(place) => self.targets_hit = self.targets_hit.max(Some(place)),
            OutcomeKind::StopMoved => self.stop_moved = Some(outcome.price),
            OutcomeKind::Stop | OutcomeKind::Timeout | OutcomeKind::Closed => {}
        }
        if outcome.last {
            self.end = Some(End {
                kind: outcome.kind,
                at: outcome.at,
                price: outcome.price,
                r: outcome.r,
                realised: outcome.realised,
                how: outcome.end,
            });
        }
    }

    fn write(&self, market: &str, out: &mut Out<'_>) -> Result<()> {
        let signal = &self.signal;
        let digits = signal.digits;
        let price_cell = |price: Option<Price>| price_cell(price, digits);
        let evidence = &signal.evidence;
        let id = signal.id.to_string();
        let conditions = self.conditions();
        let ended = self.end.as_ref().map(|end| end.kind.to_string());
        let price_kind = evidence.price_kind.map(PriceKind::as_str);
        let optional = |text: Option<&'static str>| text.map_or(Cell::None, Cell::Text);
        let mut cells = vec![
            Cell::Text(market),
            Cell::Text(&id),
            Cell::Text(signal.symbol.as_str()),
            Cell::Text(signal.direction.as_str()),
            Cell::Text(&signal.setup),
            Cell::Text(signal.timeframe.as_str()),
            Cell::Text(signal.killzone.as_str()),
            Cell::Text(&signal.reason),
            Cell::Flag(signal.simulated),
            Cell::Text(signal.status.as_str()),
            optional(signal.cause.map(|cause| cause.as_str())),
            Cell::Nanos(signal.entry_time.nanos()),
            Cell::Nanos(signal.created_at.nanos()),
            Cell::Nanos(signal.decide_by.nanos()),
            time_cell(signal.decided_at),
            Cell::Exact(signal.entry, digits),
            Cell::Exact(signal.stop, digits),
        ];
        for place in 0..TARGETS {
            let target = signal.targets.get(place);
            cells.push(price_cell(target.map(|target| target.price)));
            cells.push(target.map_or(Cell::None, |target| Cell::Integer(target.percent.into())));
        }
        cells.extend([
            ratio_cell(Some(signal.rr_target)),
            ratio_cell(evidence.rr_weighted),
            chance_cell(Some(signal.confidence)),
            chance_cell(evidence.odds),
            Cell::Text(&evidence.source),
            optional(price_kind),
            Cell::Json(&conditions),
            Cell::Text(&evidence.config_hash),
            Cell::Integer(self.targets_hit.unwrap_or(0).into()),
            price_cell(self.stop_moved),
            ended.as_deref().map_or(Cell::None, Cell::Text),
            time_cell(self.end.as_ref().map(|end| end.at)),
            price_cell(self.end.as_ref().map(|end| end.price)),
            ratio_cell(self.end.as_ref().map(|end| end.r)),
            ratio_cell(self.end.as_ref().and_then(|end| end.realised)),
        ]);
        cells.extend(end_cells(
            self.end.as_ref().and_then(|end| end.how.as_ref()),
            digits,
        ));
        let rated = evidence.model.as_ref();
        cells.extend([
            rated.map_or(Cell::None, |rated| Cell::Text(&rated.model)),
            rated.map_or(Cell::None, |rated| Cell::Text(&rated.version)),
            rated.map_or(Cell::None, |rated| Cell::Units(rated.score.millionths())),
            Cell::Flag(signal.is_of_training()),
        ]);
        out.row(&cells)
    }

    /// What the signal stands on, as a list of JSON.
    fn conditions(&self) -> String {
        let conditions = self.signal.evidence.conditions.iter();
        let conditions = conditions.map(|condition| {
            json!({
                "name": condition.name, "relation": condition.relation.as_str(),
                "value": condition.value.to_f64(), "limit": condition.limit.to_f64(),
            })
        });
        serde_json::Value::Array(conditions.collect()).to_string()
    }
}
