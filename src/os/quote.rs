//! Words as a shell takes them.

use std::ffi::OsStr;
use std::path::Path;

/// A word for a command that the user pastes. What cannot be part of a command (a NUL byte) is left out.
pub fn word(word: &str) -> String {
    let word = word.replace('\0', "");
    // shlex quotes an equals sign, because of words in front of a command; these follow one.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=+./,:@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word;
    }
    shlex::try_quote(&word).map_or_else(|_| String::new(), std::borrow::Cow::into_owned)
}

/// A path for such a command. Bytes that are not UTF-8 are shown as `�`.
pub fn path(path: &Path) -> String {
    word(&path.to_string_lossy())
}

/// Several words as one line.
pub fn words<S: AsRef<OsStr>>(words: &[S]) -> String {
    let words = words.iter().map(|w| word(&w.as_ref().to_string_lossy()));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pasted_word_is_the_word() {
        for (given, quoted) in [
            ("-O2", "-O2"),
            ("-march=armv6+fp", "-march=armv6+fp"),
            ("/usr/bin/gcc-12", "/usr/bin/gcc-12"),
            ("a b", "'a b'"),
            ("", "''"),
            ("a\0b", "ab"),
        ] {
            assert_eq!(word(given), quoted);
        }
        for given in ["it's", "$HOME", "a;b", "~", "#x", "a=b", "*"] {
            assert_eq!(shlex::split(&word(given)).unwrap(), [given]);
        }
        assert_eq!(words(&["a b", "c"]), "'a b' c");
    }
}
