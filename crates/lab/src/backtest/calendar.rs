//! Results by trading day, month and quarter, and how far their sum fell.

use super::figures::{count_hits, fold_part};
use super::report::{Day, Drawdown, Fold, Month};
use super::row::{Row, date, mean};
use std::collections::BTreeMap;

/// Days on which something ended, with the sums up to the end of each. `rows` are in the order of their ends.
pub(super) fn days(rows: &[Row]) -> Vec<Day> {
    let (mut gross, mut net, mut doubled, mut highest) = (0.0, 0.0, 0.0, 0.0_f64);
    let day = |of_day: &[Row]| {
        let r = of_day.iter().map(Row::net).fold(0.0, |sum, one| sum + one);
        for row in of_day {
            gross += row.gross;
            doubled += row.doubled();
        }
        net += r;
        highest = highest.max(net);
        Day {
            day: of_day.first().map(|row| date(row.day)).unwrap_or_default(),
            trades: of_day.len() as u32,
            hits: count_hits(of_day),
            r,
            gross,
            net,
            doubled,
            drawdown: highest - net,
        }
    };
    rows.chunk_by(|one, other| one.day == other.day)
        .map(day)
        .collect()
}

/// Months in which something ended.
pub(super) fn months(days: &[Day]) -> Vec<Month> {
    let month = |of_month: &[Day]| Month {
        month: month_of(of_month.first()),
        trades: of_month.iter().map(|day| day.trades).sum(),
        hits: of_month.iter().map(|day| day.hits).sum(),
        r: of_month.iter().map(|day| day.r).fold(0.0, |sum, r| sum + r),
    };
    days.chunk_by(|one, other| month_of(Some(one)) == month_of(Some(other)))
        .map(month)
        .collect()
}

fn month_of(day: Option<&Day>) -> String {
    day.and_then(|day| day.day.get(..7))
        .unwrap_or_default()
        .to_owned()
}

/// The deepest fall of the sum of results, trade by trade.
pub(super) fn drawdown(rows: &[Row]) -> Drawdown {
    let (mut sum, mut high, mut high_day) = (0.0, 0.0, None);
    let mut deepest = Drawdown::default();
    let mut searching = false;
    for row in rows {
        sum += row.net();
        if sum >= high {
            (high, high_day) = (sum, Some(row.day));
            if std::mem::take(&mut searching) {
                deepest.until = Some(date(row.day));
            }
        } else if high - sum > deepest.r {
            deepest = Drawdown {
                r: high - sum,
                from: high_day.map(date),
                depth: Some(date(row.day)),
                until: None,
            };
            searching = true;
        }
    }
    deepest
}

/// Calendar quarters, by the trading day of the end: what was known before each, and what came in it.
pub(super) fn folds(rows: &[Row]) -> Vec<Fold> {
    let mut quarters: BTreeMap<String, usize> = BTreeMap::new();
    for row in rows {
        *quarters.entry(quarter(row.day)).or_default() += 1;
    }
    let mut begin = 0;
    let fold = |(fold, count): (String, usize)| {
        let (before, inside) = (&rows[..begin], &rows[begin..begin + count]);
        begin += count;
        let brier = brier(inside.iter().map(|row| (row.confidence, row)));
        let told_before = mean(before.iter().map(Row::truth));
        let by_rate = told_before
            .and_then(|rate| self::brier(inside.iter().map(|row| (rate, row))))
            .filter(|by_rate| *by_rate > 0.0);
        Fold {
            fold,
            before: fold_part(before),
            inside: fold_part(inside),
            brier,
            skill: brier
                .zip(by_rate)
                .map(|(brier, by_rate)| 1.0 - brier / by_rate),
        }
    };
    quarters.into_iter().map(fold).collect()
}

fn brier<'a>(told: impl Iterator<Item = (f64, &'a Row)>) -> Option<f64> {
    mean(told.map(|(told, row)| (told - row.truth()) * (told - row.truth())))
}

/// `2025 Q1`, which sorts by time.
pub(super) fn quarter(day: i32) -> String {
    let date = date(day);
    let month: u32 = date
        .get(5..7)
        .and_then(|month| month.parse().ok())
        .unwrap_or(1);
    format!(
        "{} Q{}",
        date.get(..4).unwrap_or_default(),
        (month - 1) / 3 + 1
    )
}

#[cfg(test)]
mod tests {
    use super::super::row::testing::row;
    use super::*;

    /// 2024-12-31 is day 20,088.
    fn rows() -> Vec<Row> {
        let net = |day, net: f64| row(20_088 + day, net > 0.0, 0.5, net + 0.1);
        vec![
            net(0, 2.0),
            net(0, -1.0),
            net(1, -1.0),
            net(1, -1.5),
            net(40, 3.0),
            net(40, -0.5),
            net(41, 0.1),
        ]
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
    }

    #[test]
    fn days_sum_up() {
        let days = days(&rows());
        let shown: Vec<_> = days
            .iter()
            .map(|day| (day.day.as_str(), day.trades, day.hits))
            .collect();
        assert_eq!(
            shown,
            [
                ("2024-12-31", 2, 1),
                ("2025-01-01", 2, 0),
                ("2025-02-09", 2, 1),
                ("2025-02-10", 1, 1)
            ]
        );
        for (day, [r, gross, net, doubled, drawdown]) in days.iter().zip([
            [1.0, 1.2, 1.0, 0.8, 0.0],
            [-2.5, -1.1, -1.5, -1.9, 2.5],
            [2.5, 1.6, 1.0, 0.4, 0.0],
            [0.1, 1.8, 1.1, 0.4, 0.0],
        ]) {
            near(day.r, r);
            near(day.gross, gross);
            near(day.net, net);
            near(day.doubled, doubled);
            near(day.drawdown, drawdown);
        }
    }

    #[test]
    fn months_are_sums_of_days() {
        let months = months(&days(&rows()));
        let shown: Vec<_> = months
            .iter()
            .map(|month| (month.month.as_str(), month.trades, month.hits))
            .collect();
        assert_eq!(
            shown,
            [("2024-12", 2, 1), ("2025-01", 2, 0), ("2025-02", 3, 2)]
        );
        near(months[2].r, 2.6);
    }

    #[test]
    fn the_deepest_fall_is_told_with_its_days() {
        let found = drawdown(&rows());
        near(found.r, 3.5);
        let days = [found.from, found.depth, found.until];
        let days = days.each_ref().map(Option::as_deref);
        assert_eq!(days, [Some("2024-12-31"), Some("2025-01-01"), None]);
        assert_eq!(drawdown(&[]), Drawdown::default());
    }

    #[test]
    fn a_fall_that_is_made_up_for_says_when() {
        let mut rows = rows();
        rows.push(row(20_200, true, 0.5, 9.0));
        assert_eq!(drawdown(&rows).until.as_deref(), Some("2025-04-22"));
    }

    #[test]
    fn folds_are_quarters_after_what_was_known() {
        let folds = folds(&rows());
        let shown: Vec<_> = folds
            .iter()
            .map(|fold| {
                (
                    fold.fold.as_str(),
                    fold.before.n,
                    fold.inside.n,
                    fold.inside.hits,
                )
            })
            .collect();
        assert_eq!(shown, [("2024 Q4", 0, 2, 1), ("2025 Q1", 2, 5, 2)]);
        // Told 0.5 each: 0.25. So did the rate before say: no skill beyond it.
        assert_eq!(folds[0].skill, None);
        near(folds[1].brier.unwrap(), 0.25);
        near(folds[1].skill.unwrap(), 0.0);
    }
}
