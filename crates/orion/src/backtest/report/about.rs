//! The end of the page: how to make it again, and what every word on it means.

use super::text::{both_clocks, count, counted, fixed, known, safe};
use lab::backtest::report::{LEAST, ModelUse, Parameter, Report, SymbolSpan};

/// What was run.
pub(super) fn run(report: &Report) -> String {
    let run = &report.run;
    let inputs: Vec<String> = run
        .inputs
        .iter()
        .map(|input| format!("<code>{}</code>", safe(input)))
        .collect();
    let time =
        |time: &Option<String>, none: &str| time.as_deref().map_or_else(|| none.to_owned(), safe);
    let facts = [
        ("read", inputs.join(", ")),
        ("from", time(&run.from, "the beginning")),
        ("to", time(&run.to, "the end")),
        ("engine", run.engine_version.to_string()),
        (
            "rules",
            format!("<code>{}</code>", safe(&run.settings_hash)),
        ),
        ("trials", count(run.trials.max(1))),
        ("seed", run.seed.to_string()),
        ("costs", costs(report)),
    ];
    let fact = |(name, value): (&str, String)| format!("<dt>{name}</dt><dd>{value}</dd>");
    let facts: String = facts.into_iter().map(fact).collect();
    format!(
        "<pre tabindex=\"0\">{}</pre><h3>What went in</h3><dl class=\"words\">{facts}</dl>{}{}{}",
        safe(&run.command),
        spans(&run.symbols),
        models(report),
        rules(&run.rules)
    )
}

/// The models that had a say, and what is of their training.
fn models(report: &Report) -> String {
    if report.run.models.is_empty() {
        return String::new();
    }
    let row = |model: &ModelUse| {
        format!(
            "<tr><th scope=\"row\">{} {}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            safe(&model.name),
            safe(&model.version),
            match model.role {
                "propose" => "proposes",
                _ => "re-scores",
            },
            count(model.asked),
            count(model.answered),
            both_clocks(&model.counts_from)
        )
    };
    let rows: String = report.run.models.iter().map(row).collect();
    let columns = columns(&[
        "model",
        "what it does",
        "questions",
        "answered",
        "trained on what is before",
    ]);
    let training = report.training.map_or_else(String::new, |training| {
        let tally = training.tally;
        format!(
            "<p class=\"small warn\">Of a time that a model may have been trained on: {}, {} confirmed, {} ended, {}. They count nowhere else.</p>",
            counted(training.born, "signal"),
            count(training.confirmed),
            count(tally.n),
            counted(tally.hits, "hit")
        )
    });
    format!(
        "<h3>Models</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"models\"><table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>{training}"
    )
}

fn costs(report: &Report) -> String {
    let costs = &report.run.costs;
    let listed = |costs: &[(String, f64)], unit: &str| {
        let one = |(symbol, cost): &(String, f64)| format!("{} {}", safe(symbol), fixed(*cost, 2));
        match costs {
            [] => format!("no {unit}"),
            [(_, first), rest @ ..] if rest.iter().all(|(_, cost)| cost == first) => {
                format!("{unit} {}", fixed(*first, 2))
            }
            costs => format!(
                "{unit}: {}",
                costs.iter().map(one).collect::<Vec<_>>().join(", ")
            ),
        }
    };
    format!(
        "{}; {}; the spread is in fill and exit",
        listed(&costs.slippage, "slippage each way in pips"),
        listed(&costs.commission, "commission of a lot there and back")
    )
}

fn spans(symbols: &[SymbolSpan]) -> String {
    if symbols.is_empty() {
        return String::new();
    }
    let row = |span: &SymbolSpan| {
        format!(
            "<tr><th scope=\"row\">{}</th><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            safe(&span.symbol),
            safe(&span.data),
            count(span.ticks),
            count(span.bars),
            both_clocks(&span.first),
            both_clocks(&span.last)
        )
    };
    let rows: String = symbols.iter().map(row).collect();
    let columns = columns(&["symbol", "finest data", "ticks", "bars", "first", "last"]);
    format!(
        "<h3>What was read of each symbol</h3><div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"data\"><table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

fn rules(rules: &[Parameter]) -> String {
    if rules.is_empty() {
        return "<h3>Rules that were changed</h3><p class=\"quiet small\">None: all are as they come.</p>".to_owned();
    }
    let row = |rule: &Parameter| {
        let default = known(
            Some(&rule.default).filter(|default| !default.is_empty()),
            |default| safe(default),
        );
        format!(
            "<tr><td class=\"wrap\"><code>{}</code></td><td class=\"wrap\">{}</td><td class=\"wrap\">{default}</td></tr>",
            safe(&rule.name),
            safe(&rule.value)
        )
    };
    let rows: String = rules.iter().map(row).collect();
    let columns = columns(&["rule", "here", "as it comes"]).replace("<th ", "<th class=\"wrap\" ");
    format!(
        "<h3>Rules that were changed</h3><table><thead><tr>{columns}</tr></thead><tbody>{rows}</tbody></table>"
    )
}

fn columns(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("<th scope=\"col\">{name}</th>"))
        .collect()
}

/// Every figure in plain words.
pub(super) fn words(report: &Report) -> String {
    let draws = report.bootstrap.map_or_else(String::new, |found| {
        format!(" {} times", count(found.draws))
    });
    let words = [
        ("R", "What a trade risks: the way from its entry to its stop. A trade that runs into its first stop costs about 1 R.".to_owned()),
        ("Trade", "A signal that was confirmed and has ended. Signals that were invalidated, or still ran when the data ended, count nowhere else than where they are named.".to_owned()),
        ("Hit", "The first target traded before the stop. Where both lie in one bar and nothing finer is known, it is no hit and counted as ambiguous.".to_owned()),
        ("Interval, 95 %", "Where the true value lies 95 times of 100, if trades were independent: Wilson's (1927) for rates of hits.".to_owned()),
        ("Interval by days", format!("Trades of one day are not independent, so days are drawn with replacement{draws}, and the middle 95 % of what they give are shown.")),
        ("Chance", "What a price without any drift would have hit: how near the fill lies to the stop, of the way from the stop to the first target. It is taken where each trade was confirmed. A hit rate says nothing without it.".to_owned()),
        ("Edge", "Hit rate less chance. It is called one only where its whole interval lies above zero, after as many trials as there were.".to_owned()),
        ("Mean R, sum R", "What trades brought after costs, with the parts that left at each target. Mean R is the expectancy.".to_owned()),
        ("Costs", "Slippage each way and commission, in R of each trade. The spread is in fill and exit already. With costs doubled: what is left if they are twice what was assumed.".to_owned()),
        ("Gains by losses", "The sum of what winning trades brought by the sum of what losing ones cost (profit factor). 1 is nothing.".to_owned()),
        ("Deepest fall", "The largest way down of the sum after costs from a high before it (drawdown), trade by trade; the picture has it day by day.".to_owned()),
        ("In the market", "The part of the time between the first entry and the last exit in which at least one trade ran.".to_owned()),
        ("Random entries", "Trades entered at random times near each trade, in the same symbol while its market was open, with the same distances of stop and targets and the same rules. What they bring comes without any signal; the band holds 95 % of draws.".to_owned()),
        ("Trials", "How many sets of parameters were tried. The best of many looks good by luck: p-values are multiplied by the trials (Bonferroni), and the deflated Sharpe ratio (Bailey and L\u{f3}pez de Prado 2014) says how likely the ratio of mean and deviation is above what luck gives.".to_owned()),
        ("p of the mean", "How often days drawn anew bring nothing or less, times the trials. Small is good; 0.025 is the usual border.".to_owned()),
        ("Confidence told", "How likely a hit is, as the signal said before its result was known.".to_owned()),
        ("Brier score, skill", "The mean of the squared differences of confidence and result (Brier 1950): 0 is perfect, 0.25 is what a coin gives. Skill is what it is better than always telling the rate of hits; nothing or less: the confidences are worth no more than the rate.".to_owned()),
        ("Calibration error", "By how much confidence and rate of hits differ in the mean of the rows (ECE).".to_owned()),
        ("Best, worst while it ran", "How far the price went for the trade and against it before its end, from the fill, in R (MFE and MAE).".to_owned()),
        ("Walk forward", "Each quarter of a year by itself, beside all that came before it: nothing in it was known when its trades were made. An edge that is there only in some quarters is a warning.".to_owned()),
        ("Not enough data", format!("Fewer than {LEAST} trades say nothing; only their number is shown.")),
        ("Killzones", "Parts of the day by New York's clock: Asia 17:00 to 02:00, London to 07:00, New York morning to 12:00, lunch to 13:30, afternoon to 17:00. Trading days begin at 17:00.".to_owned()),
    ];
    let word = |(name, words): (&str, String)| format!("<dt>{name}</dt><dd>{words}</dd>");
    let words: String = words.into_iter().map(word).collect();
    format!("<dl class=\"words\">{words}</dl>")
}

/// What is left of the result after as many trials, and by how sure.
pub(super) fn luck(report: &Report) -> String {
    let Some(found) = report.bootstrap else {
        return String::new();
    };
    let facts = [
        ("p of the edge", known(found.p_edge, |p| fixed(p, 4))),
        ("p of the mean result", fixed(found.p_mean_r, 4)),
        ("after the trials", fixed(found.p_mean_r_deflated, 4)),
        (
            "deflated Sharpe ratio",
            known(found.deflated_sharpe, |chance| fixed(chance, 3)),
        ),
    ];
    let fact =
        |(name, value): (&str, String)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>");
    let facts: String = facts.into_iter().map(fact).collect();
    format!("<dl class=\"facts\">{facts}</dl>")
}
