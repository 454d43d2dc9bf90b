//! The prompt pool: the texts that few-shot prompts draw from.
//!
//! Knows nothing of archives; [`crate::State`] decides what joins.

use std::{collections::VecDeque, sync::Arc};

/// At most this many texts are held (the reference system's limit).
pub const CAPACITY: usize = 100;

/// A bounded list of texts. The seeds it starts with are never pushed out: when it is full, the oldest text that
/// joined later leaves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pool {
    seeds: Vec<Arc<str>>,
    joined: VecDeque<Arc<str>>,
}

impl Pool {
    /// A pool of these seeds; those past [`CAPACITY`] are left out.
    pub fn new(seeds: impl IntoIterator<Item = String>) -> Self {
        let seeds = seeds.into_iter().take(CAPACITY).map(Arc::from).collect();
        Self { seeds, joined: VecDeque::new() }
    }

    /// How many texts it holds.
    pub fn len(&self) -> usize {
        self.seeds.len() + self.joined.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text at `position`: the seeds in their order, then the others, oldest first.
    ///
    /// # Panics
    /// If `position >= len()`.
    pub fn get(&self, position: usize) -> &Arc<str> {
        self.seeds.get(position).unwrap_or_else(|| &self.joined[position - self.seeds.len()])
    }

    /// Adds a text, unless the pool holds it already; the oldest text that is no seed makes room.
    pub fn join(&mut self, text: &Arc<str>) {
        if self.seeds.len() >= CAPACITY || self.seeds.contains(text) || self.joined.contains(text) {
            return;
        }
        if self.len() == CAPACITY {
            self.joined.pop_front();
        }
        self.joined.push_back(Arc::clone(text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(pool: &Pool) -> Vec<&str> {
        (0..pool.len()).map(|i| &**pool.get(i)).collect()
    }

    #[test]
    fn a_full_pool_drops_its_oldest_newcomer_and_keeps_its_seeds() {
        let mut pool = Pool::new(["a".to_owned(), "b".to_owned()]);
        for i in 0..150 {
            pool.join(&format!("text {i}").into());
        }
        assert_eq!(pool.len(), CAPACITY);
        assert_eq!(texts(&pool)[..3], ["a", "b", "text 52"]);
        assert_eq!(&**pool.get(CAPACITY - 1), "text 149");
    }

    #[test]
    fn a_text_joins_once() {
        let mut pool = Pool::new(["a".to_owned()]);
        for text in ["a", "b", "b"] {
            pool.join(&text.into());
        }
        assert_eq!(texts(&pool), ["a", "b"]);
    }

    #[test]
    fn a_pool_full_of_seeds_takes_nothing_in() {
        let mut pool = Pool::new((0..120).map(|i| i.to_string()));
        pool.join(&"new".into());
        assert_eq!(pool.len(), CAPACITY);
        assert_eq!(&**pool.get(CAPACITY - 1), "99");
    }
}
