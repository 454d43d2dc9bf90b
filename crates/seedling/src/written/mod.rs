//! Training data for the next embedded model: sentences and texts written line by line, put together so that they agree.
//!
//! A *thread* is a situation with openings, middles, turns and closes; [`compose()`] draws a text of one thread whose
//! lines agree in tone. Whole pieces, texts in the hands of all kinds of people, and bad texts stand beside them. What a text is
//! worth follows from the labels of its lines. Questions are asked in hundreds of wordings ([`wordings`]), and
//! [`documents`] makes training documents of all that. Start at [`documents::draw`]; the files are in `material/`, their
//! form is read in [`material`]. Knows nothing of models, tokens or files on disk.

pub mod compose;
pub mod documents;
pub mod faults;
pub mod labels;
pub mod material;
pub mod subjects;
pub mod wordings;

pub use compose::{Mood, Written, compose};
pub use labels::{Labels, Property};
pub use material::{Entry, Material, Thread};
