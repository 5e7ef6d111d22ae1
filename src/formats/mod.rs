//! Values as documents for other programs. Knows neither vaults nor the command line.

pub mod quote;
