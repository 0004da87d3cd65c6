//! The keys of rules files and what their values must look like.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

use super::error::Fault;
use super::parse::words;
use super::{ExpandMacros, Fallback, LogLevel, OnRefuse, Sandbox, VersionMatch};
use crate::compiler::name::Tool;

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Use,
    Path,
    Names,
    Defaults,
    Proof,
    Flags,
    ForceFlags,
    DropFlags,
    /// `tool.NAME`
    Tool,
    Version,
    As,
    Send,
    ExpandMacros,
    Fallback,
    Refuse,
    OnRefuse,
    Sandbox,
    LimitMemory,
    LimitCpu,
    LimitFileSize,
    Environment,
    Log,
    LogLevel,
}

/// Every key but `tool.NAME`, as written.
pub(super) const SPELLINGS: &[(&str, Key)] = &[
    ("use", Key::Use),
    ("path", Key::Path),
    ("names", Key::Names),
    ("defaults", Key::Defaults),
    ("proof", Key::Proof),
    ("flags", Key::Flags),
    ("force-flags", Key::ForceFlags),
    ("drop-flags", Key::DropFlags),
    ("version", Key::Version),
    ("as", Key::As),
    ("send", Key::Send),
    ("expand-macros", Key::ExpandMacros),
    ("fallback", Key::Fallback),
    ("refuse", Key::Refuse),
    ("on-refuse", Key::OnRefuse),
    ("sandbox", Key::Sandbox),
    ("limit-memory", Key::LimitMemory),
    ("limit-cpu", Key::LimitCpu),
    ("limit-file-size", Key::LimitFileSize),
    ("environment", Key::Environment),
    ("log", Key::Log),
    ("log-level", Key::LogLevel),
];

impl Key {
    /// The key written so, and the NAME of a `tool.NAME`.
    ///
    /// # Errors
    /// No such key; the fault suggests one that is written alike.
    pub fn parse(text: &str) -> Result<(Key, &str), Fault> {
        if let Some(name) = text.strip_prefix("tool.") {
            return match Tool::parse(name) {
                Some(_) => Ok((Key::Tool, name)),
                None => Err(Fault::UnknownTool(name.into())),
            };
        }
        match SPELLINGS.iter().find(|(s, _)| *s == text) {
            Some(&(_, key)) => Ok((key, "")),
            None => Err(Fault::UnknownKey(text.into(), suggestion(text))),
        }
    }

    /// Whether the key takes a list, and so `+=`.
    pub fn is_list(self) -> bool {
        matches!(
            self,
            Key::Use
                | Key::Path
                | Key::Names
                | Key::Defaults
                | Key::Flags
                | Key::ForceFlags
                | Key::DropFlags
                | Key::Environment
        )
    }

    /// Whether the key is of the program itself, and belongs into `[ccroute]`.
    pub fn is_programs(self) -> bool {
        matches!(self, Key::Log | Key::LogLevel)
    }

    /// Checks a value. `written` is the key as written.
    pub(super) fn check(self, written: &str, value: &str) -> Result<(), Fault> {
        // An empty list of flags says something: none. Nothing else does.
        let may_be_empty = matches!(
            self,
            Key::Defaults | Key::Flags | Key::ForceFlags | Key::DropFlags
        );
        if value.is_empty() && !may_be_empty {
            return Err(Fault::EmptyValue(written.into()));
        }
        match self {
            Key::Defaults | Key::Flags | Key::ForceFlags | Key::Refuse | Key::Proof => Ok(()),
            Key::Use => each(value, &|w| match is_triple(w) {
                true => Ok(()),
                false => Err(Fault::BadTriple(w.into())),
            }),
            Key::Names => each(value, &|w| match is_triple(w) && w != "native" {
                true => Ok(()),
                false => Err(Fault::BadTriple(w.into())),
            }),
            Key::Path => each(value, &|w| match w.starts_with('/') {
                true => check_glob(w),
                false => Err(Fault::RelativePath(w.into())),
            }),
            Key::DropFlags => each(value, &check_glob),
            Key::As => {
                let word = one(written, value)?;
                match is_triple(&word) && word != "native" {
                    true => Ok(()),
                    false => Err(Fault::BadTriple(word)),
                }
            }
            Key::Tool => {
                let word = one(written, value)?;
                match Tool::parse(&word) {
                    Some(_) => Ok(()),
                    None => Err(Fault::UnknownTool(word)),
                }
            }
            Key::Send => {
                let word = one(written, value)?;
                match word.contains('/') && !word.starts_with('/') {
                    true => Err(Fault::RelativePath(word)),
                    false => Ok(()),
                }
            }
            Key::Version => choice(value, self, version_match),
            Key::ExpandMacros => choice(value, self, expand_macros),
            Key::Fallback => choice(value, self, fallback),
            Key::OnRefuse => choice(value, self, on_refuse),
            Key::Sandbox => choice(value, self, sandbox),
            Key::Environment => each(value, &|w| match is_variable(w) {
                true => Ok(()),
                false => Err(Fault::BadVariable(w.into())),
            }),
            Key::Log => {
                let word = one(written, value)?;
                match word.starts_with('/') || matches!(word.as_str(), "off" | "syslog") {
                    true => Ok(()),
                    false => Err(Fault::NotOneOf {
                        value: word,
                        allowed: "off, syslog, the absolute path of a file",
                    }),
                }
            }
            Key::LogLevel => choice(value, self, log_level),
            Key::LimitMemory | Key::LimitFileSize => match size(value) {
                Some(_) => Ok(()),
                None => Err(Fault::BadNumber(value.into(), "size, such as 512M or 2G")),
            },
            Key::LimitCpu => match seconds(value) {
                Some(_) => Ok(()),
                None => Err(Fault::BadNumber(value.into(), "time, such as 90s or 10m")),
            },
        }
    }
}

/// Holds each word against a check.
fn each(value: &str, check: &dyn Fn(&str) -> Result<(), Fault>) -> Result<(), Fault> {
    words(value).iter().try_for_each(|w| check(w))
}

fn one(written: &str, value: &str) -> Result<String, Fault> {
    let mut list = words(value);
    match (list.pop(), list.is_empty()) {
        (Some(word), true) if !word.is_empty() => Ok(word),
        _ => Err(Fault::OneWord(written.into())),
    }
}

fn choice<T>(value: &str, key: Key, parse: impl Fn(&str) -> Option<T>) -> Result<(), Fault> {
    match parse(value) {
        Some(_) => Ok(()),
        None => Err(Fault::NotOneOf {
            value: value.into(),
            allowed: key.help().value,
        }),
    }
}

pub(super) fn version_match(value: &str) -> Option<VersionMatch> {
    match value {
        "any" => Some(VersionMatch::Any),
        "major" => Some(VersionMatch::Major),
        "exact" => Some(VersionMatch::Exact),
        _ => None,
    }
}

pub(super) fn expand_macros(value: &str) -> Option<ExpandMacros> {
    match value {
        "client" => Some(ExpandMacros::Client),
        "helper" => Some(ExpandMacros::Helper),
        _ => None,
    }
}

pub(super) fn fallback(value: &str) -> Option<Fallback> {
    match value {
        "allow" => Some(Fallback::Allow),
        "refuse" => Some(Fallback::Refuse),
        _ => None,
    }
}

pub(super) fn on_refuse(value: &str) -> Option<OnRefuse> {
    match value {
        "local" => Some(OnRefuse::Local),
        "quiet" => Some(OnRefuse::Quiet),
        "elsewhere" => Some(OnRefuse::Elsewhere),
        _ => None,
    }
}

pub(super) fn sandbox(value: &str) -> Option<Sandbox> {
    match value {
        "yes" => Some(Sandbox::Yes),
        "no" => Some(Sandbox::No),
        "require" => Some(Sandbox::Require),
        _ => None,
    }
}

pub(super) fn log_level(value: &str) -> Option<LogLevel> {
    match value {
        "refused" => Some(LogLevel::Refused),
        "distributed" => Some(LogLevel::Distributed),
        "all" => Some(LogLevel::All),
        _ => None,
    }
}

/// A size in bytes: digits, then nothing, K, M or G (powers of 1024).
pub(super) fn size(value: &str) -> Option<u64> {
    scaled(value, &[("K", 1 << 10), ("M", 1 << 20), ("G", 1 << 30)])
}

/// A time in seconds: digits, then nothing, s, m or h.
pub(super) fn seconds(value: &str) -> Option<u64> {
    scaled(value, &[("s", 1), ("m", 60), ("h", 3600)])
}

fn scaled(value: &str, units: &[(&str, u64)]) -> Option<u64> {
    let found = units
        .iter()
        .find_map(|(unit, factor)| Some((value.strip_suffix(unit)?, *factor)));
    let (digits, factor) = found.unwrap_or((value, 1));
    // The library's parser also takes a sign.
    let number: u64 = match digits.starts_with('+') {
        true => return None,
        false => digits.parse().ok()?,
    };
    number.checked_mul(factor).filter(|&n| n > 0)
}

/// An address (a network of one) or a network. IPv4 written as IPv4-mapped IPv6 is IPv4.
pub(super) fn network(value: &str) -> Option<IpNet> {
    match value.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address.to_canonical())),
        Err(_) => value.parse().ok().map(canonical),
    }
}

fn canonical(network: IpNet) -> IpNet {
    /// The bits of an IPv4-mapped IPv6 address before the IPv4 address.
    const MAPPED: u8 = 96;
    let shorter = network.prefix_len().checked_sub(MAPPED);
    match (network.addr().to_canonical(), shorter) {
        (IpAddr::V4(address), Some(length)) if network.addr().is_ipv6() => {
            Ipv4Net::new(address, length).map_or(network, IpNet::V4)
        }
        _ => network,
    }
}

pub(super) fn is_triple(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(in_triple)
}

/// Whether a byte may be in a triple.
pub(super) fn in_triple(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"_.+-".contains(&b)
}

/// Whether a word may name a variable of the environment.
fn is_variable(word: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    word.bytes().all(letter) && word.bytes().next().is_some_and(|b| !b.is_ascii_digit())
}

/// Whether a text has anything that a glob interprets.
pub(super) fn is_glob(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Checks a glob.
pub(super) fn check_glob(text: &str) -> Result<(), Fault> {
    match glob::Pattern::new(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(Fault::BadGlob(text.into(), error.msg)),
    }
}

/// The key that was probably meant.
fn suggestion(text: &str) -> String {
    let alike = |key: &str| {
        let squeeze = |t: &str| t.to_ascii_lowercase().replace(['-', '_', ' '], "");
        let (a, b) = (squeeze(text), squeeze(key));
        a == b || (a.len() > 2 && (a.starts_with(&b) || b.starts_with(&a)))
    };
    match SPELLINGS.iter().find(|(key, _)| alike(key)) {
        Some((key, _)) => format!(": did you mean {key}?"),
        None => ": see ccroute.rules(5) for the list".into(),
    }
}
