//! Pages of prompts' beginnings, kept so that the next prompt with the same beginning need not compute them.
//!
//! A page's key is its tokens and the page before it, so that a hit is exact and does not rest on hashes. A kept page
//! equals what would be computed, to the last bit.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use crate::model::{PAGE, Page};

/// The page before (0 for none) and the tokens of this one.
pub(super) type Key = (u64, [u32; PAGE]);

#[derive(Debug)]
struct Entry {
    /// This page's own number, by which the next ones know it.
    number: u64,
    page: Arc<Page>,
    used: u64,
}

/// The kept pages, the least recently used of which make room.
#[derive(Debug)]
pub(super) struct Prefixes {
    entries: HashMap<Key, Entry>,
    /// Pages that some run is computing right now.
    coming: HashSet<Key>,
    capacity: usize,
    clock: u64,
    numbers: u64,
}

impl Prefixes {
    pub(super) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), coming: HashSet::new(), capacity, clock: 0, numbers: 0 }
    }

    /// The page of a key and its number.
    pub(super) fn find(&mut self, key: &Key) -> Option<(u64, Arc<Page>)> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.clock;
        Some((entry.number, Arc::clone(&entry.page)))
    }

    /// Whether another run is computing this page; if none is, the caller is noted as the one who does.
    pub(super) fn is_coming(&mut self, key: &Key) -> bool {
        !self.coming.insert(*key)
    }

    /// Keeps a page, and returns its number.
    pub(super) fn keep(&mut self, key: Key, page: &Arc<Page>) -> u64 {
        self.coming.remove(&key);
        self.clock += 1;
        if let Some(entry) = self.entries.get(&key) {
            return entry.number;
        }
        if self.entries.len() >= self.capacity {
            self.evict();
        }
        self.numbers += 1;
        if self.capacity > 0 {
            let entry = Entry { number: self.numbers, page: Arc::clone(page), used: self.clock };
            self.entries.insert(key, entry);
        }
        self.numbers
    }

    /// Drops the half that was used longest ago.
    fn evict(&mut self) {
        let mut uses: Vec<u64> = self.entries.values().map(|entry| entry.used).collect();
        uses.sort_unstable();
        let Some(middle) = uses.get(uses.len() / 2).copied() else { return };
        self.entries.retain(|_, entry| entry.used > middle);
    }
}
