//! Counters and histograms of the host.

use std::cell::RefCell;

use crate::exchange::Measurement;
use crate::host::{self, MetricKind};

/// The metrics that this VM has defined so far. There are only as many as the configuration and some
/// tables have names for.
#[derive(Default)]
pub struct Meters {
    /// By name the host's numbers for them, in the order of names; `None` for those it does not take.
    defined: RefCell<Vec<(String, Option<u32>)>>,
}

impl Meters {
    /// Adds a measurement to its metric.
    pub fn add(&self, measurement: Measurement<'_>) {
        let Measurement { name, is_histogram, value } = measurement;
        let kind = if is_histogram { MetricKind::Histogram } else { MetricKind::Counter };
        // Never borrowed while the host is called, which could call back.
        let Some(metric) = self.known(name).unwrap_or_else(|| self.define(kind, name)) else {
            return;
        };
        let added = match kind {
            MetricKind::Counter => host::increment_metric(metric, value),
            MetricKind::Histogram => host::record_metric(metric, value),
        };
        if let Err(refused) = added {
            log::debug!("the host does not count ({refused:?})");
        }
    }

    /// What the host has said to a metric that has been asked for.
    fn known(&self, name: &str) -> Option<Option<u32>> {
        let defined = self.defined.borrow();
        let place = defined.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        defined.get(place).map(|(_, metric)| *metric)
    }

    #[cold]
    fn define(&self, kind: MetricKind, name: &str) -> Option<u32> {
        let metric = host::define_metric(kind, name);
        if let Err(refused) = metric {
            log::warn!("the host does not take the metric {name} ({refused:?})");
        }
        let mut defined = self.defined.borrow_mut();
        let place = defined.partition_point(|(known, _)| known.as_str() < name);
        defined.insert(place, (name.to_owned(), metric.ok()));
        metric.ok()
    }
}
