//! Exact nearest-neighbour search among points: a k-d tree (Bentley, 1975) with tight boxes, built anew whenever
//! the points move. Knows nothing of cells; `cvt.rs` and `kmeans.rs` use it.
//!
//! "Nearest" means least squared distance as computed, dimension by dimension from the first, lowest index on a
//! tie: exactly what comparing with every point gives. That holds because a box's bound is computed by the same
//! operations, and each of them rounds monotonically, so a bound never exceeds a distance to a point inside.

/// Points per leaf, at most.
const LEAF: usize = 8;

/// A tree over points of `dims` coordinates.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tree {
    dims: usize,
    nodes: Vec<Node>,
    /// Per node: the lowest, then the highest coordinates of its points.
    boxes: Vec<f64>,
    /// The points, those of a leaf side by side, and their original indices.
    points: Vec<f64>,
    index: Vec<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    start: u32,
    end: u32,
    /// The second child; the first follows its parent. 0 marks a leaf.
    right: u32,
}

/// The best point so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Hit {
    pub(crate) index: u32,
    /// Squared distance.
    pub(crate) square: f64,
}

impl Hit {
    /// Worse than every point.
    const NONE: Hit = Hit { index: u32::MAX, square: f64::INFINITY };

    #[inline]
    fn offer(&mut self, index: u32, square: f64) {
        if square < self.square || (square == self.square && index < self.index) {
            *self = Hit { index, square };
        }
    }
}

/// Squared Euclidean distance.
#[inline]
pub(crate) fn square_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b))
}

impl Tree {
    /// A tree over `points`, `dims` coordinates each, all finite; at least one point and fewer than 2^32 - 1.
    pub(crate) fn new(points: &[f64], dims: usize) -> Tree {
        let count = points.len() / dims;
        let mut tree = Tree {
            dims,
            nodes: Vec::new(),
            boxes: Vec::new(),
            points: Vec::with_capacity(points.len()),
            index: (0..count as u32).collect(),
        };
        tree.grow(points, 0, count);
        for &i in &tree.index {
            tree.points.extend_from_slice(&points[i as usize * dims..][..dims]);
        }
        tree
    }

    /// Adds the node of `index[start..end]` and all below it; returns its number.
    fn grow(&mut self, points: &[f64], start: usize, end: usize) -> u32 {
        let number = self.nodes.len();
        self.nodes.push(Node { start: start as u32, end: end as u32, right: 0 });
        let widest = self.push_box(points, start, end);
        if end - start > LEAF {
            let middle = start + (end - start) / 2;
            let coordinate = |i: u32| points[i as usize * self.dims + widest];
            // The index breaks ties, so that the tree is a function of the points.
            self.index[start..end].select_nth_unstable_by(middle - start, |&a, &b| {
                coordinate(a).total_cmp(&coordinate(b)).then(a.cmp(&b))
            });
            self.grow(points, start, middle);
            self.nodes[number].right = self.grow(points, middle, end);
        }
        number as u32
    }

    /// Adds the box of `index[start..end]`; returns the dimension in which it is widest.
    fn push_box(&mut self, points: &[f64], start: usize, end: usize) -> usize {
        let dims = self.dims;
        let at = self.boxes.len();
        self.boxes.resize(at + dims, f64::INFINITY);
        self.boxes.resize(at + 2 * dims, f64::NEG_INFINITY);
        let (lo, hi) = self.boxes[at..].split_at_mut(dims);
        for &i in &self.index[start..end] {
            for (d, &x) in points[i as usize * dims..][..dims].iter().enumerate() {
                lo[d] = lo[d].min(x);
                hi[d] = hi[d].max(x);
            }
        }
        let extent = |d: usize| hi[d] - lo[d];
        (1..dims).fold(0, |widest, d| if extent(d) > extent(widest) { d } else { widest })
    }

    /// The point nearest to the finite `x`.
    #[inline]
    pub(crate) fn nearest(&self, x: &[f64]) -> Hit {
        self.search(x, Hit::NONE, u32::MAX)
    }

    /// The point nearest to `x`, given a point and its distance, which saves work when it is nearly the nearest.
    pub(crate) fn nearest_from(&self, x: &[f64], known: Hit) -> Hit {
        self.search(x, known, u32::MAX)
    }

    /// The point nearest to `x` other than point `except`.
    pub(crate) fn nearest_other(&self, x: &[f64], except: u32) -> Hit {
        self.search(x, Hit::NONE, except)
    }

    /// Fixing the number of dimensions lets the compiler unroll what runs per node and per point.
    #[inline]
    fn search(&self, x: &[f64], known: Hit, except: u32) -> Hit {
        let mut hit = known;
        match self.dims {
            1 => self.descend(&Fixed::<1>::new(x), 0, except, &mut hit),
            2 => self.descend(&Fixed::<2>::new(x), 0, except, &mut hit),
            3 => self.descend(&Fixed::<3>::new(x), 0, except, &mut hit),
            _ => self.descend(x, 0, except, &mut hit),
        }
        // Squares of huge coordinates overflow and then tie at infinity.
        if hit.index == u32::MAX { Hit { index: u32::from(except == 0), ..hit } } else { hit }
    }

    /// Searches the node's points: the child whose box is nearer first, and none that cannot hold a better point
    /// (one equally far may hold one of lower index).
    fn descend<P: Probe + ?Sized>(&self, x: &P, number: u32, except: u32, hit: &mut Hit) {
        let mut number = number;
        loop {
            let node = self.nodes[number as usize];
            if node.right == 0 {
                return self.scan(x, node, except, hit);
            }
            let near = x.to_box(&self.boxes, number as usize + 1);
            let far = x.to_box(&self.boxes, node.right as usize);
            let (first, near, second, far) = if near <= far {
                (number + 1, near, node.right, far)
            } else {
                (node.right, far, number + 1, near)
            };
            if near > hit.square {
                return;
            }
            self.descend(x, first, except, hit);
            if far > hit.square {
                return;
            }
            number = second;
        }
    }

    #[inline]
    fn scan<P: Probe + ?Sized>(&self, x: &P, node: Node, except: u32, hit: &mut Hit) {
        for at in node.start as usize..node.end as usize {
            let index = self.index[at];
            if index != except {
                hit.offer(index, x.to_point(&self.points, at));
            }
        }
    }
}

/// What is searched for: a point that knows its distance to others and to boxes.
trait Probe {
    /// Squared distance to the point numbered `at`.
    fn to_point(&self, points: &[f64], at: usize) -> f64;
    /// Squared distance to the box of node `number`, 0 inside.
    fn to_box(&self, boxes: &[f64], number: usize) -> f64;
}

/// A point of `D` dimensions.
struct Fixed<const D: usize>([f64; D]);

impl<const D: usize> Fixed<D> {
    #[inline]
    fn new(x: &[f64]) -> Self {
        let mut point = [0.0; D];
        point.copy_from_slice(x);
        Fixed(point)
    }
}

impl<const D: usize> Probe for Fixed<D> {
    #[inline]
    fn to_point(&self, points: &[f64], at: usize) -> f64 {
        square_distance(&self.0, &points[at * D..][..D])
    }

    #[inline]
    fn to_box(&self, boxes: &[f64], number: usize) -> f64 {
        box_distance(&self.0, &boxes[number * 2 * D..][..2 * D])
    }
}

impl Probe for [f64] {
    fn to_point(&self, points: &[f64], at: usize) -> f64 {
        square_distance(self, &points[at * self.len()..][..self.len()])
    }

    fn to_box(&self, boxes: &[f64], number: usize) -> f64 {
        box_distance(self, &boxes[number * 2 * self.len()..][..2 * self.len()])
    }
}

#[inline]
fn box_distance(x: &[f64], bounds: &[f64]) -> f64 {
    let (lo, hi) = bounds.split_at(x.len());
    x.iter().zip(lo.iter().zip(hi)).fold(0.0, |sum, (&x, (&lo, &hi))| {
        let gap = (lo - x).max(x - hi).max(0.0);
        sum + gap * gap
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn by_comparing_all(points: &[f64], dims: usize, x: &[f64], except: u32) -> Hit {
        let mut best = Hit::NONE;
        for (i, point) in points.chunks(dims).enumerate().filter(|&(i, _)| i as u32 != except) {
            best.offer(i as u32, square_distance(x, point));
        }
        best
    }

    /// Points on a coarse lattice, so that ties and duplicates abound, and points anywhere.
    fn coordinate() -> impl Strategy<Value = f64> {
        prop_oneof![(-3..4_i32).prop_map(f64::from), -3.0..3.0_f64, -1e100..1e100_f64]
    }

    proptest! {
        #[test]
        fn the_tree_finds_what_comparing_all_points_finds(
            dims in 1..6_usize,
            raw in prop::collection::vec(coordinate(), 12..600),
            x in prop::collection::vec(coordinate(), 6),
        ) {
            let points = &raw[..raw.len() / dims * dims];
            let tree = Tree::new(points, dims);
            let x = &x[..dims];
            let want = by_comparing_all(points, dims, x, u32::MAX);
            prop_assert_eq!(tree.nearest(x), want);
            let last = points.len() / dims - 1;
            let known = Hit { index: last as u32, square: square_distance(x, &points[last * dims..]) };
            prop_assert_eq!(tree.nearest_from(x, known), want);
            let other = by_comparing_all(points, dims, x, want.index);
            prop_assert_eq!(tree.nearest_other(x, want.index), other);
        }
    }

    #[test]
    fn a_point_too_far_to_measure_ties_with_all() {
        let tree = Tree::new(&[1.0, 2.0, 3.0], 1);
        assert_eq!(tree.nearest(&[1e200]).index, 0);
    }
}
