//! Fetches the public keys of those who sign tokens, where they lie behind an address: at the start, each so often, and soon
//! when a token names a key that is not known. What was fetched before stays while nothing new can be had.

use access::Access;
use access::jwt::Signers;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Bytes of a set of keys, at most: one has some hundred.
const BYTES_MAX: usize = 256 * 1024;
const WITHIN: Duration = Duration::from_secs(10);
/// How often it is looked whether a key is missed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A key that is missed brings a fetch at most so often: anybody can name one that does not exist.
const MISSED_EVERY: Duration = Duration::from_secs(30);
/// The wait after a fetch that failed; it doubles up to the longest.
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_LONGEST: Duration = Duration::from_secs(60);

/// Fetches for as long as it runs.
pub(crate) async fn follow(access: Access, address: String, refresh: Duration) {
    let client = feeds::net::http(Some(WITHIN));
    let mut wait = WAIT_FIRST;
    loop {
        let next = match fetch(&client, &address).await {
            Ok(signers) => {
                tracing::info!(address, keys = ?signers, "the keys of tokens were fetched");
                access.take_signers(signers);
                wait = WAIT_FIRST;
                refresh
            }
            Err(why) => {
                tracing::warn!(
                    address,
                    why,
                    "the keys of tokens could not be fetched; those before stay"
                );
                let now = wait;
                wait = (wait * 2).min(WAIT_LONGEST);
                now
            }
        };
        rest(&access, next).await;
    }
}

/// Waits until it is time, or sooner where a key is missed.
async fn rest(access: &Access, span: Duration) {
    let began = Instant::now();
    let mut is_missed = false;
    while began.elapsed() < span {
        sleep(LOOK_EVERY.min(span)).await;
        is_missed |= access.misses_signers();
        if is_missed && began.elapsed() >= MISSED_EVERY {
            return;
        }
    }
}

async fn fetch(client: &reqwest::Client, address: &str) -> Result<Signers, String> {
    let response = client.get(address).send().await;
    let response = response.map_err(|error| error.without_url().to_string())?;
    if !response.status().is_success() {
        return Err(format!("the server answered {}", response.status()));
    }
    let text = feeds::net::text(response, BYTES_MAX).await?;
    text.parse::<Signers>().map_err(|error| error.to_string())
}
