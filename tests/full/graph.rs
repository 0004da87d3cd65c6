//! `ccroute list --graph`: every route is in the picture, what is refused is marked, nothing
//! overlaps, and whatever stands in a rule or a path is text.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common::call::{run, unfolded, Call};
use crate::common::{executable, need, Scratch, CCROUTE};

const TRIPLES: [&str; 4] = [
    "aarch64-linux-gnu",
    "arm-linux-gnueabihf",
    "i686-linux-gnu",
    "riscv64-linux-gnu",
];

/// Compilers that nobody runs, and rules for clients.
struct Helper {
    scratch: Scratch,
    bin: PathBuf,
}

impl Helper {
    fn new(name: &str, bin: &str, rules: &str) -> Helper {
        let scratch = Scratch::new(name);
        let bin = scratch.path(bin);
        for triple in TRIPLES {
            for tool in ["gcc", "g++"] {
                executable(&bin.join(format!("{triple}-{tool}")), b"#!/bin/sh\n");
            }
        }
        scratch.file("rules/50-test.rules", rules);
        Helper { scratch, bin }
    }

    fn draw(&self, option: &str) -> String {
        let call = Call::new(Path::new(CCROUTE)).args(["list", option]);
        let call = call.env("PATH", &self.bin).env("LC_ALL", "C.UTF-8");
        let ran = call.rules(&self.scratch.path("rules")).run().expect(0);
        assert_eq!(ran.stderr, "");
        ran.stdout
    }

    /// The picture, which another program can read.
    fn svg(&self) -> String {
        let svg = self.draw("--graph=svg");
        let file = self.scratch.file("graph.svg", &svg);
        let mut lint = Command::new(need("xmllint"));
        run(lint.arg("--noout").arg("--nonet").arg(&file)).silent();
        svg
    }
}

/// Rules for this many clients, one in five of which nothing serves.
fn clients(count: usize) -> String {
    let uses = [
        // Its name does not say which ARM processor it is for.
        "arm-linux-gnueabihf\ndefaults = -march=armv7-a",
        "aarch64-linux-gnu",
        "riscv64-linux-gnu",
        "i686-linux-gnu",
        "no-linux-gnu",
    ];
    let names = [
        "armv7a-c",
        "aarch64-c",
        "riscv64-c",
        "i686-averylongvendorindeedandlonger",
        "powerpc-c",
    ];
    (0..count)
        .map(|i| {
            format!(
                "[{}{i}-linux-gnu{}]\nuse = {}\n",
                names[i % 5],
                ["eabihf", "", "", "", ""][i % 5],
                uses[i % 5]
            )
        })
        .collect()
}

/// A rectangle of the picture: left, top, width, height.
#[derive(Clone, Copy, Debug)]
struct Area([f64; 4]);

impl Area {
    fn meets(self, other: Area) -> bool {
        let [x, y, w, h] = self.0;
        let [a, b, c, d] = other.0;
        x < a + c && a < x + w && y < b + d && b < y + h
    }
}

fn number(tag: &str, name: &str) -> f64 {
    let (_, rest) = tag
        .split_once(&format!(" {name}=\""))
        .unwrap_or_else(|| panic!("{name}: {tag}"));
    rest.split('"').next().unwrap().parse().unwrap()
}

/// The boxes, and the texts with the room that they take.
fn areas(svg: &str) -> (Vec<Area>, Vec<(String, Area)>) {
    let lines = svg.lines();
    let boxes = lines
        .clone()
        .filter(|l| l.starts_with("<rect class=\"box\""));
    let boxes = boxes.map(|l| Area(["x", "y", "width", "height"].map(|n| number(l, n))));
    let texts = lines.filter(|l| l.starts_with("<text")).filter_map(|line| {
        let (tag, rest) = line.split_once('>')?;
        let shown = rest.split('<').next()?;
        let shown = ["&lt;", "&gt;", "&amp;", "&quot;", "&#39;"]
            .iter()
            .fold(shown.to_owned(), |t, e| t.replace(e, "x"));
        let size = match tag.split("class=\"").nth(1)?.split('"').next()? {
            "title" => 13.0,
            "name" => 12.0,
            "more" | "missing" => 11.0,
            _ => return None,
        };
        // DejaVu Sans Mono's characters are 0.602 of the size wide.
        let width = shown.chars().count() as f64 * size * 0.602;
        let x = number(tag, "x") - if tag.contains("\"end\"") { width } else { 0.0 };
        Some((shown, Area([x, number(tag, "y") - size * 0.8, width, size])))
    });
    (boxes.collect(), texts.collect())
}

#[test]
fn every_route_is_in_the_picture_and_nothing_overlaps() {
    for count in [0, 3, 17, 60] {
        let helper = Helper::new("routes", "bin", &clients(count));
        let svg = helper.svg();
        // The installed ones, the clients, and native names from others.
        let rows = TRIPLES.len() + count + 1;
        assert_eq!(svg.matches("<g class=\"route").count(), rows, "{count}");
        assert_eq!(svg.matches("<g class=\"compiler\"").count(), TRIPLES.len());
        // Native names from others, and one in five clients.
        let refused = count / 5 + 1;
        assert_eq!(
            svg.matches("<g class=\"route unserved\"").count(),
            refused,
            "{count}"
        );
        // In two boxes: one has no package, the other a reason. A line for each compiler.
        let groups = if count < 5 { 1 } else { 2 };
        assert_eq!(svg.matches("<g class=\"refused\"").count(), groups);
        assert_eq!(svg.matches("<path class=\"line\"").count(), TRIPLES.len());

        let size = svg.lines().find(|l| l.starts_with("<svg")).unwrap();
        let whole = [number(size, "width"), number(size, "height")];
        let (boxes, texts) = areas(&svg);
        assert_eq!(boxes.len(), 2 * TRIPLES.len() + groups);
        // Legible at a screen's width.
        assert!(whole[0] <= 1280.0, "{whole:?}");
        for (index, area) in boxes.iter().enumerate() {
            assert!(
                boxes[..index].iter().all(|other| !other.meets(*area)),
                "{area:?}"
            );
        }
        for (index, (text, area)) in texts.iter().enumerate() {
            let Area([x, y, w, h]) = *area;
            assert!(
                x >= 0.0 && y >= 0.0 && x + w <= whole[0] && y + h <= whole[1],
                "{text}"
            );
            for (other, place) in &texts[..index] {
                assert!(
                    text.is_empty() || other.is_empty() || !place.meets(*area),
                    "{text} {other}"
                );
            }
            // A text that begins in a box ends in it.
            if let Some(Area([a, _, c, _])) = boxes.iter().find(|b| b.meets(*area)) {
                assert!(x + w <= a + c, "{text} leaves its box");
            }
        }
    }
}

#[test]
fn the_terminal_shows_the_same_routes() {
    let rules = clients(10)
        + "[native from 192.168.1.20]\nas = armv7a-c0-linux-gnueabihf\n[bad-linux-gnu]\nrefuse = not that one\n";
    let helper = Helper::new("text", "bin", &rules);
    let text = unfolded(&helper.draw("--graph"));
    assert!(!text.contains('\x1b'));
    assert!(
        text.starts_with("13 served by 4 compilers, 4 not served\n"),
        "{text}"
    );
    let line = |title: &str| {
        let mut lines = text.lines().filter(|l| l.starts_with(title));
        let line = lines.next().unwrap_or_else(|| panic!("{title}: {text}"));
        assert_eq!(lines.next(), None, "{title}: {text}");
        line
    };
    for triple in TRIPLES {
        line(&format!("{triple} "));
    }
    // A bracket of one compiler's rows, which the first names.
    assert!(line("arm-linux-gnueabihf ").contains("─┬─ arm-linux-gnueabihf  "));
    assert!(line("armv7a-c0-linux-gnueabihf ").ends_with("─┤"));
    assert!(line("native from 192.168.1.20 ").ends_with("─┘"));
    for group in [
        "not served: no package here: build a compiler with crosstool-NG\n  powerpc-c4-linux-gnu  powerpc-c9-linux-gnu\n",
        "not served: refused: not that one (rule ",
        ":26)\n  bad-linux-gnu\n",
        "not served: the name does not say which machine it is for, and neither does the job\n  native from others\n",
    ] {
        assert!(text.contains(group), "{group}\n{text}");
    }
    // Nobody asked for anything yet.
    assert!(!text.contains("a client asked for it"));
    assert!(helper.svg().contains("native from 192.168.1.20"));
}

#[test]
fn names_that_clients_asked_for_are_marked() {
    let helper = Helper::new("asked", "bin", &clients(5));
    let calls = helper.scratch.file(
        "calls",
        "@1700000000\thelper\trun\t192.168.1.20\taarch64-linux-gnu-gcc\t/x\tby-name\t/r:3\n\
         @1700000001\thelper\trefuse\t192.168.1.20\tpowerpc-c4-linux-gnu-gcc\t\tby-name\t\n",
    );
    let rules = format!("[ccroute]\nlog = {}\n", calls.display());
    helper.scratch.file("rules/90-log.rules", rules);
    let text = helper.draw("--graph");
    assert!(text.contains("\naarch64-linux-gnu* "), "{text}");
    assert!(text.contains("  powerpc-c4-linux-gnu*\n"), "{text}");
    assert!(text.contains("\narm-linux-gnueabihf "), "{text}");
    assert!(text.ends_with("\n* a client asked for it\n"), "{text}");
    // One in the legend.
    let svg = helper.svg();
    assert_eq!(svg.matches("<path class=\"asked\"").count(), 3);
}

#[test]
fn whatever_stands_in_a_rule_or_a_path_is_text() {
    let rules = "[bad-linux-gnu]\nrefuse = </text><script>alert(1)</script> & \"quotes\" ]]> é\n";
    let helper = Helper::new("hostile", "bin<&\"'\u{1}\x1b[2J\nx", rules);
    let svg = helper.svg();
    assert!(!svg.contains("<script"));
    assert!(svg.contains("&lt;script&gt;"));
    assert!(!svg.contains(['\u{1}', '\x1b']));
    let text = helper.draw("--graph");
    assert!(
        text.chars().all(|c| c == '\n' || !c.is_control()),
        "{text:?}"
    );
    assert_eq!(
        text.lines()
            .filter(|l| l.starts_with("arm-linux-gnueabihf "))
            .count(),
        1
    );
}

#[test]
fn a_picture_goes_to_a_file() {
    let helper = Helper::new("file", "bin", &clients(3));
    let to = helper.scratch.path("routes.svg");
    let call = |to: &Path| {
        Call::new(Path::new(CCROUTE))
            .args(["list", "--graph=svg", "--output"])
            .args([to])
            .env("PATH", &helper.bin)
            .rules(&helper.scratch.path("rules"))
    };
    call(&to).run().silent();
    assert_eq!(fs::read_to_string(&to).unwrap(), helper.svg());
    let ran = call(Path::new("/nonexistent/routes.svg")).run().expect(1);
    assert!(
        ran.stderr.contains("cannot write /nonexistent/routes.svg"),
        "{ran:?}"
    );
}
