//! Whom ORION tells what goes wrong, and when.

use serde::{Deserialize, Serialize};

/// Messages to the operator. Their keys are among the secrets: `webhook` and `telegram`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OperatorSettings {
    /// Where messages are posted as JSON.
    pub webhook: Option<String>,
    /// The chat that a Telegram bot writes to.
    pub telegram_chat: Option<String>,
    pub telegram_url: String,
    /// How long a source may be down, in seconds.
    pub source_down_s: u64,
    /// Below which part of the disk it is nearly full.
    pub disk_free_percent: f64,
    /// How many days before its end a certificate has to be renewed.
    pub certificate_days: u64,
    /// Whether starts and reloads are told too.
    pub starts: bool,
}

impl Default for OperatorSettings {
    fn default() -> Self {
        Self {
            webhook: None,
            telegram_chat: None,
            telegram_url: "https://api.telegram.org".to_owned(),
            source_down_s: 120,
            disk_free_percent: 10.0,
            certificate_days: 14,
            starts: false,
        }
    }
}
