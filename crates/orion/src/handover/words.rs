//! What the two processes say to each other: one JSON object in a frame, its length in four bytes before it.
//!
//! They may be of different versions. The words that decide a hand-over therefore stay as they are; [`News`] may change,
//! and [`FORM`] with it: two processes of different forms hand over all the same, only the old one hears no news. So it is
//! where the settings name other instruments, sources or features than before.

use engine::Settings;
use hub::Publication;
use market::{
    BarUpdate, FeatureUpdate, FeedState, Outcome, Position, PriceUpdate, Signal, Source, Symbol,
    SymbolStatus, Time,
};
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::Arc;

/// The form of [`News`].
pub(super) const FORM: u32 = 5;
/// No frame is longer: a length beyond it is no length.
const FRAME_MAX: usize = 64 * 1024 * 1024;
const HEAD: usize = 4;

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    /// The old one's first; the listening socket came before it.
    Offer(Offer),
    /// The new one could serve, as far as can be seen without touching anything.
    Checked(Checked),
    /// Engine and store are the new one's now. The journal ended here.
    Take { at: Position },
    /// The new one has both, and knows what was; it lets nobody in yet.
    Ready,
    /// Let them in.
    Go,
    /// The new one lets clients in.
    Serving,
    /// The new one gives up, and ends.
    Failed { reason: String },
    /// What was published, for the clients that the old one still has.
    News(News),
}

/// Who understands whose news: those of the same form about the same market.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checked {
    pub(super) form: u32,
    /// The catalog's instruments and sources, which news names by their places in it; and the names of features.
    pub(super) catalog: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Offer {
    /// The market's folder.
    pub(super) folder: String,
    /// A service manager made the socket: it, and not `server.listen`, says which address is listened on.
    pub(super) activated: bool,
}

/// A publication on its way to the process before.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct News {
    sources: Option<Vec<Source>>,
    prices: Vec<PriceUpdate>,
    signals: Vec<(Position, Signal)>,
    outcomes: Vec<(Position, Outcome)>,
    statuses: Vec<Standing>,
    bars: Vec<BarUpdate>,
    features: Vec<FeatureUpdate>,
    now: Time,
}

/// How a symbol stands.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Standing {
    symbol: Symbol,
    feed: FeedState,
    since: Time,
    source: Option<String>,
    simulated: bool,
}

impl Checked {
    /// Of this program, under these settings.
    pub(super) fn of(settings: &Settings) -> io::Result<Self> {
        let mut catalog = serde_json::to_string(&settings.catalog)?;
        // News has the values of features by their places only.
        for name in &settings.features.names {
            catalog.push(' ');
            catalog.push_str(&name.to_string());
        }
        Ok(Self {
            form: FORM,
            catalog,
        })
    }
}

impl Word {
    /// As it goes over the link.
    pub(super) fn to_frame(&self) -> io::Result<Vec<u8>> {
        let mut frame = vec![0; HEAD];
        serde_json::to_writer(&mut frame, self)?;
        let length = u32::try_from(frame.len() - HEAD).map_err(io::Error::other)?;
        frame[..HEAD].copy_from_slice(&length.to_be_bytes());
        Ok(frame)
    }

    /// Takes the first word off what was heard; `None` while it is not whole.
    pub(super) fn take(heard: &mut Vec<u8>) -> io::Result<Option<Self>> {
        let Some(head) = heard.first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes(*head) as usize;
        if length > FRAME_MAX {
            let wrong = format!("a frame of {length} bytes is none of a hand-over");
            return Err(io::Error::new(io::ErrorKind::InvalidData, wrong));
        }
        let Some(body) = heard.get(HEAD..HEAD + length) else {
            return Ok(None);
        };
        let word = serde_json::from_slice(body)?;
        heard.drain(..HEAD + length);
        Ok(Some(word))
    }
}

impl From<&Publication> for News {
    fn from(publication: &Publication) -> Self {
        // Named one by one: what a publication gains does not compile until it is passed on, in a new form.
        let Publication {
            sources,
            prices,
            signals,
            outcomes,
            statuses,
            bars,
            features,
            now,
        } = publication;
        Self {
            sources: sources.as_deref().map(<[Source]>::to_vec),
            prices: prices.clone(),
            signals: signals.clone(),
            outcomes: outcomes.clone(),
            statuses: statuses.iter().map(Standing::of).collect(),
            bars: bars.iter().map(|bar| **bar).collect(),
            features: features.clone(),
            now: *now,
        }
    }
}

impl From<News> for Publication {
    fn from(news: News) -> Self {
        Self {
            sources: news.sources.map(Arc::from),
            prices: news.prices,
            signals: news.signals,
            outcomes: news.outcomes,
            statuses: news.statuses.into_iter().map(Standing::into).collect(),
            bars: news.bars.into_iter().map(Arc::new).collect(),
            features: news.features,
            now: news.now,
        }
    }
}

impl Standing {
    fn of(status: &SymbolStatus) -> Self {
        let SymbolStatus {
            symbol,
            feed,
            since,
            source,
            simulated,
        } = status.clone();
        Self {
            symbol,
            feed,
            since,
            source,
            simulated,
        }
    }

    fn into(self) -> SymbolStatus {
        SymbolStatus {
            symbol: self.symbol,
            feed: self.feed,
            since: self.since,
            source: self.source,
            simulated: self.simulated,
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use market::{
        Bar, Cause, Direction, Epoch, Evidence, Killzone, Ohlc, OutcomeKind, Price, Probability,
        Ratio, SourceId, Status, Target, Timeframe, Uuid,
    };

    /// The words below are what another version of ORION says and hears. The first seven stay as they are; whoever changes
    /// the last raises [`FORM`].
    #[test]
    fn each_word_has_its_form() {
        let at = Position {
            epoch: Epoch(7),
            seq: 41,
        };
        let offer = Offer {
            folder: "/srv/orion/live".to_owned(),
            activated: true,
        };
        check(
            Word::Offer(offer),
            expect![[r#"{"offer":{"folder":"/srv/orion/live","activated":true}}"#]],
        );
        let checked = Checked {
            form: 1,
            catalog: "{}".to_owned(),
        };
        check(
            Word::Checked(checked),
            expect![[r#"{"checked":{"form":1,"catalog":"{}"}}"#]],
        );
        check(
            Word::Take { at },
            expect![[r#"{"take":{"at":{"epoch":7,"seq":41}}}"#]],
        );
        check(Word::Ready, expect![[r#""ready""#]]);
        check(Word::Go, expect![[r#""go""#]]);
        check(Word::Serving, expect![[r#""serving""#]]);
        let reason = "no".to_owned();
        check(
            Word::Failed { reason },
            expect![[r#"{"failed":{"reason":"no"}}"#]],
        );
        assert_eq!(FORM, 5);
        check(
            Word::News(News::from(&publication())),
            expect![[
                r#"{"news":{"sources":[{"name":"oanda","heartbeats":true,"simulated":false,"always_open":false}],"prices":[{"symbol":"XAUUSD","digits":2,"price":2001500000000,"bid":2001400000000,"ask":2001600000000,"time":1700000000000000000,"change":-500000000,"change_percent":-25000000,"volume":null,"source":0,"ticks":3}],"signals":[[{"epoch":7,"seq":1},{"id":"00000000-0000-0000-0000-000000000001","status":"invalidated","direction":"long","symbol":"XAUUSD","digits":2,"entry_time":1700000000000000000,"entry":2001500000000,"stop":1999000000000,"targets":[{"price":2004000000000,"percent":100,"runner":false}],"reason":"a reason","confidence":6100,"rr_target":100,"killzone":"london","setup":"mss_fvg","timeframe":"5m","simulated":false,"created_at":1700000000000000000,"decide_by":1700000000000000000,"decided_at":1700000000000000000,"cause":"timeout","evidence":{"source":"","price_kind":null,"conditions":[],"rr_weighted":null,"backing":null,"source_confidence":null,"config_hash":"","odds":null,"size":null,"risk_gate":null,"model":null}}]],"outcomes":[[{"epoch":7,"seq":2},{"id":"00000000-0000-0000-0000-000000000001","symbol":"XAUUSD","digits":2,"kind":{"Target":1},"price":2004000000000,"r":100,"at":1700000000000000000,"last":true,"realised":null,"end":null}]],"statuses":[{"symbol":"XAUUSD","feed":"live","since":1700000000000000000,"source":"oanda","simulated":false}],"bars":[{"symbol":"XAUUSD","digits":2,"timeframe":"1m","bar":{"open_time":1700000000000000000,"end_time":1700000000000000000,"price":{"open":2001500000000,"high":2001500000000,"low":2001500000000,"close":2001500000000},"ticks":3,"holed":false},"closed":true}],"features":[{"symbol":"XAUUSD","timeframe":"5m","time":1700000000000000000,"values":[4602678819172646912,9221120237041090560]}],"now":1700000000000000000}}"#
            ]],
        );
    }

    #[test]
    fn news_is_understood_under_the_same_instruments_and_features() {
        let of = |names: &[&str]| {
            let mut settings = crate::config::Config::default().engine_settings();
            settings.features.names = names.iter().map(|name| name.parse().unwrap()).collect();
            Checked::of(&settings).unwrap()
        };
        assert_eq!(of(&[]), of(&[]));
        assert_ne!(of(&[]), of(&["spread_atr"]));
        assert_ne!(of(&["hour_sin", "hour_cos"]), of(&["hour_cos", "hour_sin"]));
    }

    #[test]
    fn a_publication_arrives_as_it_was() {
        let publication = publication();
        let news = News::from(&publication);
        assert_eq!(Publication::from(news), publication);
    }

    #[test]
    fn words_are_found_wherever_they_are_cut() {
        let reason = "gone".to_owned();
        let words = [Word::Ready, Word::Failed { reason }, Word::Go];
        let bytes: Vec<u8> = words
            .iter()
            .flat_map(|word| word.to_frame().unwrap())
            .collect();
        let mut heard = Vec::new();
        let mut found = Vec::new();
        for byte in bytes {
            heard.push(byte);
            found.extend(Word::take(&mut heard).unwrap());
        }
        assert_eq!(found, words);
        assert!(heard.is_empty());
    }

    #[test]
    fn what_is_no_word_is_an_error() {
        for heard in [
            &b"HTTP/1.1 200 OK"[..],
            b"\0\0\0\x04\"no\"",
            b"\0\0\0\x02ab",
        ] {
            assert!(Word::take(&mut heard.to_vec()).is_err(), "{heard:?}");
        }
    }

    fn check(word: Word, expected: Expect) {
        let frame = word.to_frame().unwrap();
        expected.assert_eq(std::str::from_utf8(&frame[HEAD..]).unwrap());
        let mut heard = frame;
        assert_eq!(Word::take(&mut heard).unwrap(), Some(word));
    }

    /// One of everything.
    pub(in crate::handover) fn publication() -> Publication {
        let at = |seq| Position {
            epoch: Epoch(7),
            seq,
        };
        let symbol = Symbol::new("XAUUSD").unwrap();
        let time = Time::from_secs(1_700_000_000);
        let price = |text: &str| Price::parse(text).unwrap();
        let signal = Signal {
            id: Uuid::from_u128(1),
            status: Status::Invalidated,
            direction: Direction::Long,
            symbol,
            digits: 2,
            entry_time: time.as_source(),
            entry: price("2001.5"),
            stop: price("1999"),
            targets: vec![Target {
                price: price("2004"),
                percent: 100,
                runner: false,
            }],
            reason: "a reason".to_owned(),
            confidence: Probability::new(0.61),
            rr_target: Ratio::from_hundredths(100),
            killzone: Killzone::London,
            setup: "mss_fvg".to_owned(),
            timeframe: Timeframe::M5,
            simulated: false,
            created_at: time,
            decide_by: time,
            decided_at: Some(time),
            cause: Some(Cause::Timeout),
            evidence: Evidence::default(),
        };
        let outcome = Outcome {
            id: Uuid::from_u128(1),
            symbol,
            digits: 2,
            kind: OutcomeKind::Target(1),
            price: price("2004"),
            r: Ratio::from_hundredths(100),
            at: time,
            last: true,
            realised: None,
            end: None,
        };
        let update = PriceUpdate {
            symbol,
            digits: 2,
            price: price("2001.5"),
            bid: price("2001.4"),
            ask: price("2001.6"),
            source: SourceId(0),
            time: time.as_source(),
            change: price("-0.5"),
            change_percent: price("-0.025"),
            volume: None,
            ticks: 3,
        };
        let status = SymbolStatus {
            symbol,
            feed: FeedState::Live,
            since: time,
            source: Some("oanda".to_owned()),
            simulated: false,
        };
        let bar = BarUpdate {
            symbol,
            digits: 2,
            timeframe: Timeframe::M1,
            bar: Bar {
                open_time: time.as_source(),
                end_time: time.as_source(),
                price: Ohlc::of(price("2001.5")),
                ticks: 3,
                holed: false,
            },
            closed: true,
        };
        let features = FeatureUpdate {
            symbol,
            timeframe: Timeframe::M5,
            time: time.as_source(),
            values: vec![0.5, f64::NAN].into(),
        };
        let source = Source {
            name: "oanda".to_owned(),
            heartbeats: true,
            simulated: false,
            always_open: false,
        };
        Publication {
            sources: Some([source].into()),
            prices: vec![update],
            signals: vec![(at(1), signal)],
            outcomes: vec![(at(2), outcome)],
            statuses: vec![status],
            bars: vec![Arc::new(bar)],
            features: vec![features],
            now: time,
        }
    }
}
