//! What the tests of rules share: a request to hold rules against, and settings as text.

use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ccroute::request::Place;
use ccroute::rules::load::{load, Text};
use ccroute::rules::{Origin, Settings, Sourced, Subject};

/// A request as words: `gcc`, `arm-linux-gnueabi helper from=10.0.0.1 tool=g++ kernel=arm source=T`.
#[derive(Clone, Debug)]
pub struct Asked {
    triple: Option<String>,
    tool: String,
    place: Place,
    from: Option<IpAddr>,
    kernel: Option<String>,
    source: Option<String>,
}

impl Asked {
    pub fn new(text: &str) -> Asked {
        let mut asked = Asked {
            triple: None,
            tool: "gcc".into(),
            place: Place::Direct,
            from: None,
            kernel: None,
            source: None,
        };
        for word in text.split_whitespace() {
            match word.split_once('=') {
                Some(("tool", tool)) => asked.tool = tool.into(),
                Some(("from", from)) => asked.from = Some(from.parse().expect(word)),
                Some(("kernel", kernel)) => asked.kernel = Some(kernel.into()),
                Some(("source", source)) => asked.source = Some(source.into()),
                Some(_) => panic!("{word}"),
                None if word == "helper" => asked.place = Place::Helper,
                None if word == "under-distcc" => asked.place = Place::UnderDistcc,
                None if word == "native" => asked.triple = None,
                None => asked.triple = Some(word.into()),
            }
        }
        asked
    }
}

impl Subject for Asked {
    fn triple(&self) -> Option<&str> {
        self.triple.as_deref()
    }
    fn tool(&self) -> &str {
        &self.tool
    }
    fn place(&self) -> Place {
        self.place
    }
    fn from(&self) -> Option<IpAddr> {
        self.from
    }
    fn kernel(&self) -> Option<&str> {
        self.kernel.as_deref()
    }
    fn source(&self) -> Option<&str> {
        self.source.as_deref()
    }
}

/// A directory of one test's own, in the system's (sticky) one.
pub struct Farm(pub PathBuf);

impl Farm {
    pub fn new(name: &str) -> Farm {
        let dir = std::env::temp_dir().join(format!("rules-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::DirBuilder::new().mode(0o755).create(&dir).unwrap();
        // The system's directory may itself be a link; messages name real paths.
        Farm(fs::canonicalize(dir).unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn dir(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(&path).unwrap();
        mode(&path, 0o755);
        path
    }

    pub fn file(&self, name: &str, body: &str) -> PathBuf {
        let path = self.path(name);
        self.dir(Path::new(name).parent().unwrap().to_str().unwrap());
        fs::write(&path, body).unwrap();
        mode(&path, 0o644);
        path
    }

    /// The names of the files read from the directories `d1`, `d2` and `d3`, or the fault; the
    /// farm's own path is left out of both.
    pub fn load(&self) -> String {
        let dirs = ["d1", "d2", "d3"].map(|d| self.path(d));
        let text = match load(&dirs) {
            Ok(texts) => {
                let names: Vec<_> = texts.iter().map(|t| t.path.display().to_string()).collect();
                names.join(" ")
            }
            Err(error) => error.to_string(),
        };
        text.replace(&format!("{}/", self.0.display()), "")
    }
}

impl Drop for Farm {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Sets permission bits.
pub fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A rules file that was never on a disk.
pub fn text(name: &str, bytes: impl Into<Vec<u8>>) -> Text {
    Text::new(Path::new(name), bytes.into())
}

/// Settings as `key = value @FILE:LINE`, one per line; lists in brackets, words quoted.
pub fn shown(settings: &Settings) -> String {
    let mut lines = Vec::new();
    macro_rules! show {
        ($($key:literal $field:ident),*) => {$(
            if let Some(setting) = &settings.$field {
                lines.push(line($key, setting));
            }
        )*};
    }
    show!("use" use_, "path" path, "names" names, "defaults" defaults, "proof" proof);
    show!("flags" flags, "force-flags" force_flags, "drop-flags" drop_flags);
    for (name, tool) in &settings.tools {
        lines.push(line(&format!("tool.{name}"), tool));
    }
    show!("version" version, "as" as_, "send" send, "expand-macros" expand_macros);
    show!("fallback" fallback, "refuse" refuse, "on-refuse" on_refuse, "sandbox" sandbox);
    show!("limit-memory" limit_memory, "limit-cpu" limit_cpu);
    show!("limit-file-size" limit_file_size);
    lines.join("\n")
}

fn line<T: std::fmt::Debug>(key: &str, setting: &Sourced<T>) -> String {
    let at = match &setting.origin {
        Origin::BuiltIn => "built in".into(),
        Origin::File { file, line } => format!("{}:{line}", file.display()),
    };
    format!("{key} = {:?} @{at}", setting.value)
}
