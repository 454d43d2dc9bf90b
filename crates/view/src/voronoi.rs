//! The cells of a two-dimensional Voronoi diagram as polygons in the unit square.
//!
//! A cell is the square cut by the bisectors to the other sites, the near ones first: a site that is more than twice
//! as far away as the farthest corner of what is left can cut nothing more.

/// A point of the unit square.
pub type Point = (f64, f64);

/// The polygon of every site, counter-clockwise; a site outside the square, or one that an earlier one covers, may
/// have none.
pub fn cells(sites: &[Point]) -> Vec<Vec<Point>> {
    let buckets = Buckets::new(sites);
    (0..sites.len()).map(|site| cell(sites, &buckets, site)).collect()
}

fn cell(sites: &[Point], buckets: &Buckets, site: usize) -> Vec<Point> {
    let here = sites[site];
    let mut polygon = vec![(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
    for ring in 0..=buckets.side {
        let reach = polygon.iter().map(|corner| distance(here, *corner)).fold(0.0, f64::max);
        // What is in this ring and beyond is at least so far away.
        if ring > 0 && (ring - 1) as f64 / buckets.side as f64 > 2.0 * reach {
            break;
        }
        for other in buckets.ring(here, ring) {
            if sites[other] != here {
                polygon = cut(&polygon, here, sites[other]);
            } else if other < site {
                // Of equal sites the first has the cell.
                return Vec::new();
            }
        }
    }
    polygon
}

fn distance(a: Point, b: Point) -> f64 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// The part of a convex polygon that is nearer to `here` than to `other`.
fn cut(polygon: &[Point], here: Point, other: Point) -> Vec<Point> {
    let (dx, dy) = (other.0 - here.0, other.1 - here.1);
    let middle = (f64::midpoint(here.0, other.0), f64::midpoint(here.1, other.1));
    let beyond = |p: Point| (p.0 - middle.0) * dx + (p.1 - middle.1) * dy;
    let mut kept = Vec::with_capacity(polygon.len() + 1);
    for (i, from) in polygon.iter().enumerate() {
        let to = polygon[(i + 1) % polygon.len()];
        let (a, b) = (beyond(*from), beyond(to));
        if a <= 0.0 {
            kept.push(*from);
        }
        if (a < 0.0 && b > 0.0) || (a > 0.0 && b < 0.0) {
            let part = a / (a - b);
            kept.push((from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part));
        }
    }
    kept
}

/// Sites by the square of a coarse grid that they lie in, about two in each.
struct Buckets {
    side: usize,
    sites: Vec<Vec<usize>>,
}

impl Buckets {
    fn new(sites: &[Point]) -> Self {
        let side = ((sites.len() as f64 / 2.0).sqrt() as usize).max(1);
        let mut buckets = Self { side, sites: vec![Vec::new(); side * side] };
        for (i, site) in sites.iter().enumerate() {
            let (column, row) = buckets.place(*site);
            buckets.sites[row * side + column].push(i);
        }
        buckets
    }

    fn place(&self, (x, y): Point) -> (usize, usize) {
        // The casts saturate, so sites outside go to the border.
        let place = |x: f64| ((x * self.side as f64) as usize).min(self.side - 1);
        (place(x), place(y))
    }

    /// The sites that are so many buckets away in one direction and no more in the other.
    fn ring(&self, around: Point, ring: usize) -> impl Iterator<Item = usize> {
        let (column, row) = self.place(around);
        let last = self.side - 1;
        let along = move |at: usize| at.saturating_sub(ring)..=(at + ring).min(last);
        let places = along(row).flat_map(move |y| along(column).map(move |x| (x, y)));
        places
            .filter(move |(x, y)| x.abs_diff(column).max(y.abs_diff(row)) == ring)
            .flat_map(|(x, y)| self.sites[y * self.side + x].iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn area(polygon: &[Point]) -> f64 {
        let edges = polygon.iter().zip(polygon.iter().cycle().skip(1));
        edges.map(|(a, b)| a.0 * b.1 - b.0 * a.1).sum::<f64>() / 2.0
    }

    #[test]
    fn one_site_has_all_and_two_have_halves() {
        assert_eq!(area(&cells(&[(0.3, 0.9)])[0]), 1.0);
        let halves = cells(&[(0.25, 0.5), (0.75, 0.5)]);
        assert_eq!(halves.iter().map(|cell| area(cell)).collect::<Vec<_>>(), [0.5, 0.5]);
        assert_eq!(cells(&[(0.5, 0.5), (0.5, 0.5)])[1], []);
        assert!(cells(&[]).is_empty());
    }

    proptest! {
        #[test]
        fn cells_fill_the_square_and_hold_what_is_nearest(
            sites in prop::collection::vec((0.0..=1.0_f64, 0.0..=1.0_f64), 1..200),
            weights in prop::collection::vec(0.01..1.0_f64, 8),
        ) {
            let cells = cells(&sites);
            let total: f64 = cells.iter().map(|cell| area(cell)).sum();
            prop_assert!((total - 1.0).abs() < 1e-9, "{total}");
            for (site, cell) in sites.iter().zip(&cells) {
                // A point inside, as a mean of the corners.
                let weights = || weights.iter().cycle().take(cell.len());
                let sum: f64 = weights().sum();
                let point = cell.iter().zip(weights()).fold((0.0, 0.0), |p, (c, w)| (p.0 + c.0 * w / sum, p.1 + c.1 * w / sum));
                let nearest = sites.iter().map(|other| distance(point, *other)).fold(f64::INFINITY, f64::min);
                prop_assert!(cell.is_empty() || distance(point, *site) <= nearest + 1e-9);
            }
        }
    }
}
