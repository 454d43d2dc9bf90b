//! The loss of a batch and its gradient, over threads: the documents are dealt to a fixed number of shards, so that the
//! sums, and with them the trained weights, are the same for any number of threads.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use crate::{ModelConfig, kernel::add, rope::Rotary};

use super::{
    layout::Layout,
    network::{Loss, Network, Workspace},
    sequence::Sequence,
};

/// Shards of a batch; more threads than this are of no use.
pub const SHARDS: usize = 4;

/// Deals documents to shards: the longest first, each to the shard with the fewest tokens.
fn deal(documents: &[Sequence]) -> Vec<Vec<Sequence>> {
    let mut order: Vec<usize> = (0..documents.len()).collect();
    order.sort_by_key(|i| std::cmp::Reverse(documents[*i].tokens.len()));
    let mut shards: Vec<Vec<Sequence>> = vec![Vec::new(); SHARDS];
    let mut tokens = [0; SHARDS];
    for i in order {
        let least = (0..SHARDS).min_by_key(|shard| tokens[*shard]).unwrap_or(0);
        tokens[least] += documents[i].tokens.len();
        shards[least].push(documents[i].clone());
    }
    shards
}

/// Calls `work` for every shard on as many threads as there are workspaces; results in the order of the shards.
fn over_shards<R: Send>(
    workspaces: &mut [Workspace<f32>],
    work: impl Fn(usize, &mut Workspace<f32>) -> R + Sync,
) -> Vec<R> {
    let results: Vec<Mutex<Option<R>>> = (0..SHARDS).map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let run = |workspace: &mut Workspace<f32>| {
        loop {
            let shard = next.fetch_add(1, Ordering::Relaxed);
            if shard >= SHARDS {
                return;
            }
            let result = work(shard, workspace);
            if let Ok(mut place) = results[shard].lock() {
                *place = Some(result);
            }
        }
    };
    std::thread::scope(|scope| {
        for workspace in workspaces.iter_mut().take(SHARDS) {
            scope.spawn(|| run(workspace));
        }
    });
    results.into_iter().filter_map(|place| place.into_inner().ok().flatten()).collect()
}

/// The mean loss's gradient, with the loss. The gradient is that of the sum divided by the sum of weights.
pub fn gradient(
    config: &ModelConfig,
    layout: &Layout,
    parameters: &[f32],
    rotary: &Rotary<f32>,
    documents: &[Sequence],
    workspaces: &mut [Workspace<f32>],
) -> (Loss, Vec<f32>) {
    let network = Network::new(config, layout, parameters, rotary);
    let shards = deal(documents);
    let results = over_shards(workspaces, |shard, workspace| {
        let mut gradient = vec![0.0; layout.len];
        (network.loss(&shards[shard], Some(&mut gradient), workspace), gradient)
    });
    let mut total = Loss::default();
    let mut sum = vec![0.0; layout.len];
    for (loss, gradient) in &results {
        total = joined(total, *loss);
        add(&mut sum, gradient);
    }
    let scale = if total.weight > 0.0 { (1.0 / total.weight) as f32 } else { 0.0 };
    sum.iter_mut().for_each(|x| *x *= scale);
    (total, sum)
}

/// The loss without a gradient.
pub fn loss(
    config: &ModelConfig,
    layout: &Layout,
    parameters: &[f32],
    rotary: &Rotary<f32>,
    documents: &[Sequence],
    workspaces: &mut [Workspace<f32>],
) -> Loss {
    let network = Network::new(config, layout, parameters, rotary);
    let shards = deal(documents);
    let results = over_shards(workspaces, |shard, workspace| {
        // Few documents at a time, so that many need no more memory than few.
        let parts = shards[shard].chunks(4).map(|part| network.loss(part, None, workspace));
        parts.fold(Loss::default(), joined)
    });
    results.into_iter().fold(Loss::default(), joined)
}

fn joined(a: Loss, b: Loss) -> Loss {
    Loss { sum: a.sum + b.sum, weight: a.weight + b.weight }
}
