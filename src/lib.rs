//! A secrets vault for the command line. Modules in reading order:

pub mod error;
pub mod kind;
pub mod model;
pub mod vault;
pub mod world;

pub mod cli;
