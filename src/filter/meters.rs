//! Counters and histograms of the host.

use std::cell::RefCell;

use crate::exchange::{Measurement, MetricName};
use crate::host::{self, MetricKind};
use crate::sorted::SortedMap;

/// The metrics that this VM has defined so far. There are only as many as the configuration and some
/// tables have names for.
#[derive(Default)]
pub struct Meters {
    /// By name the host's numbers for them; `None` for those it does not take.
    defined: RefCell<SortedMap<MetricName, Option<u32>>>,
}

impl Meters {
    /// Adds a measurement to its metric.
    pub fn add(&self, measurement: Measurement<'_>) {
        let Measurement { name, is_histogram, value } = measurement;
        let kind = if is_histogram { MetricKind::Histogram } else { MetricKind::Counter };
        // Never borrowed while the host is called, which could call back.
        let known = self.defined.borrow().find(|known| known.order(name)).copied();
        let Some(metric) = known.unwrap_or_else(|| self.define(kind, name)) else { return };
        let added = match kind {
            MetricKind::Counter => host::increment_metric(metric, value),
            MetricKind::Histogram => host::record_metric(metric, value),
        };
        if let Err(refused) = added {
            log::debug!("the host does not count ({refused:?})");
        }
    }

    #[cold]
    fn define(&self, kind: MetricKind, name: &str) -> Option<u32> {
        let metric = host::define_metric(kind, name);
        if let Err(refused) = metric {
            log::warn!("the host does not take the metric {name} ({refused:?})");
        }
        self.defined.borrow_mut().insert(MetricName::new(name), metric.ok());
        metric.ok()
    }
}
