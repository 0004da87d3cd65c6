//! The dependency file of a sent job.
//!
//! With `-MD` or `-MMD` the compiler names the file and its target after the output. distcc takes
//! `-o` off its local `-E`, which then writes `./SOURCE.d` with the target `SOURCE.o:`. The words
//! that the compiler would have derived from `-o` are stated instead; distcc does not send them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

use crate::compiler::name::Tool;
use crate::options::{scan, Kind};

/// What a job needs for its dependency file to be the one that a local compile writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dependencies {
    /// These words, behind the job's own; often none.
    State(Vec<OsString>),
    /// Nothing that can be said: distcc and the compiler read the job's words differently.
    Unclear,
}

/// The words to add for `tool`, which is the one that compiles (`gcc` where `cc` means that).
pub fn dependencies(tool: Tool, args: &[&OsStr]) -> Dependencies {
    let mut seen = Seen::default();
    for arg in scan(args) {
        match arg.kind {
            Kind::Plain(b"-MD" | b"-MMD") => seen.wanted = true,
            Kind::Valued(b"-MF", _) => seen.file = true,
            Kind::Valued(b"-MT" | b"-MQ", _) => seen.target = true,
            Kind::Valued(b"-o", value) => seen.output = value,
            Kind::Plain(word) => seen.preprocessor(word),
            _ => {}
        }
    }
    seen.conclude(tool)
}

/// What the words of a job say of its dependency file.
#[derive(Default)]
struct Seen<'a> {
    /// `-MD` or `-MMD` where the driver sees it.
    wanted: bool,
    /// The file is named where the driver sees it.
    file: bool,
    /// A target is named where the driver sees it.
    target: bool,
    output: Option<&'a [u8]>,
    /// `-Wp,-MD,FILE` or `-Wp,-MMD,FILE`, which clang's driver rewrites to `-MD -MF FILE`.
    rewritten: bool,
    /// The file is named in another `-Wp,`.
    hidden: bool,
}

impl Seen<'_> {
    fn preprocessor(&mut self, word: &[u8]) {
        let Some(rest) = word.strip_prefix(b"-Wp,") else {
            return;
        };
        let words: Vec<&[u8]> = rest.split(|&b| b == b',').collect();
        match words[..] {
            [b"-MD" | b"-MMD", _] => self.rewritten = true,
            _ => self.hidden |= words.iter().any(|w| w.starts_with(b"-M")),
        }
    }

    fn conclude(mut self, tool: Tool) -> Dependencies {
        let hidden = self.hidden && tool.is_clang();
        // Which file counts depends on the order in which each passes the words on.
        if hidden || (self.rewritten || self.hidden) && (self.wanted || self.file) {
            return Dependencies::Unclear;
        }
        // gcc's driver does not look into -Wp: the target is the source's base name there, with
        // distcc too.
        if self.rewritten && tool.is_clang() {
            (self.wanted, self.file) = (true, true);
        }
        Dependencies::State(self.words())
    }

    fn words(&self) -> Vec<OsString> {
        let Some(output) = self.output.filter(|_| self.wanted) else {
            return Vec::new();
        };
        let mut words = Vec::new();
        let mut state = |option: &str, value: Vec<u8>| {
            words.push(option.into());
            words.push(OsString::from_vec(value));
        };
        if !self.file {
            state("-MF", file_of(output));
        }
        // The drivers quote what they derive, as -MQ does.
        if !self.target {
            state("-MQ", output.to_vec());
        }
        words
    }
}

/// The output with the extension `d` in place of its own.
fn file_of(output: &[u8]) -> Vec<u8> {
    let base = output
        .iter()
        .rposition(|&b| b == b'/')
        .map_or(0, |at| at + 1);
    let dot = output[base..].iter().rposition(|&b| b == b'.');
    let stem = &output[..dot.map_or(output.len(), |at| base + at)];
    [stem, b".d"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(tool: Tool, line: &str) -> Option<String> {
        let words: Vec<&OsStr> = line.split(' ').map(OsStr::new).collect();
        match dependencies(tool, &words) {
            Dependencies::State(words) => {
                let words: Vec<_> = words.iter().map(|w| w.to_str().unwrap()).collect();
                Some(words.join(" "))
            }
            Dependencies::Unclear => None,
        }
    }

    #[test]
    fn only_what_the_job_leaves_to_its_output_is_stated() {
        // The job's words; what is added for gcc; what for clang, where that differs.
        let table: &[(&str, &str, Option<&str>)] = &[
            ("-c a.c -o obj/a.o", "", None),
            ("-MD -c a.c", "", None),
            ("-MD -c a.c -o obj/a.o", "-MF obj/a.d -MQ obj/a.o", None),
            ("-MMD -MP -c a.c -oobj/a.o", "-MF obj/a.d -MQ obj/a.o", None),
            ("-MMD -c a.c -o a.os", "-MF a.d -MQ a.os", None),
            ("-MD -c a.c -o o.x/a", "-MF o.x/a.d -MQ o.x/a", None),
            ("-MD -c a.c -o a.b.o", "-MF a.b.d -MQ a.b.o", None),
            ("-MD -c a.c -o .o", "-MF .d -MQ .o", None),
            ("-MD -S a.c -o obj/a.s", "-MF obj/a.d -MQ obj/a.s", None),
            ("-MD -MF x.d -c a.c -o obj/a.o", "-MQ obj/a.o", None),
            ("-MD -MFx.d -c a.c -o obj/a.o", "-MQ obj/a.o", None),
            ("-MD -MT x -c a.c -o obj/a.o", "-MF obj/a.d", None),
            ("-MD -MQx -c a.c -o obj/a.o", "-MF obj/a.d", None),
            ("-MD -MF x.d -MT x -c a.c -o obj/a.o", "", None),
            // A value that only looks like the option.
            ("-MF -MD -c a.c -o obj/a.o", "", None),
            ("-Wp,-MMD,x.d -c a.c", "", None),
            ("-Wp,-MMD,x.d -c a.c -o obj/a.o", "", Some("-MQ obj/a.o")),
            ("-Wp,-MD,x.d -MT x -c a.c -o obj/a.o", "", None),
            ("-Wp,-DX -MD -c a.c -o b.o", "-MF b.d -MQ b.o", None),
        ];
        for (line, gcc, clang) in table {
            assert_eq!(stated(Tool::Gcc, line).as_deref(), Some(*gcc), "{line}");
            let clang = clang.unwrap_or(gcc);
            assert_eq!(stated(Tool::Clang, line).as_deref(), Some(clang), "{line}");
        }
    }

    #[test]
    fn words_that_the_compiler_and_distcc_read_differently_are_unclear() {
        for (line, gcc_too) in [
            ("-Wp,-MD -c a.c -o b.o", false),
            ("-Wp,-MMD,x.d,-MT,y -c a.c -o b.o", false),
            ("-Wp,-DX,-MP -c a.c", false),
            ("-MD -Wp,-MF,x.d -c a.c -o b.o", true),
            ("-MMD -Wp,-MD,x.d -c a.c -o b.o", true),
            ("-Wp,-MMD,x.d -MF y.d -c a.c", true),
        ] {
            assert_eq!(stated(Tool::Clangxx, line), None, "{line}");
            assert_eq!(stated(Tool::Gxx, line).is_none(), gcc_too, "{line}");
        }
    }
}
