//! What answers that are none mean for a question, for a symbol, and for the whole source.

use super::asset::Door;
use super::decode::Refusal;
use super::{AlphaVantage, KEY_VARIABLES, unwritable};
use crate::health::Coverage;
use crate::inbox::Outlet;
use crate::supervise::End;
use std::time::Duration;
use tokio::time::sleep;

/// Rests, in units of the spacing, after `too many calls`; and how many such answers mean that the day's are used up.
const BUSY_RESTS: u32 = 20;
const BUSY_MAX: u32 = 3;

impl AlphaVantage {
    /// What an answer that is none means.
    pub(super) async fn hear(
        &mut self,
        refusal: Refusal,
        place: usize,
        door: Door,
        body: &str,
        outlet: &Outlet,
    ) -> Result<(), End> {
        let cut = |text: &str| self.key.cut_from(text);
        match refusal {
            Refusal::TooMany(text) => {
                let text = cut(&text);
                self.too_many(&text, outlet).await
            }
            Refusal::DayUsed(_) => Err(self.day_used(outlet)),
            Refusal::Key(text) => Err(End::fatal(
                format!("Alpha Vantage does not take the key: {}", cut(&text)),
                format!("check {}", KEY_VARIABLES[0]),
            )),
            Refusal::Unknown(text) => Err(End::fatal(
                format!(
                    "Alpha Vantage says what ORION does not know: {}",
                    cut(&text)
                ),
                "do what it says, and restart",
            )),
            Refusal::Premium(text) => {
                let why = format!("not in the plan of this key: {}", cut(&text));
                self.shut(place, door, why, outlet);
                Ok(())
            }
            Refusal::Wrong(text) => {
                let why = cut(&text);
                self.shut(place, door, why, outlet);
                Ok(())
            }
            Refusal::Empty => {
                self.strike(place, door, "the answer is empty".to_owned(), body, outlet);
                Ok(())
            }
            Refusal::Unreadable(why) => {
                let why = cut(&why);
                self.strike(place, door, why, body, outlet);
                Ok(())
            }
        }
    }

    /// The same sentence is said when calls come too fast and when the day's are used up: only trying again tells.
    async fn too_many(&mut self, text: &str, outlet: &Outlet) -> Result<(), End> {
        self.busy += 1;
        if self.busy >= BUSY_MAX {
            self.busy = 0;
            return Err(self.day_used(outlet));
        }
        tracing::info!(source = %outlet.name(), text, "too many calls: resting");
        sleep(Duration::from_millis(self.settings.spacing_ms) * BUSY_RESTS).await;
        Ok(())
    }

    fn day_used(&mut self, outlet: &Outlet) -> End {
        let now = outlet.now().as_source();
        match self.budget.exhaust(now) {
            Ok(()) => self.used_up(now),
            Err(error) => unwritable(error),
        }
    }

    /// Answers that cannot be read are tried a few times more.
    pub(super) fn strike(
        &mut self,
        place: usize,
        door: Door,
        why: String,
        body: &str,
        outlet: &Outlet,
    ) {
        let id = self.assets[place].id;
        let body = self.key.cut_from(body);
        outlet.malformed(Some(id), body.as_bytes(), &why);
        if self.assets[place].door(door).strike() {
            self.shut(place, door, why, outlet);
        }
    }

    /// A question that is in vain is not asked again; a symbol with none left is refused.
    fn shut(&mut self, place: usize, door: Door, why: String, outlet: &Outlet) {
        let asset = &mut self.assets[place];
        asset.door(door).shut();
        let (source, symbol, what) = (outlet.name(), &asset.ours, door.word());
        tracing::warn!(%source, symbol, what, why, "not asked for again");
        if !asset.close.is_open() && !asset.quote.is_open() {
            outlet.coverage(asset.id, Coverage::Refused(why));
        }
    }
}
