//! Plots as SVG text: lines on logarithmic axes, and bars. Each bench uses one of the two.
#![allow(dead_code)]

use std::fmt::Write as _;

/// A named line through points.
pub struct Line {
    title: String,
    pub points: Vec<(f64, f64)>,
}

impl Line {
    pub fn new(title: &str) -> Line {
        Line {
            title: title.to_owned(),
            points: Vec::new(),
        }
    }
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 400.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 20.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 50.0;
const COLOURS: [&str; 4] = ["#0b6e99", "#c0392b", "#27825b", "#7d3c98"];

/// The powers of ten that values lie between.
fn decades(values: impl Iterator<Item = f64> + Clone) -> (i32, i32) {
    let logs = values.filter(|v| *v > 0.0).map(f64::log10);
    let low = logs.clone().fold(f64::INFINITY, f64::min).floor();
    let high = logs.fold(f64::NEG_INFINITY, f64::max).ceil();
    match low.is_finite() {
        true => (low as i32, (high as i32).max(low as i32 + 1)),
        false => (0, 1),
    }
}

/// Draws lines; points at or below zero (noise) are left out.
pub fn svg(title: &str, x_title: &str, y_title: &str, lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|l| l.points.iter());
    let (x0, x1) = decades(points().map(|p| p.0));
    let (y0, y1) = decades(points().map(|p| p.1));
    let x =
        |v: f64| LEFT + (v.log10() - f64::from(x0)) / f64::from(x1 - x0) * (WIDTH - LEFT - RIGHT);
    let y = |v: f64| {
        HEIGHT - BOTTOM - (v.log10() - f64::from(y0)) / f64::from(y1 - y0) * (HEIGHT - TOP - BOTTOM)
    };
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"15\">{title}</text>\n"
    );
    for power in x0..=x1 {
        let (at, value) = (x(10f64.powi(power)), 10f64.powi(power));
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} {TOP}V{bottom}\" stroke=\"#ddd\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value}</text>",
            bottom + 18.0
        );
    }
    for power in y0..=y1 {
        let (at, value) = (y(10f64.powi(power)), 10f64.powi(power));
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{right}\" stroke=\"#ddd\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\">{x_title}</text>\
         <text x=\"{:.1}\" y=\"{TOP}\" text-anchor=\"end\" dy=\"-8\">{y_title}</text>",
        HEIGHT - 10.0,
        LEFT - 8.0
    );
    for (n, line) in lines.iter().enumerate() {
        let colour = COLOURS[n % COLOURS.len()];
        let dashes = if n < COLOURS.len() { "none" } else { "5 4" };
        let drawn = line.points.iter().filter(|p| p.1 > 0.0);
        let path: Vec<String> = drawn
            .clone()
            .map(|p| format!("{:.1} {:.1}", x(p.0), y(p.1)))
            .collect();
        let _ = writeln!(
            svg,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" \
             stroke-dasharray=\"{dashes}\"/>",
            path.join("L")
        );
        for point in drawn {
            let _ = writeln!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                x(point.0),
                y(point.1)
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
            LEFT + 14.0,
            TOP + 18.0 + 16.0 * n as f64,
            line.title
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// A bar: its title, its value, whether it is one of ours.
pub struct Bar {
    pub title: String,
    pub value: f64,
    pub ours: bool,
}

const NAMES: f64 = 210.0;
const STEP: f64 = 26.0;
const FIRST: f64 = 62.0;
const LONGEST: f64 = 350.0;

/// Draws horizontal bars in the order given, each with its value. The picture has its own background,
/// light or dark as the reader's system.
pub fn bars(title: &str, unit: &str, all: &[Bar]) -> String {
    let most = all
        .iter()
        .map(|b| b.value)
        .fold(f64::MIN_POSITIVE, f64::max);
    let height = FIRST + STEP * all.len() as f64 + 12.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
         viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">{title}</title>\n\
         <style>\n\
         text {{ font: 12px 'DejaVu Sans', Helvetica, Arial, sans-serif; fill: #1b1f24; }}\n\
         .head {{ font-size: 15px; }} .unit {{ fill: #57606a; }}\n\
         .paper {{ fill: #ffffff; }} .peer {{ fill: #8c959f; }} .own {{ fill: #0b6e99; }}\n\
         @media (prefers-color-scheme: dark) {{\n\
         text {{ fill: #e6edf3; }} .unit {{ fill: #a5adb6; }}\n\
         .paper {{ fill: #0d1117; }} .peer {{ fill: #6e7681; }} .own {{ fill: #58a6ff; }}\n\
         }}\n\
         </style>\n\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n\
         <text class=\"head\" x=\"16\" y=\"26\">{title}</text>\n\
         <text class=\"unit\" x=\"16\" y=\"46\">{unit}</text>\n"
    );
    for (n, bar) in all.iter().enumerate() {
        let y = FIRST + STEP * n as f64;
        let width = (bar.value.max(0.0) / most * LONGEST).max(1.0);
        let class = if bar.ours { "own" } else { "peer" };
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{class}\" x=\"{NAMES}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"18\" rx=\"2\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{:.2}</text>",
            NAMES - 8.0,
            y + 13.0,
            bar.title,
            NAMES + width + 8.0,
            y + 13.0,
            bar.value
        );
    }
    svg.push_str("</svg>\n");
    svg
}
