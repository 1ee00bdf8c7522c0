//! Counters and histograms of the host.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::exchange::Measurement;
use crate::host::{self, MetricKind};

/// The metrics that this VM has defined so far. There are only as many as the configuration and some
/// tables have names for.
#[derive(Default)]
pub struct Meters {
    /// The host's numbers for them; `None` for those it does not take.
    defined: RefCell<BTreeMap<String, Option<u32>>>,
}

impl Meters {
    /// Adds a measurement to its metric.
    pub fn add(&self, measurement: Measurement<'_>) {
        let Measurement { name, is_histogram, value } = measurement;
        let kind = if is_histogram { MetricKind::Histogram } else { MetricKind::Counter };
        // Never borrowed while the host is called, which could call back.
        let known = self.defined.borrow().get(name).copied();
        let metric = known.unwrap_or_else(|| {
            let defined = host::define_metric(kind, name);
            if let Err(refused) = defined {
                log::warn!("the host does not take the metric {name} ({refused:?})");
            }
            self.defined.borrow_mut().insert(name.to_owned(), defined.ok());
            defined.ok()
        });
        let Some(metric) = metric else { return };
        let added = match kind {
            MetricKind::Counter => host::increment_metric(metric, value),
            MetricKind::Histogram => host::record_metric(metric, value),
        };
        if let Err(refused) = added {
            log::debug!("the host does not count ({refused:?})");
        }
    }
}
