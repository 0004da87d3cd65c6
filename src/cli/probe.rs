//! `ccroute probe`: a rules section for a compiler's triple, with its defaults and their proof.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde_json::json;

use super::Failure;
use crate::compiler::ask::Compiler;
use crate::compiler::search::{Found, Search};
use crate::exit::Exit;
use crate::proof::{measure, section_of};
use crate::shim::host;

#[derive(Args)]
pub(super) struct Arguments {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The compiler: a name on PATH, or a path [default: cc or gcc]
    #[arg(value_hint = ValueHint::CommandName)]
    compiler: Option<OsString>,
    /// Arguments that belong to it, such as --target=TRIPLE for clang
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<OsString>,
}

pub(super) fn run(arguments: &Arguments, out: &mut dyn Write) -> super::Outcome {
    let compiler = Compiler {
        path: find_compiler(arguments.compiler.as_ref())?,
        args: arguments.args.clone(),
    };
    let measured = measure(&compiler).map_err(|error| Failure::Fault(error.to_string()))?;
    let text = section_of(&measured);
    if arguments.json {
        let report = json!({
            "compiler": compiler.path.display().to_string(),
            "family": measured.answers.family.to_string(),
            "compiler_version": measured.answers.version,
            "triple": measured.answers.triple,
            "defaults": measured.defaults,
            "left_out": measured.left_out,
            "proof": measured.proof().to_string(),
            "section": text,
        });
        super::json::print(out, "probe", report)?;
    } else {
        out.write_all(text.as_bytes())?;
    }
    Ok(Exit::Success)
}

/// The real compiler that a name or path means: what stands for a compiler on PATH and is not
/// this program, distcc or ccache.
pub(super) fn find_compiler(named: Option<&OsString>) -> Result<PathBuf, Failure> {
    let search = Search::new(
        &host::path_variable(),
        host::this_file().into_iter().collect(),
    );
    let names = match named {
        Some(name) => vec![name.to_string_lossy().into_owned()],
        None => ["cc", "gcc", "clang"].map(String::from).to_vec(),
    };
    for name in &names {
        let found = if name.contains('/') {
            // The directory changes before it is run.
            let path = std::path::absolute(Path::new(name))?;
            search.at(&path)
        } else {
            search.find(name, &[])
        };
        match found {
            Found::Yes(installed) => return Ok(installed.path),
            Found::NotExecutable(path) => {
                return Err(Failure::Fault(format!(
                    "{}: is not executable",
                    path.display()
                )))
            }
            Found::No => {}
        }
    }
    Err(Failure::Fault(format!(
        "no such compiler: {} (ccroute itself, distcc and ccache do not count)",
        names.join(", ")
    )))
}
