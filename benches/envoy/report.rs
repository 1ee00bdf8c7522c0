//! The table, and the same as JSON.

use serde_json::{Map, Value, json};

use super::measure::{Cost, Memory};
use super::target::Filter;
use super::workload::{Goals, Unit, Workload};

/// Everything that was measured.
#[derive(Default)]
pub struct Report {
    pub machine: Value,
    pub rows: Vec<Row>,
    pub memory: Vec<(Filter, Memory)>,
    /// The streams that were open at once for `memory`.
    pub streams: usize,
}

/// One work.
pub struct Row {
    pub work: Workload,
    /// Per target, one cost for each round.
    pub cells: Vec<(Filter, Vec<Cost>)>,
}

impl Row {
    fn costs(&self, filter: Filter) -> &[Cost] {
        let cell = self.cells.iter().find(|(found, _)| *found == filter);
        cell.map(|(_, costs)| costs.as_slice()).unwrap_or_default()
    }

    /// CPU per unit in µs: the minimum over the rounds, because noise only adds.
    pub fn cpu_us(&self, filter: Filter) -> Option<f64> {
        let minimum = self.costs(filter).iter().map(|cost| cost.cpu_ns).min_by(f64::total_cmp);
        minimum.map(|ns| ns / 1000.0)
    }

    /// The median over the rounds of what `pair` makes of both targets' costs in the same round.
    fn paired(&self, one: Filter, other: Filter, pair: fn(&Cost, &Cost) -> f64) -> Option<f64> {
        let rounds = self.costs(one).iter().zip(self.costs(other));
        median(rounds.map(|(one, other)| pair(one, other)).collect())
    }

    /// CPU of the first as a multiple of the second's.
    pub fn ratio(&self, one: Filter, other: Filter) -> Option<f64> {
        self.paired(one, other, |one, other| one.cpu_ns / other.cpu_ns)
    }

    /// Median time to the first byte, in µs more than the other's.
    fn added_first_byte_us(&self, one: Filter, other: Filter) -> Option<f64> {
        self.paired(one, other, |one, other| one.first_byte_us.0 - other.first_byte_us.0)
    }

    fn median(&self, filter: Filter, of: fn(&Cost) -> f64) -> Option<f64> {
        median(self.costs(filter).iter().map(of).collect())
    }

    /// The filter's figures beside their goals: name, figure, goal.
    fn verdicts(&self) -> Vec<(&'static str, f64, f64)> {
        let Goals { envoy, copy, first_byte_us } = self.work.goals;
        let goal = |goal: Option<f64>| goal.filter(|goal| *goal > 0.0);
        let figures = [
            ("x envoy", self.ratio(Filter::Responses, Filter::None), goal(envoy)),
            ("x copy", self.ratio(Filter::Responses, Filter::Copy), goal(copy)),
            (
                "first byte +us",
                self.added_first_byte_us(Filter::Responses, Filter::None),
                goal(first_byte_us),
            ),
        ];
        figures
            .into_iter()
            .filter_map(|(name, figure, goal)| Some((name, figure?, goal?)))
            .collect()
    }

    fn json(&self) -> Value {
        let cells: Map<String, Value> = self
            .cells
            .iter()
            .map(|(filter, costs)| {
                let quantiles = |of: fn(&Cost) -> (f64, f64)| {
                    let median = |of: &dyn Fn(&Cost) -> f64| median(costs.iter().map(of).collect());
                    json!([round(median(&|cost| of(cost).0)), round(median(&|cost| of(cost).1))])
                };
                let cell = json!({
                    "cpu_us": round(self.cpu_us(*filter)),
                    "x_envoy": round(self.ratio(*filter, Filter::None)),
                    "x_copy": round(self.ratio(*filter, Filter::Copy)),
                    "first_byte_us_p50_p99": quantiles(|cost| cost.first_byte_us),
                    "total_us_p50_p99": quantiles(|cost| cost.total_us),
                    "per_second": round(self.median(*filter, |cost| cost.rate)),
                });
                (filter.name().to_owned(), cell)
            })
            .collect();
        json!({
            "name": self.work.name, "chunks": self.work.chunks,
            "request_bytes": self.work.request_bytes, "connections": self.work.connections,
            "unit": unit(self.work.unit), "targets": cells,
        })
    }
}

impl Report {
    /// The report as the file that is kept.
    pub fn json(&self) -> Value {
        let memory: Map<String, Value> = self
            .memory
            .iter()
            .map(|(filter, memory)| {
                let figures = json!({
                    "before_mb": mb(memory.before), "most_mb": mb(memory.most),
                    "again_mb": mb(memory.again),
                    "kb_per_stream": round(Some(self.kb_per_stream(memory))),
                });
                (filter.name().to_owned(), figures)
            })
            .collect();
        json!({
            "machine": self.machine,
            "rows": self.rows.iter().map(Row::json).collect::<Vec<_>>(),
            "memory": memory,
        })
    }

    fn kb_per_stream(&self, memory: &Memory) -> f64 {
        memory.most.saturating_sub(memory.before) as f64 / 1000.0 / self.streams as f64
    }

    /// Prints the table, each row beside what `last` says about it.
    pub fn print(&self, last: &Value) {
        println!(
            "\nCPU of Envoy in us per unit (minimum over rounds), as a multiple of Envoy without a \
             filter\n(median of pairs), and the same of the last committed result\n"
        );
        println!(
            "{:<12}{:<8}{:>9}{:>9}{:>9}{:>9}{:>9}   {:>6}{:>6}{:>8}{:>7}{:>9}{:>7}   goals",
            "work",
            "per",
            "envoy",
            "noop",
            "copy",
            "filter",
            "simd128",
            "noop",
            "copy",
            "filter",
            "last",
            "simd128",
            "last",
        );
        for row in &self.rows {
            self.print_row(row, last);
        }
        self.print_first_bytes();
        self.print_memory();
    }

    fn print_row(&self, row: &Row, last: &Value) {
        let cpu = |filter| number(row.cpu_us(filter), 3);
        let ratio = |filter| number(row.ratio(filter, Filter::None), 2);
        let last = |filter| number(last_ratio(last, row.work.name, filter), 2);
        let goals: Vec<String> = row
            .verdicts()
            .into_iter()
            .map(|(name, figure, goal)| {
                let verdict = if figure <= goal { "holds" } else { "MISSED" };
                format!("{name} {figure:.2} <= {goal} {verdict}")
            })
            .collect();
        println!(
            "{:<12}{:<8}{:>9}{:>9}{:>9}{:>9}{:>9}   {:>6}{:>6}{:>8}{:>7}{:>9}{:>7}   {}",
            row.work.name,
            unit(row.work.unit),
            cpu(Filter::None),
            cpu(Filter::Noop),
            cpu(Filter::Copy),
            cpu(Filter::Responses),
            cpu(Filter::Simd),
            ratio(Filter::Noop),
            ratio(Filter::Copy),
            ratio(Filter::Responses),
            last(Filter::Responses),
            ratio(Filter::Simd),
            last(Filter::Simd),
            goals.join(", "),
        );
    }

    fn print_first_bytes(&self) {
        println!("\nmedian time to the first byte of the answer, us, and exchanges per second\n");
        for row in &self.rows {
            let line = row.cells.iter().map(|(filter, _)| {
                let first = row.median(*filter, |cost| cost.first_byte_us.0);
                let rate = row.median(*filter, |cost| cost.rate);
                format!("{:>10} {:>7} /{:>7}", filter.name(), number(first, 0), number(rate, 0))
            });
            println!("{:<12}{}", row.work.name, line.collect::<String>());
        }
    }

    fn print_memory(&self) {
        if self.memory.is_empty() {
            return;
        }
        println!("\nresident memory with {} slow streams, MB\n", self.streams);
        let base = self.memory.iter().find(|(filter, _)| *filter == Filter::None);
        for (filter, memory) in &self.memory {
            let added = base.map(|(_, base)| {
                format!(
                    "  over envoy: {:.1} MB and {:.1} kB a stream",
                    mb(memory.before) - mb(base.before),
                    self.kb_per_stream(memory) - self.kb_per_stream(base)
                )
            });
            println!(
                "{:<12}before {:>6.1}  most {:>6.1}  again {:>6.1}{}",
                filter.name(),
                mb(memory.before),
                mb(memory.most),
                mb(memory.again),
                added.unwrap_or_default(),
            );
        }
    }
}

/// What the last result says; it may be older than this work or target.
fn last_ratio(last: &Value, name: &str, filter: Filter) -> Option<f64> {
    let row = last["rows"].as_array()?.iter().find(|row| row["name"] == name)?;
    row["targets"][filter.name()]["x_envoy"].as_f64()
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Event => "event",
        Unit::Request => "request",
    }
}

fn mb(bytes: u64) -> f64 {
    (bytes as f64 / 1e5).round() / 10.0
}

fn round(figure: Option<f64>) -> Value {
    figure.map_or(Value::Null, |figure| json!((figure * 1000.0).round() / 1000.0))
}

fn number(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.digits$}"))
}

fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    let (low, high) = (figures.len().saturating_sub(1) / 2, figures.len() / 2);
    Some((figures.get(low)? + figures.get(high)?) / 2.0)
}
