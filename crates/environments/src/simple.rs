//! Plans of environments that remember nothing: from nothing at first, then from one elite drawn uniformly.

use samara_qd::Stream;
use samara_search::{Plan, Proposer, View};

/// Plans from nothing or from one elite.
pub(crate) struct Simple {
    /// What a created candidate's operator is called.
    pub created: &'static str,
    /// What a varied candidate's operator is called.
    pub varied: &'static str,
}

impl Proposer for Simple {
    fn create(&self, _view: &View<'_>, _stream: &mut Stream) -> Plan {
        Plan::fresh(self.created, Vec::new())
    }

    fn vary(&self, view: &View<'_>, stream: &mut Stream) -> Option<Plan> {
        let parent = view.archive().select(stream)?;
        Some(Plan::varied(self.varied, vec![view.parent(&parent)]))
    }
}
