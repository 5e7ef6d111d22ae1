//! `vault helper terraform`: a program for the data source `external`.

use super::find;
use crate::cli::context::Context;
use crate::cli::read;
use crate::cli::report::Report;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Reference;
use std::collections::BTreeMap;

/// Answer the data source `external` of Terraform: references in, values out
#[derive(clap::Args)]
#[command(after_help = "Examples:
  echo '{\"password\":\"vault://db/main/password\"}' | vault helper terraform

In a configuration:
  data \"external\" \"db\" {
    program = [\"vault\", \"helper\", \"terraform\"]
    query   = { password = \"vault://db/main/password\" }
  }

Terraform writes what it reads into its state file, in clear: use it where that file is protected.")]
pub struct Args {}

/// Answers.
pub fn run(_: Args, cx: &mut Context) -> Result<Report> {
    let input = read::stdin(1 << 20)?;
    let query: BTreeMap<String, String> = serde_json::from_slice(input.expose()).map_err(|_| {
        Error::usage("the query is not a JSON object of strings")
            .hint("query = { password = \"vault://NAME/FIELD\" }")
    })?;
    for text in query.values() {
        text.parse::<Reference>()?; // before the vault is opened
    }
    if query.is_empty() {
        return super::document(&query);
    }
    let references: Vec<String> = query.values().cloned().collect();
    let handed = find::hand_out(&mut cx.unlocked()?, "terraform", &references)?;
    let mut answer = BTreeMap::new();
    for (key, one) in query.keys().zip(&handed) {
        let text = std::str::from_utf8(one.value.expose()).map_err(|_| {
            let what = format!("`{}` of `{}` is not text", one.field, one.name);
            Error::new(ErrorKind::Unsupported, what).hint("keep it in base64, and decode it there")
        })?;
        answer.insert(key, text);
    }
    super::document(&answer)
}
