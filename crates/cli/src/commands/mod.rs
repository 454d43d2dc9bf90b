//! One module a command.

mod ancestry;
pub(crate) mod catalogue;
pub(crate) mod compare;
pub(crate) mod control;
mod evaluated;
pub(crate) mod evolve;
pub(crate) mod export;
pub(crate) mod finetune;
pub(crate) mod model;
pub(crate) mod new;
pub(crate) mod p3;
pub(crate) mod rebin;
pub(crate) mod report;
pub(crate) mod rl;
pub(crate) mod rounds;
pub(crate) mod run;
pub(crate) mod sandbox;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod sodarace;
pub(crate) mod trial;
pub(crate) mod worker;
