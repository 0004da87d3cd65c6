//! What can matter to one request, of files that are too large to be kept whole: every line is
//! checked, in pieces that are read into one and the same memory, and the sections that the request
//! may ask for are copied out of it. Fresh memory for all of the text would cost more than its check.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::error::RulesError;
use super::load::{self, Text};
use super::matching::{means, RuleSet, NATIVE};
use super::parse::{Checker, Scan, MARK, PROGRAM};

/// How much is read at once.
pub const PIECE: usize = 32 * 1024;

/// How much of all files together is kept whole.
pub(super) const ROOM: usize = 16 * 1024;

/// How often files are read for one request: once more if it may mean another triple, which happens once.
const PASSES: usize = 2;

/// [`load::load`] for one request: sections that it cannot ask for may be missing. Their lines were
/// checked all the same. It asks for those of its triple (`None`: of native names), of one that a rule
/// renames it to, and of one that its `source` names, which is looked at where that matters.
///
/// # Errors
/// As [`load::load`]. A text with a fault is there as a whole, for [`RuleSet::parse`] to find it.
pub fn load_for(
    dirs: &[PathBuf],
    triple: Option<&str>,
    source: &dyn Fn() -> Option<String>,
) -> Result<Vec<Text>, RulesError> {
    let mut names = vec![triple.map(str::to_owned)];
    for _ in 0..PASSES {
        let mut sieve = Sieve::new(&names);
        let texts = load::load_through(dirs, Some(&mut sieve))?;
        if !sieve.used {
            return Ok(texts);
        }
        let mut others = match RuleSet::parse(&texts) {
            Ok(rules) => rules.renamed(triple),
            Err(_) => return Ok(texts),
        };
        others.extend(source().map(Some));
        others.retain(|name| !names.contains(name));
        if others.is_empty() {
            return Ok(texts);
        }
        // Sections for what the request then means may have been anywhere.
        names.append(&mut others);
    }
    load::load(dirs)
}

/// Reads files, and keeps of the large ones what may be asked for.
pub(super) struct Sieve<'a> {
    /// Triples whose sections are wanted (`None`: those for native names).
    names: &'a [Option<String>],
    /// The lengths of wanted patterns that are no globs.
    lengths: u64,
    /// How many bytes of whole files may still be kept.
    room: usize,
    piece: Vec<u8>,
    /// Whether sections of any file may be missing.
    pub used: bool,
}

/// What came of a file.
pub(super) enum Sifted {
    /// These sections may be asked for.
    Sections(Vec<Text>),
    /// It changed meanwhile.
    Changed,
    /// It has to be read as a whole: it is small, or something in it is wrong, or longer than a piece.
    Whole,
}

impl<'a> Sieve<'a> {
    fn new(names: &'a [Option<String>]) -> Sieve<'a> {
        let lengths = names.iter().map(|n| n.as_deref().unwrap_or(NATIVE).len());
        Sieve {
            names,
            lengths: lengths.fold(bit(PROGRAM.len()), |all, length| all | bit(length)),
            room: ROOM,
            piece: Vec::new(),
            used: false,
        }
    }

    /// Reads a file of this size.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(&mut self, file: &File, path: &Path, size: usize) -> io::Result<Sifted> {
        if let Some(room) = self.room.checked_sub(size) {
            self.room = room;
            return Ok(Sifted::Whole);
        }
        self.used = true;
        let mut piece = std::mem::take(&mut self.piece);
        piece.resize(PIECE, 0);
        let mut kept = Kept::new(path);
        // How much was read of the file, and how much of that is in the piece: a line's beginning,
        // and what follows it.
        let (mut offset, mut filled) = (0, 0);
        while offset < size {
            // One byte more than there should be tells a file that grew.
            let end = PIECE.min(filled + (size - offset) + 1);
            match file.read_at(&mut piece[filled..end], offset as u64) {
                Ok(0) => return Ok(Sifted::Changed),
                Ok(n) => (offset, filled) = (offset + n, filled + n),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            let text = &piece[..filled];
            let lines = match text.iter().rposition(|&b| b == b'\n') {
                _ if offset > size => return Ok(Sifted::Changed),
                _ if offset == size => filled,
                Some(last) => last + 1,
                None if filled < PIECE => continue,
                None => return Ok(Sifted::Whole),
            };
            let mut text = &text[..lines];
            if offset == filled {
                text = text.strip_prefix(MARK).unwrap_or(text);
            }
            if !self.sift(text, &mut kept) {
                return Ok(Sifted::Whole);
            }
            piece.copy_within(lines..filled, 0);
            filled -= lines;
        }
        self.piece = piece;
        Ok(Sifted::Sections(kept.texts))
    }

    /// Checks the file's next lines, and keeps what may be asked for; whether nothing is wrong.
    fn sift(&self, lines: &[u8], kept: &mut Kept<'_>) -> bool {
        let mut scan = Scan::new(lines, kept.checker);
        // Where the sections start that are to be kept.
        let mut from = 0;
        while let Some(found) = scan.next() {
            let Ok((section, _)) = found else {
                return false;
            };
            let start = section.start as usize;
            let pattern = &lines[start..start + section.pattern as usize];
            let wanted = self.wants(pattern, section.glob);
            if wanted && !kept.on {
                from = scan.started;
                kept.texts.push(Text::part(kept.path, section.line));
            } else if kept.on && !wanted {
                kept.add(&lines[from..scan.started]);
            }
            kept.on = wanted;
        }
        if kept.on {
            kept.add(&lines[from..]);
        }
        kept.checker = scan.checker;
        true
    }

    /// Whether sections with this pattern may be asked for.
    pub fn wants(&self, pattern: &[u8], glob: bool) -> bool {
        // Nearly every section is for another triple, which its length tells.
        if !glob && self.lengths & bit(pattern.len()) == 0 {
            return false;
        }
        let mut names = self.names.iter().map(Option::as_deref);
        let pattern = std::str::from_utf8(pattern).unwrap_or_default();
        pattern == PROGRAM || names.any(|name| means(pattern, glob, name))
    }
}

/// A length in a set of lengths; those beyond the last are one.
fn bit(length: usize) -> u64 {
    1 << length.min(63)
}

/// What is kept of a file, and what is known of it where its next piece begins.
struct Kept<'a> {
    path: &'a Path,
    texts: Vec<Text>,
    /// Whether the last section is kept.
    on: bool,
    checker: Checker,
}

impl Kept<'_> {
    fn new(path: &Path) -> Kept<'_> {
        Kept {
            path,
            texts: Vec::new(),
            on: false,
            checker: Checker::new(1),
        }
    }

    fn add(&mut self, part: &[u8]) {
        if let Some(text) = self.texts.last_mut() {
            text.bytes.to_mut().extend_from_slice(part);
        }
    }
}
