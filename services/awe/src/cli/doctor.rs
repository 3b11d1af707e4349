//! `awe doctor`: checks everything that AWE depends on, and says what to do about each finding.

mod bus;
mod database;
mod evidence;
mod finding;
mod gate;
mod mail;
mod telemetry;
mod waiting;

use super::output;
use crate::config::Config;
use ::bus::Bus;
use anyhow::bail;
use clap::Args;
use finding::{Finding, Status};
use store::Store;

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

pub(super) async fn run(config: Config, arguments: &Arguments) -> anyhow::Result<()> {
    let mut findings = vec![configuration(&config)];
    let store = Store::connect_lazy(&config.database.options())?;
    findings.extend(database::look(&store, &config).await);
    let bus = Bus::connect(config.nats.options()).await?;
    findings.extend(bus::look(&bus).await);
    findings.extend(gate::look(&config).await);
    findings.extend(mail::look(&config).await);
    findings.extend(telemetry::look(&config).await);
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

/// A faulty configuration ends the command before this, so only its mode is left to judge.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finding_that_is_not_well_says_what_to_do() {
        let finding = Finding::failure("postgres", "away", "start it");
        assert_eq!(line(&finding), "FAILED  postgres: away\n        -> start it");
    }
}
