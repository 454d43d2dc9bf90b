//! The `[[axes]]` section.

use samara_qd::Axis;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits::{MOST, MOST_AXES, MOST_CATEGORIES, MOST_CELLS, MOST_NAME, MOST_TICKS};
use crate::{Invalid, commanding::commands, schema};

/// One `[[axes]]` entry: a measure and how it is cut into cells.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = crate::schema::in_order::<Self>)]
pub struct AxisSettings {
    /// The measure's name, 200 characters at most. Axes stand in the order of the environment's measures; there are 100
    /// at most.
    #[schemars(length(max = MOST_NAME))]
    pub name: String,
    /// Lowest and highest value of even bins, or of a CVT; values outside go to the first and last cell. Without
    /// cells (`dominated_novelty`, `local_competition`) the width is a distance of 1, and pictures go from end to end.
    /// Default `[0, 1]`.
    #[serde(default = "unit_range")]
    #[schemars(inner(range(min = -MOST, max = MOST)))]
    pub range: [f64; 2],
    /// Number of even cells of a grid. Either this or `ticks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST_CELLS))]
    pub bins: Option<usize>,
    /// Inner edges, strictly increasing: n ticks make n + 1 cells, and a value on a tick belongs to the cell above.
    /// 10,000 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = MOST_TICKS), inner(range(min = -MOST, max = MOST)))]
    pub ticks: Option<Vec<f64>>,
    /// Named cells in place of bins and ticks: 2 to 1,000 different names, of 200 characters at most. The measure of a
    /// category is its index, 0 for the first. Categories have no order: for `lmx_near`, two different ones are one step
    /// apart. Not for a CVT, and only where the environment's measure is one of categories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = MOST_CATEGORIES))]
    pub categories: Option<Vec<String>>,
}

/// The `[[axes]]` of an experiment.
///
/// # Errors
/// Names the axis and its key.
pub fn axes(sections: &[toml::Table]) -> Result<Vec<AxisSettings>, Invalid> {
    if sections.len() > MOST_AXES {
        let what = format!("there are {} axes", sections.len());
        return Err(Invalid::new(
            "axes",
            what,
            format!("use {MOST_AXES} at most; people look at one or two"),
        ));
    }
    let axis = |(i, section): (usize, &toml::Table)| {
        let axis: AxisSettings = schema::read(section, &format!("axes[{i}]"))?;
        plain_name(&axis.name, &format!("axes[{i}].name"))?;
        Ok(axis)
    };
    sections.iter().enumerate().map(axis).collect()
}

/// Refuses a name with characters that command a terminal instead of being shown, new lines included.
///
/// # Errors
/// Names the key.
pub fn plain_name(name: &str, key: &str) -> Result<(), Invalid> {
    match name.chars().find(|c| commands(*c)) {
        Some(c) => {
            let what = format!("holds the control character U+{:04X}", u32::from(c));
            Err(Invalid::new(key, what, "a name is made of characters that are shown"))
        }
        None => Ok(()),
    }
}

fn unit_range() -> [f64; 2] {
    [0.0, 1.0]
}

impl AxisSettings {
    /// An axis of `bins` even cells over `range`.
    pub fn even(name: impl Into<String>, range: [f64; 2], bins: usize) -> Self {
        Self { name: name.into(), range, bins: Some(bins), ticks: None, categories: None }
    }

    /// An axis with a cell for each of these categories.
    pub fn named(name: impl Into<String>, categories: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let categories = Some(categories.into_iter().map(Into::into).collect());
        Self { bins: None, categories, ..Self::even(name, unit_range(), 1) }
    }

    /// The category that a measure of it is the index of; `None` on an axis without categories, and of a measure that is
    /// no category's.
    pub fn category(&self, measure: f64) -> Option<&str> {
        let categories = self.categories.as_ref()?;
        let named = categories.iter().enumerate().find(|(i, _)| *i as f64 == measure);
        named.map(|(_, name)| name.as_str())
    }

    /// How many cells it is cut into; nothing is checked.
    pub(super) fn cells(&self) -> usize {
        let ticks = || self.ticks.as_ref().map_or(0, Vec::len) + 1;
        self.bins.unwrap_or_else(|| self.categories.as_ref().map_or_else(ticks, Vec::len))
    }

    pub(super) fn range(&self, position: usize) -> Result<(f64, f64), Invalid> {
        let [lo, hi] = self.range;
        if lo.is_finite() && hi.is_finite() && lo < hi {
            return Ok((lo, hi));
        }
        let key = format!("axes[{position}].range");
        Err(Invalid::new(key, format!("[{lo}, {hi}] is no range"), "two finite numbers, the lower first"))
    }

    pub(super) fn build(&self, position: usize) -> Result<Axis, Invalid> {
        let key = |field: &str| format!("axes[{position}].{field}");
        let (lo, hi) = self.range(position)?;
        if let Some(categories) = &self.categories {
            return self.of_categories(categories, position);
        }
        match (self.bins, &self.ticks) {
            (Some(bins), None) => Axis::bins(&*self.name, lo, hi, bins).map_err(|error| {
                Invalid::new(key("bins"), error.to_string(), "use 1 bin or more, such as bins = 20")
            }),
            (None, Some(ticks)) => Axis::ticks(&*self.name, ticks.clone()).map_err(|error| {
                Invalid::new(
                    key("ticks"),
                    error.to_string(),
                    "list the inner edges from low to high, each once",
                )
            }),
            (Some(_), Some(_)) => {
                Err(Invalid::new(key("ticks"), "bins and ticks are both set", "keep one of them"))
            }
            (None, None) => Err(Invalid::new(
                key("bins"),
                "neither bins nor ticks is set",
                "add bins = 20, or ticks = [..]",
            )),
        }
    }

    fn of_categories(&self, categories: &[String], position: usize) -> Result<Axis, Invalid> {
        let key = format!("axes[{position}].categories");
        if self.bins.is_some() || self.ticks.is_some() {
            let what = "bins or ticks are set beside categories";
            return Err(Invalid::new(key, what, "keep one of them: every category is a cell"));
        }
        if !(2..=MOST_CATEGORIES).contains(&categories.len()) {
            let what = format!("lists {} categories", categories.len());
            return Err(Invalid::new(key, what, format!("list 2 to {MOST_CATEGORIES}")));
        }
        for category in categories {
            plain_name(category, &key)?;
            if category.trim().is_empty() || category.chars().count() > MOST_NAME {
                let what = "holds a name that is empty or too long";
                return Err(Invalid::new(key, what, format!("a name has 1 to {MOST_NAME} characters")));
            }
        }
        Axis::categories(&*self.name, categories.to_vec())
            .map_err(|error| Invalid::new(key, error.to_string(), "give every category a name of its own"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Algorithm, SearchSettings};

    #[test]
    fn too_many_axes_and_names_that_command_a_terminal_are_refused() {
        let table = |name: &str| {
            toml::Table::from_iter([("name".to_owned(), name.into()), ("bins".into(), 1.into())])
        };
        let tables: Vec<toml::Table> = (0..101).map(|axis| table(&format!("x{axis}"))).collect();
        assert_eq!(axes(&tables).expect_err("too many").key, "axes");
        assert_eq!(axes(&tables[..100]).expect("the most").len(), 100);
        for name in ["a\u{1b}[31m", "a\u{9b}1m", "\u{202e}a", "a\nb", "\0"] {
            let error = axes(&[table("x"), table(name)]).expect_err("a control character");
            assert_eq!(error.key, "axes[1].name");
            assert!(!error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn an_axis_that_cannot_be_cut_names_its_position_and_field() {
        let key = |axis: AxisSettings| {
            let axes = [AxisSettings::even("x", [0.0, 1.0], 2), axis];
            SearchSettings::default().archive(&axes).expect_err("must be refused").key
        };
        let axis = AxisSettings::even("y", [0.0, 1.0], 2);
        assert_eq!(key(AxisSettings { bins: Some(0), ..axis.clone() }), "axes[1].bins");
        assert_eq!(key(AxisSettings { bins: None, ..axis.clone() }), "axes[1].bins");
        assert_eq!(key(AxisSettings { range: [f64::NAN, 1.0], ..axis.clone() }), "axes[1].range");
        assert_eq!(key(AxisSettings { range: [1.0, 1.0], ..axis.clone() }), "axes[1].range");
        assert_eq!(key(AxisSettings { ticks: Some(vec![0.5]), ..axis.clone() }), "axes[1].ticks");
        assert_eq!(key(AxisSettings { bins: None, ticks: Some(vec![0.5, 0.5]), ..axis }), "axes[1].ticks");
    }

    #[test]
    fn categories_are_two_or_more_different_names_that_no_bins_and_no_cvt_cut() {
        let refused = |categories: &[&str]| {
            let axes = [AxisSettings::named("genre", categories.iter().copied())];
            SearchSettings::default().tessellation(&axes).expect_err("must be refused").key
        };
        for categories in [&[][..], &["ode"], &["ode", "ode"], &["ode", " "], &["ode", "a\u{1b}[31m"]] {
            assert_eq!(refused(categories), "axes[0].categories", "{categories:?}");
        }
        let axis = AxisSettings::named("genre", ["ode", "hymn"]);
        for both in [
            AxisSettings { bins: Some(2), ..axis.clone() },
            AxisSettings { ticks: Some(vec![0.5]), ..axis.clone() },
        ] {
            let error = SearchSettings::default().tessellation(&[both]).expect_err("must be refused");
            assert_eq!(error.key, "axes[0].categories");
        }
        let cvt = SearchSettings { algorithm: Algorithm::CvtMapElites, ..SearchSettings::default() };
        assert_eq!(
            cvt.tessellation(std::slice::from_ref(&axis)).expect_err("must be refused").key,
            "axes[0].categories"
        );
        let mixed = [AxisSettings::even("length", [0.0, 1.0], 3), axis];
        let cells = SearchSettings::default().tessellation(&mixed).expect("cells").cells();
        assert_eq!((cells, SearchSettings::default().places(&mixed, None)), (6, Some(6)));
    }

    #[test]
    fn an_axis_of_categories_is_read_as_it_is_written_and_others_stay_as_they_were() {
        let axis = AxisSettings::named("genre", ["ode", "hymn"]);
        let text = toml::to_string(&axis).expect("TOML");
        assert_eq!(toml::from_str::<AxisSettings>(&text).expect("an axis"), axis);
        let old = toml::to_string(&AxisSettings::even("x", [0.0, 1.0], 2)).expect("TOML");
        assert!(!old.contains("categories"), "{old}");
    }
}
