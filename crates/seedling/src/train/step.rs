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

/// Documents that go through the network at once where there may be many: they need no more memory than few then.
const TOGETHER: usize = 4;

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
    let (total, mut sum) = summed(layout, &results);
    let scale = if total.weight > 0.0 { (1.0 / total.weight) as f32 } else { 0.0 };
    sum.iter_mut().for_each(|x| *x *= scale);
    (total, sum)
}

/// The gradient of the losses' sum over `count`, whatever the weights come to: those of a policy are positive and negative.
/// Few documents at a time, in an order that follows from them alone, so that many need no more memory than few.
pub fn gradient_over(
    count: usize,
    (config, layout): (&ModelConfig, &Layout),
    parameters: &[f32],
    rotary: &Rotary<f32>,
    documents: &[Sequence],
    workspaces: &mut [Workspace<f32>],
) -> Vec<f32> {
    let network = Network::new(config, layout, parameters, rotary);
    let shards = deal(documents);
    let results = over_shards(workspaces, |shard, workspace| {
        let mut gradient = vec![0.0; layout.len];
        let parts = shards[shard].chunks(TOGETHER);
        let losses = parts.map(|part| network.loss(part, Some(&mut gradient), workspace));
        (losses.fold(Loss::default(), joined), gradient)
    });
    let (_, mut sum) = summed(layout, &results);
    let scale = (1.0 / count.max(1) as f64) as f32;
    sum.iter_mut().for_each(|x| *x *= scale);
    sum
}

/// Losses and gradients of the shards, added in their order.
fn summed(layout: &Layout, results: &[(Loss, Vec<f32>)]) -> (Loss, Vec<f32>) {
    let mut total = Loss::default();
    let mut sum = vec![0.0; layout.len];
    for (loss, gradient) in results {
        total = joined(total, *loss);
        add(&mut sum, gradient);
    }
    (total, sum)
}

/// The loss of every document by itself.
pub fn losses(
    config: &ModelConfig,
    layout: &Layout,
    parameters: &[f32],
    rotary: &Rotary<f32>,
    documents: &[Sequence],
    workspaces: &mut [Workspace<f32>],
) -> Vec<Loss> {
    let network = Network::new(config, layout, parameters, rotary);
    let results = over_shards(workspaces, |shard, workspace| {
        let own = documents.iter().skip(shard).step_by(SHARDS);
        own.map(|document| network.loss(std::slice::from_ref(document), None, workspace)).collect::<Vec<_>>()
    });
    (0..documents.len()).map(|at| results[at % SHARDS][at / SHARDS]).collect()
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
        let parts = shards[shard].chunks(TOGETHER).map(|part| network.loss(part, None, workspace));
        parts.fold(Loss::default(), joined)
    });
    results.into_iter().fold(Loss::default(), joined)
}

fn joined(a: Loss, b: Loss) -> Loss {
    Loss { sum: a.sum + b.sum, weight: a.weight + b.weight }
}
