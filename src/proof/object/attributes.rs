//! Build attributes: the format that ARM defined and that RISC-V, GNU and others took over.
//!
//! Layout: "Addenda to, and Errata in, the ABI for the Arm Architecture" §3 (build attributes).
//! `object` walks the records; which tags carry a number and which a string is for the caller to
//! know.

use object::elf;
use object::endian::Endianness;
use object::read::elf::AttributesSection;

/// One attribute of the whole file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    pub tag: u64,
    pub value: Value,
}

/// An attribute's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(u64),
    Text(String),
    /// `Tag_compatibility`: a number and a text.
    Both(u64, String),
}

/// How a tag's value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Number,
    Text,
    Both,
}

/// More than any ABI defines. Facts are looked up one by one, which a file with a million of them
/// would make slow.
const LIMIT: usize = 512;

/// Why attributes could not be read.
#[derive(Debug)]
pub(super) struct Malformed;

impl From<object::read::Error> for Malformed {
    fn from(_: object::read::Error) -> Malformed {
        Malformed
    }
}

/// The file-scope attributes of one vendor (`aeabi`, `riscv`, `gnu`), in order.
///
/// # Errors
/// The section is malformed, or has more attributes than make sense.
pub(super) fn read(
    data: &[u8],
    endian: Endianness,
    vendor: &[u8],
    form: impl Fn(u64) -> Form,
) -> Result<Vec<Attribute>, Malformed> {
    // The word size of the header type is not used by the attribute readers.
    let section = AttributesSection::<elf::FileHeader32<Endianness>>::new(endian, data)?;
    let mut list = Vec::new();
    let mut subsections = section.subsections()?;
    while let Some(subsection) = subsections.next()? {
        if subsection.vendor() != vendor {
            continue;
        }
        let mut scopes = subsection.subsubsections();
        while let Some(scope) = scopes.next()? {
            if scope.tag() != elf::Tag_File {
                continue;
            }
            let mut reader = scope.attributes();
            while let Some(tag) = reader.read_tag()? {
                let value = match form(tag) {
                    Form::Number => Value::Number(reader.read_integer()?),
                    Form::Text => Value::Text(text(reader.read_string()?)),
                    Form::Both => {
                        let number = reader.read_integer()?;
                        Value::Both(number, text(reader.read_string()?))
                    }
                };
                list.push(Attribute { tag, value });
                if list.len() > LIMIT {
                    return Err(Malformed);
                }
            }
        }
    }
    Ok(list)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The word for an entry of a table of values, or the number itself.
pub(super) fn word(values: &[(u64, &'static str)], number: u64) -> String {
    match values.iter().find(|(n, _)| *n == number) {
        Some((_, word)) => (*word).to_string(),
        None => number.to_string(),
    }
}
