//! Evaluations that equal drafts share, whether side by side or one after the other.
//!
//! An evaluation is a function of content and thresholds, so that sharing one changes no result, only what it costs.
//! Which candidate ran it is a matter of timing and is not recorded; that a candidate is a copy is
//! (`Candidate::copy_of`).

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use samara_search::{ContentDigest, Genome, Score};
use tokio::sync::OnceCell;

use crate::{Abort, Bench, Evaluator, Reason};

/// Evaluations that are remembered.
const MOST: usize = 1024;

/// Content and thresholds: what an evaluation depends on.
type Key = (ContentDigest, Vec<(String, u64)>);

/// What an evaluation came to, how its programs were isolated, and which worker it ran on for how long.
type Shared = (Result<Score, Unscored>, Option<String>, Option<(String, f64)>);

#[derive(Debug, Clone)]
enum Unscored {
    Invalid(Reason),
    Failed(Reason),
}

/// The evaluations of a session. Clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Evaluations(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    cells: HashMap<Key, Arc<OnceCell<Shared>>>,
    /// In the order in which they began.
    order: VecDeque<Key>,
}

impl Evaluations {
    /// Evaluates a draft, or waits for the evaluation of an equal one, or takes its result.
    pub(crate) async fn evaluate(
        &self,
        evaluator: &dyn Evaluator,
        draft: &Genome,
        thresholds: &BTreeMap<String, f64>,
        bench: &mut Bench,
    ) -> Result<Score, Abort> {
        let bits = thresholds.iter().map(|(name, value)| (name.clone(), value.to_bits())).collect();
        let cell = self.cell((draft.digest(), bits));
        // If the one that evaluates is given up, the next one that waits takes over.
        let shared = cell.get_or_try_init(|| async {
            let result = match evaluator.evaluate(draft, thresholds, bench).await {
                Ok(score) => Ok(score),
                Err(Abort::Invalid(reason)) => Err(Unscored::Invalid(reason)),
                Err(Abort::Failed(reason)) => Err(Unscored::Failed(reason)),
                Err(stop @ Abort::Run(_)) => return Err(stop),
            };
            Ok((result, bench.isolation().map(str::to_owned), bench.worker().cloned()))
        });
        let (result, isolation, worker) = shared.await?.clone();
        bench.note_isolation(isolation);
        bench.note_worker(worker);
        result.map_err(|unscored| match unscored {
            Unscored::Invalid(reason) => Abort::Invalid(reason),
            Unscored::Failed(reason) => Abort::Failed(reason),
        })
    }

    fn cell(&self, key: Key) -> Arc<OnceCell<Shared>> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = inner.cells.get(&key) {
            return Arc::clone(cell);
        }
        if inner.order.len() == MOST
            && let Some(oldest) = inner.order.pop_front()
        {
            inner.cells.remove(&oldest);
        }
        let cell = Arc::new(OnceCell::new());
        inner.order.push_back(key.clone());
        inner.cells.insert(key, Arc::clone(&cell));
        cell
    }
}
