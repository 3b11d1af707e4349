//! Tells what came of it.

use crate::cli::output;
use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    Good,
    /// It does not do what it must.
    Must,
    /// It does not do what it should.
    Should,
    /// No answer came.
    Unreached,
    Untried,
}

/// A case that was played.
#[derive(Debug, Serialize)]
pub(super) struct Judged {
    pub(super) name: String,
    pub(super) did: String,
    pub(super) expected: &'static str,
    pub(super) why: String,
    pub(super) must: bool,
    pub(super) verdict: Verdict,
}

impl Judged {
    /// Whether the receiver fails by it.
    pub(super) fn fails(&self) -> bool {
        self.verdict == Verdict::Must || (self.must && self.verdict == Verdict::Unreached)
    }

    const fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Good => "ok",
            Verdict::Must => "MUST",
            Verdict::Should => "should",
            Verdict::Unreached => "no answer",
            Verdict::Untried => "-",
        }
    }
}

pub(super) fn tell(judged: &[Judged], json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(output::print(&serde_json::to_string_pretty(judged)?)?);
    }
    for one in judged {
        output::print(&format!("{:<10} {:<40} {}", one.word(), one.name, one.did))?;
        if one.verdict != Verdict::Good {
            output::print(&format!("{:<10} expected {}. {}", "", one.expected, one.why))?;
        }
    }
    let failed = judged.iter().filter(|one| one.fails()).count();
    let better = judged.iter().filter(|one| one.verdict == Verdict::Should).count();
    output::print(&format!("{} tried, {failed} failed, {better} could be better", judged.len()))?;
    Ok(())
}

/// The report that test runners read.
pub(super) fn junit(judged: &[Judged]) -> String {
    let failures = judged.iter().filter(|one| one.fails()).count();
    let mut xml =
        format!("<testsuite name=\"awe conform\" tests=\"{}\" failures=\"{failures}\">\n", judged.len());
    for one in judged {
        xml.push_str(&format!("  <testcase name=\"{}\">", escaped(&one.name)));
        if one.fails() {
            let message = format!("{}; expected {}. {}", one.did, one.expected, one.why);
            xml.push_str(&format!("<failure message=\"{}\"/>", escaped(&message)));
        } else if one.verdict == Verdict::Untried {
            xml.push_str("<skipped/>");
        }
        xml.push_str("</testcase>\n");
    }
    xml + "</testsuite>\n"
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
