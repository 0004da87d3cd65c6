//! A plot on logarithmic axes, as SVG text.

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
