//! The versions of calibrations, beside the stream of records.

use super::store::{Store, failure};
use crate::{Error, record};
use market::Calibration;
use rusqlite::{Connection, Transaction, TransactionBehavior};

impl Store {
    pub(super) fn keep(&mut self, calibrations: &[Calibration]) -> Result<(), Error> {
        let failed = failure(&self.path, "append to");
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(&failed)?;
        insert(&transaction, calibrations).map_err(&failed)?;
        transaction.commit().map_err(failed)
    }

    pub(super) fn calibrations(&self) -> Result<Vec<Calibration>, Error> {
        if self.without_shadows {
            return Ok(Vec::new());
        }
        let rows = select(&self.connection).map_err(failure(&self.path, "read"))?;
        let calibration = |(place, body): (u64, String)| {
            let named = || format!("calibration {place} of {}", self.path.display());
            record::decode_calibration(&body, named)
        };
        rows.into_iter().map(calibration).collect()
    }
}

fn insert(transaction: &Transaction<'_>, calibrations: &[Calibration]) -> rusqlite::Result<()> {
    let sql = "INSERT INTO calibration (name, body) VALUES (?1, ?2) ON CONFLICT (name) DO NOTHING";
    let mut statement = transaction.prepare_cached(sql)?;
    for calibration in calibrations {
        let (name, body) = (
            record::name_of(calibration),
            record::encode_calibration(calibration),
        );
        statement.execute((name, body))?;
    }
    Ok(())
}

fn select(connection: &Connection) -> rusqlite::Result<Vec<(u64, String)>> {
    let sql = "SELECT place, body FROM calibration ORDER BY place";
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}
