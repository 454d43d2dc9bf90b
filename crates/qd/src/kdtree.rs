//! An exact nearest-point index over points of any dimension: a balanced k-d tree in one array.
//!
//! Ties go to the point of the lowest index, as a scan from the front would have it.

/// Points of a leaf at most: below that a scan is faster than a step down.
const LEAF: usize = 8;

/// The index. Points are stored in tree order, so that a leaf is one stretch of memory.
#[derive(Debug, Clone)]
pub(crate) struct KdTree {
    dims: usize,
    points: Vec<f64>,
    ids: Vec<u32>,
    nodes: Vec<Node>,
}

#[derive(Debug, Clone, Copy)]
enum Node {
    Leaf {
        start: u32,
        end: u32,
    },
    /// The left child is the next node.
    Split {
        axis: u32,
        at: f64,
        right: u32,
    },
}

/// A point and its squared distance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Near {
    pub id: u32,
    pub squared: f64,
}

impl Near {
    const NOTHING: Self = Self { id: u32::MAX, squared: f64::INFINITY };
}

impl KdTree {
    /// Indexes points laid out one after the other.
    pub(crate) fn new(points: &[f64], dims: usize) -> Self {
        let mut ids: Vec<u32> = (0..(points.len() / dims) as u32).collect();
        let mut nodes = Vec::new();
        let count = ids.len();
        build(points, dims, &mut ids, 0, count, &mut nodes);
        let ordered = ids.iter().flat_map(|id| &points[*id as usize * dims..][..dims]).copied().collect();
        Self { dims, points: ordered, ids, nodes }
    }

    /// The nearest point.
    #[inline]
    pub(crate) fn nearest(&self, to: &[f64]) -> Near {
        self.nearest_of(to, u32::MAX, Near::NOTHING)
    }

    /// The nearest point but `except`, given a point to beat.
    pub(crate) fn nearest_of(&self, to: &[f64], except: u32, beat: Near) -> Near {
        // Two and three dimensions get code without inner loops.
        match self.dims {
            2 => self.descend::<2>(to, except, beat),
            3 => self.descend::<3>(to, except, beat),
            _ => self.descend::<0>(to, except, beat),
        }
    }

    /// Depth first, nearer side first; `DIMS` 0 means "as many as there are".
    fn descend<const DIMS: usize>(&self, to: &[f64], except: u32, mut best: Near) -> Near {
        let dims = if DIMS == 0 { self.dims } else { DIMS };
        let to = &to[..dims];
        let mut stack = [(0_u32, 0.0_f64); 64];
        let mut open = 1;
        while open > 0 {
            open -= 1;
            let (mut node, bound) = stack[open];
            if bound > best.squared {
                continue;
            }
            loop {
                match self.nodes[node as usize] {
                    Node::Split { axis, at, right } => {
                        let gap = to[axis as usize] - at;
                        let (near, far) = if gap < 0.0 { (node + 1, right) } else { (right, node + 1) };
                        stack[open] = (far, gap * gap);
                        open += 1;
                        node = near;
                    }
                    Node::Leaf { start, end } => {
                        self.scan(start as usize..end as usize, to, except, &mut best);
                        break;
                    }
                }
            }
        }
        best
    }

    #[inline]
    fn scan(&self, range: std::ops::Range<usize>, to: &[f64], except: u32, best: &mut Near) {
        let dims = to.len();
        for (id, point) in self.ids[range.clone()]
            .iter()
            .zip(self.points[range.start * dims..range.end * dims].chunks_exact(dims))
        {
            let squared = squared_distance(point, to);
            let better = squared < best.squared || (squared == best.squared && *id < best.id);
            if better && *id != except {
                *best = Near { id: *id, squared };
            }
        }
    }
}

/// Squared Euclidean distance, summed from the first coordinate to the last.
#[inline]
pub(crate) fn squared_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b))
}

fn build(points: &[f64], dims: usize, ids: &mut [u32], start: usize, end: usize, nodes: &mut Vec<Node>) {
    let here = nodes.len();
    nodes.push(Node::Leaf { start: start as u32, end: end as u32 });
    if end - start <= LEAF {
        return;
    }
    let axis = widest(points, dims, &ids[start..end]);
    let coordinate = |id: u32| points[id as usize * dims + axis];
    let middle = (end - start) / 2;
    ids[start..end]
        .select_nth_unstable_by(middle, |a, b| coordinate(*a).total_cmp(&coordinate(*b)).then(a.cmp(b)));
    let at = coordinate(ids[start + middle]);
    build(points, dims, ids, start, start + middle, nodes);
    let right = nodes.len() as u32;
    nodes[here] = Node::Split { axis: axis as u32, at, right };
    build(points, dims, ids, start + middle, end, nodes);
}

/// The axis along which the points spread most.
fn widest(points: &[f64], dims: usize, ids: &[u32]) -> usize {
    let spread = |axis: usize| {
        let (mut lo, mut hi) = (f64::INFINITY, f64::NEG_INFINITY);
        for id in ids {
            let x = points[*id as usize * dims + axis];
            lo = lo.min(x);
            hi = hi.max(x);
        }
        hi - lo
    };
    (0..dims)
        .map(|axis| (axis, spread(axis)))
        .fold((0, -1.0), |best, next| if next.1 > best.1 { next } else { best })
        .0
}
