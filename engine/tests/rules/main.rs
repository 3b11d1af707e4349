//! The rules of approval, one sentence at a time, and the laws that hold over any history.

mod absent;
mod bounds;
mod deadlines;
mod diff;
mod events_page;
mod evidence;
mod expressions;
mod fixture;
mod invariants;
mod jsonlogic;
mod laws;
mod life;
mod looked_at;
mod model;
mod people;
mod plan;
mod policies;
mod progress;
mod quorum;
mod reference;
mod replay;
mod small_world;
mod variables;
