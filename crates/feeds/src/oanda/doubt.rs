//! A token that is refused: a wrong one must be told soon, and a right one is refused for a while during maintenance
//! (seen at weekends by the makers of oanda-rs), after which it must work again without anybody's help.

use super::{Deadlines, Settings};
use crate::supervise::End;
use tokio::time::Instant;

/// So many refusals in a row end it for a token that was never taken.
const ATTEMPTS: u32 = 3;

/// What is thought of the token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Doubt {
    /// The server has taken it since the process began.
    is_known: bool,
    /// Refusals in a row, and when they began.
    attempts: u32,
    since: Option<Instant>,
}

impl Doubt {
    /// The server took the token.
    pub(super) fn clear(&mut self) {
        *self = Self {
            is_known: true,
            ..Self::default()
        };
    }

    /// The server refused it now: whether that is for good.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        reason: String,
        deadlines: &Deadlines,
        settings: &Settings,
    ) -> End {
        let lasted = now - *self.since.get_or_insert(now);
        self.attempts += 1;
        let is_final = if self.is_known {
            self.attempts >= ATTEMPTS && lasted >= deadlines.doubt_known
        } else {
            self.attempts >= ATTEMPTS || lasted >= deadlines.doubt
        };
        if !is_final {
            return End::transient(format!(
                "{reason} (refusal {} in a row; a token that is right is refused for a while during maintenance)",
                self.attempts
            ));
        }
        let remedy = format!(
            "check the token and feed.oanda.account: both belong to one environment (set: {}), and a token may have been revoked; make one in OANDA's portal (Manage API Access)",
            settings.environment
        );
        End::fatal(reason, remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// What is thought of a refusal at each of these seconds.
    fn judge(doubt: &mut Doubt, seconds: &[u64]) -> Vec<&'static str> {
        let begin = Instant::now();
        let at = |second: &u64| begin + Duration::from_secs(*second);
        seconds
            .iter()
            .map(|second| refuse(doubt, at(second)))
            .collect()
    }

    fn refuse(doubt: &mut Doubt, now: Instant) -> &'static str {
        let (deadlines, settings) = (Deadlines::default(), Settings::default());
        let end = doubt.judge(now, "401".to_owned(), &deadlines, &settings);
        match end {
            End::Transient { .. } => "again",
            End::Fatal { remedy, .. } => {
                assert!(remedy.contains("practice"), "{remedy}");
                "over"
            }
            End::Later { .. } | End::Contested { .. } => "?",
        }
    }

    #[test]
    fn a_token_that_never_worked_is_given_up_at_the_third_refusal_or_after_a_minute() {
        assert_eq!(
            judge(&mut Doubt::default(), &[0, 5, 11]),
            ["again", "again", "over"]
        );
        assert_eq!(judge(&mut Doubt::default(), &[0, 60]), ["again", "over"]);
    }

    #[test]
    fn a_token_that_worked_is_given_ten_minutes() {
        let mut doubt = Doubt::default();
        judge(&mut doubt, &[0, 5]);
        doubt.clear();
        assert_eq!(
            judge(&mut doubt, &[0, 60, 300, 599, 600]),
            ["again", "again", "again", "again", "over"]
        );
        doubt.clear();
        assert_eq!(judge(&mut doubt, &[0, 700]), ["again", "again"]);
    }
}
