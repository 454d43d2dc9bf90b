//! What is known of settled candidates, asked as of a point in the past: for screens that look for duplicates.
//!
//! Append-only and shared: the search adds what settles, workers ask as of their ticket's horizon, and what they hear
//! does not depend on what has settled since.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{ContentDigest, Genome, Migration, Score, population::Moved};

/// An index of settled candidates. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Index(Arc<RwLock<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// The first candidate of every content.
    first: HashMap<ContentDigest, u64>,
    /// By island.
    islands: Vec<Residents>,
}

/// Who is or lately was an elite of an island.
#[derive(Debug, Default)]
struct Residents {
    /// In the order of entering; an elite that came back has two entries.
    all: BTreeMap<u64, Resident>,
    /// Where those that are elites now stand in `all`.
    present: HashMap<u64, u64>,
    /// When others had left, and where they stand in `all`: the first to leave first.
    departed: VecDeque<(u64, u64)>,
    next: u64,
}

/// An elite, while it is or was one.
#[derive(Debug, Clone)]
pub struct Resident {
    /// The candidate.
    pub id: u64,
    /// What it is.
    pub genome: Arc<Genome>,
    /// How it did.
    pub score: Arc<Score>,
    /// How many candidates had settled when it had entered.
    entered: u64,
    /// How many had settled when it had left; `None` while it is an elite.
    left: Option<u64>,
}

impl Index {
    /// The first candidate with this content among the first `horizon` ones.
    pub fn find(&self, content: &ContentDigest, horizon: u64) -> Option<u64> {
        self.read().first.get(content).copied().filter(|first| *first < horizon)
    }

    /// The elites that an island had when `horizon` candidates were settled, in the order of entering. The horizon must
    /// not lie further back than the window.
    pub fn elites(&self, island: u32, horizon: u64) -> Vec<Resident> {
        let inner = self.read();
        let Some(residents) = inner.islands.get(island as usize) else { return Vec::new() };
        let was_there = |resident: &&Resident| {
            resident.entered <= horizon && resident.left.is_none_or(|left| left > horizon)
        };
        residents.all.values().filter(was_there).cloned().collect()
    }

    /// The first candidate with a content, which is `id` if there was none. To be called in index order.
    pub(crate) fn note_content(&self, content: ContentDigest, id: u64) -> u64 {
        *self.write().first.entry(content).or_insert(id)
    }

    /// Notes that an elite entered an island when `settled` candidates were settled, and which one left for it.
    pub(crate) fn note_elite(
        &self,
        island: u32,
        settled: u64,
        (id, genome, score): (u64, &Arc<Genome>, &Arc<Score>),
        displaced: Option<u64>,
    ) {
        let mut inner = self.write();
        let island = island as usize;
        if inner.islands.len() <= island {
            inner.islands.resize_with(island + 1, Residents::default);
        }
        let (genome, score) = (Arc::clone(genome), Arc::clone(score));
        let resident = Resident { id, genome, score, entered: settled, left: None };
        inner.islands[island].enter(resident, displaced);
    }

    /// Notes a migration, with what each move moved.
    pub(crate) fn note_migration(&self, migration: &Migration, moved: &[Moved]) {
        for (step, (genome, score)) in migration.moves.iter().zip(moved) {
            if step.fate.entered() {
                self.note_elite(step.to, migration.after, (step.candidate, genome, score), step.displaced);
            }
        }
    }

    /// Forgets elites that had left by `horizon`: nobody asks that far back any more.
    pub(crate) fn forget_before(&self, horizon: u64) {
        self.write().islands.iter_mut().for_each(|island| island.forget_before(horizon));
    }

    // A worker that panicked while it read has changed nothing.
    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Residents {
    fn enter(&mut self, resident: Resident, displaced: Option<u64>) {
        let settled = resident.entered;
        if let Some(place) = displaced.and_then(|displaced| self.present.remove(&displaced)) {
            if let Some(leaver) = self.all.get_mut(&place) {
                leaver.left = Some(settled);
            }
            self.departed.push_back((settled, place));
        }
        self.present.insert(resident.id, self.next);
        self.all.insert(self.next, resident);
        self.next += 1;
    }

    fn forget_before(&mut self, horizon: u64) {
        while let Some((left, place)) = self.departed.front()
            && *left <= horizon
        {
            self.all.remove(place);
            self.departed.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(index: &Index, settled: u64, id: u64, displaced: Option<u64>) {
        let (genome, score) = (Arc::new(Genome::text_of("x")), Arc::new(Score::default()));
        index.note_elite(0, settled, (id, &genome, &score), displaced);
    }

    fn ids(index: &Index, horizon: u64) -> Vec<u64> {
        index.elites(0, horizon).iter().map(|elite| elite.id).collect()
    }

    #[test]
    fn an_elite_is_known_from_when_it_had_entered_until_it_had_left() {
        let index = Index::default();
        enter(&index, 1, 0, None);
        enter(&index, 4, 3, Some(0));
        let known: Vec<Vec<u64>> = (0..6).map(|horizon| ids(&index, horizon)).collect();
        assert_eq!(known, [vec![], vec![0], vec![0], vec![0], vec![3], vec![3]]);
    }

    #[test]
    fn an_elite_that_came_back_stands_where_it_entered_last() {
        let index = Index::default();
        enter(&index, 1, 0, None);
        enter(&index, 2, 1, None);
        enter(&index, 3, 2, Some(0));
        enter(&index, 4, 0, Some(2));
        assert_eq!(ids(&index, 2), [0, 1]);
        assert_eq!(ids(&index, 3), [1, 2]);
        assert_eq!(ids(&index, 4), [1, 0]);
    }

    #[test]
    fn who_left_before_the_horizon_is_forgotten_and_nobody_else() {
        let index = Index::default();
        for id in 0..100 {
            enter(&index, id + 1, id, id.checked_sub(1));
        }
        index.forget_before(98);
        assert_eq!(index.read().islands[0].all.len(), 3, "two that left since, and one that is there");
        assert_eq!((98..=100).map(|horizon| ids(&index, horizon)).collect::<Vec<_>>(), [[97], [98], [99]]);
    }

    #[test]
    fn clones_share_what_is_known() {
        let (index, content) = (Index::default(), Genome::text_of("x").digest());
        let worker = index.clone();
        assert_eq!(index.note_content(content, 3), 3);
        assert_eq!(index.note_content(content, 5), 3);
        assert_eq!((worker.find(&content, 3), worker.find(&content, 4)), (None, Some(3)));
        assert_eq!(worker.find(&Genome::text_of("y").digest(), 9), None);
        assert!(worker.elites(0, 9).is_empty());
    }
}
