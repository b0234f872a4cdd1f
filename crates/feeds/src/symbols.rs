//! What an instrument is called at a source, and which of the prices behind its name the source tells.

use market::{Catalog, InstrumentId, PriceKind};

/// One instrument that a source can serve, as its documentation names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer<'a> {
    pub ours: &'a str,
    pub theirs: &'a str,
    /// Cash, CFD and future are never mixed in one series: an offer of another kind than the instrument's is not taken.
    pub kind: PriceKind,
}

/// The instruments that are taken from a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Symbols {
    used: Vec<(InstrumentId, String)>,
    /// What the source could tell and is not asked for: our name, theirs, and why.
    pub unused: Vec<(String, String, String)>,
}

impl Symbols {
    /// Those of `offers` that the catalog trades in the same kind; `changes` are `OURS=THEIRS` of the settings, which win
    /// over the offers, and `OURS=` takes one out.
    ///
    /// # Errors
    /// When a change is not of that form or names no instrument of the catalog; the message says which and why.
    pub fn new(
        catalog: &Catalog,
        offers: &[Offer<'_>],
        changes: &[String],
    ) -> Result<Self, String> {
        let mut symbols = Self::default();
        let changes = changes
            .iter()
            .map(|change| read_change(change, catalog))
            .collect::<Result<Vec<_>, _>>()?;
        for offer in offers {
            let changed = changes.iter().any(|(ours, _, _)| *ours == offer.ours);
            if let (false, Some(id)) = (changed, catalog.find(offer.ours)) {
                symbols.take(catalog, id, offer);
            }
        }
        for (_, id, theirs) in changes {
            if !theirs.is_empty() {
                symbols.used.push((id, theirs.to_owned()));
            }
        }
        Ok(symbols)
    }

    fn take(&mut self, catalog: &Catalog, id: InstrumentId, offer: &Offer<'_>) {
        let kind = catalog.instrument(id).kind;
        if kind == offer.kind {
            self.used.push((id, offer.theirs.to_owned()));
            return;
        }
        let why = format!(
            "it is the {} price, and {} is a {} here: set instrument.{}.kind to take it",
            word(offer.kind),
            offer.ours,
            word(kind),
            offer.ours
        );
        let (ours, theirs) = (offer.ours.to_owned(), offer.theirs.to_owned());
        self.unused.push((ours, theirs, why));
    }

    /// The instrument that the source calls so.
    #[must_use]
    pub fn find(&self, theirs: &str) -> Option<InstrumentId> {
        let mut used = self.used.iter();
        used.find(|(_, name)| name == theirs).map(|(id, _)| *id)
    }

    /// What the source calls an instrument.
    #[must_use]
    pub fn theirs(&self, id: InstrumentId) -> Option<&str> {
        let mut used = self.used.iter();
        used.find(|(used, _)| *used == id)
            .map(|(_, name)| name.as_str())
    }

    /// Each instrument with its name at the source.
    pub fn iter(&self) -> impl Iterator<Item = (InstrumentId, &str)> {
        self.used.iter().map(|(id, name)| (*id, name.as_str()))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.used.is_empty()
    }
}

fn read_change<'a>(
    change: &'a str,
    catalog: &Catalog,
) -> Result<(&'a str, InstrumentId, &'a str), String> {
    let (ours, theirs) = change
        .split_once('=')
        .ok_or_else(|| format!("`{change}` is not OURS=THEIRS, such as NAS100=USTEC"))?;
    let (ours, theirs) = (ours.trim(), theirs.trim());
    let id = catalog
        .find(ours)
        .ok_or_else(|| format!("`{ours}` in `{change}` is no instrument of the settings"))?;
    Ok((ours, id, theirs))
}

fn word(kind: PriceKind) -> &'static str {
    match kind {
        PriceKind::Cash => "cash",
        PriceKind::Cfd => "cfd",
        PriceKind::Future => "future",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::catalog;

    const OFFERS: [Offer; 3] = [
        Offer {
            ours: "EURUSD",
            theirs: "EUR_USD",
            kind: PriceKind::Cash,
        },
        Offer {
            ours: "SPX500",
            theirs: "I:SPX",
            kind: PriceKind::Cash,
        },
        Offer {
            ours: "NZDUSD",
            theirs: "NZD_USD",
            kind: PriceKind::Cash,
        },
    ];

    #[test]
    fn offers_of_the_same_kind_are_taken_and_changes_win() {
        let catalog = catalog();
        let plain = Symbols::new(&catalog, &OFFERS, &[]).unwrap();
        let names: Vec<_> = plain.iter().map(|(_, name)| name).collect();
        assert_eq!(
            names,
            ["EUR_USD"],
            "SPX500 is a cfd here, NZDUSD is not traded"
        );
        assert_eq!(plain.unused.len(), 1);
        assert_eq!(plain.find("EUR_USD"), catalog.find("EURUSD"));
        let changes = ["EURUSD=".to_owned(), "NAS100 = USTEC".to_owned()];
        let changed = Symbols::new(&catalog, &OFFERS, &changes).unwrap();
        let names: Vec<_> = changed.iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["USTEC"]);
        assert!(Symbols::new(&catalog, &OFFERS, &["EURUSD".to_owned()]).is_err());
        assert!(Symbols::new(&catalog, &OFFERS, &["XX=YY".to_owned()]).is_err());
    }
}
