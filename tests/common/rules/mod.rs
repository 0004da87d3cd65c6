//! What the tests of rules share: a request to hold rules against, and settings as text.

use std::net::IpAddr;
use std::path::Path;

use ccroute::request::Place;
use ccroute::rules::load::Text;
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
