//! The models that are asked: their manifests, read when the settings are. What is wrong with one keeps that one out, and
//! nothing else.

use engine::features::Feature;
use engine::setup::SetupKind;
use engine::{ModelRole, ModelRule, ModelRules};
use model::{Manifest, Refused, Role};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Which models are asked, and by what.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ModelsSettings {
    /// The ONNX Runtime, `libonnxruntime.so`.
    pub library: Option<PathBuf>,
    /// A `model.toml` for each model; of several that would re-score a signal the first is asked.
    pub manifests: Vec<PathBuf>,
    /// A model that takes longer for an answer is switched off, and a signal is born without it.
    pub timeout_ms: u32,
    /// What the manifests say, in their order.
    #[serde(skip)]
    read: Vec<ReadManifest>,
}

/// A manifest, and what the engine is to know of it; or what is wrong with it.
#[derive(Clone, Debug)]
pub struct ReadManifest {
    pub path: PathBuf,
    pub said: Result<Box<(Manifest, ModelRule)>, Refused>,
}

/// What was read is no setting.
impl PartialEq for ModelsSettings {
    fn eq(&self, other: &Self) -> bool {
        (&self.library, &self.manifests, self.timeout_ms)
            == (&other.library, &other.manifests, other.timeout_ms)
    }
}

impl Default for ModelsSettings {
    fn default() -> Self {
        Self {
            library: None,
            manifests: Vec::new(),
            timeout_ms: ModelRules::default().timeout_ms,
            read: Vec::new(),
        }
    }
}

impl ModelsSettings {
    /// Reads the manifests. What is wrong with one is told where models are.
    pub(super) fn read(&mut self) {
        let mut names: Vec<String> = Vec::new();
        for path in &self.manifests {
            let said = read_manifest(path).and_then(|said| {
                let name = said.0.name.clone();
                if names.contains(&name) {
                    return Err(refuse(
                        path,
                        "name",
                        &name,
                        "another model has this name",
                        "give it another one",
                    ));
                }
                names.push(name);
                Ok(said)
            });
            self.read.push(ReadManifest {
                path: path.clone(),
                said,
            });
        }
    }

    /// The manifests that were read.
    #[must_use]
    pub fn manifests(&self) -> &[ReadManifest] {
        &self.read
    }

    /// What the engine is to ask, of the models that `wanted` names.
    #[must_use]
    pub fn rules_of(&self, wanted: impl Fn(&str) -> bool) -> ModelRules {
        let said = self.read.iter().filter_map(|read| read.said.as_ref().ok());
        let rules = said.map(|said| said.1.clone());
        ModelRules {
            timeout_ms: self.timeout_ms,
            models: rules.filter(|rule| wanted(&rule.name)).collect(),
        }
    }
}

/// Reads a manifest, and what the engine is to know of it.
///
/// # Errors
/// When something in it is missing, unknown or impossible.
pub fn read_manifest(path: &Path) -> Result<Box<(Manifest, ModelRule)>, Refused> {
    let known = |name: &str| name.parse::<Feature>().map(|_| ());
    let manifest = Manifest::read(path, &known)?;
    let rule = rule_of(&manifest)?;
    Ok(Box::new((manifest, rule)))
}

fn rule_of(manifest: &Manifest) -> Result<ModelRule, Refused> {
    let path = &manifest.path;
    // Their names were found to be known a moment ago.
    let features: Vec<Feature> = manifest
        .features
        .iter()
        .flat_map(|name| name.parse())
        .collect();
    let role = match &manifest.role {
        Role::Propose { threshold } => {
            if let Some(place) = features.iter().position(|feature| feature.is_of_signals()) {
                let (field, reason) = (
                    format!("features[{place}]"),
                    "only a signal has it, and a model that proposes is asked at a bar's close",
                );
                return Err(refuse(
                    path,
                    &field,
                    &features[place].to_string(),
                    reason,
                    "leave it out, or let the model re-score",
                ));
            }
            ModelRole::Propose {
                threshold: *threshold,
            }
        }
        Role::Rescore { setups } => ModelRole::Rescore {
            setups: setups
                .iter()
                .map(|name| setup(path, name))
                .collect::<Result<_, _>>()?,
        },
    };
    Ok(ModelRule {
        name: manifest.name.clone(),
        version: manifest.version.clone(),
        symbols: manifest.symbols.clone(),
        timeframe: manifest.timeframe,
        features,
        counts_from: manifest.trained_until + manifest.horizon,
        role,
    })
}

fn setup(path: &Path, name: &str) -> Result<SetupKind, Refused> {
    let found = SetupKind::ALL
        .into_iter()
        .find(|kind| kind.as_str() == name);
    found.ok_or_else(|| {
        let known = SetupKind::ALL.map(SetupKind::as_str).join(", ");
        refuse(
            path,
            "setups",
            name,
            "there is no such setup",
            &format!("write some of {known}"),
        )
    })
}

fn refuse(path: &Path, field: &str, value: &str, reason: &str, remedy: &str) -> Refused {
    Refused {
        file: path.to_owned(),
        field: field.to_owned(),
        value: format!("{value:?}"),
        reason: reason.to_owned(),
        remedy: remedy.to_owned(),
    }
}
