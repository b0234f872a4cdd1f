//! Who may see the prices: those that a vendor gives for one's own use, and bars that are made of them, stay away from an
//! address that others can reach.

use crate::world::{World, until_pounds};
use serde_json::{Value, json};

#[test]
fn prices_for_own_use_are_not_sent_to_whoever_can_reach_the_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new();
    let server = world.serve_with(folder.path(), "0.0.0.0:0", &[]);
    let mut client = server.subscribe_to(&["prices", "status"]);
    client.say(&minutes());
    let mut live = 0;
    while live < 2 {
        let message = client.next().expect("a message");
        assert_ne!(message["type"], "price_update", "{message}");
        assert_ne!(message["type"], "bar", "{message}");
        live += usize::from(message["payload"]["feed"] == "live");
    }
    let allowed = world.serve_with(
        &folder.path().join("allowed"),
        "0.0.0.0:0",
        &["feed.may_show_to_others=true"],
    );
    until_pounds(&mut allowed.subscribe_to(&["prices"]), 1);
    let mut client = allowed.subscribe_to(&["status"]);
    client.say(&minutes());
    while client.next().expect("a message")["type"] != "bar" {}
}

fn minutes() -> Value {
    json!({"type": "subscribe", "v": 1, "channels": ["bars"], "tf": "1m"})
}
