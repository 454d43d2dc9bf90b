//! Sodarace: creatures of joints, bones and muscles, and the exact physics that lets them walk.
//!
//! - [`Walker`]: joints and muscles as plain data, read, checked and refused; [`Terrain`]: what it walks on;
//! - [`evaluate`]: a walker, [`Conditions`] and a time give an [`Evaluation`] with fitness and shape, or the reason why
//!   there is no fitness; [`evaluate_all`] does several on one thread in about half the time;
//! - [`World`]: the same step by step, to look at: positions, contacts, ground;
//! - [`Law`]: `Paper` is the domain of the ELM paper (Lehman et al. 2022, "Evolution through Large Models", section 4)
//!   done correctly, `OpenElm` what OpenELM's simulator computes, to the last bit;
//! - [`constants`]: every number, with its unit.
//!
//! A step: `world` drives the muscles, `state` updates contacts and finds pairs, `island` solves velocities
//! and then positions (`joint`, `contact`), `substep` handles impacts at their time (`toi`, `distance`). `schedule`
//! gives the velocity solver an order that a processor likes better and that provably changes no bit.
//!
//! Method and order of operations are those of Box2D 2.3.0 by Erin Catto (zlib licence; its talks at GDC 2006 to 2014
//! are the sources of the formulas), as far as discs on static ground without rotation need them. The crate was written
//! from a description of that, holds none of its code, and agrees with it bit by bit (`tests/data/golden.json`).
//!
//! # What a result depends on
//! Walker, conditions and time alone, on every platform with IEEE 754 arithmetic, in every thread, whatever was
//! simulated before. Among the walker's properties is the order of its muscles: impulses are applied one after the
//! other, from the newest connection to the oldest as the walk over the creature meets them, so another order of
//! creation rounds differently, and over a long walk that can grow into another distance. Nothing else depends on the
//! order.
//!
//! Knows nothing of Python, programs, candidates and files.

mod body;
mod conditions;
pub mod constants;
mod contact;
mod distance;
mod drive;
mod evaluation;
mod ground;
mod island;
mod joint;
mod law;
mod morphology;
mod piece;
mod schedule;
mod shape;
mod state;
mod substep;
pub mod terrain;
mod toi;
mod validity;
mod vector;
mod walker;
mod world;

pub use conditions::Conditions;
pub use evaluation::{Evaluation, Verdict, evaluate, evaluate_all, evaluate_watched};
pub use law::Law;
pub use morphology::{Morphology, morphology};
pub use shape::Shape;
pub use terrain::Terrain;
pub use walker::{Kind, Muscle, Rejection, Walker};
pub use world::{Connection, Settling, World};
