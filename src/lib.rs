//! A secrets vault for the command line. Modules in reading order:

#![deny(unsafe_code)]

pub mod error;
pub mod kind;
pub mod model;
pub mod vault;
pub mod world;

pub mod child;
pub mod cli;
pub mod formats;
pub mod plugin;
pub mod sys;
pub mod template;
