//! A map of few entries.

use std::borrow::Borrow;
use std::cmp::Ordering;

/// Entries in the order of their keys, in one list.
///
/// A new entry moves those behind it, so this is for thousands at most: what a configuration names, what a
/// limit allows, what goes on at the same time. A balanced tree has ten times the code, and has it once for
/// every pair of types.
#[derive(Clone, Debug)]
pub struct SortedMap<K, V> {
    entries: Vec<(K, V)>,
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self { entries: Vec::new() }
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    /// Where a key stands, or would stand.
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
    where
        K: Borrow<Q>,
    {
        self.place_by(|known| known.borrow().cmp(key))
    }

    /// Where the key that `order` finds equal stands, or would stand.
    fn place_by(&self, order: impl Fn(&K) -> Ordering) -> Result<usize, usize> {
        self.entries.binary_search_by(|(known, _)| order(known))
    }

    /// The value of the key that `order` finds equal; it tells how a key of the map compares with the one that
    /// is looked for, and agrees with the order of keys.
    pub fn find(&self, order: impl Fn(&K) -> Ordering) -> Option<&V> {
        self.entries.get(self.place_by(order).ok()?).map(|(_, value)| value)
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.find(|known| known.borrow().cmp(key))
    }

    /// The value of a key, to be changed.
    pub fn value_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key).ok()?;
        self.entries.get_mut(place).map(|(_, value)| value)
    }

    /// Gives a key a value. False when it had one, which is gone.
    pub fn insert(&mut self, key: K, value: V) -> bool {
        match self.place(&key) {
            Ok(place) => {
                if let Some((_, known)) = self.entries.get_mut(place) {
                    *known = value;
                }
                false
            }
            Err(place) => {
                self.entries.insert(place, (key, value));
                true
            }
        }
    }

    /// Takes a key out.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        Some(self.entries.remove(self.place(key).ok()?).1)
    }

    /// All of them, in the order of keys.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, value)| (key, value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_does_what_a_tree_does(steps in prop::collection::vec((any::<bool>(), 0..20_u32), 0..60)) {
            let (mut sorted, mut tree) = (SortedMap::default(), BTreeMap::new());
            for (value, (inserts, key)) in steps.into_iter().enumerate() {
                if inserts {
                    prop_assert_eq!(sorted.insert(key, value), tree.insert(key, value).is_none());
                } else {
                    prop_assert_eq!(sorted.remove(&key), tree.remove(&key));
                }
                prop_assert_eq!(sorted.get(&key), tree.get(&key));
                prop_assert_eq!(sorted.value_mut(&key), tree.get_mut(&key));
                prop_assert!(sorted.iter().eq(tree.iter()));
            }
        }
    }
}
