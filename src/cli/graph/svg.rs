//! The routes as SVG: names on the left, compilers on the right, what is refused in red. All
//! measures are in the picture's own units (pixels at its natural size).

use std::fmt::Write as _;

use super::{cut, in_few_words, shortened, Compiler, Graph, Refused, Row};

const MARGIN: usize = 28;
const HEAD: usize = 84;
/// From one row to the next, and how much of it is the box.
const STEP: usize = 46;
const BOX: usize = 36;
/// Between the rows of one compiler and those of the next.
const SPACE: usize = 14;
/// Room for the lines between the columns.
const GAP: usize = 190;
/// Characters of the longest texts on either side.
const NAME: usize = 44;
const REASON: usize = 70;
/// From so many rows on, a compiler that serves none of them first is not tied to them by lines,
/// which would cross all others: dots of its colour stand in their boxes.
const DOTS: usize = 3;
/// The widths of a character, in hundredths: DejaVu Sans Mono's, the widest of the usual fonts, is
/// 60 in 100 of the size.
const WIDE: usize = 795; // at 13
const NARROW: usize = 672; // at 11

const TEXT: &str = "#1b1f24";
const FAINT: &str = "#57606a";
const RED: &str = "#b3001b";
const PAPER: &str = "#ffffff";
/// Colours of compilers, each at least 4.5 to 1 against the paper.
const COLOURS: [&str; 8] = [
    "#0b5cad", "#1a7f37", "#7a3e9d", "#9a5b00", "#00707a", "#a03070", "#4b5bb5", "#5a6a00",
];

/// Dots are rare, and of colours that no line has.
const DOT: [&str; 2] = ["#24292f", "#8250df"];

/// Where everything goes.
struct Layout {
    left: usize,
    /// Of the compilers' boxes.
    right: usize,
    width: usize,
    height: usize,
    /// The upper edge of each row's box, and of each compiler's.
    rows: Vec<usize>,
    compilers: Vec<usize>,
    /// How many rows each compiler serves without being the first there.
    also: Vec<usize>,
}

pub(super) fn draw(graph: &Graph) -> String {
    let layout = Layout::of(graph);
    let (width, height) = (layout.width, layout.height);
    let mut svg = String::with_capacity(4096 + 1024 * graph.rows.len());
    let _ = writeln!(
        svg,
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"title\">\n\
         <title id=\"title\">Routes of this helper: {summary}</title>\n\
         <style>\n\
         text {{ font-family: 'DejaVu Sans Mono', Menlo, Consolas, monospace; fill: {TEXT}; }}\n\
         .name {{ font-size: 13px; font-weight: 600; }}\n\
         .more {{ font-size: 11px; fill: {FAINT}; }}\n\
         .head {{ font-family: 'DejaVu Sans', Helvetica, Arial, sans-serif; }}\n\
         .refused text, text.refused {{ fill: {RED}; }}\n\
         .line {{ fill: none; stroke-width: 2; }}\n\
         .also {{ fill: none; stroke-width: 1.2; stroke-dasharray: 2 4; }}\n\
         .box {{ fill: #f6f8fa; stroke: #d0d7de; }}\n\
         .refused .box {{ fill: #fff1f1; stroke: {RED}; }}\n\
         </style>\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"{PAPER}\"/>",
        summary = escaped(&graph.summary()),
    );
    let right = MARGIN + layout.left + GAP;
    let _ = writeln!(
        svg,
        "<text class=\"head\" x=\"{MARGIN}\" y=\"36\" font-size=\"18\" font-weight=\"600\">Routes of this helper</text>\n\
         <text class=\"head\" x=\"{MARGIN}\" y=\"58\" font-size=\"13\" fill=\"{FAINT}\">{}</text>\n\
         <text class=\"head more\" x=\"{MARGIN}\" y=\"78\">asked for by clients</text>\n\
         <text class=\"head more\" x=\"{right}\" y=\"78\">compiled by</text>",
        escaped(&graph.summary()),
    );
    // Lines first: boxes stand on their ends.
    for (index, row) in graph.rows.iter().enumerate() {
        lines(&mut svg, row, index, &layout);
    }
    for (index, row) in graph.rows.iter().enumerate() {
        asked(&mut svg, row, index, &layout);
    }
    for (index, compiler) in graph.compilers.iter().enumerate() {
        compiled(&mut svg, compiler, index, &layout);
    }
    svg.push_str("</svg>\n");
    svg
}

impl Layout {
    fn of(graph: &Graph) -> Layout {
        let width = |name: &str, more: &str, most: usize| {
            let wide = name.chars().count().min(most) * WIDE;
            let narrow = more.chars().count().min(most + 6) * NARROW;
            wide.max(narrow) / 100 + 28
        };
        let rows = graph.rows.iter();
        let left = rows
            .map(|row| {
                let part = row.refused.as_ref().filter(|_| !row.routes.is_empty());
                let part = part.map_or(String::new(), |r| format!("  {}", missing_of(r)));
                width(&row.title, &(tools_of(row) + &part), NAME)
            })
            .max();
        let reasons = graph.rows.iter().filter(|r| r.routes.is_empty());
        let reasons = reasons.filter_map(|r| r.refused.as_ref());
        let reasons = reasons.map(|r| {
            let longest = r.why.chars().count().max(r.install.chars().count());
            longest.min(REASON) * NARROW / 100
        });
        let also: Vec<usize> = (0..graph.compilers.len())
            .map(|index| {
                let routes = graph.rows.iter().flat_map(|r| r.routes.iter().skip(1));
                routes.filter(|r| r.to == index).count()
            })
            .collect();
        let compilers = graph.compilers.iter();
        let right = compilers
            .zip(&also)
            .map(|(c, also)| width(&c.title, &programs_of(c, *also), NAME))
            .max()
            .unwrap_or(100);
        let widest = reasons.max().unwrap_or(0).max(right);
        let mut y = HEAD + 8;
        let mut rows = Vec::with_capacity(graph.rows.len());
        let mut places = vec![0; graph.compilers.len()];
        for (index, place) in places.iter_mut().enumerate() {
            let top = y;
            for _ in graph.rows_of(index) {
                rows.push(y);
                y += STEP;
            }
            // In the middle of its rows; below all where it has none of its own.
            *place = match y - top {
                0 => usize::MAX,
                all => top + (all - STEP) / 2,
            };
            if y > top {
                y += SPACE;
            }
        }
        for place in places.iter_mut().filter(|p| **p == usize::MAX) {
            *place = y;
            y += STEP + SPACE;
        }
        for _ in rows.len()..graph.rows.len() {
            rows.push(y);
            y += STEP;
        }
        let left = left.unwrap_or(100);
        Layout {
            left,
            right,
            width: 2 * MARGIN + left + GAP + widest,
            height: y + MARGIN,
            rows,
            compilers: places,
            also,
        }
    }

    /// The right end of a row's box, and the left end of the right column.
    fn ends(&self) -> (usize, usize) {
        (MARGIN + self.left, MARGIN + self.left + GAP)
    }
}

fn tools_of(row: &Row) -> String {
    match (row.routes.first(), &row.refused) {
        (None, Some(refused)) => in_few_words(&refused.tools),
        _ => {
            let tools = row.routes.iter().map(|r| in_few_words(&r.tools));
            tools.collect::<Vec<_>>().join(" | ")
        }
    }
}

/// What of a row is refused, where the rest is served.
fn missing_of(refused: &Refused) -> String {
    format!("no {}", in_few_words(&refused.tools))
}

fn programs_of(compiler: &Compiler, also: usize) -> String {
    let programs = in_few_words(&compiler.programs);
    let dots = match also {
        n if n >= DOTS => format!(", for {n} with this dot"),
        _ => String::new(),
    };
    format!("{}: {programs}{dots}", compiler.directory)
}

fn colour(compiler: usize) -> &'static str {
    COLOURS[compiler % COLOURS.len()]
}

/// The lines of a row: a full one to its first compiler, dotted ones to others, a red one that
/// ends in a cross.
fn lines(svg: &mut String, row: &Row, index: usize, layout: &Layout) {
    let (from, to) = layout.ends();
    let y = layout.rows[index] + BOX / 2;
    let middle = (from + to) / 2;
    // Dotted lines below full ones.
    let routes = row.routes.iter().enumerate().rev();
    for (number, route) in routes.filter(|(n, r)| *n == 0 || layout.also[r.to] < DOTS) {
        let class = if number == 0 { "line" } else { "also" };
        let end = layout.compilers[route.to] + BOX / 2;
        let _ = writeln!(
            svg,
            "<path class=\"{class}\" stroke=\"{}\" d=\"M{from} {y} C{middle} {y} {middle} {end} {to} {end}\"/>",
            colour(route.to)
        );
    }
    if row.routes.is_empty() {
        let (cross, low, high) = (to - 14, y - 5, y + 5);
        let _ = writeln!(
            svg,
            "<path class=\"line\" stroke=\"{RED}\" stroke-dasharray=\"6 4\" d=\"M{from} {y} H{}\"/>\n\
             <path class=\"line\" stroke=\"{RED}\" d=\"M{} {low} L{} {high} M{} {high} L{} {low}\"/>",
            cross - 9,
            cross - 5,
            cross + 5,
            cross - 5,
            cross + 5,
        );
    }
}

/// The box of what is asked for, and why it is refused.
fn asked(svg: &mut String, row: &Row, index: usize, layout: &Layout) {
    let y = layout.rows[index];
    let refused = row.refused.as_ref().filter(|_| row.routes.is_empty());
    let class = if refused.is_some() { " refused" } else { "" };
    let tools = tools_of(row);
    let _ = writeln!(svg, "<g class=\"route{class}\">");
    labelled(svg, MARGIN, y, layout.left, &row.title, &tools, 12);
    if let (None, Some(part)) = (refused, &row.refused) {
        let x = MARGIN + layout.left - 10;
        let _ = writeln!(
            svg,
            "<text class=\"refused\" font-size=\"11\" text-anchor=\"end\" x=\"{x}\" y=\"{}\">{}<title>{}</title></text>",
            y + 30,
            escaped(&missing_of(part)),
            escaped(&part.why),
        );
    }
    if let Some(refused) = refused {
        let x = layout.ends().1;
        let (first, rest) = wrapped(&refused.why, REASON);
        let words = [first, &cut(rest, REASON), &cut(&refused.install, REASON)];
        let words = words.iter().filter(|w| !w.is_empty());
        for (number, line) in words.enumerate() {
            let y = y + 10 + 13 * number;
            let _ = writeln!(
                svg,
                "<text class=\"refused\" font-size=\"11\" x=\"{x}\" y=\"{y}\">{}<title>{}</title></text>",
                escaped(line),
                escaped(&refused.why),
            );
        }
    }
    let others = row.routes.iter().skip(1);
    for (number, route) in others.filter(|r| layout.also[r.to] >= DOTS).enumerate() {
        dot(
            svg,
            MARGIN + layout.left - 12 - 14 * number,
            y + 11,
            route.to,
        );
    }
    svg.push_str("</g>\n");
}

/// The box of a compiler, with its colour at the edge.
fn compiled(svg: &mut String, compiler: &Compiler, index: usize, layout: &Layout) {
    let (x, y) = (layout.ends().1, layout.compilers[index]);
    let also = layout.also[index];
    let programs = programs_of(compiler, also);
    svg.push_str("<g class=\"compiler\">\n");
    labelled(svg, x, y, layout.right, &compiler.title, &programs, 16);
    let _ = writeln!(
        svg,
        "<rect x=\"{x}\" y=\"{y}\" width=\"5\" height=\"{BOX}\" rx=\"2\" fill=\"{}\"/>",
        colour(index)
    );
    if also >= DOTS {
        dot(svg, x + layout.right - 12, y + 11, index);
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

/// A text's first line and the rest, at a blank where there is one.
fn wrapped(text: &str, most: usize) -> (&str, &str) {
    let Some((end, _)) = text.char_indices().nth(most) else {
        return (text, "");
    };
    let end = text[..end].rfind(' ').unwrap_or(end);
    (&text[..end], text[end..].trim_start())
}

/// A box with a name and a line of smaller text; the whole of both where the mouse rests.
fn labelled(
    svg: &mut String,
    x: usize,
    y: usize,
    width: usize,
    name: &str,
    more: &str,
    indent: usize,
) {
    let left = x + indent;
    let (first, second) = (y + 15, y + 30);
    let room = (width - indent - 8) * 100;
    let _ = writeln!(
        svg,
        "<rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{BOX}\" rx=\"5\"/>\n\
         <text class=\"name\" x=\"{left}\" y=\"{first}\">{}<title>{}</title></text>\n\
         <text class=\"more\" x=\"{left}\" y=\"{second}\">{}<title>{}</title></text>",
        escaped(&shortened(name, room / WIDE)),
        escaped(name),
        escaped(&cut(more, room / NARROW)),
        escaped(more),
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
