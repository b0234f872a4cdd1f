//! What is wrong with how the operator is to be told.

use super::Check;

impl Check<'_> {
    pub(super) fn operator(&mut self) {
        let operator = &self.config.operator;
        let percent = operator.disk_free_percent;
        let addresses = [
            ("operator.webhook", operator.webhook.as_deref()),
            (
                "operator.telegram_url",
                Some(operator.telegram_url.as_str()),
            ),
        ];
        let ranges = [
            ("operator.source_down_s", operator.source_down_s, 1, 86_400),
            (
                "operator.certificate_days",
                operator.certificate_days,
                0,
                365,
            ),
        ];
        for (key, address) in addresses {
            if address.is_some_and(|address| !is_address(address)) {
                self.wrong(key, "it is no address: it begins with https:// or http://");
            }
        }
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                self.wrong(key, format!("it must be from {least} to {most}"));
            }
        }
        if !(0.0..=100.0).contains(&percent) {
            self.wrong("operator.disk_free_percent", "it must be from 0 to 100");
        }
    }
}

fn is_address(text: &str) -> bool {
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}
