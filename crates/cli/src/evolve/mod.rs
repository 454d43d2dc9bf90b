//! `samara evolve` before anything runs: from arguments, directories and other systems' configurations to an
//! experiment's settings.
//!
//! [`assemble`] puts them together; [`directory`] finds what is in a directory, [`openevolve`] translates a
//! configuration (its keys stand in [`keys`], [`yaml`] reads its text), [`builtin`] has the programs that come with
//! samara, [`checkpoint`] reads OpenEvolve's checkpoints and writes them, [`script`] knows evaluators that are programs of any language, [`servers`] says where and how
//! models are asked, [`toolchains`] finds compilers in a home, [`window`] chooses how many candidates are made at once.

pub(crate) mod assemble;
pub(crate) mod builtin;
pub(crate) mod checkpoint;
pub(crate) mod directory;
pub(crate) mod keys;
pub(crate) mod openevolve;
pub(crate) mod script;
pub(crate) mod servers;
pub(crate) mod toolchains;
pub(crate) mod window;
pub(crate) mod yaml;
