//! Who may see the prices: those that a vendor gives for one's own use stay away from an address that others can reach.

use crate::world::{World, until_pounds};

#[test]
fn prices_for_own_use_are_not_sent_to_whoever_can_reach_the_address() {
    let folder = tempfile::tempdir().expect("a folder");
    let world = World::new();
    let server = world.serve_with(folder.path(), "0.0.0.0:0", &[]);
    let mut client = server.subscribe_to(&["prices", "status"]);
    let mut live = 0;
    while live < 2 {
        let message = client.next().expect("a message");
        assert_ne!(message["type"], "price_update", "{message}");
        live += usize::from(message["payload"]["feed"] == "live");
    }
    let allowed = world.serve_with(
        &folder.path().join("allowed"),
        "0.0.0.0:0",
        &["feed.may_show_to_others=true"],
    );
    until_pounds(&mut allowed.subscribe_to(&["prices"]), 1);
}
