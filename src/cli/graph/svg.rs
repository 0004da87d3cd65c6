//! The routes as SVG: names on the left in one box for each compiler, the compilers on the right, and
//! below them the names that nothing serves, by what would serve them. All measures are in the picture's
//! own units (pixels at its natural size).

use std::fmt::Write as _;

use crate::cli::look::count;

use super::{cut, in_few_words, shortened, Compiler, Graph, Refused, Row, Unserved};

const MARGIN: usize = 24;
const HEAD: usize = 92;
/// The height of a line of names.
const LINE: usize = 20;
/// Between a box's edge and its text.
const PAD: usize = 10;
/// The height of a compiler's box.
const COMPILER: usize = 44;
/// Between one box and the next below it.
const SPACE: usize = 14;
/// Room for the lines between the columns.
const GAP: usize = 64;
/// Room in front of a name, for the mark of those that clients asked for.
const MARK: usize = 14;
/// From so many names on, a box has two columns.
const MANY: usize = 7;
/// Characters of the longest texts.
const NAME: usize = 40;
const PROGRAMS: usize = 44;
/// The widths of a character, in hundredths: DejaVu Sans Mono's, the widest of the usual fonts, is
/// 60.2 in 100 of the size.
const WIDE: usize = 783; // at 13
const MIDDLE: usize = 723; // at 12
const NARROW: usize = 663; // at 11

const TEXT: &str = "#1b1f24";
const FAINT: &str = "#57606a";
const RED: &str = "#b3001b";
const PAPER: &str = "#ffffff";
/// Colours of compilers, each at least 4.5 to 1 against the paper.
const COLOURS: [&str; 8] = [
    "#0b5cad", "#1a7f37", "#7a3e9d", "#9a5b00", "#00707a", "#a03070", "#4b5bb5", "#5a6a00",
];

/// The dot of a name's second compiler has a colour that no line has.
const DOT: [&str; 2] = ["#24292f", "#8250df"];

/// Where everything goes.
struct Layout {
    /// The width of a column of names, and of the boxes that hold them.
    column: usize,
    left: usize,
    /// Of the compilers' boxes.
    right: usize,
    width: usize,
    height: usize,
    /// Of each compiler: the upper edge and the height of its names' box; no height without names.
    groups: Vec<(usize, usize)>,
    /// The same of the names that nothing serves.
    unserved: Vec<(usize, usize)>,
    /// How many rows each compiler serves without being the first there.
    also: Vec<usize>,
}

pub(super) fn draw(graph: &Graph) -> String {
    let layout = Layout::of(graph);
    let (width, height) = (layout.width, layout.height);
    let summary = escaped(&graph.summary());
    let mut svg = String::with_capacity(4096 + 512 * graph.rows.len());
    let _ = writeln!(
        svg,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">Routes of this helper: {summary}</title>\n\
         <style>\n\
         text {{ font-family: 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: {TEXT}; }}\n\
         .title {{ font-size: 13px; font-weight: 600; }}\n\
         .name {{ font-size: 12px; }}\n\
         .more {{ font-size: 11px; fill: {FAINT}; }}\n\
         .missing {{ font-size: 11px; fill: {RED}; }}\n\
         .head {{ font-family: 'DejaVu Sans', Helvetica, Arial, sans-serif; }}\n\
         .refused .title {{ fill: {RED}; }}\n\
         .line {{ fill: none; stroke-width: 3; }}\n\
         .box {{ fill: #f6f8fa; stroke: #d0d7de; }}\n\
         .refused .box {{ fill: #fff1f1; stroke: {RED}; stroke-dasharray: 5 3; }}\n\
         .asked {{ fill: {TEXT}; }}\n\
         </style>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{PAPER}\"/>\n\
         <text class=\"head\" x=\"{MARGIN}\" y=\"34\" font-size=\"18\" font-weight=\"600\">Routes of this helper</text>\n\
         <text class=\"head\" x=\"{MARGIN}\" y=\"54\" font-size=\"13\" fill=\"{FAINT}\">{summary}</text>\n\
         <text class=\"head\" x=\"{MARGIN}\" y=\"{}\" font-size=\"12\" fill=\"{FAINT}\">names that clients may ask for</text>\n\
         <text class=\"head\" x=\"{}\" y=\"{}\" font-size=\"12\" fill=\"{FAINT}\">compiled by</text>",
        HEAD - 8,
        layout.compilers(),
        HEAD - 8,
    );
    if graph.any_asked() {
        let x = MARGIN + 230;
        mark(&mut svg, x, HEAD - 12);
        let _ = writeln!(
            svg,
            "<text class=\"head\" x=\"{}\" y=\"{}\" font-size=\"12\" fill=\"{FAINT}\">a client asked for it</text>",
            x + 10,
            HEAD - 8
        );
    }
    for (index, compiler) in graph.compilers.iter().enumerate() {
        served(&mut svg, graph, index, &layout);
        compiled(&mut svg, compiler, index, &layout);
    }
    for (group, place) in graph.unserved.iter().zip(&layout.unserved) {
        refused(&mut svg, graph, group, *place, &layout);
    }
    svg.push_str("</svg>\n");
    svg
}

impl Layout {
    fn of(graph: &Graph) -> Layout {
        let rows = graph.rows.iter();
        let column = rows.map(width_of).max().unwrap_or(100) + SPACE;
        let columns = |names: usize| if names < MANY { 1 } else { 2 };
        let sizes: Vec<usize> = (0..graph.compilers.len())
            .map(|index| graph.rows_of(index).count())
            .collect();
        let most = sizes.iter().copied().map(columns).max().unwrap_or(1);
        let left = most * column + PAD;
        let also: Vec<usize> = (0..graph.compilers.len())
            .map(|index| {
                let routes = graph.rows.iter().flat_map(|r| r.routes.iter().skip(1));
                routes.filter(|r| r.to == index).count()
            })
            .collect();
        let right = graph.compilers.iter().zip(&also).map(|(compiler, also)| {
            let title = compiler.title.chars().count().min(NAME) * WIDE;
            let more = programs_of(compiler, *also).chars().count().min(PROGRAMS);
            title.max(more * NARROW) / 100 + 34
        });
        let right = right.max().unwrap_or(100).max(220);
        let width = 2 * MARGIN + left + GAP + right;
        let mut y = HEAD + 8;
        let mut groups = Vec::with_capacity(sizes.len());
        for names in sizes {
            let high = match names {
                0 => 0,
                n => n.div_ceil(columns(n)) * LINE + 2 * PAD,
            };
            // A compiler's box may be the higher one of the two.
            let step = high.max(COMPILER);
            groups.push((y + (step - high) / 2, high));
            y += step + SPACE;
        }
        let mut layout = Layout {
            column,
            left,
            right,
            width,
            height: 0,
            groups,
            unserved: Vec::new(),
            also,
        };
        for group in &graph.unserved {
            let lines = group.rows.len().div_ceil(layout.columns());
            let high = LINE + lines * LINE + 2 * PAD;
            layout.unserved.push((y, high));
            y += high + SPACE;
        }
        layout.height = y + MARGIN - SPACE;
        layout
    }

    /// The left end of the compilers' boxes.
    fn compilers(&self) -> usize {
        MARGIN + self.left + GAP
    }

    /// How many columns of names a box has that goes from edge to edge.
    fn columns(&self) -> usize {
        ((self.width - 2 * MARGIN - PAD) / self.column).max(1)
    }
}

/// What of a row is refused, where the rest is served.
fn missing_of(refused: &Refused) -> String {
    format!("no {}", in_few_words(&refused.tools))
}

fn missing(row: &Row) -> Option<String> {
    let refused = row.refused.as_ref().filter(|_| !row.routes.is_empty());
    refused.map(missing_of)
}

/// The room of a row's line.
fn width_of(row: &Row) -> usize {
    let name = row.title.chars().count().min(NAME) * MIDDLE / 100;
    let missing = missing(row).map_or(0, |m| m.chars().count().min(NAME) * NARROW / 100 + PAD);
    MARK + name + missing + 14 * row.routes.len().saturating_sub(1)
}

fn programs_of(compiler: &Compiler, also: usize) -> String {
    let programs = in_few_words(&compiler.programs);
    let dots = match also {
        0 => String::new(),
        n => format!("; dot: {}", count(n, "name")),
    };
    format!("{}: {programs}{dots}", compiler.directory)
}

fn colour(compiler: usize) -> &'static str {
    COLOURS[compiler % COLOURS.len()]
}

/// The names that a compiler serves first, and the line to it.
fn served(svg: &mut String, graph: &Graph, index: usize, layout: &Layout) {
    let (y, high) = layout.groups[index];
    if high == 0 {
        return;
    }
    let (from, to, middle) = (MARGIN + layout.left, layout.compilers(), y + high / 2);
    let _ = writeln!(
        svg,
        "<path class=\"line\" stroke=\"{}\" d=\"M{from} {middle} H{to}\"/>\n\
         <rect class=\"box\" x=\"{MARGIN}\" y=\"{y}\" width=\"{}\" height=\"{high}\" rx=\"5\"/>",
        colour(index),
        layout.left,
    );
    let lines = (high - 2 * PAD) / LINE;
    for (number, (_, row)) in graph.rows_of(index).enumerate() {
        let x = MARGIN + PAD + number / lines * layout.column;
        let _ = writeln!(svg, "<g class=\"route\">");
        line_of(svg, row, x, y + PAD + number % lines * LINE);
        svg.push_str("</g>\n");
    }
}

/// A group of names that nothing serves, with what would serve them.
fn refused(
    svg: &mut String,
    graph: &Graph,
    group: &Unserved,
    (y, high): (usize, usize),
    layout: &Layout,
) {
    let width = layout.width - 2 * MARGIN;
    let room = (width - 2 * PAD - 12) * 100 / WIDE;
    let _ = writeln!(
        svg,
        "<g class=\"refused\">\n\
         <rect class=\"box\" x=\"{MARGIN}\" y=\"{y}\" width=\"{width}\" height=\"{high}\" rx=\"5\"/>\n\
         <text class=\"title\" x=\"{}\" y=\"{}\">{}<title>{}</title></text>",
        MARGIN + PAD + MARK,
        y + PAD + 13,
        escaped(&cut(&group.title, room)),
        escaped(&group.title),
    );
    let columns = layout.columns();
    let lines = group.rows.len().div_ceil(columns);
    for (number, &row) in group.rows.iter().enumerate() {
        let x = MARGIN + PAD + number / lines * layout.column;
        let _ = writeln!(svg, "<g class=\"route unserved\">");
        line_of(
            svg,
            &graph.rows[row],
            x,
            y + PAD + LINE + number % lines * LINE,
        );
        svg.push_str("</g>\n");
    }
    svg.push_str("</g>\n");
}

/// A name, with the mark in front of it and what is particular behind it.
fn line_of(svg: &mut String, row: &Row, x: usize, y: usize) {
    let base = y + 14;
    if row.asked {
        mark(svg, x + 4, base - 4);
    }
    let bold = if row.asked {
        " font-weight=\"600\""
    } else {
        ""
    };
    let name = shortened(&row.title, NAME);
    let mut end = x + MARK + name.chars().count() * MIDDLE / 100;
    let why = row.refused.as_ref().map_or("", |r| &r.why);
    let tools = row.routes.first().map(|r| in_few_words(&r.tools));
    let tip = match tools {
        Some(tools) => format!("{}: {tools}", row.title),
        None => format!("{}: {why}", row.title),
    };
    let _ = writeln!(
        svg,
        "<text class=\"name\"{bold} x=\"{}\" y=\"{base}\">{}<title>{}</title></text>",
        x + MARK,
        escaped(&name),
        escaped(&tip),
    );
    for route in row.routes.iter().skip(1) {
        dot(svg, end + 10, base - 4, route.to);
        end += 14;
    }
    if let Some(missing) = missing(row) {
        let _ = writeln!(
            svg,
            "<text class=\"missing\" x=\"{}\" y=\"{base}\">{}<title>{}</title></text>",
            end + PAD,
            escaped(&shortened(&missing, NAME)),
            escaped(why),
        );
    }
}

/// The mark of a name that a client asked for: a rhombus with this centre.
fn mark(svg: &mut String, x: usize, y: usize) {
    let _ = writeln!(
        svg,
        "<path class=\"asked\" d=\"M{} {y} l5 -5 l5 5 l-5 5 z\"/>",
        x.saturating_sub(5)
    );
}

/// The box of a compiler, with its colour at the edge.
fn compiled(svg: &mut String, compiler: &Compiler, index: usize, layout: &Layout) {
    let (group, high) = layout.groups[index];
    let (x, width) = (layout.compilers(), layout.right);
    let y = match high {
        0 => group - COMPILER / 2,
        _ => group + high / 2 - COMPILER / 2,
    };
    let also = layout.also[index];
    let programs = programs_of(compiler, also);
    let left = x + 16;
    let _ = writeln!(
        svg,
        "<g class=\"compiler\">\n\
         <rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{COMPILER}\" rx=\"5\"/>\n\
         <text class=\"title\" x=\"{left}\" y=\"{}\">{}<title>{}</title></text>\n\
         <text class=\"more\" x=\"{left}\" y=\"{}\">{}<title>{}</title></text>\n\
         <rect x=\"{x}\" y=\"{y}\" width=\"5\" height=\"{COMPILER}\" rx=\"2\" fill=\"{}\"/>",
        y + 19,
        escaped(&shortened(&compiler.title, NAME)),
        escaped(&compiler.title),
        y + 35,
        escaped(&cut(&programs, PROGRAMS)),
        escaped(&programs),
        colour(index)
    );
    if also > 0 {
        dot(svg, x + width - 12, y + 14, index);
    }
    svg.push_str("</g>\n");
}

fn dot(svg: &mut String, x: usize, y: usize, compiler: usize) {
    let _ = writeln!(
        svg,
        "<circle cx=\"{x}\" cy=\"{y}\" r=\"4\" fill=\"{}\"/>",
        DOT[compiler % DOT.len()]
    );
}

/// Text as XML takes it. What XML 1.0 has no way to write becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_name_holds_is_text() {
        let hostile = "<a href='x'>&\"\u{1}\u{ffff}\n]]>";
        let want = "&lt;a href=&#39;x&#39;&gt;&amp;&quot;\u{fffd}\u{fffd}\u{fffd}]]&gt;";
        assert_eq!(escaped(hostile), want);
    }

    /// WCAG 2.1, relative luminance.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
            let value = f64::from(value) / 255.0;
            match value <= 0.03928 {
                true => value / 12.92,
                false => ((value + 0.055) / 1.055).powf(2.4),
            }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    #[test]
    fn every_colour_can_be_told_from_what_it_stands_on() {
        let contrast = |a: &str, b: &str| {
            let (a, b) = (luminance(a) + 0.05, luminance(b) + 0.05);
            a.max(b) / a.min(b)
        };
        for colour in COLOURS.iter().chain(&DOT).chain(&[TEXT, FAINT, RED]) {
            for paper in [PAPER, "#f6f8fa"] {
                assert!(contrast(colour, paper) >= 4.5, "{colour} on {paper}");
            }
        }
        assert!(contrast(RED, "#fff1f1") >= 4.5);
    }
}
