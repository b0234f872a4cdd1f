//! From what was measured to how many dashboards that makes, with the arithmetic shown.

use serde_json::json;
use std::fmt::Write as _;

/// What each delivery adds on the way beyond its frame: heads of Ethernet, IPv4 and TCP with time stamps (14 + 20 + 32) and a
/// record of TLS 1.3 (5 + 1 + 16; RFC 8446, 5.2).
const WRAPPING_BYTES: f64 = 88.0;

/// What there is, and how much of it dashboards may have.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub(super) cores: usize,
    /// Bytes; none where the system does not say.
    pub(super) memory: Option<u64>,
    /// What ORION sets aside for each client.
    pub(super) client_bytes: u64,
    /// The part of all cores that dashboards may take.
    pub(super) share: f64,
    pub(super) line_bits: f64,
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) clients: u32,
    pub(super) machine: Machine,
    /// Cores that the server keeps busy without dashboards.
    pub(super) alone: f64,
    /// Seconds of CPU.
    pub(super) handshake: f64,
    pub(super) resident_alone: u64,
    pub(super) resident_each: u64,
    pub(super) resident_busy: u64,
    /// Cores that it keeps busy with all dashboards subscribed.
    pub(super) busy: f64,
    pub(super) seconds: f64,
    pub(super) messages: u64,
    pub(super) bytes: u64,
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures to be read, far from where they would be wrong"
)]
impl Figures {
    /// Seconds of CPU for a delivery.
    pub(super) fn delivery(&self) -> f64 {
        (self.busy - self.alone).max(0.0) * self.seconds / self.messages as f64
    }

    /// Deliveries a second to one dashboard.
    fn rate(&self) -> f64 {
        self.messages as f64 / self.seconds / f64::from(self.clients)
    }

    /// Bytes a second to one dashboard, as the line carries them.
    fn line_bytes(&self) -> f64 {
        let frames = self.bytes as f64 / self.seconds / f64::from(self.clients);
        frames + self.rate() * WRAPPING_BYTES
    }

    /// None where deliveries took too little to be measured.
    pub(super) fn by_cpu(&self) -> Option<u64> {
        let left = self.machine.cores as f64 * self.machine.share - self.alone;
        let each = self.delivery() * self.rate();
        (each > 0.0).then(|| (left.max(0.0) / each) as u64)
    }

    pub(super) fn by_memory(&self) -> Option<u64> {
        Some(self.machine.memory? / self.machine.client_bytes)
    }

    pub(super) fn by_line(&self) -> u64 {
        (self.machine.line_bits / (self.line_bytes() * 8.0)) as u64
    }

    /// The narrowest of those that are known.
    fn held(&self) -> u64 {
        let known = [self.by_cpu(), self.by_memory()].into_iter().flatten();
        known.fold(self.by_line(), u64::min)
    }

    pub(super) fn text(&self) -> String {
        let machine = &self.machine;
        let (delivery, rate) = (self.delivery() * 1e6, self.rate());
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "Measured with {} dashboards on loopback, {:.0} s, without TLS:\n  \
               the server alone       {:.3} cores, {:.1} MiB\n  \
               a handshake            {:.0} us of CPU\n  \
               a connection at rest   {:.1} KiB of the process (the kernel's part comes on top)\n  \
               all subscribed         {:.3} cores, {:.1} MiB\n  \
               a delivery             {delivery:.2} us of CPU = ({:.3} - {:.3}) cores x {:.0} s / {} deliveries\n  \
               a dashboard            {rate:.2} deliveries/s, {:.0} bytes/s with {WRAPPING_BYTES:.0} around each (TCP/IP and TLS)\n",
            self.clients,
            self.seconds,
            self.alone,
            mib(self.resident_alone),
            self.handshake * 1e6,
            self.resident_each as f64 / 1024.0,
            self.busy,
            mib(self.resident_busy),
            self.busy,
            self.alone,
            self.seconds,
            self.messages,
            self.line_bytes(),
        );
        let _ = writeln!(
            text,
            "This machine holds {} dashboards, the least of:",
            self.held()
        );
        let _ = match self.by_cpu() {
            Some(clients) => writeln!(
                text,
                "  CPU      {clients:>8} = ({} cores x {:.0} % - {:.3}) / ({delivery:.2} us x {rate:.2}/s)",
                machine.cores,
                machine.share * 100.0,
                self.alone,
            ),
            None => writeln!(
                text,
                "  CPU             ? deliveries took too little to be measured: more --clients, or more --seconds"
            ),
        };
        if let (Some(memory), Some(clients)) = (machine.memory, self.by_memory()) {
            let _ = writeln!(
                text,
                "  memory   {clients:>8} = {:.0} MiB / {} KiB, as gateway.connections_max has it by default",
                mib(memory),
                machine.client_bytes / 1024,
            );
        }
        let _ = writeln!(
            text,
            "  line     {:>8} = {:.0} Mbit/s / ({:.0} bytes/s x 8)",
            self.by_line(),
            machine.line_bits / 1e6,
            self.line_bytes(),
        );
        text
    }

    pub(super) fn json(&self) -> serde_json::Value {
        let machine = &self.machine;
        json!({
            "clients": self.clients,
            "seconds": self.seconds,
            "cores": machine.cores,
            "memory_bytes": machine.memory,
            "share": machine.share,
            "line_bits_per_second": machine.line_bits,
            "alone_cores": self.alone,
            "alone_bytes": self.resident_alone,
            "handshake_us": self.handshake * 1e6,
            "connection_bytes": self.resident_each,
            "busy_cores": self.busy,
            "busy_bytes": self.resident_busy,
            "deliveries": self.messages,
            "delivery_us": self.delivery() * 1e6,
            "deliveries_per_second": self.rate(),
            "line_bytes_per_second": self.line_bytes(),
            "holds": {
                "cpu": self.by_cpu(),
                "memory": self.by_memory(),
                "line": self.by_line(),
                "all": self.held(),
            },
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "a figure to be read")]
pub(super) fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By hand: 100 dashboards, 7 a second each, 10 s: 7,000 deliveries of 212 bytes, for 0.07 s of CPU.
    fn figures() -> Figures {
        Figures {
            clients: 100,
            machine: Machine {
                cores: 2,
                memory: Some(1 << 30),
                client_bytes: 64 * 1024,
                share: 0.5,
                line_bits: 100e6,
            },
            alone: 0.02,
            handshake: 0.000_1,
            resident_alone: 50 << 20,
            resident_each: 2048,
            resident_busy: 60 << 20,
            busy: 0.027,
            seconds: 10.0,
            messages: 7000,
            bytes: 7000 * 212,
        }
    }

    #[test]
    fn the_arithmetic_is_what_the_page_says() {
        let figures = figures();
        assert!((figures.delivery() - 10e-6).abs() < 1e-9);
        // (2 x 0.5 - 0.02) / (10 us x 7), which as binary fractions may be a hair less.
        let by_cpu = figures.by_cpu().expect("deliveries took time");
        assert!((13_999..=14_000).contains(&by_cpu), "{by_cpu}");
        assert_eq!(figures.by_memory(), Some(16_384));
        // 7 x (212 + 88) = 2,100 bytes/s
        assert_eq!(figures.by_line(), 5952);
        assert_eq!(figures.json()["holds"]["all"], 5952);
        let text = figures.text();
        assert!(text.contains("holds 5952 dashboards"), "{text}");
        assert!(
            text.contains("5952 = 100 Mbit/s / (2100 bytes/s x 8)"),
            "{text}"
        );
    }

    #[test]
    fn the_narrowest_counts() {
        let mut figures = figures();
        figures.machine.memory = Some(256 << 20);
        assert_eq!(figures.held(), 4096);
        figures.machine.memory = None;
        figures.machine.line_bits = 1e9;
        assert_eq!(Some(figures.held()), figures.by_cpu());
        figures.busy = figures.alone;
        assert_eq!(figures.by_cpu(), None, "too little to be measured");
        figures.busy = 1.6;
        figures.alone = 1.5;
        assert_eq!(
            figures.held(),
            0,
            "the server alone takes more than the share"
        );
    }
}
