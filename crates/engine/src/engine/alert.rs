//! Alerts: each is answered once. One that is new may become a signal; one that is known is a repetition, the sender's
//! own verdict, or a mistake.

use super::{Engine, Output, trading_day};
use crate::desk::{Draft, enter};
use crate::ledger::{Known, Posted};
use market::{Accepted, Alert, Answer, Declined, Signal, Status, Time};

impl Engine {
    pub(super) fn alert(&mut self, at: Time, alert: &Alert, out: &mut Vec<Output>) {
        let result = match self.state.shared.ledger.find(alert.id) {
            None => self.post(at, alert, out),
            Some(known) => match answer_to(known, alert) {
                Some(before) => Ok(before),
                None => self.judge(at, alert, out),
            },
        };
        if !alert.dry_run {
            let counts = &mut self.state.shared.counts;
            match &result {
                Ok(accepted) => counts.posted += u64::from(!accepted.repeated),
                Err(_) => counts.declined += 1,
            }
        }
        let id = alert.id;
        out.push(Output::Answer(Box::new(Answer { id, result })));
        self.find_wake_of(alert.instrument);
        self.find_wake();
    }

    /// A new one becomes a pending signal, if the market bears it out and its sender has room.
    fn post(
        &mut self,
        at: Time,
        alert: &Alert,
        out: &mut Vec<Output>,
    ) -> Result<Accepted, Declined> {
        let heard = self.state.sources[self.source(alert.instrument).index()].heard;
        let (desk, mut context) = self.desk(at, alert.instrument, out);
        let Draft {
            pending,
            born,
            planned,
            now,
            gate,
        } = desk.draft(alert, heard, &mut context)?;
        let (ledger, day) = (&mut context.shared.ledger, trading_day(now));
        ledger.check(&alert.sender, day, &context.settings.rules)?;
        let answer = Accepted {
            signal: Box::new(pending.signal.clone()),
            at,
            repeated: false,
            planned,
        };
        if alert.dry_run {
            return Ok(answer);
        }
        let posted = Posted {
            sender: alert.sender.clone(),
            digest: alert.digest,
            answer: answer.clone(),
            verdict: None,
        };
        ledger.post(posted, day);
        gate.into_iter()
            .for_each(|gate| context.shared.counts.gate(gate));
        context.shared.calibrators.born(pending.signal.id, born);
        enter(&pending.signal, &mut context);
        desk.read_signal(&pending.signal, now, &mut context);
        context
            .out
            .push(Output::Signal(Box::new(pending.signal.clone())));
        desk.open_posted(pending);
        Ok(answer)
    }

    /// A known one that says something new: the sender's own verdict, or a mistake.
    fn judge(
        &mut self,
        at: Time,
        alert: &Alert,
        out: &mut Vec<Output>,
    ) -> Result<Accepted, Declined> {
        let known = self.state.shared.ledger.find(alert.id);
        let status = known.map_or(Status::Pending, |known| known.status);
        let declined = Declined::Known { status };
        let posted = known.and_then(|known| known.posted.as_ref());
        let Some(posted) = posted.filter(|posted| posted.sender == alert.sender) else {
            return Err(declined);
        };
        let planned = posted.answer.planned;
        let (desk, mut context) = self.desk(at, alert.instrument, out);
        let same = |signal: &Signal| signal.direction == alert.direction;
        let judged = desk.judged(alert.id, alert.status, at).filter(same);
        let answer = Accepted {
            signal: Box::new(judged.ok_or(declined)?),
            at,
            repeated: false,
            planned,
        };
        if !alert.dry_run {
            desk.take_verdict(alert.id, alert.status, &mut context);
            context.shared.ledger.judged(alert.digest, answer.clone());
        }
        Ok(answer)
    }
}

/// What the same sender was answered when he sent the same before.
fn answer_to(known: &Known, alert: &Alert) -> Option<Accepted> {
    let posted = known.posted.as_ref()?;
    let posted = (posted.sender == alert.sender).then_some(posted)?;
    posted.answer_to(alert.digest)
}
