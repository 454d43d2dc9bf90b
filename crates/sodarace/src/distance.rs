//! The distance of a point from a convex polygon: the algorithm of Gilbert, Johnson and Keerthi.
//!
//! Box2D 2.3.0, `b2Distance`, where the second shape is a point; Catto, "Computing distance with GJK", GDC 2010.

use crate::constants::{EPSILON, GJK_ITERATIONS};
use crate::vector::Vec2;

/// Up to three vertices of the polygon around the point nearest to the other shape.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Simplex {
    vertices: [Vertex; 3],
    count: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Vertex {
    index: usize,
    /// On the polygon, and the point less it.
    a: Vec2,
    w: Vec2,
    coefficient: f32,
}

/// What one search leaves for the next at a neighbouring time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cache {
    metric: f32,
    indices: [usize; 3],
    count: usize,
}

impl Cache {
    /// The polygon's vertices next to the point: one, or the two of an edge.
    pub(crate) fn nearest(&self) -> &[usize] {
        &self.indices[..self.count]
    }
}

/// The vertex farthest along a direction; the first of several.
#[inline]
pub(crate) fn support(polygon: &[Vec2], direction: Vec2) -> usize {
    let (mut best, mut value) = (0, polygon[0].dot(direction));
    for (i, vertex) in polygon.iter().enumerate().skip(1) {
        let along = vertex.dot(direction);
        if along > value {
            (best, value) = (i, along);
        }
    }
    best
}

/// The distance of point `b` from a polygon moved to `at`.
pub(crate) fn distance(polygon: &[Vec2], at: Vec2, b: Vec2, cache: &mut Cache) -> f32 {
    let vertex = |index: usize| {
        let a = polygon[index] + at;
        Vertex { index, a, w: b - a, coefficient: 1.0 }
    };
    let mut simplex = Simplex::read(cache, vertex);
    for _ in 0..GJK_ITERATIONS {
        let tried = simplex;
        simplex.reduce();
        if simplex.count == 3 {
            break;
        }
        let direction = simplex.direction();
        if direction.dot(direction) < EPSILON * EPSILON {
            break;
        }
        let new = support(polygon, -direction);
        if tried.vertices[..tried.count].iter().any(|vertex| vertex.index == new) {
            break;
        }
        simplex.vertices[simplex.count] = vertex(new);
        simplex.count += 1;
    }
    *cache = simplex.cache();
    simplex.distance(b)
}

impl Simplex {
    fn read(cache: &Cache, vertex: impl Fn(usize) -> Vertex) -> Self {
        let mut simplex = Self::default();
        for &index in cache.nearest() {
            simplex.vertices[simplex.count] = vertex(index);
            simplex.count += 1;
        }
        if simplex.count > 1 {
            let metric = simplex.metric();
            if metric < 0.5 * cache.metric || 2.0 * cache.metric < metric || metric < EPSILON {
                simplex.count = 0;
            }
        }
        if simplex.count == 0 {
            simplex.vertices[0] = vertex(0);
            simplex.count = 1;
        }
        simplex
    }

    fn cache(&self) -> Cache {
        Cache { metric: self.metric(), indices: self.vertices.map(|vertex| vertex.index), count: self.count }
    }

    /// Length or twice the area, by which a cached simplex is known to be stale.
    fn metric(&self) -> f32 {
        let [w1, w2, w3] = self.vertices.map(|vertex| vertex.w);
        match self.count {
            2 => (w1 - w2).length(),
            3 => (w2 - w1).cross(w3 - w1),
            _ => 0.0,
        }
    }

    /// From the simplex towards the origin of the differences.
    fn direction(&self) -> Vec2 {
        let w1 = self.vertices[0].w;
        if self.count == 1 {
            return -w1;
        }
        let e = self.vertices[1].w - w1;
        if e.cross(-w1) > 0.0 { e.turned_left() } else { e.turned() }
    }

    /// Distance between the point and the nearest point of the simplex.
    fn distance(&self, b: Vec2) -> f32 {
        let [v1, v2, _] = self.vertices;
        match self.count {
            1 => (v1.a - b).length(),
            2 => {
                let on_polygon = (v1.coefficient * v1.a) + (v2.coefficient * v2.a);
                let point = (v1.coefficient * b) + (v2.coefficient * b);
                (on_polygon - point).length()
            }
            _ => 0.0,
        }
    }

    /// Keeps the vertices between which the nearest point lies, and gives them its barycentric coordinates.
    fn reduce(&mut self) {
        match self.count {
            2 => self.reduce_edge(),
            3 => self.reduce_triangle(),
            _ => {}
        }
    }

    fn keep_one(&mut self, i: usize) {
        self.vertices[0] = Vertex { coefficient: 1.0, ..self.vertices[i] };
        self.count = 1;
    }

    /// Keeps two with weights that are not yet normalised.
    fn keep_two(&mut self, first: (usize, f32), second: (usize, f32)) {
        let g = 1.0 / (first.1 + second.1);
        let kept = [first, second].map(|(i, d)| Vertex { coefficient: d * g, ..self.vertices[i] });
        self.vertices[0] = kept[0];
        self.vertices[1] = kept[1];
        self.count = 2;
    }

    fn reduce_edge(&mut self) {
        let (w1, w2) = (self.vertices[0].w, self.vertices[1].w);
        let e = w2 - w1;
        let second = -w1.dot(e);
        if second <= 0.0 {
            return self.keep_one(0);
        }
        let first = w2.dot(e);
        if first <= 0.0 {
            return self.keep_one(1);
        }
        self.keep_two((0, first), (1, second));
    }

    fn reduce_triangle(&mut self) {
        let [w1, w2, w3] = self.vertices.map(|vertex| vertex.w);
        // Twice: the weight of the first named vertex on the edge, and that of the second.
        let edge = |from: Vec2, to: Vec2| (to.dot(to - from), -from.dot(to - from));
        let (d12_1, d12_2) = edge(w1, w2);
        let (d13_1, d13_2) = edge(w1, w3);
        let (d23_1, d23_2) = edge(w2, w3);
        let n = (w2 - w1).cross(w3 - w1);
        let (t1, t2, t3) = (n * w2.cross(w3), n * w3.cross(w1), n * w1.cross(w2));
        if d12_2 <= 0.0 && d13_2 <= 0.0 {
            self.keep_one(0);
        } else if d12_1 > 0.0 && d12_2 > 0.0 && t3 <= 0.0 {
            self.keep_two((0, d12_1), (1, d12_2));
        } else if d13_1 > 0.0 && d13_2 > 0.0 && t2 <= 0.0 {
            self.keep_two((0, d13_1), (2, d13_2));
        } else if d12_1 <= 0.0 && d23_2 <= 0.0 {
            self.keep_one(1);
        } else if d13_1 <= 0.0 && d23_1 <= 0.0 {
            self.keep_one(2);
        } else if d23_1 > 0.0 && d23_2 > 0.0 && t1 <= 0.0 {
            // Vertex 3 takes the first place, vertex 2 keeps the second.
            self.keep_two((2, d23_2), (1, d23_1));
        }
        // Otherwise the point is inside: three vertices stay, and the distance is 0.
    }
}
