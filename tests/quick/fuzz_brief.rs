//! Every wired fuzz target on its corpus and on three thousand mutations of it: the same
//! bodies as under libFuzzer, with the same inputs in every run.

#[allow(dead_code, clippy::duplicate_mod)]
#[path = "../../fuzz/bodies.rs"]
mod bodies;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;

/// xorshift: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end` (0 for an empty range).
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// Pieces that parsers care about, put in at random places.
const PIECES: &[&[u8]] = &[
    b"-",
    b"--",
    b"=",
    b"@",
    b"\n",
    b"/",
    b"..",
    b"\0",
    b"\xff",
    b",",
    b"-Wp,",
    b"-Wa,",
    b"-Xclang",
    b"gcc",
    b"-12",
    b".",
    b"[",
    b"]",
    b"#",
    b"\"",
    b"-o",
    b"-c",
    b"-f",
    b"distccd_",
];

fn mutate(seed: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut data = seed.to_vec();
    for _ in 0..=random.below(6) {
        let at = random.below(data.len() + 1);
        match random.below(6) {
            0 => data.truncate(at),
            1 => {
                if let Some(byte) = data.get_mut(at) {
                    *byte = random.next() as u8;
                }
            }
            2 if at < data.len() => {
                data.remove(at);
            }
            3 => {
                let end = at + random.below(data.len() - at + 1);
                let copy = data[at..end].to_vec();
                data.splice(at..at, copy);
            }
            4 => {
                let from = random.below(other.len() + 1);
                data.splice(at..at, other[from..].iter().copied());
            }
            _ => {
                let piece = PIECES[random.below(PIECES.len())];
                data.splice(at..at, piece.iter().copied());
            }
        }
        data.truncate(4096);
    }
    data
}

#[test]
fn targets_hold_on_corpus_and_mutations() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for (name, body) in bodies::TARGETS {
        let mut files: Vec<_> = std::fs::read_dir(corpus.join(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        let seeds: Vec<Vec<u8>> = files.iter().map(|f| std::fs::read(f).unwrap()).collect();
        assert!(!seeds.is_empty(), "{name} has no corpus");
        let run = |data: &[u8]| {
            let held = catch_unwind(AssertUnwindSafe(|| body(data)));
            assert!(held.is_ok(), "{name}: {:?}", String::from_utf8_lossy(data));
        };
        seeds.iter().for_each(|seed| run(seed));
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for _ in 0..3_000 {
            let seed = &seeds[random.below(seeds.len())];
            let other = &seeds[random.below(seeds.len())];
            run(&mutate(seed, other, &mut random));
        }
    }
}
