//! What runs of `samara rl` came to, on the page of a run and of several.

use super::{Shown, page::Page};
use crate::report::{
    compare::Group,
    policy::{self, Policy},
};

fn of(shown: &Shown<'_>) -> Option<Policy> {
    Policy::of(&shown.run.view.header.config, shown.book)
}

/// Adds it to the page of a run of `samara rl`.
pub(super) fn add(page: &mut Page, shown: Shown<'_>) {
    let Some(policy) = of(&shown) else { return };
    page.alive("policy", |html| {
        html.element("h2", &[], "What the policy has learnt");
        policy::one(html, &policy);
    });
}

/// Adds what the policies among compared runs came to. `groups` are those that differ in their seed alone.
pub(super) fn compared(page: &mut Page, runs: &[Shown<'_>], groups: &[Group<'_>]) {
    let look = |shown: &Shown<'_>| {
        let is_here = |group: &Group<'_>| group.runs.iter().any(|run| std::ptr::eq(*run, shown.run));
        groups.iter().position(is_here).unwrap_or(0)
    };
    let policies: Vec<(usize, &str, Policy)> =
        runs.iter().filter_map(|shown| Some((look(shown), shown.name, of(shown)?))).collect();
    if policies.is_empty() {
        return;
    }
    let mut looks: Vec<(usize, &str)> = Vec::new();
    for (look, _, _) in &policies {
        if !looks.iter().any(|(held, _)| held == look) {
            looks.push((*look, groups.get(*look).map_or("", |group| &*group.name)));
        }
    }
    page.alive("policies", |html| {
        html.element("h2", &[], "What policies have learnt");
        policy::several(html, &policies, &looks);
    });
}
