//! The `log` crate's records on their way to the host.

unsafe extern "C" {
    fn proxy_log(level: u32, message: *const u8, length: usize) -> u32;
}

/// Where log records go.
struct Log;

impl log::Log for Log {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            write_log(severity(record.level()), &record.args().to_string());
        }
    }

    fn flush(&self) {}
}

/// The number of a level in the ABI.
fn severity(level: log::Level) -> u32 {
    match level {
        log::Level::Trace => 0,
        log::Level::Debug => 1,
        log::Level::Info => 2,
        log::Level::Warn => 3,
        log::Level::Error => 4,
    }
}

/// Sends the records of the `log` crate to the host, and a word about a panic before it ends the VM.
pub fn open_log() {
    // It fails when it has been done already.
    if log::set_logger(&Log).is_ok() {
        log::set_max_level(log::LevelFilter::Info);
        #[cfg(target_family = "wasm")]
        std::panic::set_hook(Box::new(|panic| write_log(CRITICAL, &place(panic.location()))));
    }
}

/// The place of a panic. Its message stays here: it may quote content.
#[cfg(target_family = "wasm")]
fn place(location: Option<&std::panic::Location<'_>>) -> String {
    location.map_or_else(|| "panicked".to_owned(), |place| format!("panicked at {place}"))
}

/// A panic is worse than an error.
#[cfg(target_family = "wasm")]
const CRITICAL: u32 = 5;

fn write_log(severity: u32, message: &str) {
    // SAFETY: the host reads the message during the call only. There is nobody to tell of a failure.
    let _ = unsafe { proxy_log(severity, message.as_ptr(), message.len()) };
}
