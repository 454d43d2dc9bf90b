//! `samara evolve` before anything runs: from arguments, directories and other systems' configurations to an
//! experiment's settings.
//!
//! [`assemble`] puts them together; [`directory`] finds what is in a directory, [`openevolve`] translates a
//! configuration (its keys stand in [`keys`], [`yaml`] reads its text), [`builtin`] has the programs that come with
//! samara, [`checkpoint`] reads OpenEvolve's checkpoints and writes them, [`servers`] says where and how
//! models are asked, [`window`] chooses how many candidates are made at once.

pub(crate) mod assemble;
pub(crate) mod builtin;
pub(crate) mod checkpoint;
pub(crate) mod directory;
pub(crate) mod keys;
pub(crate) mod openevolve;
pub(crate) mod servers;
pub(crate) mod window;
pub(crate) mod yaml;
