//! `awe conform`: plays AWE at a receiver of webhooks, honestly and otherwise, and tells what the receiver should do.

mod answers;
mod cases;
mod report;
mod send;

use cases::Kit;
use clap::Args;
use report::{Judged, Verdict};
use secrecy::{ExposeSecret as _, SecretString};
use send::Receiver;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Debug, Args)]
#[command(
    after_help = "Sends some twenty webhooks about requests that do not exist, some with a right signature and some
without. A receiver that must know the request may answer 2xx all the same: AWE sends again until it does.

Exit code: 0 the receiver does what it must; 1 it does not; 2 it cannot be reached at all.

Examples:
  awe conform --url http://127.0.0.1:9099/ --secret \"$SECRET\"
  awe conform --url https://registry.example.org/awe --secret \"$SECRET\" --json
  awe conform --url http://127.0.0.1:9099/ --secret \"$SECRET\" --junit conform.xml"
)]
pub(super) struct Arguments {
    /// The receiver.
    #[arg(long)]
    url: String,
    /// The secret that it verifies with, as it was shown: whsec_...
    #[arg(long, env = "AWE_CALLBACK_SECRET", hide_env_values = true)]
    secret: SecretString,
    /// As JSON, for programs.
    #[arg(long)]
    json: bool,
    /// Also write a report in the format of `JUnit`.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

pub(super) async fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let kit = Kit::read()?;
    let receiver = Receiver::new(&arguments.url, arguments.secret.expose_secret(), &kit.other_secret)?;
    let mut judged: Vec<Judged> = Vec::with_capacity(kit.cases.len());
    for case in &kit.cases {
        judged.push(case.judge(receiver.play(case).await));
    }
    report::tell(&judged, arguments.json)?;
    if let Some(file) = &arguments.junit {
        std::fs::write(file, report::junit(&judged))?;
    }
    Ok(if judged.iter().all(|one| one.verdict == Verdict::Unreached) {
        ExitCode::from(2)
    } else if judged.iter().any(Judged::fails) {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}
