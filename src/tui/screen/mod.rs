//! One file a screen. Each draws from the state and nothing else, into the area it is given, however small.

pub mod audit;
pub mod help;
pub mod protocols;
pub mod reports;
pub mod results;
pub mod run;
pub mod sheet;
pub mod walk;
