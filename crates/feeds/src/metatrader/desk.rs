//! Who sends what: each tick once, by its number; each instrument from one advisor, so that two brokers' prices are never
//! mixed in one series. Knows no sockets.

use super::decode::{Beat, Described, Hello, TickLine};
use super::offset::{ServerTz, Unknown};
use super::session::{Advisor, Session};
use super::{ALIAS_OF, Refused, Settings, names, read_alias};
use crate::health::Coverage;
use crate::inbox::Outlet;
use crate::symbols::Symbols;
use market::{Calendar, Catalog, Instrument, InstrumentId, PriceKind, Span, Tick, Time};
use std::collections::BTreeMap;

/// Sessions that are held; the one that was silent longest goes first.
const SESSIONS_MAX: usize = 64;

/// The state of all advisors.
#[derive(Debug)]
pub(super) struct Desk {
    catalog: Catalog,
    symbols: Symbols,
    suffixes: Vec<String>,
    /// What is told as something else too.
    aliases: Vec<(InstrumentId, InstrumentId)>,
    tz: ServerTz,
    takeover: Span,
    sessions: BTreeMap<String, Session>,
    owners: BTreeMap<InstrumentId, Owner>,
    /// The newest tick that the tape holds of what was told before a restart, until something newer comes.
    taped: BTreeMap<InstrumentId, Tick>,
}

/// Whose ticks of an instrument are taken.
#[derive(Clone, Debug)]
struct Owner {
    session: String,
    label: String,
    since: Time,
    /// When it was last heard with its broker connected.
    heard: Time,
}

impl Desk {
    pub(super) fn new(settings: &Settings, catalog: &Catalog) -> Result<Self, String> {
        let symbols = super::symbols(catalog, settings)?;
        let alias = |text: &String| {
            let (ours, of) = read_alias(text)?;
            catalog
                .find(of)
                .zip(catalog.find(ours))
                .ok_or_else(|| format!("`{text}` names no instrument of the settings"))
        };
        Ok(Self {
            aliases: settings
                .futures_alias
                .iter()
                .map(alias)
                .collect::<Result<_, _>>()?,
            catalog: catalog.clone(),
            symbols,
            suffixes: settings.suffixes.clone(),
            tz: settings.server_tz.parse()?,
            takeover: Span::from_secs(i64::try_from(settings.takeover_s).unwrap_or(3600)),
            sessions: BTreeMap::new(),
            owners: BTreeMap::new(),
            taped: BTreeMap::new(),
        })
    }

    pub(super) fn resume(&mut self, taped: Tick) {
        self.taped.insert(taped.instrument, taped);
    }

    pub(super) fn knows(&self, session: &str) -> bool {
        self.sessions.contains_key(session)
    }

    /// An advisor says who it is. `acked` is what it was told before a restart of ours.
    pub(super) fn hello(&mut self, hello: &Hello, key: &str, acked: Option<u64>, outlet: &Outlet) {
        let now = outlet.now();
        let mut session = match self.sessions.remove(&hello.session) {
            Some(session) => session,
            None => {
                let session = Session::new(hello, key, now, acked, self.tz);
                tracing::info!(advisor = %session.label, key, symbols = hello.symbols.len(), "a terminal calls");
                session
            }
        };
        (session.heard, session.symbols) = (now, BTreeMap::new());
        if !hello.chart.is_empty() {
            self.release(&session.identity, &hello.session, now);
        }
        for described in &hello.symbols {
            let verdict = self.judge(described, &session, hello.asked, outlet);
            if let Some(verdict) = verdict {
                session.symbols.insert(described.sym.clone(), verdict);
            }
        }
        let ids: Vec<_> = session.symbols.values().flatten().copied().collect();
        self.sessions.insert(hello.session.clone(), session);
        for id in ids {
            self.claim(id, &hello.session, now);
        }
        self.forget_oldest();
    }

    /// An advisor that starts anew on its chart does not have to wait for its former self.
    fn release(&mut self, identity: &str, session: &str, now: Time) {
        let (sessions, takeover) = (&self.sessions, self.takeover);
        let is_former = |owner: &Owner| {
            let former = sessions.get(&owner.session);
            owner.session != session && former.is_some_and(|former| former.identity == identity)
        };
        self.owners.retain(|_, owner| !is_former(owner));
        self.sessions
            .retain(|_, former| former.identity != identity || former.is_live(now, takeover));
    }

    /// What a symbol is here, or why it is not taken; nothing for a symbol that nobody asked for.
    fn judge(
        &self,
        described: &Described,
        session: &Session,
        asked: bool,
        outlet: &Outlet,
    ) -> Option<Result<InstrumentId, String>> {
        let id = match self.instrument_of(&described.sym) {
            Ok(id) => id,
            Err(reason) => {
                return reason
                    .or_else(|| asked.then(|| unknown(&described.sym)))
                    .map(Err);
            }
        };
        let instrument = self.catalog.instrument(id);
        if let Some(reason) = objection(described, instrument) {
            outlet.coverage(id, Coverage::Refused(reason.clone()));
            return Some(Err(reason));
        }
        let twin = session.symbols.iter().find(|(_, other)| **other == Ok(id));
        if let Some((twin, _)) = twin {
            let ours = instrument.symbol;
            return Some(Err(format!(
                "{} would be {ours}, and {twin} of the same terminal is {ours} already: take one of the two out of the \
                 advisor's list",
                described.sym
            )));
        }
        Some(Ok(id))
    }

    /// The instrument of a broker's symbol; the settings' word first.
    fn instrument_of(&self, theirs: &str) -> Result<InstrumentId, Option<String>> {
        if let Some(id) = self.symbols.find(theirs) {
            return Ok(id);
        }
        let ours = names::ours(theirs, &self.suffixes).ok_or(None)?;
        let id = self.catalog.find(ours).ok_or(None)?;
        match self.symbols.theirs(id) {
            None => Err(Some(format!("{ours} is not taken from MetaTrader"))),
            Some(set) if set == ours => Ok(id),
            Some(set) => Err(Some(format!(
                "{theirs} would be {ours}, which the settings take from {}",
                set.strip_prefix(ALIAS_OF).unwrap_or(set)
            ))),
        }
    }

    /// Takes an instrument for a session, if it is free or its owner was silent for too long.
    fn claim(&mut self, id: InstrumentId, session: &str, now: Time) -> bool {
        if let Some(owner) = self.owners.get_mut(&id) {
            if owner.session == session {
                return true;
            }
            if now - owner.heard < self.takeover {
                return false;
            }
        }
        let Some(label) = self
            .sessions
            .get(session)
            .map(|session| session.label.clone())
        else {
            return false;
        };
        let owner = Owner {
            session: session.to_owned(),
            label,
            since: now,
            heard: now,
        };
        if let Some(former) = self.owners.insert(id, owner.clone()) {
            let symbol = self.catalog.instrument(id).symbol;
            tracing::warn!(%symbol, from = %former.label, to = %owner.label, silent_since = %former.heard, "another terminal takes over");
        }
        true
    }

    pub(super) fn beat(&mut self, session: &str, beat: &Beat, now: Time) {
        let Some(state) = self.sessions.get_mut(session) else {
            return;
        };
        if state.connected != beat.connected {
            tracing::info!(advisor = %state.label, connected = beat.connected, "the terminal's connection to its broker");
        }
        if beat.lost > state.counts.dropped {
            tracing::warn!(advisor = %state.label, lost = beat.lost, "ticks waited too long for this server and were dropped");
        }
        state.beat(beat, now);
        if beat.connected {
            let owners = self.owners.values_mut();
            for owner in owners.filter(|owner| owner.session == session) {
                owner.heard = now;
            }
        }
    }

    /// Tells the first so many ticks of a batch: those that were not told before, of symbols that are this session's, with a time that is known.
    pub(super) fn take(
        &mut self,
        session: &str,
        ticks: &[TickLine<'_>],
        count: usize,
        now: Time,
        outlet: &Outlet,
    ) {
        for (place, tick) in ticks.iter().enumerate().take(count) {
            if self.count(session, tick, outlet) {
                self.tell(session, tick, &ticks[place + 1..], now, outlet);
            }
        }
    }

    /// Whether a tick is new. Where numbers are missing before it, what was open is torn.
    fn count(&mut self, session: &str, tick: &TickLine<'_>, outlet: &Outlet) -> bool {
        let Some(state) = self.sessions.get_mut(session) else {
            return false;
        };
        let last = state.last.unwrap_or(tick.seq - 1);
        if tick.seq <= last {
            state.counts.again += 1;
            return false;
        }
        state.last = Some(tick.seq);
        let missing = tick.seq - last - 1;
        if missing > 0 {
            state.counts.missing += missing;
            tracing::warn!(advisor = %state.label, missing, before = tick.seq, "ticks are missing");
            outlet.ended();
            outlet.began();
        }
        true
    }

    fn tell(
        &mut self,
        session: &str,
        tick: &TickLine<'_>,
        rest: &[TickLine<'_>],
        now: Time,
        outlet: &Outlet,
    ) {
        let id = self
            .sessions
            .get(session)
            .and_then(|state| state.symbols.get(tick.sym.as_ref()))
            .and_then(|verdict| verdict.clone().ok());
        let id = id.filter(|id| self.claim(*id, session, now));
        let Some(state) = self.sessions.get_mut(session) else {
            return;
        };
        let Some(id) = id else {
            state.counts.refused += 1;
            return;
        };
        let seen = state.seen(tick.at_ms, now);
        let time = match state.clock.utc(tick.time_msc, seen, tick.srv_offset_s) {
            Ok(time) => time,
            Err(unknown) => return keep_out(state, id, unknown, outlet),
        };
        state.unknown = None;
        let mut told = Tick {
            instrument: id,
            bid: tick.bid,
            ask: tick.ask,
            volume: None,
            time,
            received: Some(now),
        };
        if is_taped(&mut self.taped, &told, tick, rest) {
            state.counts.again += 1;
            return;
        }
        state.counts.told += 1;
        // What the gate turns away it counts itself.
        let _ = outlet.tick(told.clone());
        for (_, alias) in self.aliases.iter().filter(|(of, _)| *of == id) {
            told.instrument = *alias;
            let _ = outlet.tick(told.clone());
        }
    }

    /// The last number told of each session.
    pub(super) fn all_last(&self) -> Vec<(String, u64)> {
        let sessions = self.sessions.iter();
        sessions
            .filter_map(|(id, state)| Some((id.clone(), state.last?)))
            .collect()
    }

    /// The last number told of a session.
    pub(super) fn last(&self, session: &str) -> Option<u64> {
        self.sessions.get(session)?.last
    }

    /// The symbols whose ticks are wanted, those that another sends now included: it may fall silent.
    pub(super) fn wanted(&self, session: &str) -> Vec<String> {
        let symbols = self.sessions.get(session).map(|state| &state.symbols);
        symbols
            .into_iter()
            .flatten()
            .filter(|(_, verdict)| verdict.is_ok())
            .map(|(sym, _)| sym.clone())
            .collect()
    }

    /// Symbols whose ticks are not taken now, and why; and whether all are taken from others.
    pub(super) fn refused(&self, session: &str) -> (Vec<Refused>, bool) {
        let Some(state) = self.sessions.get(session) else {
            return (Vec::new(), false);
        };
        let (mut refused, mut contested) = (Vec::new(), 0);
        for (sym, verdict) in &state.symbols {
            let reason = match verdict {
                Err(reason) => Some(reason.clone()),
                Ok(id) => self.contested(*id, sym, session, state.heard),
            };
            contested += usize::from(verdict.is_ok() && reason.is_some());
            let sym = sym.clone();
            refused.extend(reason.map(|reason| Refused { sym, reason }));
        }
        let wanted = state
            .symbols
            .values()
            .filter(|verdict| verdict.is_ok())
            .count();
        (refused, wanted > 0 && contested == wanted)
    }

    fn contested(&self, id: InstrumentId, sym: &str, session: &str, now: Time) -> Option<String> {
        let owner = self.owners.get(&id)?;
        (owner.session != session && now - owner.heard < self.takeover).then(|| {
            let takeover = self.takeover.millis() / 1000;
            format!(
                "{sym} is already sent by the advisor of {} since {}: its ticks are left out while that one is heard \
                 (another {takeover} s after it falls silent)",
                owner.label, owner.since
            )
        })
    }

    /// Whether any terminal is heard and has its broker.
    pub(super) fn is_live(&self, now: Time) -> bool {
        let mut sessions = self.sessions.values();
        sessions.any(|session| session.is_live(now, self.takeover))
    }

    pub(super) fn advisors(&self) -> Vec<Advisor> {
        let advisor = |(id, state): (&String, &Session)| {
            let symbols = state.symbols.iter();
            Advisor {
                label: state.label.clone(),
                key: state.key.clone(),
                since: state.since,
                heard: state.heard,
                connected: state.connected,
                symbols: symbols
                    .filter_map(|(sym, verdict)| Some((sym.clone(), verdict.clone().ok()?)))
                    .collect(),
                refused: self
                    .refused(id)
                    .0
                    .into_iter()
                    .map(|refused| (refused.sym, refused.reason))
                    .collect(),
                offset_s: state.clock.offset(),
                unknown: state.unknown,
                counts: state.counts,
            }
        };
        self.sessions.iter().map(advisor).collect()
    }

    fn forget_oldest(&mut self) {
        while self.sessions.len() > SESSIONS_MAX {
            let oldest = self.sessions.iter().min_by_key(|(_, state)| state.heard);
            let Some(oldest) = oldest.map(|(id, _)| id.clone()) else {
                return;
            };
            self.sessions.remove(&oldest);
            self.owners.retain(|_, owner| owner.session != oldest);
        }
    }
}

/// Whether a tick that is sent again is on the tape already. Ticks come in their order, so those before the newest one of
/// the tape are. Of its own millisecond are those up to the one that equals it; where none does, what is sent begins behind
/// it, and all are new. `rest` is what follows in the batch.
fn is_taped(
    taped: &mut BTreeMap<InstrumentId, Tick>,
    told: &Tick,
    tick: &TickLine<'_>,
    rest: &[TickLine<'_>],
) -> bool {
    let Some(last) = taped.get(&told.instrument) else {
        return false;
    };
    if told.time < last.time {
        return true;
    }
    let equals = |bid, ask| (bid, ask) == (last.bid, last.ask);
    let of_moment =
        |other: &&TickLine<'_>| other.sym == tick.sym && other.time_msc == tick.time_msc;
    let same_moment = told.time == last.time;
    let is_before = same_moment
        && rest
            .iter()
            .filter(of_moment)
            .any(|other| equals(other.bid, other.ask));
    if is_before {
        return true;
    }
    let is_last = same_moment && equals(told.bid, told.ask);
    taped.remove(&told.instrument);
    is_last
}

/// A tick whose time is not known goes no further; why is told once.
fn keep_out(state: &mut Session, id: InstrumentId, unknown: Unknown, outlet: &Outlet) {
    state.counts.kept_out += 1;
    if state.unknown != Some(unknown) {
        state.unknown = Some(unknown);
        let reason = unknown.to_string();
        tracing::warn!(advisor = %state.label, reason, "ticks are kept out");
    }
    outlet.coverage(id, Coverage::Refused(unknown.to_string()));
}

fn unknown(sym: &str) -> String {
    format!(
        "{sym} is no name that is known here: if it is one of ORION's instruments, say so in the settings, as in \
         symbols = [\"NAS100={sym}\"]"
    )
}

/// What speaks against a symbol being an instrument, by how its terminal describes it.
fn objection(described: &Described, instrument: &Instrument) -> Option<String> {
    let Described {
        sym,
        digits,
        base,
        profit,
        expires,
    } = described;
    let ours = instrument.symbol;
    let differs = |has: &str, wants: &str| !has.is_empty() && !has.eq_ignore_ascii_case(wants);
    let (ours_base, ours_profit) = currencies(instrument);
    if ours_profit.is_some_and(|wants| differs(profit, wants)) {
        return Some(format!("{sym} is quoted in {profit}, and {ours} is not"));
    }
    if ours_base.is_some_and(|wants| differs(base, wants)) {
        return Some(format!("{sym} is of {base}, and {ours} is not"));
    }
    if *expires > 0 && instrument.kind != PriceKind::Future {
        return Some(format!(
            "{sym} is a contract that ends, a future, and {ours} is none"
        ));
    }
    digits
        .filter(|digits| digits.abs_diff(instrument.digits) > 2)
        .map(|digits| {
            let wants = instrument.digits;
            format!("{sym} has {digits} decimals, and {ours} about {wants}")
        })
}

/// The currencies of base and quote, where an instrument has them. Brokers write what they like for the base of a CFD.
fn currencies(instrument: &Instrument) -> (Option<&str>, Option<&str>) {
    let name = instrument.symbol.as_str();
    let is_pair = name.len() == 6 && name.bytes().all(|b| b.is_ascii_uppercase());
    match name {
        "US30" | "NAS100" | "SPX500" => (None, Some("USD")),
        _ if is_pair && instrument.calendar == Calendar::Fx => (name.get(..3), name.get(3..)),
        _ if is_pair => (None, name.get(3..)),
        _ => (None, None),
    }
}
