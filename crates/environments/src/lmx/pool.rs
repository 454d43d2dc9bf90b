//! The prompt pool: the texts that few-shot prompts draw from.
//!
//! Knows nothing of archives and strategies; [`super::examples`] decides what joins, and how.

use std::{collections::VecDeque, sync::Arc};

/// At most this many texts are held unless settings say otherwise (the reference system's limit).
pub const CAPACITY: usize = 100;
/// The largest capacity that can be set: every text that joins is compared with all.
pub const MOST_CAPACITY: usize = 10_000;

/// A bounded list of texts: the seeds it starts with, and what joined later.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Pool {
    members: VecDeque<Member>,
    /// How many of the first members are seeds.
    seeds: usize,
    /// How many it holds at most.
    capacity: usize,
}

#[derive(Debug, Clone, PartialEq)]
struct Member {
    text: Arc<str>,
    /// The candidate that wrote it; none for a seed.
    candidate: Option<u64>,
    /// What it competes with; none for a seed, and below any number.
    worth: Option<f64>,
}

impl Pool {
    /// A pool of these seeds, which holds `capacity` texts at most; seeds past that are left out.
    pub fn new(capacity: usize, seeds: impl IntoIterator<Item = String>) -> Self {
        let seed = |text| Member { text: Arc::from(text), candidate: None, worth: None };
        let members: VecDeque<Member> = seeds.into_iter().take(capacity).map(seed).collect();
        Self { seeds: members.len(), members, capacity }
    }

    /// How many texts it holds.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The text at `position`: the seeds in their order, then the others, oldest first.
    ///
    /// # Panics
    /// If `position >= len()`.
    pub fn get(&self, position: usize) -> &Arc<str> {
        &self.members[position].text
    }

    /// The text at `position` and the candidate that wrote it; none for a seed.
    ///
    /// # Panics
    /// If `position >= len()`.
    pub fn member(&self, position: usize) -> (&Arc<str>, Option<u64>) {
        let member = &self.members[position];
        (&member.text, member.candidate)
    }

    /// Adds a text, unless the pool holds it already. Seeds are never pushed out: when the pool is full, the oldest
    /// text that joined later leaves.
    pub fn join(&mut self, text: &Arc<str>, candidate: u64) {
        if self.seeds < self.capacity && self.push(text, candidate, None) && self.len() > self.capacity {
            self.members.remove(self.seeds);
        }
    }

    /// Adds a text, unless the pool holds it already; when the pool is full, the oldest text leaves, seed or not.
    pub fn rotate(&mut self, text: &Arc<str>, candidate: u64) {
        if self.push(text, candidate, None) && self.len() > self.capacity {
            self.remove(0);
        }
    }

    /// Adds a text, unless the pool holds it already; when the pool is full, the text of least worth leaves, which
    /// may be the new one. Seeds go first; of equals the oldest.
    pub fn compete(&mut self, text: &Arc<str>, candidate: u64, worth: f64) {
        if self.push(text, candidate, Some(worth)) && self.len() > self.capacity {
            let worth = |position: &usize| self.members[*position].worth.unwrap_or(f64::NEG_INFINITY);
            let least = (0..self.len()).min_by(|a, b| worth(a).total_cmp(&worth(b)));
            self.remove(least.unwrap_or(0));
        }
    }

    fn push(&mut self, text: &Arc<str>, candidate: u64, worth: Option<f64>) -> bool {
        let fresh = self.members.iter().all(|member| member.text != *text);
        if fresh {
            self.members.push_back(Member { text: Arc::clone(text), candidate: Some(candidate), worth });
        }
        fresh
    }

    fn remove(&mut self, position: usize) {
        self.members.remove(position);
        self.seeds -= usize::from(position < self.seeds);
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
        let mut pool = Pool::new(CAPACITY, ["a".to_owned(), "b".to_owned()]);
        for i in 0..150 {
            pool.join(&format!("text {i}").into(), i);
        }
        assert_eq!(pool.len(), CAPACITY);
        assert_eq!(texts(&pool)[..3], ["a", "b", "text 52"]);
        assert_eq!(&**pool.get(CAPACITY - 1), "text 149");
    }

    #[test]
    fn a_rotating_pool_drops_its_oldest_text_and_its_seeds_too() {
        let mut pool = Pool::new(CAPACITY, ["a".to_owned(), "b".to_owned()]);
        for i in 0..99 {
            pool.rotate(&format!("text {i}").into(), i);
        }
        assert_eq!((texts(&pool)[0], pool.len()), ("b", CAPACITY));
        pool.rotate(&"last".into(), 99);
        assert_eq!(texts(&pool)[0], "text 0");
        assert_eq!(pool.member(CAPACITY - 1), (&"last".into(), Some(99)));
    }

    #[test]
    fn a_pool_holds_as_many_as_it_was_made_for() {
        for capacity in [1, 3, 200] {
            let mut pool = Pool::new(capacity, ["seed".to_owned()]);
            for i in 0..300 {
                pool.rotate(&format!("text {i}").into(), i);
            }
            assert_eq!(pool.len(), capacity);
        }
    }

    #[test]
    fn a_text_joins_once() {
        let mut pool = Pool::new(CAPACITY, ["a".to_owned()]);
        for text in ["a", "b", "b"] {
            pool.join(&text.into(), 0);
        }
        assert_eq!(texts(&pool), ["a", "b"]);
    }

    #[test]
    fn a_pool_full_of_seeds_takes_nothing_in() {
        let mut pool = Pool::new(CAPACITY, (0..120).map(|i| i.to_string()));
        pool.join(&"new".into(), 0);
        assert_eq!(pool.len(), CAPACITY);
        assert_eq!(&**pool.get(CAPACITY - 1), "99");
    }
}
