//! The rules of approval, one sentence at a time, and the laws that hold over any history.

mod deadlines;
mod expressions;
mod fixture;
mod laws;
mod life;
mod people;
mod policies;
mod quorum;
mod reference;
