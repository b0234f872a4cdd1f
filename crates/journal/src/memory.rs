//! The journal that ends with the process: for tests, backtests and the laboratory.

use crate::{Error, Journal, Record, record};
use market::{Calibration, Epoch, Position, Shadow};

#[derive(Debug)]
pub struct Memory {
    epoch: Epoch,
    records: Vec<Record>,
    shadows: Vec<Shadow>,
    calibrations: Vec<Calibration>,
}

impl Memory {
    #[must_use]
    pub const fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            records: Vec::new(),
            shadows: Vec::new(),
            calibrations: Vec::new(),
        }
    }
}

impl Journal for Memory {
    async fn append_with(
        &mut self,
        after: Position,
        batch: Vec<Record>,
        shadows: Vec<Shadow>,
    ) -> Result<Position, Error> {
        if after != self.end() {
            return Err(Error::Fenced {
                expected: after,
                found: self.end(),
            });
        }
        self.records.extend(batch);
        for shadow in shadows {
            if self.shadows.iter().all(|known| known.id != shadow.id) {
                self.shadows.push(shadow);
            }
        }
        Ok(self.end())
    }

    async fn read(&self, after: Position, limit: usize) -> Result<Vec<(Position, Record)>, Error> {
        let end = self.end();
        if after.epoch != end.epoch || after.seq > end.seq {
            return Err(Error::Fenced {
                expected: after,
                found: end,
            });
        }
        let skipped = after.seq as usize;
        let records = self.records.iter().skip(skipped).take(limit).cloned();
        Ok((1..).map(|step| after.after(step)).zip(records).collect())
    }

    async fn shadows(&self, after: u64, limit: usize) -> Result<Vec<(u64, Shadow)>, Error> {
        let behind = self.shadows.iter().skip(after as usize).cloned();
        Ok((after + 1..).zip(behind).take(limit).collect())
    }

    async fn keep(&mut self, calibrations: Vec<Calibration>) -> Result<(), Error> {
        for calibration in calibrations {
            let name = record::name_of(&calibration);
            let mut known = self.calibrations.iter().map(record::name_of);
            if known.all(|known| known != name) {
                self.calibrations.push(calibration);
            }
        }
        Ok(())
    }

    async fn calibrations(&self) -> Result<Vec<Calibration>, Error> {
        Ok(self.calibrations.clone())
    }

    fn end(&self) -> Position {
        Position {
            epoch: self.epoch,
            seq: self.records.len() as u64,
        }
    }
}
