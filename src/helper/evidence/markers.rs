//! Line markers, `# LINE "FILE" FLAGS`, as gcc and clang leave them in preprocessed source.

use memchr::memmem;

use super::CompilerSeen;

/// One line marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker<'a> {
    /// The line number it gives. 0 or 1 at a file's start.
    pub line: u32,
    /// The file's name as written, escapes not undone.
    pub path: &'a [u8],
    flags: &'a [u8],
}

impl Marker<'_> {
    fn has(&self, flag: u8) -> bool {
        self.flags.split(|&b| b == b' ').any(|f| f == [flag])
    }

    /// The file is being entered.
    pub fn enters(&self) -> bool {
        self.has(b'1')
    }

    /// The file is being returned to.
    pub fn returns(&self) -> bool {
        self.has(b'2')
    }

    /// The file was found in a system directory.
    pub fn is_system(&self) -> bool {
        self.has(b'3')
    }
}

/// The line markers of a text, in order.
#[derive(Debug)]
pub struct Markers<'a> {
    rest: &'a [u8],
}

impl<'a> Markers<'a> {
    /// Markers of `text`, which need not be source at all.
    pub fn new(text: &'a [u8]) -> Self {
        Markers { rest: text }
    }
}

impl<'a> Iterator for Markers<'a> {
    type Item = Marker<'a>;

    fn next(&mut self) -> Option<Marker<'a>> {
        while !self.rest.is_empty() {
            // Few lines are markers: the search for the next one is faster than a look at every line.
            if !self.rest.starts_with(b"# ") {
                let before = memmem::find(self.rest, b"\n# ")?;
                self.rest = &self.rest[before + 1..];
            }
            let marker = parse(next_line(&mut self.rest));
            if marker.is_some() {
                return marker;
            }
        }
        None
    }
}

/// Cuts the first line (without its end) off `rest`.
fn next_line<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let text = *rest;
    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
    *rest = text.get(end + 1..).unwrap_or_default();
    &text[..end]
}

fn parse(line: &[u8]) -> Option<Marker<'_>> {
    let rest = line.strip_prefix(b"# ")?;
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 || digits > 9 {
        return None;
    }
    let number = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
    let rest = rest[digits..].strip_prefix(b" \"")?;
    let mut end = 0;
    loop {
        match rest.get(end)? {
            b'"' => break,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    Some(Marker {
        line: number,
        path: &rest[..end],
        flags: rest[end + 1..].trim_ascii(),
    })
}

/// The compiler whose own header `path` is: `…/lib/gcc/TRIPLE/VERSION/…`, Debian's
/// `…/gcc-cross/…` likewise, clang's `…/lib/clang/VERSION/include/…`.
pub fn compiler_directory(path: &[u8]) -> Option<CompilerSeen> {
    let path = std::str::from_utf8(path).ok()?;
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        match part {
            "gcc" | "gcc-cross" => {
                let triple = parts.next()?;
                let version = parts.peek()?;
                if is_version(version) && looks_like_triple(triple) {
                    return Some(CompilerSeen {
                        triple: Some(triple.to_owned()),
                        version: (*version).to_owned(),
                        clang: false,
                    });
                }
            }
            "clang" if parts.peek().is_some_and(|p| is_version(p)) => {
                let version = parts.next()?;
                if parts.peek() == Some(&"include") {
                    return Some(CompilerSeen {
                        triple: None,
                        version: version.to_owned(),
                        clang: true,
                    });
                }
            }
            _ => {}
        }
    }
    None
}

/// The triple of a Debian multiarch directory: `/usr/include/TRIPLE/…`, and a cross compiler's
/// `/usr/TRIPLE/include/…`.
pub fn multiarch_directory(path: &[u8]) -> Option<String> {
    let path = std::str::from_utf8(path).ok()?.strip_prefix("/usr/")?;
    let mut parts = path.split('/');
    let triple = match (parts.next()?, parts.next()?, parts.next()?) {
        ("include", triple, _) | (triple, "include", _) => triple,
        _ => return None,
    };
    // Four words at most, the kernel's among them: `c++`, `x86_64-linux-gnu`, `python3.11`.
    let named =
        looks_like_triple(triple) && triple.split('-').any(|w| w == "linux" || w == "kfreebsd");
    // Debian's directory for its i686: the architecture's name, not the compiler's.
    let compiler = match triple {
        "i386-linux-gnu" => "i686-linux-gnu",
        other => other,
    };
    named.then(|| compiler.to_owned())
}

fn looks_like_triple(text: &str) -> bool {
    text.contains('-')
        && text.len() <= crate::compiler::name::NAME_MAX
        && text.bytes().all(crate::abi::triple::is_name_byte)
}

fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}

/// The predefined macros that a job with unexpanded macros begins with, before its first line of
/// anything but directives, as (name, value); empty for an ordinary job.
pub fn leading_macros(text: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut macros = Vec::new();
    let mut rest = text;
    let mut built_in = false;
    while !rest.is_empty() {
        let line = next_line(&mut rest);
        if let Some(marker) = parse(line) {
            // What follows is the user's: -D and -U, then the source.
            let is_built_in = marker.path == b"<built-in>";
            if built_in && !is_built_in {
                break;
            }
            built_in = is_built_in;
        } else if let Some(definition) = line.strip_prefix(b"#define ") {
            if !built_in {
                break;
            }
            let space = definition.iter().position(|&b| b == b' ');
            let (name, value) = definition.split_at(space.unwrap_or(definition.len()));
            macros.push((name, value.trim_ascii_start()));
        } else if let Some(name) = line.strip_prefix(b"#undef ") {
            macros.retain(|(defined, _)| *defined != name);
        } else if !line.is_empty() {
            break;
        }
    }
    macros
}
