//! `vault helper kubectl`: an exec plugin for the credentials of Kubernetes clients.

use super::find::{self, Known};
use super::place::Place;
use crate::cli::complete;
use crate::cli::context::Context;
use crate::cli::report::Report;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CredName, FieldName};
use clap_complete::engine::ArgValueCompleter;
use serde_json::{Value, json};

/// Answer kubectl and other clients of Kubernetes, as an exec plugin
#[derive(clap::Args)]
#[command(after_help = "Examples:
  vault helper kubectl k8s/prod
  kubectl config set-credentials me --exec-api-version client.authentication.k8s.io/v1 \\
      --exec-command vault --exec-arg helper --exec-arg kubectl --exec-arg k8s/prod \\
      --exec-interactive-mode IfAvailable

A credential of the kind certificate gives its chain and its key, any other its token. When the client
tells which cluster it is for (provideClusterInfo) and the credential has a --url, they must agree.")]
pub struct Args {
    /// Which credential
    #[arg(add = ArgValueCompleter::new(complete::names))]
    name: CredName,
}

/// Answers.
pub fn run(args: Args, cx: &mut Context) -> Result<Report> {
    let info = cx.world.var("KUBERNETES_EXEC_INFO").map(|text| text.to_string_lossy().into_owned());
    let info: Value = match info {
        Some(text) => serde_json::from_str(&text).map_err(|_| {
            Error::usage("KUBERNETES_EXEC_INFO is not JSON")
                .hint("it is set by the client: kubectl")
        })?,
        None => Value::Null,
    };
    let version = version(&info)?;
    let mut vault = cx.unlocked()?;
    let known = find::must_be_there(&vault, &args.name)?;
    check_cluster(&known, &info)?;
    let fields = fields(&known)?;
    let references: Vec<String> = fields.iter().map(|(_, field)| known.reference(field)).collect();
    let handed = find::hand_out(&mut vault, "kubectl", &references)?;
    vault.leave();
    let mut status = serde_json::Map::new();
    for ((key, _), one) in fields.iter().zip(&handed) {
        let text = std::str::from_utf8(one.value.expose()).map_err(|_| {
            let what = format!("`{}` of `{}` is not text", one.field, known.name);
            Error::new(ErrorKind::Unsupported, what).hint("keep it in PEM form")
        })?;
        status.insert((*key).to_owned(), text.into());
    }
    if let Some(at) = known.expires_at {
        status.insert("expirationTimestamp".to_owned(), at.to_string().into());
    }
    super::document(&json!({ "apiVersion": version, "kind": "ExecCredential", "status": status }))
}

/// Its keys in the answer, and where their values come from.
fn fields(known: &Known) -> Result<Vec<(&'static str, FieldName)>> {
    if known.kind != "certificate" {
        let field = known.secret(&["token", "password"]);
        return Ok(vec![("token", field.map_or_else(|| super::primary(known), Ok)?.clone())]);
    }
    let chain = ["certificate", "chain"]
        .into_iter()
        .find(|name| known.has_public(name) || known.secret(&[name]).is_some());
    let key = known.secret(&["private_key"]);
    match (chain, key) {
        (Some(chain), Some(key)) => {
            Ok(vec![("clientCertificateData", chain.parse()?), ("clientKeyData", key.clone())])
        }
        _ => Err(Error::new(
            ErrorKind::NotFound,
            format!("`{}` does not have both a certificate and its key", known.name),
        )
        .hint(format!("vault cred show {}", known.name))),
    }
}

/// The version that the client speaks.
fn version(info: &Value) -> Result<&str> {
    match info.get("apiVersion").and_then(Value::as_str) {
        None => Ok(VERSIONS[0]),
        Some(version) if VERSIONS.contains(&version) => Ok(version),
        Some(_) => {
            Err(Error::new(ErrorKind::Unsupported, "the client speaks another version").hint(
                format!("kubectl config set-credentials USER --exec-api-version {}", VERSIONS[0]),
            ))
        }
    }
}

const VERSIONS: [&str; 2] =
    ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

fn check_cluster(known: &Known, info: &Value) -> Result<()> {
    let server = info.pointer("/spec/cluster/server").and_then(Value::as_str);
    let (Some(server), Some(url)) = (server, known.url.as_deref()) else { return Ok(()) };
    let kept = Place::of_url(url).map(|(place, _)| place);
    let asked = Place::of_url(server).filter(|(_, user)| user.is_none()).map(|(place, _)| place);
    let fits = kept.zip(asked).is_some_and(|(kept, asked)| kept.serves(&asked).is_some());
    match fits {
        true => Ok(()),
        false => Err(Error::new(
            ErrorKind::Refused,
            format!("`{}` is for another cluster than the one that asks", known.name),
        )
        .hint(format!("vault cred show {}", known.name))),
    }
}
