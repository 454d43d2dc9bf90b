//! Plans of an island: whom to vary, how, and what a prompt shows beside.

use std::sync::Arc;

use samara_qd::{Elite, Stream};
use samara_search::{Candidate, Parent, Plan, Proposer, SearchSettings, Strategy, View};

use super::{
    Program,
    gp::{self, Edit},
    memory::{Memory, Step},
    operators::{Operator, Operators},
    settings::{Choice, SelectionSettings, VariationSettings},
};

/// The operator of a candidate that is a seed as it is.
pub(super) const SEED: &str = "seed";
/// Exploitation takes the very best so often, and else one of the next best.
const VERY_BEST: f64 = 0.95;
/// The rank weight of elites: each has this part of the one before.
const NEXT: f64 = 0.6;
/// While the best stagnates, a larger change is asked for so often.
const LARGER: f64 = 0.4;
/// A merge carries over another step so often, and so many programs take part at most.
const MORE: f64 = 0.6;
const MOST_STEPS: usize = 8;
/// While a climb from elsewhere goes on, it is followed so often.
const ELSEWHERE: f64 = 0.5;

/// Plans the candidates of one island.
pub struct Evolver {
    program: Arc<Program>,
    selection: SelectionSettings,
    strategy: Strategy,
    /// Candidates that are created before variation starts.
    init_steps: u64,
    memory: Memory,
}

impl Evolver {
    /// Before the first candidate of an island of this search. `scaled` names the numbers that measures are made of.
    pub fn new(
        program: Arc<Program>,
        variation: &VariationSettings,
        selection: &SelectionSettings,
        search: &SearchSettings,
        scaled: Vec<String>,
    ) -> Self {
        let climbs = !search.strategy.varies();
        let choice = if climbs { Choice::Weights } else { variation.choice };
        let operators = Operators::new(variation, choice, climbs);
        let patience = if climbs { 0 } else { selection.patience };
        let memory = Memory::new(operators, &program, patience, scaled);
        let (strategy, init_steps) = (search.strategy.clone(), search.init_steps);
        Self { program, selection: selection.clone(), strategy, init_steps, memory }
    }

    /// The seed that is this candidate as it is: every island begins with the initial program, and the other seeds follow.
    fn seed(&self, view: &View<'_>) -> Option<Plan> {
        let (index, islands) = (view.index(), view.islands() as u64);
        let seed = match index.checked_sub(islands) {
            None => &self.program.initial,
            Some(later) => self.program.seeds.get(later as usize)?,
        };
        Some(Plan { verbatim: true, ..Plan::fresh(SEED, vec![Arc::clone(seed)]) })
    }

    /// The initial program as a parent: candidate 0 is it.
    fn origin(&self) -> Parent {
        Parent { id: 0, genome: Arc::clone(&self.program.initial), score: None }
    }

    /// A variation of `parent`.
    fn variation(&self, parent: Parent, larger: bool, view: &View<'_>, stream: &mut Stream) -> Plan {
        let failures = self.memory.failures();
        let beside = self.memory.steps_beside(parent.id);
        let to = self.memory.steps_to(parent.id);
        let elites = view.archive().stats().cells_filled;
        let may = |operator: Operator| match operator {
            Operator::Crossover | Operator::Gp(Edit::Blend) => elites > 1,
            Operator::Fix => !failures.is_empty(),
            Operator::Gp(Edit::Merge) => !beside.is_empty(),
            Operator::Gp(Edit::Surrogate) => self.memory.tells(parent.id),
            Operator::Gp(Edit::Again) => !to.is_empty(),
            Operator::Gp(Edit::Statement) => self.program.language == "python",
            Operator::Diff | Operator::Rewrite | Operator::Gp(_) => true,
        };
        let operators = &self.memory.operators;
        let choice = operators.choice(self.memory.stagnates());
        let operator = operators.draw(choice, stream, may).unwrap_or(Operator::Gp(Edit::Step));
        let plan = Plan::varied(operator.planned(larger), vec![parent]);
        match operator {
            Operator::Gp(Edit::Merge) => {
                let mut plan = with_step(plan, &beside, stream);
                while stream.unit() < MORE && plan.parents.len() < MOST_STEPS {
                    plan = with_step(plan, &beside, stream);
                }
                plan
            }
            Operator::Gp(Edit::Again) => with_step(plan, &to, stream),
            Operator::Gp(Edit::Blend) => with_elites(plan, view, 2, stream),
            Operator::Gp(Edit::Statement) => with_elites(plan, view, 1, stream),
            Operator::Gp(Edit::Surrogate) => self.with_promising(plan, stream),
            Operator::Gp(_) => plan,
            Operator::Fix => {
                let failed = failures[stream.index(failures.len())].clone();
                self.with_shown(Plan { parents: vec![failed], ..plan }, view, stream)
            }
            Operator::Crossover => {
                let count = 1 + stream.index(2);
                let more = other_elites(&plan, view, count, stream);
                let parents = plan.parents.iter().cloned().chain(more).collect();
                self.with_shown(Plan { parents, ..plan }, view, stream)
            }
            Operator::Diff | Operator::Rewrite => self.with_shown(plan, view, stream),
        }
    }

    /// With the step that promises most; where none does, a step of numbers as any other.
    fn with_promising(&self, plan: Plan, stream: &mut Stream) -> Plan {
        let Some(parent) = plan.parents.first() else { return plan };
        match gp::promising(&self.program, &parent.genome, self.memory.samples(), stream) {
            Some(step) => Plan { material: vec![Arc::new(step)], ..plan },
            None => Plan { operator: Operator::Gp(Edit::Step).planned(false), ..plan },
        }
    }

    /// The best programs and some others, for a prompt.
    fn with_shown(&self, mut plan: Plan, view: &View<'_>, stream: &mut Stream) -> Plan {
        let SelectionSettings { top_programs, inspirations, .. } = self.selection;
        let best = view.archive().best_of(top_programs + plan.parents.len());
        for elite in best {
            if plan.shown.len() < top_programs {
                show(&mut plan, view, &elite);
            }
        }
        for _ in 0..inspirations {
            if let Some(elite) = view.archive().select(stream) {
                show(&mut plan, view, &elite);
            }
        }
        plan
    }

    /// The step that has just led to the best, gone on with: where one helped, a longer one often does, and one that
    /// helps again is doubled in its turn, as a line search does.
    fn further(&self, stream: &mut Stream) -> Option<Plan> {
        let step = self.memory.fresh_step().filter(|_| self.memory.operators.carries())?;
        let plan = Plan::varied(Operator::Gp(Edit::Again).planned(false), vec![step.to.clone()]);
        Some(with_step(plan, &[step], stream))
    }

    /// Whom to vary, and whether a larger change is asked for.
    fn parent(&self, view: &View<'_>, stream: &mut Stream) -> Option<(Parent, bool)> {
        let larger = self.memory.stagnates() && stream.unit() < LARGER;
        if let Some((at, fresh)) = self.memory.restart()
            && stream.unit() < ELSEWHERE
        {
            return Some((at.clone(), fresh || larger));
        }
        let SelectionSettings { exploitation, exploration, .. } = self.selection;
        let drawn = stream.unit();
        let elite = if drawn < exploitation {
            if stream.unit() < VERY_BEST {
                // Of equals the latest, so that the best drifts over plateaus.
                return self.memory.climber().cloned().map(|best| (best, larger));
            }
            ranked(view, 5, stream)?
        } else if drawn < exploitation + exploration {
            view.archive().select(stream)?
        } else {
            ranked(view, usize::MAX, stream)?
        };
        Some((view.parent(&elite), larger))
    }
}

impl Proposer for Evolver {
    fn create(&self, view: &View<'_>, stream: &mut Stream) -> Plan {
        let plan = self.seed(view).unwrap_or_else(|| {
            let climber = (self.strategy == climbing()).then(|| self.memory.climber().cloned()).flatten();
            let varies = self.strategy.varies();
            // Created candidates differ much from each other; while nothing has settled yet, some do.
            let larger = varies && (view.index() < self.init_steps || stream.unit() < LARGER);
            self.variation(climber.unwrap_or_else(|| self.origin()), larger, view, stream)
        });
        Plan { scales: self.memory.scales().clone(), ..plan }
    }

    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        if self.seed(view).is_some() {
            return None;
        }
        if let Some(plan) = self.further(stream) {
            return Some(Plan { scales: self.memory.scales().clone(), ..plan });
        }
        let (parent, larger) = self.parent(view, stream)?;
        let plan = self.variation(parent, larger, view, stream);
        Some(Plan { scales: self.memory.scales().clone(), ..plan })
    }

    fn learn(&mut self, candidate: &Candidate) {
        self.memory.learn(candidate);
    }
}

/// The strategy whose parent is always the best so far.
fn climbing() -> Strategy {
    Strategy::Own("climber".to_owned())
}

/// An elite of the `count` best, the better the likelier.
fn ranked<'a>(view: &View<'a>, count: usize, stream: &mut Stream) -> Option<Elite<'a>> {
    let best = view.archive().best_of(count);
    let mut place = 0;
    while place + 1 < best.len() && stream.unit() < NEXT {
        place += 1;
    }
    best.get(place).copied()
}

/// A step to carry over, the latest the likeliest.
fn with_step(plan: Plan, steps: &[&Step], stream: &mut Stream) -> Plan {
    let mut place = 0;
    while place + 1 < steps.len() && stream.unit() < 0.8 {
        place += 1;
    }
    let Some(step) = steps.get(place) else { return plan };
    if plan.parents.iter().skip(1).any(|parent| parent.id == step.to.id) {
        return plan;
    }
    let step_of = [Arc::clone(&step.from), Arc::clone(&step.to.genome)];
    let material = plan.material.iter().cloned().chain(step_of).collect();
    let parents = plan.parents.iter().cloned().chain([step.to.clone()]).collect();
    Plan { material, parents, ..plan }
}

/// Genomes of other elites.
fn with_elites(plan: Plan, view: &View<'_>, count: usize, stream: &mut Stream) -> Plan {
    let parents = other_elites(&plan, view, count, stream);
    let material = parents.iter().map(|parent| Arc::clone(&parent.genome)).collect();
    let parents = plan.parents.iter().cloned().chain(parents).collect();
    Plan { material, parents, ..plan }
}

/// Elites of any cells that are no parents yet; fewer where there are fewer.
fn other_elites(plan: &Plan, view: &View<'_>, count: usize, stream: &mut Stream) -> Vec<Parent> {
    let mut others: Vec<Parent> = Vec::new();
    for _ in 0..4 * count {
        let Some(elite) = view.archive().select(stream) else { break };
        let known = plan.parents.iter().chain(&others).any(|parent| parent.id == elite.id);
        if !known && others.len() < count {
            others.push(view.parent(&elite));
        }
    }
    others
}

/// Shows an elite that is not among the parents or shown already.
fn show(plan: &mut Plan, view: &View<'_>, elite: &Elite<'_>) {
    if plan.parents.iter().chain(&plan.shown).all(|known| known.id != elite.id) {
        plan.shown.push(view.parent(elite));
    }
}
