//! The name under which a command's writes stand in the audit trail.

use clap::Args;
use store::audit::Actor;

/// Characters of each part (user and host) of a name that the system gives.
const LONGEST_PART: usize = 90;

#[derive(Debug, Clone, Default, Args)]
pub(super) struct Author {
    /// In whose name what this command writes stands in the audit trail; the system's user and host when absent.
    #[arg(long = "as", global = true, value_name = "NAME", value_parser = name)]
    name: Option<String>,
}

fn name(text: &str) -> Result<String, String> {
    if text == "awe-cli" {
        return Err("must say who it is, not only what".to_owned());
    }
    engine::subject::check(text).map(|()| text.to_owned()).map_err(|why| format!("the name {why}"))
}

impl Author {
    /// The name as the subject of a token.
    pub(super) fn subject(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("awe-cli:{}@{}", part(&user()), part(&telemetry::host())))
    }

    /// The name as the audit trail takes it.
    pub(super) fn actor(&self) -> Actor {
        Actor { subject: self.subject(), email: None, once: None }
    }
}

/// The system's user who runs this command: its name or, where it has none, its number.
fn user() -> String {
    let id = nix::unistd::getuid();
    let known = nix::unistd::User::from_uid(id).ok().flatten().map(|user| user.name);
    known.filter(|name| !name.is_empty()).unwrap_or_else(|| id.to_string())
}

fn part(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !c.is_whitespace()).take(LONGEST_PART).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_writes_under_a_name_that_says_nothing() {
        let own = Author::default().subject();
        assert!(own.starts_with("awe-cli:") && own.contains('@') && own.len() > "awe-cli:@".len(), "{own}");
        assert_eq!(name("amina@example.org").as_deref(), Ok("amina@example.org"));
        for bad in ["", " a", "a ", "awe-cli", "system:sla", "a\nb", "a\u{0}", &"x".repeat(201)] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_the_system_says_is_bounded_and_has_no_white_space() {
        assert_eq!(part("a b\tc\u{7}"), "abc");
        assert_eq!(part(&"é".repeat(500)).chars().count(), LONGEST_PART);
    }
}
