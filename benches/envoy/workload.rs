//! What is measured: how many chunks of which kind, how they are written, how large the request is.

use std::time::Duration;

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Workload {
    pub name: &'static str,
    /// Pieces of the answer, one event each.
    pub chunks: usize,
    pub kind: Kind,
    /// How many events the upstream puts into one write.
    pub events_per_write: usize,
    /// Between two writes.
    pub pause: Duration,
    pub request_bytes: usize,
    pub connections: usize,
    /// What the cost is divided by.
    pub unit: Unit,
    pub goals: Goals,
}

/// What the pieces of an answer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, in chunks that differ in nothing else.
    Text,
    /// Text, in chunks with a random member each, as OpenAI pads them.
    Padded,
    /// Arguments of one tool call.
    Tool,
    /// Reasoning.
    Reason,
}

/// What the cost is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Event,
    Request,
}

/// What the filter may cost at most; the rest is only reported.
#[derive(Clone, Copy, Debug, Default)]
pub struct Goals {
    /// CPU as a multiple of Envoy without the filter.
    pub envoy: Option<f64>,
    /// CPU as a multiple of Envoy with a filter that only copies.
    pub copy: Option<f64>,
    /// Median time to the first byte, in µs more than Envoy without the filter.
    pub first_byte_us: Option<f64>,
}

const BASE: Workload = Workload {
    name: "",
    chunks: 1,
    kind: Kind::Text,
    events_per_write: 64,
    pause: Duration::ZERO,
    request_bytes: 2 << 10,
    connections: 16,
    unit: Unit::Event,
    goals: Goals { envoy: None, copy: None, first_byte_us: None },
};

/// Goals for the CPU alone.
const fn at_most(envoy: f64) -> Goals {
    Goals { envoy: Some(envoy), copy: None, first_byte_us: None }
}

/// The table.
pub fn table() -> Vec<Workload> {
    let bulk =
        |name, chunks, kind, goal| Workload { name, chunks, kind, goals: at_most(goal), ..BASE };
    let request = |name, request_bytes, connections, goal| Workload {
        name,
        request_bytes,
        connections,
        unit: Unit::Request,
        goals: at_most(goal),
        ..BASE
    };
    vec![
        Workload { unit: Unit::Request, ..bulk("bulk16", 16, Kind::Text, 1.6) },
        bulk("bulk256", 256, Kind::Text, 1.5),
        Workload { connections: 8, ..bulk("bulk2000", 2000, Kind::Text, 1.45) },
        Workload { goals: Goals::default(), ..bulk("padded256", 256, Kind::Padded, 0.0) },
        bulk("tool256", 256, Kind::Tool, 1.6),
        bulk("reason256", 256, Kind::Reason, 1.6),
        Workload {
            name: "paced",
            chunks: 128,
            events_per_write: 1,
            pause: Duration::from_millis(5),
            connections: 128,
            goals: Goals { copy: Some(1.05), ..at_most(1.25) },
            ..BASE
        },
        request("req2k", 2 << 10, 16, 1.4),
        request("req100k", 100 << 10, 8, 2.2),
        request("req1m", 1 << 20, 4, 2.5),
        Workload {
            name: "lat1",
            chunks: 16,
            connections: 1,
            unit: Unit::Request,
            goals: Goals { first_byte_us: Some(25.0), ..Goals::default() },
            ..BASE
        },
    ]
}

/// What instructions are counted of: the works of the table that differ in what is done, not in when.
pub fn counted() -> Vec<Workload> {
    let differs = |work: &Workload| work.pause.is_zero() && work.connections > 1;
    table().into_iter().filter(differs).collect()
}

/// Answers of growing length, for the chart.
pub fn answers() -> Vec<Workload> {
    [("answer500", 500), ("answer1000", 1000), ("answer4000", 4000), ("answer8000", 8000)]
        .map(|(name, chunks)| Workload {
            name,
            chunks,
            connections: 8,
            unit: Unit::Request,
            ..BASE
        })
        .into()
}

/// Requests of growing size, for the chart.
pub fn requests() -> Vec<Workload> {
    [("request256k", 256 << 10), ("request512k", 512 << 10), ("request2m", 2 << 20)]
        .map(|(name, request_bytes)| Workload {
            name,
            request_bytes,
            connections: 4,
            unit: Unit::Request,
            ..BASE
        })
        .into()
}

/// Many slow streams, for the memory they take.
pub fn idle() -> Workload {
    Workload {
        name: "mem1000",
        chunks: 60,
        events_per_write: 1,
        pause: Duration::from_millis(100),
        connections: 1000,
        ..BASE
    }
}
