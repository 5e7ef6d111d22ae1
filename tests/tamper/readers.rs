//! Everything that reads or changes a vault, and what it said.

use super::*;

/// What a reader said: the answer as text, or the kind of the failure.
pub(crate) type Said = Result<String, ErrorKind>;
pub(crate) type Report = BTreeMap<String, Said>;

pub(crate) fn said<T>(result: vault::error::Result<T>, text: impl FnOnce(T) -> String) -> Said {
    result.map(text).map_err(|e| e.kind())
}

/// A credential without what any change moves.
pub(crate) fn about(c: &Credential) -> String {
    let trashed = c.deleted_at.is_some();
    assert!(c.verified, "an unlocked vault showed unverified data");
    format!("{} {} {:?} {:?} {trashed}", c.id, c.name, c.meta, c.secrets)
}

/// Runs every reader on an unlocked vault.
pub(crate) fn read_all(v: &mut Vault<Unlocked>, report: &mut Report) {
    for text in NAMES {
        let values = said(v.reveal_all(&name(text)), |(c, values)| {
            let shown =
                values.iter().map(|(f, s)| format!("{f}={}", String::from_utf8_lossy(s.expose())));
            format!("{} {:?}", about(&c), shown.collect::<Vec<_>>())
        });
        report.insert(format!("reveal {text}"), values);
        let copied = said(v.copy(&name(text), None, None, To::Clipboard), |(f, s)| {
            format!("{f}={}", String::from_utf8_lossy(s.expose()))
        });
        report.insert(format!("copy {text}"), copied);
        report.insert(format!("deliver {text}"), delivered(v, &format!("vault://{text}")));
        report.insert(format!("show {text}"), said(v.show(&name(text), false), |c| about(&c)));
        report.insert(format!("trash {text}"), said(v.show(&name(text), true), |c| about(&c)));
    }
    let search = |text: &str| Filter { search: Some(text.into()), ..Filter::default() };
    let trash = Filter { deleted: true, ..Filter::default() };
    let brief = Filter { brief: true, ..Filter::default() };
    for (label, filter) in [
        ("list", Filter::default()),
        ("list brief", brief),
        ("list trash", trash),
        ("list region", search("region of")),
    ] {
        report.insert(label.into(), list(v, &filter));
    }
    report.insert("check".into(), check(v));
    report.insert("whose".into(), whose(v));
    let same = v.same_values(&[uuid::Uuid::nil()], &mut |_, _| {});
    report.insert("same".into(), said(same, |groups| format!("{groups:?}")));
    report.insert("log".into(), log(v));
    report.insert("doctor".into(), doctor(v));
}

/// What a program would get.
pub(crate) fn delivered(v: &mut Vault<Unlocked>, reference: &str) -> Said {
    let want = Want { what: What::Reference(reference.parse().unwrap()), mode: Mode::Env };
    let errand = Errand { action: "run", command: Some("psql".into()) };
    said(v.deliver(&[want], &errand), |handed| {
        handed.iter().map(|one| format!("{:?}", one.value.expose())).collect()
    })
}

/// What a list shows, row by row; as much as was shown counts even if the list then fails.
pub(crate) fn list(v: &mut Vault<Unlocked>, filter: &Filter) -> Said {
    let mut shown = String::new();
    let outcome = v.list(filter, &mut |row| {
        shown += &format!("{} {} {:?}\n", row.name()?, row.kind()?, row.attr(Attr::Url)?);
        if !filter.brief {
            let attrs: Vec<_> =
                Attr::ALL.into_iter().map(|a| row.attr(a)).collect::<Result<_, _>>()?;
            let tags: Vec<_> = row.tags()?.collect();
            shown += &format!("{attrs:?} {:?} {tags:?} {:?}\n", row.port()?, row.fields()?);
            shown += &format!("{:?} {:?}\n", row.requires_vpn()?, row.requires_2fa()?);
            shown += &format!("{:?} {:?}\n", row.expires_at()?, row.rotate_every()?);
        }
        Ok(())
    });
    said(outcome, |()| shown)
}

/// What a check of all values finds.
pub(crate) fn check(v: &mut Vault<Unlocked>) -> Said {
    let checkup = v.check(&Filter::default(), Depth::Digests, &mut |_, _| {});
    said(checkup, |checkup| {
        let seen = checkup.values.iter().map(|seen| {
            format!("{} {} {:?} {:?}", seen.name, seen.field, seen.strength, seen.sha1)
        });
        let seen = seen.collect::<Vec<_>>();
        format!("{} {:?} {:?} {seen:?}", checkup.credentials, checkup.facts, checkup.same)
    })
}

/// Whose the current password of alpha is, and whether all older values could be looked at.
pub(crate) fn whose(v: &mut Vault<Unlocked>) -> Said {
    let text = Secret::from_bytes(b"alpha-password-2");
    said(v.whose(&text, &Filter::default(), &mut |_, _| {}), |trace| {
        let hits = trace.hits.iter();
        let hits: Vec<_> =
            hits.map(|h| format!("{} {} {} {:?}", h.name, h.field, h.version, h.fit)).collect();
        format!("{} {hits:?}", trace.purged)
    })
}

/// The first entries of the log as they were made, if it verifies, and its gaps.
pub(crate) fn log(v: &mut Vault<Unlocked>) -> Said {
    let verdict = v.verify_log(&mut |_, _| {}).map_err(|e| e.kind())?;
    let mut entries = Vec::new();
    v.entries(&EntryFilter::default(), &mut |e| {
        entries.push(format!("{} {} {} {:?} {:?}", e.seq, e.at, e.action, e.name, e.details));
        Ok(())
    })
    .map_err(|e| e.kind())?;
    entries.reverse();
    entries.truncate(HISTORY);
    Ok(format!("{} {:?} {entries:?}", verdict.authenticated, verdict.gaps))
}

/// Entries of the fixture's history.
pub(crate) const HISTORY: usize = 14;

pub(crate) fn doctor(v: &mut Vault<Unlocked>) -> Said {
    let findings = v.doctor().map_err(|e| e.kind())?;
    match findings.iter().any(|f| f.level == "problem") {
        true => Err(ErrorKind::Integrity),
        false => Ok(findings
            .iter()
            .filter(|f| f.level != "ok")
            .map(|f| format!("{}: {}\n", f.check, f.message))
            .collect()),
    }
}

/// Opens, unlocks, reads, changes, and reads again.
pub(crate) fn use_everything(site: &Site) -> Report {
    let mut report = Report::new();
    let locked = Vault::open(&site.place, world(), Purpose::default());
    let unlocked = match locked {
        Err(e) => return Report::from([("open".into(), Err(e.kind()))]),
        Ok(locked) => locked.unlock(&site.key),
    };
    let mut v = match unlocked {
        Err(e) => return Report::from([("unlock".into(), Err(e.kind()))]),
        Ok(v) => v,
    };
    read_all(&mut v, &mut report);
    for text in ["alpha", "bravo", "charlie", "delta"] {
        let done = v.set(&name(text), touch());
        report.insert(format!("set {text}"), said(done, |_| String::new()));
    }
    report
        .insert("add".into(), said(v.add(credential("newcomer", "password")), |()| String::new()));
    let mut again = Report::new();
    read_all(&mut v, &mut again);
    report.extend(again.into_iter().map(|(reader, said)| (format!("again {reader}"), said)));
    report
}
