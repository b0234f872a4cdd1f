//! Which keys there are: read off the defaults, so that it cannot fall behind the structs.

use super::Config;
use serde_json::Value as Json;

/// The defaults as a tree. Sections are objects, optional settings are null, `instrument` is a list of objects, and
/// `feed.sim.rules` takes every key of `rules`.
#[derive(Debug)]
pub(super) struct Schema {
    tree: Json,
}

/// What a dotted path leads to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Place<'a> {
    Section,
    /// A setting and its default.
    Setting(&'a Json),
    /// The list of instruments.
    Instruments,
    Unknown,
}

impl Schema {
    pub(super) fn new() -> Self {
        let mut tree =
            serde_json::to_value(Config::default()).expect("every setting has a form in JSON");
        let mut overlay = tree["rules"].clone();
        for (key, value) in tree["feed"]["sim"]["rules"]
            .as_object()
            .into_iter()
            .flatten()
        {
            overlay[key] = value.clone();
        }
        tree["feed"]["sim"]["rules"] = overlay;
        Self { tree }
    }

    pub(super) fn place(&self, path: &str) -> Place<'_> {
        let mut steps = path.split('.');
        match steps.try_fold(&self.tree, |node, step| node.as_object()?.get(step)) {
            None => Place::Unknown,
            Some(Json::Object(_)) => Place::Section,
            Some(Json::Array(_)) if path == "instrument" => Place::Instruments,
            Some(default) => Place::Setting(default),
        }
    }

    /// The fields of an instrument.
    pub(super) fn instrument_fields(&self) -> Vec<&str> {
        let first = self.tree["instrument"][0].as_object();
        first
            .into_iter()
            .flatten()
            .map(|(key, _)| key.as_str())
            .collect()
    }

    /// The names of all rules.
    pub(super) fn rules(&self) -> Vec<&str> {
        let rules = self.tree["rules"].as_object().into_iter().flatten();
        rules.map(|(name, _)| name.as_str()).collect()
    }

    /// A remedy for a key that does not exist: the nearest one, or what its section holds.
    pub(super) fn remedy_for_unknown(&self, path: &str) -> String {
        let mut known = Vec::new();
        collect(&self.tree, "", &mut known);
        // Of `listen` without a section there are two: the dashboards' is meant.
        let nearest = known.iter().min_by_key(|candidate| {
            let of_server = candidate.starts_with("server.");
            (distance(path, candidate), !of_server, candidate.len())
        });
        if let Some(nearest) = nearest.filter(|nearest| is_near(path, nearest)) {
            return format!("did you mean `{nearest}`?");
        }
        let (section, _) = path.rsplit_once('.').unwrap_or_default();
        let inside: Vec<_> = known
            .iter()
            .filter_map(|key| child_of(section, key))
            .collect();
        match inside.len() {
            1.. if section.is_empty() => format!("the sections are {}", inside.join(", ")),
            1..=12 => format!("[{section}] has {}", inside.join(", ")),
            _ => "config/orion.toml lists every key".to_owned(),
        }
    }
}

/// A remedy for an unknown name out of a short list.
pub(super) fn remedy_for_name(name: &str, known: &[&str]) -> String {
    match nearest(name, known) {
        Some(nearest) => format!("did you mean `{nearest}`?"),
        None => format!("there are {}", known.join(", ")),
    }
}

/// The name out of a list that was meant, if one is near enough.
pub(super) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let nearest = known
        .iter()
        .min_by_key(|candidate| distance(name, candidate))?;
    is_near(name, nearest).then_some(nearest)
}

/// All dotted paths of sections and settings, parents first.
fn collect(node: &Json, path: &str, known: &mut Vec<String>) {
    for (key, child) in node.as_object().into_iter().flatten() {
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        known.push(path.clone());
        collect(child, &path, known);
    }
}

fn child_of<'a>(section: &str, key: &'a str) -> Option<&'a str> {
    let child = if section.is_empty() {
        key
    } else {
        key.strip_prefix(section)?.strip_prefix('.')?
    };
    (!child.contains('.')).then_some(child)
}

/// How far two keys are apart. The right name in the wrong section is as near as one wrong letter.
fn distance(given: &str, known: &str) -> usize {
    let name = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    let whole = edits(given, known);
    if name(given) == name(known) {
        whole.min(1)
    } else {
        whole
    }
}

fn is_near(given: &str, known: &str) -> bool {
    distance(given, known) <= (known.len() / 4).max(2)
}

/// Insertions, deletions, replacements and swaps of neighbours between two texts (optimal string alignment).
fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = replaced.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_defaults() {
        let schema = Schema::new();
        assert_eq!(schema.place("server"), Place::Section);
        assert_eq!(
            schema.place("server.listen"),
            Place::Setting(&"127.0.0.1:8080".into())
        );
        assert_eq!(schema.place("feed.sim.rate"), Place::Setting(&Json::Null));
        assert_eq!(
            schema.place("feed.sim.rules.setup_tf"),
            Place::Setting(&"1m".into())
        );
        assert_eq!(
            schema.place("feed.sim.rules.min_rr"),
            Place::Setting(&1.5.into())
        );
        assert_eq!(schema.place("instrument"), Place::Instruments);
        for unknown in [
            "",
            "serve",
            "server.listen.port",
            "instrument.0",
            "rules.tp_plan.0",
        ] {
            assert_eq!(schema.place(unknown), Place::Unknown, "{unknown}");
        }
    }

    #[test]
    fn edits_are_counted() {
        for (a, b, count) in [
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("acb", "abc", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(edits(a, b), count, "{a} {b}");
        }
    }

    #[test]
    fn the_nearest_key_is_offered_only_when_it_is_near() {
        let schema = Schema::new();
        for (given, remedy) in [
            ("server.lisen", "did you mean `server.listen`?"),
            ("listen", "did you mean `server.listen`?"),
            ("sever", "did you mean `server`?"),
            (
                "server.color",
                "[server] has admin, allow_no_origin, listen, origins, proxies, reload_timeout_s, tls",
            ),
            ("rules.color", "config/orion.toml lists every key"),
        ] {
            assert_eq!(schema.remedy_for_unknown(given), remedy, "{given}");
        }
    }
}
