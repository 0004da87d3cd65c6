//! Objects whose bytes mean harm: reading them never panics and never takes long.

use crate::common::cross::compile;
use ccroute::proof::object::{compare, digest, Facts};

const SOURCE: &str = "\
extern int elsewhere(int *);
extern int variable;
double mix(double a, float b) { return a * b + 1.5; }
int call(int n) { variable += n; return elsewhere(&variable); }
const char *text(void) { return \"text\"; }
enum small { LOW, HIGH } one(void) { return HIGH; }
";

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % (limit.max(1) as u64)) as usize
    }
}

#[test]
fn hostile_bytes_never_panic() {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let compilers = [
        "arm-linux-gnueabihf-gcc",
        "riscv64-linux-gnu-gcc",
        "mips64el-linux-gnuabi64-gcc",
        "powerpc64-linux-gnu-gcc",
        "x86_64-linux-gnu-gcc -fcf-protection=full -ffunction-sections",
        "aarch64-linux-gnu-gcc -mbranch-protection=standard -g",
    ];
    let objects: Vec<Vec<u8>> = compilers
        .iter()
        .map(|c| compile(c, &["-O2"], "a.c", SOURCE))
        .collect();
    let interesting = [0u8, 1, 2, 4, 0x7f, 0x80, 0xf5, 0xff];
    let start = std::time::Instant::now();
    let mut readable = 0;
    for round in 0..6000 {
        let original = &objects[round % objects.len()];
        let mut bytes = original.clone();
        for _ in 0..=random.below(4) {
            match random.below(6) {
                0 => bytes.truncate(random.below(bytes.len() + 1)),
                // The header and the section headers at the end decide most.
                1 if !bytes.is_empty() => {
                    let at = random.below(bytes.len().min(64));
                    bytes[at] = interesting[random.below(interesting.len())];
                }
                2 if bytes.len() > 1024 => {
                    let at = bytes.len() - 1 - random.below(1024);
                    bytes[at] = interesting[random.below(interesting.len())];
                }
                3 if bytes.len() > 8 => {
                    let at = random.below(bytes.len() - 8);
                    let value = (random.0 as u32).to_le_bytes();
                    bytes[at..at + 4].copy_from_slice(&value);
                }
                4 if bytes.len() > 64 => {
                    let (from, to) = (
                        random.below(bytes.len() - 32),
                        random.below(bytes.len() - 32),
                    );
                    bytes.copy_within(from..from + 32, to);
                }
                _ if !bytes.is_empty() => {
                    let at = random.below(bytes.len());
                    bytes[at] ^= 1 << random.below(8);
                }
                _ => {}
            }
        }
        let facts = Facts::read(&bytes);
        let _ = digest(&bytes);
        let _ = compare(original, &bytes);
        let _ = compare(&bytes, original);
        if let Ok(facts) = facts {
            readable += 1;
            let words = facts.to_words();
            assert!(!words.contains('\n') && !words.contains('#'), "{words:?}");
            let back = Facts::from_words(words.split(' '));
            assert!(back.is_some(), "{words:?}");
            let own = Facts::read(original).unwrap();
            let _ = own.differences(&facts);
            let _ = facts.differences(&own);
            let _ = facts.to_string();
        }
    }
    // Neither all refused early nor none: the mutations reach the readers.
    assert!((1000..6000).contains(&readable), "{readable}");
    assert!(start.elapsed().as_secs() < 120, "{:?}", start.elapsed());
}

/// Many sections that all claim the same bytes would cost the square of the file's size.
#[test]
fn overlapping_sections_are_refused() {
    let mut bytes = vec![0u8; 64];
    bytes[..20].copy_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\x3e\0");
    let count = 20_000u16;
    let data = 64u64;
    bytes[0x28..0x30].copy_from_slice(&(data + 4096).to_le_bytes());
    bytes[0x34..0x36].copy_from_slice(&64u16.to_le_bytes());
    bytes[0x3a..0x3c].copy_from_slice(&64u16.to_le_bytes());
    bytes[0x3c..0x3e].copy_from_slice(&count.to_le_bytes());
    bytes[0x3e..0x40].copy_from_slice(&1u16.to_le_bytes());
    bytes.resize(64 + 4096, 0);
    for index in 0..count {
        let mut header = [0u8; 64];
        if index > 0 {
            let kind: u32 = if index == 1 { 3 } else { 4 };
            header[4..8].copy_from_slice(&kind.to_le_bytes());
            header[24..32].copy_from_slice(&data.to_le_bytes());
            header[32..40].copy_from_slice(&(4096u64 - 4096 % 24).to_le_bytes());
        }
        bytes.extend(header);
    }
    let start = std::time::Instant::now();
    let error = digest(&bytes).unwrap_err();
    assert_eq!(error.to_string(), "broken ELF file: its sections overlap");
    assert!(start.elapsed().as_secs() < 5);
}
