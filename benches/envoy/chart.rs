//! The cost against the length of answers and the size of requests, as SVG: both must be straight.

use std::fmt::Write as _;

use super::report::Row;
use super::target::Filter;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 300.0;
const MARGIN: f64 = 56.0;

/// The lines and their colours, which read on white and on black.
const LINES: [(Filter, &str); 2] = [(Filter::None, "#7a8794"), (Filter::Responses, "#d9622b")];

/// Draws both panels.
pub fn svg(rows: &[Row]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"11\" fill=\"#7a8794\">\n",
        2.0 * WIDTH
    );
    let answers = points(rows, |row| {
        let text = row.work.request_bytes == 2 << 10 && row.work.pause.is_zero();
        let bulk = row.work.name.starts_with("bulk") || row.work.name.starts_with("answer");
        (text && bulk).then_some((row.work.chunks as f64, row.work.chunks as f64))
    });
    let requests = points(rows, |row| {
        let request = row.work.name.starts_with("req");
        request.then_some((row.work.request_bytes as f64 / 1024.0, 1.0))
    });
    panel(&mut svg, 0.0, "CPU per answer (µs) by chunks", &answers);
    panel(&mut svg, WIDTH, "CPU per request (µs) by size (KiB)", &requests);
    svg.push_str("</svg>\n");
    svg
}

type Points = Vec<(Filter, Vec<(f64, f64)>)>;

/// For each line, its points: `x` and how many events a unit has, from `place`.
fn points(rows: &[Row], place: impl Fn(&Row) -> Option<(f64, f64)>) -> Points {
    LINES
        .iter()
        .map(|(filter, _)| {
            let mut points: Vec<_> = rows
                .iter()
                .filter_map(|row| {
                    let (x, events) = place(row)?;
                    let per_event = row.work.unit == super::workload::Unit::Event;
                    let units = if per_event { events } else { 1.0 };
                    Some((x, row.cpu_us(*filter)? * units))
                })
                .collect();
            points.sort_by(|one, other| one.0.total_cmp(&other.0));
            (*filter, points)
        })
        .collect()
}

fn panel(svg: &mut String, left: f64, title: &str, lines: &Points) {
    let all = || lines.iter().flat_map(|(_, points)| points);
    let (x_max, y_max) = all().fold((1.0_f64, 1.0_f64), |(x, y), p| (x.max(p.0), y.max(p.1)));
    let (x_step, y_step) = (step(x_max), step(y_max));
    let x_end = (x_max / x_step).ceil() * x_step;
    let y_end = (y_max / y_step).ceil() * y_step;
    let x = |value: f64| left + MARGIN + value / x_end * (WIDTH - MARGIN - 16.0);
    let y = |value: f64| HEIGHT - 32.0 - value / y_end * (HEIGHT - 64.0);
    // Writing to a string cannot fail.
    let _ = writeln!(svg, "<text x=\"{}\" y=\"18\">{title}</text>", left + MARGIN);
    for n in 0..=((y_end / y_step).round() as u32) {
        let value = f64::from(n) * y_step;
        let _ = writeln!(
            svg,
            "<path d=\"M{:.1} {y:.1}H{:.1}\" stroke=\"#7a8794\" stroke-opacity=\".25\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{value}</text>",
            x(0.0),
            x(x_end),
            x(0.0) - 6.0,
            y(value) + 4.0,
            y = y(value),
        );
    }
    for n in 0..=((x_end / x_step).round() as u32) {
        let value = f64::from(n) * x_step;
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{value}</text>",
            x(value),
            y(0.0) + 16.0
        );
    }
    for ((filter, points), (_, colour)) in lines.iter().zip(LINES) {
        let path: Vec<_> = points.iter().map(|p| format!("{:.1} {:.1}", x(p.0), y(p.1))).collect();
        let _ = writeln!(
            svg,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            path.join("L")
        );
        for point in points {
            let (x, y) = (x(point.0), y(point.1));
            let _ =
                writeln!(svg, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>");
        }
        if let Some(last) = points.last() {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{}</text>",
                x(last.0) - 8.0,
                y(last.1) - 6.0,
                filter.name()
            );
        }
    }
}

/// A round distance between the lines of an axis that ends at `max`.
fn step(max: f64) -> f64 {
    let power = 10_f64.powf((max / 4.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|s| max / s <= 5.0).unwrap_or(power)
}
