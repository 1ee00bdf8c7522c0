//! One cell of the table: one work, one target, one round.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::runtime::Runtime;

use super::answer::Script;
use super::client::{self, Connection, Exchange, Expected};
use super::conversation;
use super::sample;
use super::target::{Filter, Target};
use super::upstream::Upstream;
use super::workload::{Unit, Workload};

/// The upstream and the load generator, each on threads of its own.
pub struct Bench {
    upstream: Upstream,
    client: Runtime,
    _server: Runtime,
}

/// A work, ready to be measured.
pub struct Prepared {
    pub work: Workload,
    script: Arc<Script>,
    request: String,
}

/// What one cell took in one round.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// CPU of the Envoy process per unit, in ns.
    pub cpu_ns: f64,
    /// Median and 99th percentile of the time to the first byte of the answer's body, in µs.
    pub first_byte_us: (f64, f64),
    /// The same of the time to its last.
    pub total_us: (f64, f64),
    /// Finished exchanges a second.
    pub rate: f64,
}

/// What many slow streams took, in bytes of resident memory.
#[derive(Clone, Copy, Debug)]
pub struct Memory {
    /// After start.
    pub before: u64,
    /// At most, while the streams were open.
    pub most: u64,
    /// At most, while they were open again: more than before is what has been lost.
    pub again: u64,
}

/// Connections are made and the first answers are under way when the clock starts.
const RAMP: Duration = Duration::from_millis(150);

impl Bench {
    /// Starts the upstream.
    ///
    /// # Errors
    /// When this machine has no threads or ports for it.
    pub fn start() -> Result<Self, String> {
        let server = runtime("upstream")?;
        let upstream = Upstream::start(server.handle())?;
        Ok(Self { upstream, client: runtime("client")?, _server: server })
    }

    /// Where the targets find the upstream.
    pub fn upstream(&self) -> std::net::SocketAddr {
        self.upstream.address()
    }

    /// Reads one exchange completely.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn sample(&self, prepared: &Prepared, target: &Target) -> Result<Expected, String> {
        let Prepared { work, script, request } = prepared;
        // Its pauses say nothing about what it holds.
        self.upstream.script(Arc::clone(script), Duration::ZERO);
        self.upstream.keep_next();
        let mut answer = Vec::new();
        self.client.block_on(async {
            let mut connection = Connection::open(target.address()).await?;
            let wire = client::wire(target.filter.path(), request);
            connection.exchange(&wire, &mut |bytes| answer.extend_from_slice(bytes)).await
        })?;
        let received = self.upstream.kept();
        match target.filter {
            Filter::Responses | Filter::Simd => {
                sample::translated(work, script, &answer)?;
                sample::request(request, &received)?;
            }
            Filter::None | Filter::Noop | Filter::Copy => {
                sample::untouched(script, &answer, request, &received)?;
            }
        }
        Ok(Expected { length: answer.len(), end: b"data: [DONE]\n\n" })
    }

    /// Measures one cell for this long.
    ///
    /// # Errors
    /// What was wrong with an answer.
    pub fn measure(
        &self,
        prepared: &Prepared,
        target: &Target,
        duration: Duration,
    ) -> Result<Cost, String> {
        let load = self.load(prepared, target)?;
        std::thread::sleep(RAMP);
        let (cpu, events, start) = (target.cpu()?, self.upstream.events(), Instant::now());
        std::thread::sleep(duration);
        let (cpu_end, events_end, end) = (target.cpu()?, self.upstream.events(), Instant::now());
        let mut exchanges = self.stop(load)?;
        let within = |exchange: &Exchange| (start..end).contains(&exchange.ended);
        let (rated, unit) = (exchanges.iter().filter(|e| within(e)).count(), prepared.work.unit);
        match unit {
            Unit::Request if rated == 0 => {
                return Err("not one answer came to its end: measure longer".to_owned());
            }
            // Slow streams may be longer than a short measurement.
            Unit::Event if rated == 0 => {}
            Unit::Event | Unit::Request => exchanges.retain(within),
        }
        let units = match unit {
            Unit::Event => (events_end - events) as f64,
            Unit::Request => rated as f64,
        };
        let quantiles = |time: fn(&Exchange) -> Duration| {
            let mut times: Vec<_> = exchanges.iter().map(|e| time(e).as_secs_f64() * 1e6).collect();
            times.sort_by(f64::total_cmp);
            let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied();
            (at(0.5).unwrap_or(f64::NAN), at(0.99).unwrap_or(f64::NAN))
        };
        Ok(Cost {
            cpu_ns: (cpu_end - cpu).as_nanos() as f64 / units,
            first_byte_us: quantiles(|exchange| exchange.first_byte),
            total_us: quantiles(|exchange| exchange.total),
            rate: rated as f64 / (end - start).as_secs_f64(),
        })
    }

    /// Measures the memory of a target that has served nothing yet.
    ///
    /// # Errors
    /// What was wrong with an answer.
    pub fn memory(&self, prepared: &Prepared, target: &Target) -> Result<Memory, String> {
        let before = target.memory()?;
        let mut most = [0, 0];
        for most in &mut most {
            let load = self.load(prepared, target)?;
            let work = &prepared.work;
            // All are open for one answer's time; then each finishes the second it has begun.
            let pauses = work.chunks.div_ceil(work.events_per_write);
            let end = Instant::now() + work.pause * u32::try_from(pauses).unwrap_or(u32::MAX);
            while Instant::now() < end {
                *most = target.memory()?.max(*most);
                std::thread::sleep(Duration::from_millis(20));
            }
            self.stop(load)?;
        }
        let [most, again] = most;
        Ok(Memory { before, most, again })
    }

    /// Opens a connection for exchanges that are asked for one by one.
    ///
    /// # Errors
    /// What is wrong with the sample.
    pub fn checked(&self, prepared: &Prepared, target: &Target) -> Result<Checked<'_>, String> {
        let expected = self.sample(prepared, target)?;
        let request = client::wire(target.filter.path(), &prepared.request);
        let connection = self.client.block_on(Connection::open(target.address()))?;
        Ok(Checked { client: &self.client, connection, request, expected })
    }

    fn load(&self, prepared: &Prepared, target: &Target) -> Result<Load, String> {
        let expected = self.sample(prepared, target)?;
        let Prepared { work, script, request } = prepared;
        self.upstream.script(Arc::clone(script), work.pause);
        let stop = Arc::new(AtomicBool::new(false));
        let wire = client::wire(target.filter.path(), request);
        let connections = (0..work.connections).map(|_| {
            let (wire, expected, stop) = (wire.clone(), expected.clone(), Arc::clone(&stop));
            self.client.spawn(client::run(target.address(), wire, expected, stop))
        });
        Ok(Load { connections: connections.collect(), stop })
    }

    fn stop(&self, load: Load) -> Result<Vec<Exchange>, String> {
        load.stop.store(true, Ordering::Relaxed);
        let mut exchanges = Vec::new();
        for connection in load.connections {
            let done = self.client.block_on(connection).map_err(|error| error.to_string())?;
            exchanges.extend(done?);
        }
        Ok(exchanges)
    }
}

/// A connection for exchanges that are asked for one by one.
pub struct Checked<'b> {
    client: &'b Runtime,
    connection: Connection,
    request: Bytes,
    expected: Expected,
}

impl Checked<'_> {
    /// This many exchanges, one after the other.
    ///
    /// # Errors
    /// What was wrong with an answer.
    pub fn exchanges(&mut self, count: usize) -> Result<(), String> {
        for _ in 0..count {
            self.client.block_on(self.connection.checked(&self.request, &self.expected))?;
        }
        Ok(())
    }
}

struct Load {
    connections: Vec<tokio::task::JoinHandle<Result<Vec<Exchange>, String>>>,
    stop: Arc<AtomicBool>,
}

impl Prepared {
    /// Makes the request and the answer.
    pub fn new(work: Workload) -> Self {
        let script = Arc::new(Script::new(&work));
        let request = conversation::request(work.request_bytes);
        Self { work, script, request }
    }
}

/// One thread: the load must cost less than what it measures, not be faster than it.
fn runtime(name: &str) -> Result<Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(name)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
}
