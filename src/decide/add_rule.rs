//! The rule that a refusal proposes: which machine a client's native names are for.

use std::fmt;
use std::net::IpAddr;

/// Where the proposed rules go.
const FILE: &str = "/etc/ccroute/rules.d/50-clients.rules";

/// Up to so many triples get a line each, ready to be pasted.
const FEW: usize = 3;

/// How many triples are named at most.
const MOST: usize = 16;

/// The command that appends the rule, for root on the helper. A section at the end of a file holds, whatever is
/// above it.
pub fn rule_for(client: &str, triple: &str) -> String {
    format!("mkdir -p /etc/ccroute/rules.d && printf '\\n[native from {client}]\\nas = {triple}\\n' >>{FILE}")
}

/// A proposal for one client. Its text follows a colon, and has lines of its own for the commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddRule {
    /// `None` where nobody said which client it is (`ccroute explain` without `--from`).
    pub client: Option<IpAddr>,
    /// The triples that compilers are installed for here.
    pub triples: Vec<String>,
}

impl fmt::Display for AddRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(client) = self.client else {
            return f.write_str("the helper needs a rule with the client's address. 'ccroute explain --from ADDRESS' prints the command that adds it");
        };
        let client = client.to_string();
        let triples = &self.triples;
        f.write_str("the helper needs a rule. ")?;
        if (1..=FEW).contains(&triples.len()) {
            f.write_str("'gcc -dumpmachine' on the client prints its triple. As root on the helper, type the line with that triple:")?;
            for triple in triples {
                write!(f, "\n  {}", rule_for(&client, triple))?;
            }
            return Ok(());
        }
        f.write_str("TRIPLE is what 'gcc -dumpmachine' prints on the client")?;
        if !triples.is_empty() {
            let named = triples.iter().take(MOST).cloned().collect::<Vec<_>>();
            let more = match triples.len().saturating_sub(MOST) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            write!(f, " (installed here: {}{more})", named.join(", "))?;
        }
        write!(
            f,
            ". As root on the helper, type:\n  {}",
            rule_for(&client, "TRIPLE")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proposal(client: Option<&str>, triples: &[&str]) -> String {
        AddRule {
            client: client.map(|c| c.parse().unwrap()),
            triples: triples.iter().map(|t| (*t).to_owned()).collect(),
        }
        .to_string()
    }

    #[test]
    fn the_command_appends_a_rule_that_can_be_read() {
        for (client, triple) in [
            ("192.168.1.20", "arm-linux-gnueabihf"),
            ("fe80::1", "TRIPLE"),
        ] {
            let command = rule_for(client, triple);
            let script = command.replace("/etc/ccroute", "$dir");
            let dir =
                std::env::temp_dir().join(format!("ccroute-add-{}-{}", std::process::id(), triple));
            let mut shell = std::process::Command::new("/bin/sh");
            shell.args(["-c", &script]).env("dir", &dir);
            assert!(shell.status().unwrap().success());
            assert!(shell.status().unwrap().success());
            let bytes = std::fs::read(dir.join("rules.d/50-clients.rules")).unwrap();
            std::fs::remove_dir_all(dir).unwrap();
            let text = crate::rules::load::Text::new(std::path::Path::new("/t.rules"), bytes);
            let texts = [text];
            let rules = crate::rules::matching::RuleSet::parse(&texts).unwrap();
            let sections: Vec<_> = rules.sections().collect();
            assert_eq!(sections.len(), 2);
            assert!(sections[1].from().is_some());
            assert_eq!(sections[1].renames_to().as_deref(), Some(triple));
        }
    }

    #[test]
    fn a_few_triples_have_a_line_each_and_no_client_has_none() {
        let text = proposal(Some("10.0.0.7"), &["a-linux-gnu", "b-linux-gnu"]);
        assert_eq!(text.lines().count(), 3);
        assert!(text.contains("[native from 10.0.0.7]\\nas = b-linux-gnu\\n"));
        let text = proposal(Some("10.0.0.7"), &["a-b", "c-d", "e-f", "g-h"]);
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains("(installed here: a-b, c-d, e-f, g-h)"));
        assert_eq!(proposal(None, &["a-b"]).lines().count(), 1);
    }
}
