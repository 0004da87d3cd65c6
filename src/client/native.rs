//! What the native compiler means by `-march=native`, `-mtune=native` and `-mcpu=native`, so that a job
//! with them can be sent.
//!
//! The driver replaces these words by what it sees of the processor; `-###` shows by what. It is
//! then asked with the answer in their place, and only if it makes the same of both is the answer
//! one. It is kept in a file per question: the compiler (path, inode, time, size), the processor
//! and the words asked. Each file repeats its question and ends in a line of its own, so that one
//! which is cut, corrupt or of a colliding name counts as none; and nothing but flags of the kind
//! asked for is believed. Any number of processes may ask at once: each writes the same answer
//! under a name of its own and renames it.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::compiler::ask::{driver_words, Compiler};
use crate::options::{scan, Kind};
use crate::os;
use crate::os::meta::Meta;

/// The first line of a cache file; another form gets another number.
const FORM: &str = "ccroute native 3";
/// The last line of a cache file.
const END: &str = "end";
/// No answer is longer: x86 has some hundred and fifty flags.
const LIMIT: u64 = 16 << 10;

/// Whether a word is one that chooses the processor.
fn chooses(word: &[u8]) -> bool {
    let options: [&[u8]; 3] = [b"-march=", b"-mtune=", b"-mcpu="];
    options.iter().any(|o| word.starts_with(o))
}

/// The request's arguments with the words that mean this machine expanded; `None` where they cannot
/// be. `compiler` is the native compiler's path.
pub fn expanded(compiler: &Path, args: &[&OsStr]) -> Option<Vec<OsString>> {
    let mut asked: Vec<&str> = Vec::new();
    let mut rest: Vec<OsString> = Vec::with_capacity(args.len() + 128);
    for arg in scan(args) {
        match arg.kind {
            Kind::Plain(word) if chooses(word) => asked.push(std::str::from_utf8(word).ok()?),
            _ => rest.extend(
                args[arg.index..(arg.index + arg.words).min(args.len())]
                    .iter()
                    .map(|a| a.to_os_string()),
            ),
        }
    }
    let flags = meaning(compiler, &asked)?;
    // gcc puts what it expands in front of everything, so that `-mno-avx` still counts.
    let mut all: Vec<OsString> = flags.into_iter().map(OsString::from).collect();
    all.append(&mut rest);
    Some(all)
}

/// What the compiler makes of these words, from the cache or asked now.
fn meaning(compiler: &Path, asked: &[&str]) -> Option<Vec<String>> {
    let question = question(compiler, asked)?;
    let file =
        directory().map(|dir| dir.join(format!("native-{:016x}", hash(question.as_bytes()))));
    if let Some(flags) = file.as_deref().and_then(|f| read(f, &question)) {
        return Some(flags);
    }
    let flags = ask(compiler, asked)?;
    if let Some(file) = file {
        // Without a cache the next call asks again; nothing is lost but time.
        let _ = write(&file, &question, &flags);
    }
    Some(flags)
}

/// Asks the compiler what it makes of the words, and whether it makes the same of the answer.
fn ask(compiler: &Path, asked: &[&str]) -> Option<Vec<String>> {
    let compiler = Compiler::new(compiler);
    let with = driver_words(&compiler, asked).ok()?;
    let flags = if with.iter().any(|w| w == "-cc1") {
        select_clang(&with, asked)?
    } else {
        let without = driver_words(&compiler, &[]).ok()?;
        select(&with, &without, asked)?
    };
    let stated: Vec<&str> = flags.iter().map(String::as_str).collect();
    let again = driver_words(&compiler, &stated).ok()?;
    same(with, again).then_some(flags)
}

/// What clang for x86-64 detects, has no flags for, and assumes of every processor.
const EVERY_X86_64: [&str; 3] = ["+64bit", "+cmov", "+cx8"];
/// The parts of APX. clang detects each and takes `-mno-apxf` for all; the last two it only states.
const APX: [&str; 8] = [
    "-egpr",
    "-push2pop2",
    "-ppx",
    "-ndd",
    "-ccmp",
    "-cf",
    "-nf",
    "-zu",
];

/// Whether both lists make the same of a source; their order is the driver's.
fn same(mut one: Vec<String>, mut other: Vec<String>) -> bool {
    for list in [&mut one, &mut other] {
        // gcc's driver writes its own parameters in two words, and those it is given in one.
        let frame = |w: &str| matches!(w, "-target-feature" | "--param");
        let known = |w: &str| EVERY_X86_64.contains(&w) || APX[6..].contains(&w);
        list.retain(|w| !frame(w) && !known(w));
        for word in list.iter_mut() {
            if let Some(parameter) = word.strip_prefix("--param=") {
                *word = parameter.to_owned();
            }
        }
        list.sort_unstable();
    }
    one == other
}

/// The flags for clang's driver that stand for what it made of the words asked. On x86-64 it
/// states each feature, elsewhere the processor's name has to do: [`same`] tells whether it does.
fn select_clang(with: &[String], asked: &[&str]) -> Option<Vec<String>> {
    let value = |option: &str| {
        let at = with.iter().position(|w| w == option)?;
        with.get(at + 1).map(String::as_str)
    };
    let x86_64 = value("-triple")?.starts_with("x86_64-");
    let states = |option: &str| asked.iter().any(|a| a.starts_with(option));
    let mut flags = Vec::new();
    if states("-march=") || states("-mcpu=") {
        let option = if x86_64 { "-march" } else { "-mcpu" };
        flags.push(format!("{option}={}", value("-target-cpu")?));
    }
    if let Some(cpu) = value("-tune-cpu").filter(|_| states("-mtune=")) {
        flags.push(format!("-mtune={cpu}"));
    }
    if x86_64 && states("-march=") {
        let pairs = with.windows(2).filter(|p| p[0] == "-target-feature");
        for feature in pairs.map(|p| p[1].as_str()) {
            if EVERY_X86_64.contains(&feature) || APX.contains(&feature) {
                continue;
            }
            match (feature.strip_prefix('+'), feature.strip_prefix('-')) {
                (Some(name), _) => flags.push(format!("-m{name}")),
                (_, Some(name)) => flags.push(format!("-mno-{name}")),
                _ => return None,
            }
        }
        if with.iter().any(|w| APX.contains(&w.as_str())) {
            flags.push("-mno-apxf".into());
        }
    }
    let sound = |f: &String| plausible(f) && !f.ends_with("=native");
    (!flags.is_empty() && flags.iter().all(sound)).then_some(flags)
}

/// The flags among the compiler proper's words that its driver made of the words asked.
fn select(with: &[String], without: &[String], asked: &[&str]) -> Option<Vec<String>> {
    if with.is_empty() || without.is_empty() {
        return None;
    }
    let states = |option: &str| asked.iter().any(|a| a.starts_with(option));
    let cpu = with.iter().any(|w| w.starts_with("-mcpu="));
    let mut flags = Vec::new();
    let mut words = with.iter();
    while let Some(word) = words.next() {
        if word == "--param" {
            // The caches' sizes; a --param of another kind is a configured default.
            let value = words.next()?;
            if value.starts_with("l1-") || value.starts_with("l2-") {
                flags.extend([word.clone(), value.clone()]);
            }
            continue;
        }
        let known = without.contains(word) && !asked.contains(&word.as_str());
        // ARM's driver derives -march from -mcpu; stated beside it, it could contradict it.
        let derived = cpu && word.starts_with("-march=") && !states("-march=");
        let skipped = word.starts_with("-mlibarch=");
        if word.starts_with("-m") && !known && !derived && !skipped {
            flags.push(word.clone());
        }
    }
    // A word that the driver left as it is would mean the helper's processor.
    let native = |f: &String| f.ends_with("=native");
    (!flags.iter().any(native) && flags.iter().all(|f| plausible(f))).then_some(flags)
}

/// Whether a word may stand in an answer.
fn plausible(word: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+.".contains(c);
    let kind = word == "--param" || ["-m", "l1-", "l2-"].iter().any(|p| word.starts_with(p));
    kind && word.chars().all(plain)
}

/// The whole question in one line per part: an answer holds for exactly this.
fn question(compiler: &Path, asked: &[&str]) -> Option<String> {
    let meta = Meta::of(compiler).ok()?;
    let (dev, ino) = meta.id();
    let path = compiler.to_str().filter(|p| !p.contains('\n'))?;
    let mut text = format!(
        "{FORM}\n{path} {} {} {} {}\n",
        dev,
        ino,
        meta.mtime_ns(),
        meta.size()
    );
    let _ = writeln!(text, "{:016x}", hash(processor()?.as_bytes()));
    let _ = writeln!(text, "{}", asked.join(" "));
    Some(text)
}

/// What identifies the processor: on ARM of every core, for they may differ.
fn processor() -> Option<String> {
    const NAMED: [&str; 18] = [
        "vendor_id",
        "cpu family",
        "model",
        "model name",
        "stepping",
        "cache size",
        "flags",
        "CPU implementer",
        "CPU architecture",
        "CPU variant",
        "CPU part",
        "CPU revision",
        "Features",
        "Hardware",
        "isa",
        "uarch",
        "cpu",
        "platform",
    ];
    // On x86 the kernel asks each core for its frequency, which takes long with many: one will do.
    let most = if cfg!(any(target_arch = "x86", target_arch = "x86_64")) {
        4 << 10
    } else {
        64 << 10
    };
    let mut text = String::new();
    let file = fs::File::open("/proc/cpuinfo").ok()?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes).ok()?;
    for line in String::from_utf8_lossy(&bytes).lines() {
        let name = line.split(':').next().unwrap_or_default().trim();
        if NAMED.contains(&name) {
            text.push_str(line);
            text.push('\n');
        }
        // The first core's end.
        if line.is_empty() && most == 4 << 10 {
            break;
        }
    }
    (!text.is_empty()).then_some(text)
}

/// Where the answers are kept: with distcc's state, else in the user's cache. Under Portage's
/// sandbox, which aborts a build that looks elsewhere, only the former.
fn directory() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    if crate::os::is_secure() {
        return None;
    }
    let base = match variable("DISTCC_DIR") {
        Some(dir) => dir,
        None if variable("SANDBOX_ON").is_some_and(|v| v == Path::new("1")) => return None,
        None => variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")))?,
    };
    base.is_absolute().then(|| base.join("ccroute"))
}

/// The answer in a file, if it answers this question and nobody else may write it.
fn read(path: &Path, question: &str) -> Option<Vec<String>> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .ok()?;
    let meta = Meta::of_open(&file).ok()?;
    let trusted = match os::trusted::by_root_or_user(&meta) {
        Ok(()) => true,
        Err(os::trusted::Untrusted::Writable) => is_given_to_group(path, &meta),
        Err(_) => false,
    };
    if !meta.is_file() || !trusted {
        return None;
    }
    let mut text = String::new();
    file.take(LIMIT).read_to_string(&mut text).ok()?;
    let body = text.strip_prefix(question)?;
    let mut flags: Vec<String> = body.lines().map(str::to_owned).collect();
    let complete = flags.pop().as_deref() == Some(END) && text.ends_with('\n');
    (complete
        && flags
            .iter()
            .all(|f| plausible(f) && !f.ends_with("=native")))
    .then_some(flags)
}

/// Whether root or this user has opened the answers to a group on purpose: the file, which is ours and
/// made without that right, and its directory, to one and the same group. Portage does so with all of
/// DISTCC_DIR at each package. Others cannot: only the owner and root change a mode, and a file of ours
/// that is elsewhere writable by a group would be a second link.
fn is_given_to_group(path: &Path, meta: &Meta) -> bool {
    let Some(Ok(dir)) = path.parent().map(Meta::of) else {
        return false;
    };
    let trusted = os::trusted::is_trusted_owner;
    let group_only = |meta: &Meta| meta.mode() & 0o022 == 0o020;
    trusted(meta.uid())
        && trusted(dir.uid())
        && group_only(meta)
        && group_only(&dir)
        && meta.gid() == dir.gid()
        && meta.links() == 1
}

fn write(path: &Path, question: &str, flags: &[String]) -> std::io::Result<()> {
    let mut text = String::from(question);
    for flag in flags {
        text.push_str(flag);
        text.push('\n');
    }
    text.push_str(END);
    text.push('\n');
    if let Some(dir) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    os::replace::file(path, text.as_bytes(), 0o644)
}

/// FNV-1a. The file repeats what is hashed, so a collision costs a question and no more.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn what_the_driver_made_of_the_words_is_selected() {
        let without = list("-quiet /dev/null -mtune=generic -march=x86-64 -o null.s");
        let with = list("-quiet /dev/null -march=znver3 -mavx2 -mno-rtm --param l1-cache-size=32 -mtune=znver3 -o null.s");
        assert_eq!(
            select(&with, &without, &["-march=native"]).unwrap(),
            list("-march=znver3 -mavx2 -mno-rtm --param l1-cache-size=32 -mtune=znver3")
        );
        // A tune that the request states itself stays, also where it is the default.
        let with = list("/dev/null -march=znver3 -mtune=generic");
        assert_eq!(
            select(&with, &without, &["-march=native", "-mtune=generic"]).unwrap(),
            list("-march=znver3 -mtune=generic")
        );
        // Debian's gcc 12 for arm64, on a Cortex-A76.
        let without = list("-mlittle-endian -mabi=lp64");
        let with =
            list("-mlittle-endian -mabi=lp64 -march=armv8.2-a+crypto+fp16 -mtune=cortex-a76");
        assert_eq!(
            select(&with, &without, &["-march=native", "-mtune=native"]).unwrap(),
            list("-march=armv8.2-a+crypto+fp16 -mtune=cortex-a76")
        );
        let with = list("-mlittle-endian -mabi=lp64 -mcpu=cortex-a76+crypto");
        assert_eq!(
            select(&with, &without, &["-mcpu=native"]).unwrap(),
            list("-mcpu=cortex-a76+crypto")
        );
        // ARM derives the architecture from the processor.
        let without = list("-mfloat-abi=hard -mthumb -mlibarch=armv7-a+fp -march=armv7-a+fp");
        let with =
            list("-mfloat-abi=hard -mcpu=cortex-a72 -mthumb -mlibarch=armv8-a -march=armv8-a");
        assert_eq!(
            select(&with, &without, &["-mcpu=native"]).unwrap(),
            ["-mcpu=cortex-a72"]
        );
    }

    #[test]
    fn what_is_no_answer_is_none() {
        let without = list("-march=x86-64");
        for with in ["-march=native", "-march=x;y"] {
            assert_eq!(select(&list(with), &without, &["-march=native"]), None);
        }
        assert_eq!(select(&[], &without, &["-march=native"]), None);
    }

    #[test]
    fn clangs_features_become_flags() {
        let with = list("-cc1 -triple x86_64-pc-linux-gnu -target-cpu znver3 -target-feature +cmov -target-feature +avx2 -target-feature -xop -tune-cpu znver2");
        assert_eq!(
            select_clang(&with, &["-march=native", "-mtune=znver2"]).unwrap(),
            list("-march=znver3 -mtune=znver2 -mavx2 -mno-xop")
        );
        assert_eq!(
            select_clang(&with, &["-mtune=native"]).unwrap(),
            list("-mtune=znver2")
        );
        // clang 19 knows APX, and only as a whole.
        let with = list("-cc1 -triple x86_64-pc-linux-gnu -target-cpu znver4 -target-feature -egpr -target-feature -ndd -target-feature +avx2");
        let flags = list("-march=znver4 -mavx2 -mno-apxf");
        assert_eq!(select_clang(&with, &["-march=native"]).unwrap(), flags);
        let with = list("-cc1 -triple aarch64-unknown-linux-gnu -target-cpu cortex-a72 -target-feature +neon -target-feature +crc");
        assert_eq!(
            select_clang(&with, &["-mcpu=native"]).unwrap(),
            list("-mcpu=cortex-a72")
        );
        for with in [
            "-cc1 -triple x86_64-x -target-cpu native",
            "-cc1 -triple x86_64-x -target-cpu a;b",
            "-cc1 -triple x86_64-x -target-cpu k8 -target-feature avx",
            "-cc1 -target-cpu k8",
            "-cc1 -triple x86_64-x",
        ] {
            assert_eq!(
                select_clang(&list(with), &["-march=native"]),
                None,
                "{with}"
            );
        }
    }

    #[test]
    fn an_answer_is_held_against_the_question() {
        let with = "-cc1 -target-cpu k8 -target-feature +cx8 -target-feature +avx";
        let order = "-cc1 -target-feature +avx -target-cpu k8";
        assert!(same(list(with), list(order)));
        assert!(!same(list(with), list("-cc1 -target-cpu k8")));
        assert!(!same(list("-march=a -mx"), list("-march=a -mx -my")));
        assert!(same(list("--param a=1 -mx"), list("-mx --param=a=1")));
    }

    #[test]
    fn only_a_whole_file_with_the_same_question_is_read() {
        let dir = std::env::temp_dir().join(format!("native-cache-{}", std::process::id()));
        let file = dir.join("x");
        let question = "form\ncompiler\n";
        let flags = list("-march=znver3 -mavx2");
        write(&file, question, &flags).unwrap();
        assert_eq!(read(&file, question), Some(flags));
        assert_eq!(read(&file, "form\nother\n"), None);
        let whole = fs::read(&file).unwrap();
        for cut in 0..whole.len() {
            fs::write(&file, &whole[..cut]).unwrap();
            assert_eq!(read(&file, question), None, "cut at {cut}");
        }
        for evil in ["-fplugin=x", "-mfoo;x", "-Xclang", "-march=native"] {
            fs::write(&file, format!("{question}{evil}\n{END}\n")).unwrap();
            assert_eq!(read(&file, question), None, "{evil}");
        }
        fs::write(&file, &whole).unwrap();
        // Whoever may write it: nobody but a group to which the directory is opened, too.
        let allow = |path: &Path, mode| {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
            fs::set_permissions(path, mode).unwrap();
        };
        for (of_file, of_dir, is_read) in [
            (0o644, 0o700, true),
            (0o664, 0o2770, true),
            (0o664, 0o700, false),
            (0o664, 0o777, false),
            (0o666, 0o2770, false),
        ] {
            allow(&file, of_file);
            allow(&dir, of_dir);
            let answer = read(&file, question).is_some();
            assert_eq!(answer, is_read, "{of_file:o} in {of_dir:o}");
        }
        // A file of ours that stands elsewhere, too.
        allow(&file, 0o664);
        allow(&dir, 0o2770);
        fs::hard_link(&file, dir.join("other")).unwrap();
        assert_eq!(read(&file, question), None);
        fs::remove_dir_all(dir).unwrap();
    }
}
