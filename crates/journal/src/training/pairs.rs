//! Which candidates are set against each other: the better one is chosen, the other rejected.

use std::collections::{BTreeMap, BTreeSet};

use samara_search::ContentDigest;

use super::choice::PairsFrom;
use super::pool::Pool;

/// Two positions in the pool; the chosen one's objective is strictly greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pair {
    pub chosen: usize,
    pub rejected: usize,
}

/// The pairs, in the order of the chosen ones. No content is chosen twice, and none rejected twice; within cells none is
/// in two pairs at all.
pub(super) fn pairs(pool: &Pool, kept: &[usize], from: PairsFrom) -> Vec<Pair> {
    match from {
        PairsFrom::Parent => of_parents(pool, kept),
        PairsFrom::Cell => of_cells(pool, kept),
    }
}

fn of_parents(pool: &Pool, kept: &[usize]) -> Vec<Pair> {
    let mut rejected = BTreeSet::new();
    let pair = |place: &usize| {
        let child = &pool.entries[*place];
        let parents = pool.parent_places(child).filter(|parent| {
            let parent = &pool.entries[*parent];
            parent.objective < child.objective
                && parent.objective.is_some()
                && parent.digest != child.digest
                && !rejected.contains(&parent.digest)
        });
        let better = |a: usize, b: usize| {
            if pool.entries[b].objective > pool.entries[a].objective { b } else { a }
        };
        let parent = parents.reduce(better)?;
        rejected.insert(pool.entries[parent].digest);
        Some(Pair { chosen: *place, rejected: parent })
    };
    kept.iter().filter_map(pair).collect()
}

/// The best kept candidate of a cell against the worst that was scored there, the next against the last but one, until
/// they meet.
fn of_cells(pool: &Pool, kept: &[usize]) -> Vec<Pair> {
    let good: BTreeSet<usize> = kept.iter().copied().collect();
    let mut cells: BTreeMap<u64, Vec<(f64, usize)>> = BTreeMap::new();
    for (place, entry) in pool.entries.iter().enumerate() {
        if let (Some(cell), Some(objective)) = (entry.cell, entry.objective) {
            cells.entry(cell).or_default().push((objective, place));
        }
    }
    let mut used = BTreeSet::new();
    let mut pairs: Vec<Pair> =
        cells.into_values().flat_map(|cell| of_cell(pool, &good, &mut used, cell)).collect();
    pairs.sort_unstable_by_key(|pair| pair.chosen);
    pairs
}

fn of_cell(
    pool: &Pool,
    good: &BTreeSet<usize>,
    used: &mut BTreeSet<ContentDigest>,
    mut cell: Vec<(f64, usize)>,
) -> Vec<Pair> {
    // The best first; of equals the earliest.
    cell.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let digest = |place: usize| pool.entries[place].digest;
    let mut pairs = Vec::new();
    let mut worst = cell.iter().rev();
    for (objective, chosen) in cell.iter().filter(|(_, place)| good.contains(place)) {
        if used.contains(&digest(*chosen)) {
            continue;
        }
        let free =
            |(_, place): &&(f64, usize)| !used.contains(&digest(*place)) && digest(*place) != digest(*chosen);
        match worst.find(free) {
            Some((other, rejected)) if other < objective => {
                used.extend([digest(*chosen), digest(*rejected)]);
                pairs.push(Pair { chosen: *chosen, rejected: *rejected });
            }
            _ => break,
        }
    }
    pairs
}

/// For every content of a pair, the least content of all that pairs tie to it: what must be held out together.
pub(super) fn groups(pool: &Pool, pairs: &[Pair]) -> BTreeMap<ContentDigest, ContentDigest> {
    let mut above: BTreeMap<ContentDigest, ContentDigest> = BTreeMap::new();
    for pair in pairs {
        let ends = [pair.chosen, pair.rejected].map(|place| root(&above, pool.entries[place].digest));
        let (least, greatest) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        if least != greatest {
            above.insert(greatest, least);
        }
    }
    let all = pairs.iter().flat_map(|pair| [pair.chosen, pair.rejected]);
    all.map(|place| pool.entries[place].digest).map(|digest| (digest, root(&above, digest))).collect()
}

fn root(above: &BTreeMap<ContentDigest, ContentDigest>, mut digest: ContentDigest) -> ContentDigest {
    while let Some(next) = above.get(&digest) {
        digest = *next;
    }
    digest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use samara_search::Genome;

    use super::*;
    use crate::training::choice::{Choice, Form, Keep};
    use crate::training::held::HeldOut;
    use crate::training::pool::Entry;

    /// Candidates of one to three runs, few contents, cells and objectives, so that all of them meet.
    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let one = (
            0..3_usize,
            0..12_u32,
            0..4_u64,
            -2..4_i32,
            any::<[bool; 3]>(),
            prop::collection::vec(0..30_u64, 0..3),
        );
        prop::collection::vec(one, 0..40).prop_map(|mut all| {
            all.sort_by_key(|one| one.0);
            let mut next = [0; 3];
            let entry = |(run, text, cell, objective, [scored, entered, asked], parents): (
                usize,
                u32,
                u64,
                i32,
                [bool; 3],
                Vec<u64>,
            )| {
                let index = next[run];
                next[run] += 1;
                Entry {
                    run,
                    index,
                    digest: Genome::text_of(text.to_string()).digest(),
                    objective: scored.then_some(f64::from(objective)),
                    cell: scored.then_some(cell),
                    entered: entered && scored,
                    elite: entered && scored && index % 2 == 0,
                    asked,
                    parents: parents.into_iter().filter(|parent| *parent < index).collect(),
                }
            };
            all.into_iter().map(entry).collect()
        })
    }

    fn choice(share: Option<f64>, elites: bool) -> Choice {
        let keep = if elites { Keep::Elites } else { Keep::Admitted };
        Choice { min_share: share, keep, ..Choice::new(Form::Dpo) }
    }

    proptest! {
        #[test]
        fn the_chosen_are_kept_and_strictly_better_and_no_content_is_used_twice(
            entries in entries(), share in prop::option::of(0.0..=1.0), elites: bool, cells: bool,
        ) {
            let pool = Pool::new(entries, 0.0);
            let kept = pool.kept(&choice(share, elites));
            let from = if cells { PairsFrom::Cell } else { PairsFrom::Parent };
            let pairs = pairs(&pool, &kept, from);
            let (mut chosen, mut rejected) = (BTreeSet::new(), BTreeSet::new());
            for pair in &pairs {
                let (good, bad) = (&pool.entries[pair.chosen], &pool.entries[pair.rejected]);
                prop_assert!(kept.contains(&pair.chosen));
                prop_assert!(good.objective > bad.objective && bad.objective.is_some());
                prop_assert!(chosen.insert(good.digest) && rejected.insert(bad.digest));
                prop_assert!(good.digest != bad.digest);
                if cells {
                    prop_assert_eq!(good.cell, bad.cell);
                } else {
                    prop_assert!(good.run == bad.run && good.parents.contains(&bad.index));
                }
            }
            prop_assert!(!cells || chosen.is_disjoint(&rejected));
            prop_assert!(pairs.is_sorted_by_key(|pair| pair.chosen));
        }

        #[test]
        fn what_is_held_out_shares_no_content_with_the_rest(entries in entries(), cells: bool, seed: u64) {
            let pool = Pool::new(entries, 0.0);
            let from = if cells { PairsFrom::Cell } else { PairsFrom::Parent };
            let pairs = pairs(&pool, &pool.kept(&choice(None, false)), from);
            let groups = groups(&pool, &pairs);
            let held = HeldOut { share: 0.5, seed };
            let mut sides = [BTreeSet::new(), BTreeSet::new()];
            for pair in &pairs {
                let chosen = pool.entries[pair.chosen].digest;
                let side = usize::from(held.holds(groups[&chosen].as_bytes()));
                sides[side].extend([chosen, pool.entries[pair.rejected].digest]);
            }
            prop_assert!(sides[0].is_disjoint(&sides[1]));
        }

        #[test]
        fn every_content_is_kept_once_by_its_best_candidate_and_near_the_best_of_its_cell(
            entries in entries(), share in prop::option::of(0.0..=1.0), elites: bool, offset in -1.0..1.0,
        ) {
            let pool = Pool::new(entries, offset);
            let kept = pool.kept(&choice(share, elites));
            let contents: BTreeSet<_> = kept.iter().map(|place| pool.entries[*place].digest).collect();
            prop_assert_eq!(contents.len(), kept.len());
            prop_assert!(kept.is_sorted());
            for place in &kept {
                let entry = &pool.entries[*place];
                let wanted = if elites { entry.elite } else { entry.entered };
                prop_assert!(entry.asked && wanted);
                let in_cell = pool.entries.iter().filter(|other| other.cell == entry.cell);
                let best = in_cell.filter_map(|other| other.objective).fold(f64::MIN, f64::max);
                let (best, own) = (best - offset, entry.objective.expect("scored") - offset);
                prop_assert!(share.is_none_or(|share| own >= share * best || own >= best));
            }
            let undesired = pool.undesired();
            let bad: BTreeSet<_> = undesired.iter().map(|place| pool.entries[*place].digest).collect();
            prop_assert!(bad.len() == undesired.len() && bad.is_disjoint(&contents));
        }
    }
}
