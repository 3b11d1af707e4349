//! `awe doctor`: looks at everything that AWE stands on, and says of each finding what to do about it.

mod bus;
mod database;
mod evidence;
mod gate;
mod mail;
mod waiting;

use super::output;
use crate::app;
use crate::config::Config;
use ::bus::Bus;
use anyhow::bail;
use clap::Args;
use serde::Serialize;
use store::Store;
use time::{Duration, OffsetDateTime};

/// A clock that differs by more is told of.
const SKEW_TOLD: Duration = Duration::SECOND;
/// A clock that differs by more breaks signatures, tokens and deadlines.
const SKEW_BAD: Duration = Duration::seconds(30);

#[derive(Debug, Args)]
#[command(after_help = "Reads only, and may run beside servers at any time, with their configuration.
Ends with 0 when nothing failed (warnings allowed), else with 1.

Examples:
  awe doctor
  awe doctor                  beside a running ./dev up: looks at that one
  awe doctor --config /etc/awe.yaml --json")]
pub(super) struct Arguments {
    /// Print the findings as JSON: {\"ok\": bool, \"findings\": [{check, status, message, advice}]}.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warning,
    Failure,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    status: Status,
    message: String,
    /// What to do; absent when all is well.
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
}

impl Finding {
    fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, message: message.into(), advice: None }
    }

    fn warning(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, status: Status::Warning, message: message.into(), advice: Some(advice.into()) }
    }

    fn failure(check: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, status: Status::Failure, message: message.into(), advice: Some(advice.into()) }
    }
}

pub(super) async fn run(config: Config, arguments: &Arguments) -> anyhow::Result<()> {
    let mut findings = vec![configuration(&config)];
    let store = Store::connect_lazy(&app::store_options(&config))?;
    findings.extend(database::look(&store, &config).await);
    let bus = Bus::connect(app::bus_options(&config)).await?;
    findings.extend(bus::look(&bus).await);
    findings.extend(gate::look(&config).await);
    findings.extend(mail::look(&config).await);
    let failed = findings.iter().filter(|finding| finding.status == Status::Failure).count();
    if arguments.json {
        let told = serde_json::json!({"ok": failed == 0, "findings": findings});
        output::print(&serde_json::to_string_pretty(&told)?)?;
    } else {
        for finding in &findings {
            output::print(&line(finding))?;
        }
    }
    if failed > 0 {
        bail!("{failed} of {} checks failed", findings.len());
    }
    Ok(())
}

fn line(finding: &Finding) -> String {
    let mark = match finding.status {
        Status::Ok => "ok     ",
        Status::Warning => "warning",
        Status::Failure => "FAILED ",
    };
    let advice = finding.advice.as_ref().map_or_else(String::new, |advice| format!("\n        -> {advice}"));
    format!("{mark} {}: {}{advice}", finding.check, finding.message)
}

/// It was read, or we would not be here; what is left to say is what it makes of this process.
fn configuration(config: &Config) -> Finding {
    if config.is_development() {
        return Finding::warning(
            "config",
            "development mode: unsigned tokens are accepted",
            "set keycloak.issuer wherever anybody else can connect",
        );
    }
    Finding::ok("config", "every key is known and every value makes sense")
}

/// How far a server's clock, asked between `before` and `after`, is from ours.
fn clock(
    check: &'static str,
    theirs: OffsetDateTime,
    before: OffsetDateTime,
    after: OffsetDateTime,
) -> Finding {
    let half: Duration = (after - before) / 2;
    let skew: Duration = theirs - (before + half);
    let skew = skew.abs();
    let message = format!("differs from ours by {} ms", skew.whole_milliseconds());
    let advice = "let both machines follow the same time server (NTP)";
    if skew > SKEW_BAD {
        Finding::failure(check, message, advice)
    } else if skew > SKEW_TOLD {
        Finding::warning(check, message, advice)
    } else {
        Finding::ok(check, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_off() {
        let now = OffsetDateTime::now_utc();
        let off = |seconds| clock("clock", now + Duration::seconds(seconds), now, now).status;
        assert_eq!([off(0), off(-5), off(120)], [Status::Ok, Status::Warning, Status::Failure]);
    }

    #[test]
    fn every_finding_that_is_not_well_says_what_to_do() {
        let finding = Finding::failure("postgres", "away", "start it");
        assert_eq!(line(&finding), "FAILED  postgres: away\n        -> start it");
    }
}
