//! Who a compiler is: the questions that gcc and clang answer without compiling anything.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use super::run::{run, Answer, Failure, ASK};
use crate::abi::Target;

/// A compiler as it is called: a path, and arguments that belong to it (`--target=…` for a clang
/// that stands in for a triple).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    pub path: PathBuf,
    pub args: Vec<OsString>,
}

impl Compiler {
    /// A compiler that needs no arguments of its own.
    pub fn new(path: impl Into<PathBuf>) -> Compiler {
        Compiler {
            path: path.into(),
            args: Vec::new(),
        }
    }

    /// Its path and arguments, followed by more.
    pub(crate) fn with<S: AsRef<OsStr>>(&self, more: &[S]) -> Vec<OsString> {
        let more = more.iter().map(|s| s.as_ref().to_os_string());
        self.args.iter().cloned().chain(more).collect()
    }

    fn ask(&self, question: &[&str]) -> Result<Answer, Failure> {
        run(&self.path, &self.with(question), Path::new("/"), ASK)
    }
}

impl fmt::Display for Compiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        for arg in &self.args {
            write!(f, " {}", arg.to_string_lossy())?;
        }
        Ok(())
    }
}

/// Which compiler's options and code it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    Gcc,
    Clang,
}

impl Family {
    /// The word for it in rules and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Family::Gcc => "gcc",
            Family::Clang => "clang",
        }
    }

    /// The family that the word stands for.
    pub fn parse(word: &str) -> Option<Family> {
        match word {
            "gcc" => Some(Family::Gcc),
            "clang" => Some(Family::Clang),
            _ => None,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Predefined macros with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Macros(BTreeMap<String, String>);

impl Macros {
    /// Reads what `-dM -E` prints.
    pub fn parse(text: &str) -> Macros {
        Macros(
            text.lines()
                .filter_map(|line| line.strip_prefix("#define "))
                .map(|rest| {
                    let (name, value) = rest.split_once(' ').unwrap_or((rest, ""));
                    (name.to_string(), value.trim().to_string())
                })
                .collect(),
        )
    }

    /// The value of a macro, if it is defined.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether it is defined.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The value of a macro that is a number; 0 if it is none.
    pub fn number(&self, name: &str) -> u32 {
        self.get(name).and_then(|v| v.parse().ok()).unwrap_or(0)
    }

    /// The target that they describe.
    pub fn target(&self) -> Target {
        Target::of_macros(self.0.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())))
    }
}

/// Everything that a compiler says of itself.
#[derive(Clone, Debug)]
pub struct Answers {
    pub family: Family,
    /// `-dumpmachine`. A wrapper may answer for what it wraps: Debian's `musl-gcc` does.
    pub triple: String,
    /// All three fields, from the macros: `-dumpversion` may be the first alone.
    pub version: String,
    pub macros: Macros,
    /// The macros with `-fno-PIE`, on RISC-V: position independence hides the code model.
    pub fixed: Option<Macros>,
    /// The arguments of the compiler proper (`cc1`) that the driver made up by itself.
    pub injected: Vec<String>,
    /// What the compiler was configured with (gcc only).
    pub configured: Vec<String>,
    /// The effective options of `-Q --help=target,common` (gcc only): name and value. Not all
    /// can be trusted: an option that is not settled yet prints nonsense.
    pub effective: BTreeMap<String, String>,
}

impl Answers {
    /// What the compiler compiles for without flags: by its macros, and where these are silent
    /// (tuning) by its defaults.
    pub fn target(&self) -> Target {
        let target = self.macros.target();
        target.strengthened(&target.refined(&super::defaults(self)))
    }
}

/// The macros that a compiler predefines with these flags.
///
/// # Errors
/// It cannot be run, or rejects a flag.
pub fn macros<S: AsRef<str>>(compiler: &Compiler, flags: &[S]) -> Result<Macros, Failure> {
    let mut question: Vec<&str> = flags.iter().map(AsRef::as_ref).collect();
    question.extend(["-dM", "-E", "-x", "c", "/dev/null"]);
    Ok(Macros::parse(&compiler.ask(&question)?.stdout))
}

/// The words that a compiler's driver gives to the compiler proper with these flags.
///
/// # Errors
/// It cannot be run, or rejects a flag.
pub fn driver_words(compiler: &Compiler, flags: &[&str]) -> Result<Vec<String>, Failure> {
    let mut question = flags.to_vec();
    question.extend(["-###", "-S", "-x", "c", "/dev/null", "-o", "/dev/null"]);
    Ok(cc1_words(&compiler.ask(&question)?.stderr))
}

/// Asks a compiler.
///
/// # Errors
/// It cannot be run, or it is neither gcc nor clang.
pub fn ask(compiler: &Compiler) -> Result<Answers, Failure> {
    let refuse = |words: &str| Failure::Failed {
        program: compiler.to_string(),
        words: words.to_string(),
    };
    let macros = macros::<&str>(compiler, &[])?;
    let family = if macros.has("__clang__") {
        Family::Clang
    } else if macros.has("__GNUC__") {
        Family::Gcc
    } else {
        return Err(refuse("neither gcc nor clang"));
    };
    let fixed = match macros.has("__riscv") {
        true => self::macros(compiler, &["-fno-PIE"]).ok(),
        false => None,
    };
    let version = match family {
        Family::Gcc => ["__GNUC__", "__GNUC_MINOR__", "__GNUC_PATCHLEVEL__"],
        Family::Clang => ["__clang_major__", "__clang_minor__", "__clang_patchlevel__"],
    }
    .map(|name| macros.get(name).unwrap_or("0"))
    .join(".");
    let triple = compiler.ask(&["-dumpmachine"])?.stdout.trim().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if triple.is_empty() || !triple.chars().all(plain) {
        return Err(refuse("-dumpmachine does not print a triple"));
    }
    let injected = driver_words(compiler, &[])?;
    // The rest refines; a compiler that does not know a question is still usable.
    let (mut configured, mut effective) = (Vec::new(), BTreeMap::new());
    if family == Family::Gcc {
        if let Ok(answer) = compiler.ask(&["-v"]) {
            configured = configure_words(&answer.stderr);
        }
        for help in ["--help=target", "--help=common"] {
            if let Ok(answer) = compiler.ask(&["-Q", help]) {
                effective.extend(effective_options(&answer.stdout));
            }
        }
    }
    Ok(Answers {
        family,
        triple,
        version,
        macros,
        fixed,
        injected,
        configured,
        effective,
    })
}

/// The arguments of `cc1` in what `-###` prints: the line whose first word is the compiler proper
/// or, for clang, whose second is `-cc1`.
fn cc1_words(text: &str) -> Vec<String> {
    text.lines()
        .filter(|line| line.starts_with(' '))
        .map(words)
        .find(|words| {
            let first = words
                .first()
                .map_or("", |w| w.rsplit('/').next().unwrap_or(w));
            first == "cc1" || words.get(1).is_some_and(|w| w == "-cc1")
        })
        .map(|words| words.into_iter().skip(1).collect())
        .unwrap_or_default()
}

fn configure_words(text: &str) -> Vec<String> {
    text.lines()
        .find_map(|line| line.strip_prefix("Configured with: "))
        .map(words)
        .unwrap_or_default()
}

/// Splits a line as a shell would; none of one whose quotes are unbalanced.
fn words(line: &str) -> Vec<String> {
    shlex::split(line).unwrap_or_default()
}

/// Options and values of `-Q --help=`: `  -march=   armv7-a+fp`, `  -mthumb   [enabled]`. The
/// name is cut behind its `=`, placeholders (`-mabi=ABI`) included.
fn effective_options(text: &str) -> impl Iterator<Item = (String, String)> + '_ {
    text.lines().filter_map(|line| {
        let mut fields = line.strip_prefix("  -")?.split_whitespace();
        let name = fields.next()?;
        let name = match name.split_once('=') {
            Some((head, _)) => format!("-{head}="),
            None => format!("-{name}"),
        };
        let value = fields.next_back().unwrap_or("");
        Some((name, value.to_string()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_words_are_split() {
        assert_eq!(
            words(r#" /a/cc1 -quiet "-march=x y" 'b c' "q\"q" "" d\ e"#),
            ["/a/cc1", "-quiet", "-march=x y", "b c", "q\"q", "", "d e"]
        );
        assert_eq!(words("  "), [""; 0]);
    }

    #[test]
    fn the_compiler_proper_is_found() {
        let gcc = "Using built-in specs.\nTarget: x\n /usr/lib/gcc/x/12/cc1 -quiet /dev/null -march=y\n as";
        assert_eq!(cc1_words(gcc), ["-quiet", "/dev/null", "-march=y"]);
        let clang = " (in-process)\n \"/usr/bin/clang\" \"-cc1\" \"-triple\" \"x\"\n";
        assert_eq!(cc1_words(clang), ["-cc1", "-triple", "x"]);
        assert_eq!(cc1_words("nothing"), [""; 0]);
    }

    #[test]
    fn effective_options_are_read() {
        let text = "The following options:\n  -mabi=ABI                   64\n  -march=     armv7-a+fp\n  -mthumb     \t\t[enabled]\n  -mtune=     \t\t\n  Known ARM:\n";
        let list: Vec<(String, String)> = effective_options(text).collect();
        let want = [
            ("-mabi=", "64"),
            ("-march=", "armv7-a+fp"),
            ("-mthumb", "[enabled]"),
            ("-mtune=", ""),
        ];
        assert_eq!(list, want.map(|(a, b)| (a.to_string(), b.to_string())));
    }
}
