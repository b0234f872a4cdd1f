//! What the wait for a confirmation was worth: the confirmed beside what would have become of the others.

use super::text::{count, known, percent, percents, points, r, safe};
use lab::backtest::report::{Confirmation, Followed, LEAST};

pub(super) fn part(found: &Confirmation) -> String {
    let columns = [
        "",
        "n",
        "hits",
        "hit rate",
        "95 %",
        "chance",
        "edge",
        "mean R before costs",
    ];
    let columns = columns.map(|name| format!("<th scope=\"col\">{name}</th>"));
    let causes = found.causes.iter().map(|one| {
        let name = safe(&one.cause.replace('_', " "));
        row(
            &format!("<span class=\"quiet\">of them</span> {name}"),
            &one.followed,
        )
    });
    let rows: String = [
        row("confirmed", &found.confirmed),
        row("not confirmed", &found.others),
    ]
    .into_iter()
    .chain(causes)
    .collect();
    format!(
        "<h3>What confirmation was worth</h3><p class=\"lead\">{} Signals that were not confirmed were followed unseen, as if they had \
         been opened at their verdict. One whose stop traded before it never hits, and one whose first target did always does: those were not \
         followed, and have neither chance nor result.</p>\
         <div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"what confirmation was worth\"><table><thead><tr>{}</tr></thead><tbody>{rows}</tbody></table></div>",
        sentence(found),
        columns.concat(),
    )
}

/// What the difference says, where there is enough to say it.
fn sentence(found: &Confirmation) -> String {
    if found.confirmed.tally.n < LEAST || found.others.tally.n < LEAST {
        return format!("Not enough data: fewer than {LEAST} on one side.");
    }
    let says = if found.difference_low > 0.0 {
        "The confirmed hit more often"
    } else if found.difference_high < 0.0 {
        "The confirmed hit less often"
    } else {
        "It cannot be told from nothing"
    };
    format!(
        "{says}: {} of rates of hits, {}.",
        points(found.difference),
        percents(found.difference_low, found.difference_high)
    )
}

fn row(name: &str, followed: &Followed) -> String {
    let tally = &followed.tally;
    let counts = format!(
        "<th scope=\"row\">{name}</th><td>{}</td><td>{}</td>",
        count(tally.n),
        count(tally.hits)
    );
    if tally.n < LEAST {
        return format!("<tr class=\"few\">{counts}<td colspan=\"5\">not enough data</td></tr>");
    }
    format!(
        "<tr>{counts}<td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
        percent(tally.rate),
        percents(tally.low, tally.high),
        known(tally.chance, percent),
        known(tally.edge, points),
        known(followed.mean_r, r),
    )
}
