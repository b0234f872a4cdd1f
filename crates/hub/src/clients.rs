//! Who there is. Clients lie in pages that never move: a list that grows leaves its old places behind, and for thousands of
//! clients that would be as much memory again as they take.

use crate::client::{Client, ClientId};

/// Clients by their ids.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    pages: Vec<Box<[Option<Client>; PAGE]>>,
    /// Ids that somebody had. The rest of the last page has never been anybody's.
    free: Vec<ClientId>,
    given: u32,
}

/// Some tens of KiB.
const PAGE: usize = 128;

impl Clients {
    pub(crate) fn join(&mut self, client: Client) -> ClientId {
        let id = self.free.pop().unwrap_or_else(|| self.new_id());
        *self.place(id) = Some(client);
        id
    }

    fn new_id(&mut self) -> ClientId {
        let id = ClientId(self.given);
        self.given = self.given.checked_add(1).expect("fewer than 2^32 clients");
        if id.index() / PAGE == self.pages.len() {
            self.pages.push(Box::new([const { None }; PAGE]));
        }
        id
    }

    /// Its id is given to somebody else from now on.
    pub(crate) fn leave(&mut self, id: ClientId) {
        if self.place(id).take().is_some() {
            self.free.push(id);
        }
    }

    /// None after it left.
    pub(crate) fn get(&self, id: ClientId) -> Option<&Client> {
        let page = self.pages.get(id.index() / PAGE)?;
        page[id.index() % PAGE].as_ref()
    }

    /// # Panics
    /// When it has left: an id is used between join and leave.
    pub(crate) fn of(&mut self, id: ClientId) -> &mut Client {
        self.place(id)
            .as_mut()
            .expect("an id is used between join and leave")
    }

    fn place(&mut self, id: ClientId) -> &mut Option<Client> {
        &mut self.pages[id.index() / PAGE][id.index() % PAGE]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::Packing;

    #[test]
    fn every_client_has_its_own_place_over_all_pages() {
        let mut clients = Clients::default();
        let ids: Vec<_> = (0..3 * PAGE as u64)
            .map(|number| {
                let id = clients.join(Client::new(Packing::Single));
                clients.of(id).folded = number;
                id
            })
            .collect();
        for (number, &id) in ids.iter().enumerate() {
            assert_eq!(id.index(), number);
            let folded = clients.get(id).map(|client| client.folded);
            assert_eq!(folded, Some(number as u64));
        }
        clients.leave(ids[200]);
        clients.leave(ids[200]);
        assert!(clients.get(ids[200]).is_none());
        assert_eq!(clients.join(Client::new(Packing::Single)), ids[200]);
        let next = clients.join(Client::new(Packing::Single));
        assert_eq!(next.index(), ids.len(), "a place is given once");
    }
}
