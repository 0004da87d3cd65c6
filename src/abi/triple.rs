//! Triples: fields, canonical form, equivalent spellings.
//!
//! A GNU target name has one to four fields, `cpu[-vendor]-kernel[-env]`. Three are ambiguous: a
//! kernel in the second place means that the vendor is missing (`arm-linux-gnueabihf`), any other
//! word there is the vendor (`x86_64-redhat-linux`). What a name says of a target is another
//! matter: [`crate::abi::Target::of_triple`].

use std::fmt;

use thiserror::Error;

use super::arch::CPUS;

/// A target name taken apart. Fields keep the spelling of the name, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Triple {
    text: String,
    /// The processor as written: `armv6j`, `amd64`.
    pub cpu: String,
    /// The vendor as written; `None` where the name has none.
    pub vendor: Option<String>,
    /// `linux`, `none` for bare metal, `mingw32`, `freebsd13.0` …
    pub kernel: String,
    /// C library and ABI: `gnueabihf`, `musl`, `elf`; `gnu` where `linux` implies it; else empty.
    pub env: String,
}

/// Why a text is not a triple.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TripleError {
    #[error("the triple is longer than {MAX} bytes")]
    TooLong,
    #[error("the triple has {0} fields, and more than four mean nothing")]
    Fields(usize),
    #[error("the triple has an empty field")]
    EmptyField,
    #[error("the triple has a character that no triple has (letters, digits and _ . + only)")]
    BadCharacter,
}

/// Longest triple that is looked at, in bytes: a file name's limit on Linux.
const MAX: usize = 255;

/// Whether a triple, and so a compiler's name, may have this byte.
pub fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte)
}

/// Kernels that pair with an environment, so that in the second of three fields they are not a
/// vendor (GNU config.sub's list, less what no gcc targets any more).
const KERNELS: &[&str] = &[
    "linux", "uclinux", "windows", "nto", "none", "netbsd", "freebsd",
];

/// Environments that stand alone and mean bare metal.
const BARE: &[&str] = &["eabi", "eabihf", "elf", "elfv2", "aout", "coff"];

/// Vendors that say nothing about ABI or ISA, and that the canonical form therefore drops. Any
/// other vendor stays: `hardfloat`, `softfp`, `bcm2708hardfp`, `nommu` carry the ABI,
/// `cortexa9_neon` the ISA, and of an unknown word nobody can tell.
const NEUTRAL: &[&str] = &[
    "unknown",
    "pc",
    "none",
    "redhat",
    "suse",
    "alt",
    "mageia",
    "mandriva",
    "slackware",
    "gentoo",
    "debian",
    "alpine",
    "void",
    "poky",
    "oe",
    "buildroot",
    "ibm",
    "conda",
    "cros",
    "chromeos",
    "amazon",
    "openeuler",
    "openmandriva",
];

impl Triple {
    /// Takes a target name apart. Upper case is read as lower, as config.sub does.
    ///
    /// # Errors
    /// More than four fields, an empty field, a character that no name has, too long a name.
    pub fn parse(text: &str) -> Result<Triple, TripleError> {
        if text.len() > MAX {
            return Err(TripleError::TooLong);
        }
        if !text.bytes().all(is_name_byte) {
            return Err(TripleError::BadCharacter);
        }
        let text = text.to_ascii_lowercase();
        let mut fields = [""; 4];
        let mut count = 0;
        for (index, field) in text.split('-').enumerate() {
            // NetBSD's sparc--netbsdelf leaves the vendor empty.
            if field.is_empty() && (index != 1 || text.ends_with("--")) {
                return Err(TripleError::EmptyField);
            }
            if let Some(place) = fields.get_mut(count) {
                *place = field;
            }
            count += 1;
        }
        let [a, b, c, d] = fields;
        let (vendor, kernel, env) = match count {
            2 if b.is_empty() => return Err(TripleError::EmptyField),
            1 => (None, "none", ""),
            2 => (None, b, ""),
            3 if pair(b, c) => (None, b, c),
            3 => (Some(b), c, ""),
            4 => (Some(b), c, d),
            more => return Err(TripleError::Fields(more)),
        };
        let (kernel, env) = match (kernel, env) {
            ("linux", "") => ("linux", "gnu"),
            (bare, "") if BARE.contains(&bare) => ("none", bare),
            both => both,
        };
        Ok(Triple {
            cpu: a.to_string(),
            vendor: vendor.filter(|v| !v.is_empty()).map(str::to_string),
            kernel: kernel.to_string(),
            env: env.to_string(),
            text,
        })
    }

    /// The name as it was written, in lower case.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// One spelling for all names that say the same: aliases resolved, neutral vendors dropped,
    /// what is implied written out. Applied twice it changes nothing. Equal canonical forms do not
    /// prove equal compilers: Raspbian's `arm-linux-gnueabihf` is not Debian's.
    pub fn canonical(&self) -> String {
        let mut out = canonical_cpu(&self.cpu);
        if let Some(words) = self.vendor.as_deref().and_then(abi_words) {
            // What is left must not pass for a kernel: linux_pc is a vendor.
            let kernel = self.env.is_empty() && pair(&words, &self.kernel);
            out.push('-');
            out.push_str(match &self.vendor {
                Some(vendor) if kernel => vendor,
                _ => &words,
            });
        } else if !self.env.is_empty() && !pair(&self.kernel, &self.env) {
            // Three fields would be read otherwise.
            out.push_str("-unknown");
        }
        out.push('-');
        out.push_str(&self.kernel);
        if !self.env.is_empty() {
            out.push('-');
            out.push_str(&Env::of(&self.env).canonical(&self.env));
        }
        out
    }

    /// Whether both names say the same of a target.
    pub fn equivalent(&self, other: &Triple) -> bool {
        self.text == other.text || self.canonical() == other.canonical()
    }

    /// The usual other spellings of this triple, the likeliest first, without the one given. Few
    /// enough to look for each on disk; each is [`equivalent`](Triple::equivalent).
    pub fn spellings(&self) -> Vec<String> {
        let cpu = canonical_cpu(&self.cpu);
        let mut cpus = vec![self.cpu.as_str()];
        if cpu != self.cpu {
            cpus.push(&cpu);
        }
        let same = CPUS.iter().filter(|(_, canonical, ..)| *canonical == cpu);
        cpus.extend(
            same.map(|&(alias, ..)| alias)
                .filter(|a| *a != self.cpu && *a != cpu),
        );
        // The kernel's uname adds the byte order, and distributions follow it: armv6l is armv6.
        let with_order = ArmCpu::of(&cpu)
            .filter(|arm| !arm.isa.is_empty() && !arm.big)
            .map(|_| format!("{cpu}l"));
        cpus.extend(with_order.as_deref().filter(|c| *c != self.cpu));
        let own = self.vendor.as_deref();
        let mut vendors = vec![own];
        if own.and_then(abi_words).is_none() {
            vendors.extend([None, Some("unknown"), Some("pc"), Some("none")]);
            vendors.extend([Some("redhat"), Some("suse"), Some("alpine")]);
        }
        let mut envs = vec![self.env.as_str()];
        if self.kernel == "linux" && self.env == "gnu" {
            envs.push("");
        }
        let canonical = self.canonical();
        let mut out: Vec<String> = Vec::new();
        for env in envs {
            for vendor in &vendors {
                for cpu in &cpus {
                    let fields = [Some(*cpu), *vendor, Some(self.kernel.as_str()), Some(env)];
                    let words: Vec<&str> = fields.into_iter().flatten().collect();
                    let name = words.join("-").trim_end_matches('-').to_string();
                    let known = name == self.text || out.contains(&name);
                    if !known && Triple::parse(&name).is_ok_and(|t| t.canonical() == canonical) {
                        out.push(name);
                    }
                }
            }
        }
        out
    }
}

impl fmt::Display for Triple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether the second and third of three fields are kernel and environment, not vendor and system.
fn pair(second: &str, third: &str) -> bool {
    let kernel = KERNELS.contains(&second)
        || second.starts_with("kfreebsd")
        || second.starts_with("knetbsd");
    // `arm-none-linux`: a system after `none` makes that the vendor after all.
    kernel && !(second == "none" && KERNELS.contains(&third))
}

/// Whether a vendor says nothing of ABI or ISA. crosstool-NG's `ubuntu22.04` is one of those.
fn is_neutral(vendor: &str) -> bool {
    NEUTRAL.contains(&vendor) || vendor.starts_with("ubuntu")
}

/// A vendor without its neutral words: `pc_t64` is `t64`, `unknown_nofpu` is `nofpu`; `None` where
/// none is left, as of `unknown_pc`.
fn abi_words(vendor: &str) -> Option<String> {
    if is_neutral(vendor) {
        return None;
    }
    let words = vendor.split('_').filter(|w| !w.is_empty());
    let kept: Vec<&str> = words.clone().filter(|w| !is_neutral(w)).collect();
    match words.count() {
        // Underscores alone.
        0 => Some(vendor.to_string()),
        _ => Some(kept.join("_")).filter(|k| !k.is_empty()),
    }
}

fn canonical_cpu(cpu: &str) -> String {
    if let Some(&(_, name, ..)) = CPUS.iter().find(|(alias, ..)| *alias == cpu) {
        return name.to_string();
    }
    match ArmCpu::of(cpu) {
        None => cpu.to_string(),
        Some(arm) => {
            let family = if arm.thumb { "thumb" } else { "arm" };
            // In a name, v7 means the application profile: there is no other v7 for Linux.
            let isa = if arm.isa == "v7" { "v7a" } else { arm.isa };
            // After v5t and v5te, the e of eb would be read as the ISA's.
            let te = isa.contains("te") || isa.ends_with('t');
            let order = match (arm.big, te) {
                (false, _) => "",
                (true, true) => "b",
                (true, false) => "eb",
            };
            format!("{family}{isa}{}{order}", arm.rpm)
        }
    }
}

/// A 32-bit ARM processor field taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArmCpu<'a> {
    /// `thumbv7em`: the processor has no ARM mode, or the name asks for Thumb.
    pub thumb: bool,
    /// `v6j`, `v7a`, `v8`; empty where the name says nothing.
    pub isa: &'a str,
    /// RPM's suffix: `h` hard float, `hn` hard float and NEON; else empty.
    pub rpm: &'a str,
    /// Big-endian.
    pub big: bool,
}

impl ArmCpu<'_> {
    /// Reads a processor field; `None` for another architecture.
    pub fn of(cpu: &str) -> Option<ArmCpu<'_>> {
        let (thumb, rest) = match cpu.strip_prefix("thumb") {
            Some(rest) => (true, rest),
            None => (false, cpu.strip_prefix("arm")?),
        };
        if rest.starts_with("64") {
            return None;
        }
        // RPM: armv7hl, armv7hnl. Looked for first, for the l would pass as the byte order.
        for (suffix, rpm) in [("hnl", 2), ("hl", 1), ("hn", 2), ("h", 1)] {
            if let Some(isa) = rest.strip_suffix(suffix).filter(|isa| is_isa(isa)) {
                return Some(ArmCpu {
                    thumb,
                    isa,
                    rpm: &rest[isa.len()..isa.len() + rpm],
                    big: false,
                });
            }
        }
        // The kernel's armv5tel is v5te and l, not v5t and el.
        let orders: &[(&str, bool)] = if rest.contains("te") {
            &[("b", true), ("l", false)]
        } else {
            &[
                ("eb", true),
                ("el", false),
                ("be", true),
                ("le", false),
                ("b", true),
                ("l", false),
            ]
        };
        let found = orders
            .iter()
            .find_map(|&(s, big)| Some((rest.strip_suffix(s)?, big)));
        let (isa, big) = found.unwrap_or((rest, false));
        // `armeb` may carry its byte order before the ISA: armebv7.
        let (isa, big) = match isa.strip_prefix("eb") {
            Some(isa) => (isa, true),
            None => (isa, big),
        };
        // Said twice, it is no name of anything, and taking it apart would not end.
        let twice = orders.iter().any(|(s, _)| isa.ends_with(s));
        let rpm = !big && ["h", "hn"].iter().any(|s| isa.ends_with(s));
        (isa.is_empty() || is_isa(isa) && !twice && !rpm).then_some(ArmCpu {
            thumb,
            isa,
            rpm: "",
            big,
        })
    }
}

fn is_isa(text: &str) -> bool {
    text.strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// An environment field taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Env<'a> {
    /// `gnu`, `musl`, `uclibc`, `android`; empty for none of them (`eabi`, `elf`).
    pub libc: &'a str,
    /// What follows: `eabi`, `eabihf`, `abi64`, `abin32`, `x32`, `spe`, `sf`, `f32`, `ilp32` …
    pub abi: &'a str,
    /// 64-bit time_t: a suffix `t64`.
    pub time64: bool,
}

impl Env<'_> {
    /// Reads an environment field.
    pub fn of(env: &str) -> Env<'_> {
        let (env, time64) = match env.strip_suffix("t64") {
            Some(rest) => (rest, true),
            None => (env, false),
        };
        for libc in ["gnu", "musl", "uclibc", "android"] {
            if let Some(mut abi) = env.strip_prefix(libc) {
                if libc == "android" {
                    // An API level, `androideabi21`, chooses headers, not code.
                    abi = abi.trim_end_matches(|c: char| c.is_ascii_digit());
                }
                abi = abi.trim_start_matches('_');
                // muslgnueabi and uclibcgnueabihf are musleabi and uclibceabihf.
                while let ("musl" | "uclibc", Some(rest)) = (libc, abi.strip_prefix("gnu")) {
                    abi = rest.trim_start_matches('_');
                }
                return Env {
                    libc: &env[..libc.len()],
                    abi,
                    time64,
                };
            }
        }
        Env {
            libc: "",
            abi: env,
            time64,
        }
    }

    fn canonical(&self, written: &str) -> String {
        if self.libc.is_empty() {
            return written.to_string();
        }
        // `gnu_ilp32` keeps its underscore: nobody writes it without.
        let joint = if self.abi == "ilp32" { "_" } else { "" };
        let time = if self.time64 { "t64" } else { "" };
        format!("{}{joint}{}{time}", self.libc, self.abi)
    }
}
