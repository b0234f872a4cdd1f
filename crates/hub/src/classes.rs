//! Classes in use. A client that wants to hear something finds the class that does, or makes it; the last one to leave
//! ends it.

use std::num::NonZeroU32;
use wire::Refusal;

/// What a class is found by.
pub(crate) trait Class {
    type Key: PartialEq;
    fn key(&self) -> &Self::Key;
}

#[derive(Debug)]
pub(crate) struct Classes<C> {
    places: Vec<Option<Used<C>>>,
    max: usize,
}

#[derive(Debug)]
struct Used<C> {
    class: C,
    clients: usize,
}

/// Where a class is, counted from one: so no class at all takes no more room. Used again after it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClassId(NonZeroU32);

impl ClassId {
    fn at(place: usize) -> Self {
        let number = u32::try_from(place + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("far fewer classes than 2^32"))
    }

    fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl<C: Class> Classes<C> {
    pub(crate) fn new(max: usize) -> Self {
        Self {
            places: Vec::new(),
            max,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.iter().count()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &C> {
        self.places.iter().flatten().map(|used| &used.class)
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut C> {
        self.places.iter_mut().flatten().map(|used| &mut used.class)
    }

    /// Whether a client may enter a class.
    ///
    /// # Errors
    /// When there is none of this key, and there are as many as there may be.
    pub(crate) fn has_room(&self, key: &C::Key) -> Result<(), Refusal> {
        if self.find(key).is_some() || self.len() < self.max {
            Ok(())
        } else {
            Err(Refusal::TooManyClasses)
        }
    }

    /// One client more.
    pub(crate) fn enter(&mut self, key: C::Key, make: impl FnOnce(C::Key) -> C) -> ClassId {
        let place = match self.find(&key) {
            Some(place) => place,
            None => self.place(make(key)),
        };
        if let Some(used) = &mut self.places[place] {
            used.clients += 1;
        }
        ClassId::at(place)
    }

    /// One client fewer.
    pub(crate) fn leave(&mut self, id: ClassId) {
        let place = &mut self.places[id.place()];
        if let Some(used) = place {
            used.clients -= 1;
            if used.clients == 0 {
                *place = None;
            }
        }
    }

    pub(crate) fn get(&self, id: ClassId) -> &C {
        let used = self.places[id.place()].as_ref();
        &used.expect("a class lives while a client is in it").class
    }

    fn find(&self, key: &C::Key) -> Option<usize> {
        let has =
            |used: &Option<Used<C>>| used.as_ref().is_some_and(|used| used.class.key() == key);
        self.places.iter().position(has)
    }

    fn place(&mut self, class: C) -> usize {
        let used = Some(Used { class, clients: 0 });
        match self.places.iter().position(Option::is_none) {
            Some(free) => {
                self.places[free] = used;
                free
            }
            None => {
                self.places.push(used);
                self.places.len() - 1
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Class for u8 {
        type Key = u8;
        fn key(&self) -> &u8 {
            self
        }
    }

    #[test]
    fn a_class_lives_as_long_as_a_client_is_in_it() {
        let mut classes = Classes::new(2);
        let mut made = Vec::new();
        let mut enter = |classes: &mut Classes<u8>, key| {
            classes.enter(key, |key| {
                made.push(key);
                key
            })
        };
        let (one, two) = (enter(&mut classes, 1), enter(&mut classes, 2));
        assert_eq!(enter(&mut classes, 1), one);
        assert_eq!(classes.has_room(&3), Err(Refusal::TooManyClasses));
        assert_eq!(classes.has_room(&2), Ok(()));
        classes.leave(one);
        assert_eq!(*classes.get(one), 1, "another is still in it");
        classes.leave(one);
        assert_eq!(classes.has_room(&3), Ok(()));
        let three = enter(&mut classes, 3);
        assert_eq!((three, *classes.get(two), classes.len()), (one, 2, 2));
        assert_eq!(made, [1, 2, 3]);
    }
}
