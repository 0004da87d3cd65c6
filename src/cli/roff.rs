//! Manual pages: the few requests of man(7) that ours need.

/// A page that is being written.
pub(super) struct Roff(String);

impl Roff {
    /// A page of a section of the manual.
    pub(super) fn new(title: &str, section: u8, manual: &str) -> Roff {
        let version = env!("CARGO_PKG_VERSION");
        Roff(format!(
            ".\\\" Made by \"ccroute man\".\n.TH {title} {section} \"\" \"ccroute {version}\" \"{manual}\"\n"
        ))
    }

    pub(super) fn section(&mut self, title: &str) {
        self.0 += &format!(".SH {title}\n");
    }

    pub(super) fn subsection(&mut self, title: &str) {
        self.0 += &format!(".SS \"{}\"\n", escaped(title).replace('"', "\\(dq"));
    }

    /// A paragraph.
    pub(super) fn text(&mut self, text: &str) {
        self.0 += &format!(".PP\n{}\n", escaped(text));
    }

    /// A separate line.
    pub(super) fn bold_line(&mut self, text: &str) {
        self.0 += &format!("\\fB{}\\fR\n.br\n", escaped(text));
    }

    /// A term and what it means.
    pub(super) fn entry(&mut self, term: &str, text: &str) {
        self.0 += &format!(".TP\n\\fB{}\\fR\n{}\n", escaped(term), escaped(text));
    }

    /// Text as it stands.
    pub(super) fn literal(&mut self, text: &str) {
        self.0 += &format!(".PP\n.RS 4\n.nf\n{}\n.fi\n.RE\n", escaped(text));
    }

    pub(super) fn end(self) -> String {
        self.0
    }
}

/// Text in which roff sees nothing of its own: a hyphen is one to copy, a point begins no request.
fn escaped(text: &str) -> String {
    let text = text
        .replace('\\', "\\e")
        .replace('-', "\\-")
        .replace('…', "...");
    let lines: Vec<String> = text
        .lines()
        .map(|line| match line.starts_with(['.', '\'']) {
            true => format!("\\&{line}"),
            false => line.to_owned(),
        })
        .collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_roff_would_interpret_is_escaped() {
        assert_eq!(escaped("-a\\b"), "\\-a\\eb");
        assert_eq!(escaped(".x\n'y"), "\\&.x\n\\&'y");
    }
}
