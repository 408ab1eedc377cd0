//! Metrics, shared by all VMs of a host.

use std::collections::BTreeMap;

use crate::abi::{MetricKind, Status};

/// A metric's value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricValue {
    /// A count.
    Counter(u64),
    /// A level.
    Gauge(u64),
    /// Every sample, in order.
    Histogram(Vec<u64>),
}

/// All metrics by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metrics(BTreeMap<String, MetricValue>);

impl Metrics {
    /// A counter's value; 0 for one never defined.
    pub fn counter(&self, name: &str) -> u64 {
        match self.0.get(name) {
            Some(MetricValue::Counter(value)) => *value,
            _ => 0,
        }
    }

    /// A gauge's value, if it is defined.
    pub fn gauge(&self, name: &str) -> Option<u64> {
        match self.0.get(name) {
            Some(MetricValue::Gauge(value)) => Some(*value),
            _ => None,
        }
    }

    /// A histogram's samples; none for one never defined.
    pub fn histogram(&self, name: &str) -> &[u64] {
        match self.0.get(name) {
            Some(MetricValue::Histogram(samples)) => samples,
            _ => &[],
        }
    }

    /// Names and values in order of names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &MetricValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The sum of all counters whose name starts so.
    pub fn sum(&self, prefix: &str) -> u64 {
        let same = self.0.iter().filter(|(name, _)| name.starts_with(prefix));
        same.map(|(_, value)| if let MetricValue::Counter(count) = value { *count } else { 0 }).sum()
    }
}

/// The registry behind the ids that plugins hold.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    values: Metrics,
    names: Vec<String>,
}

impl Registry {
    pub(crate) fn snapshot(&self) -> Metrics {
        self.values.clone()
    }

    /// Every definition gets a new id; the same name is the same metric.
    pub(crate) fn define(&mut self, kind: MetricKind, name: String) -> u32 {
        let fresh = match kind {
            MetricKind::Counter => MetricValue::Counter(0),
            MetricKind::Gauge => MetricValue::Gauge(0),
            MetricKind::Histogram => MetricValue::Histogram(Vec::new()),
        };
        self.values.0.entry(name.clone()).or_insert(fresh);
        self.names.push(name);
        u32::try_from(self.names.len()).unwrap_or(u32::MAX)
    }

    fn value(&mut self, id: u32) -> Result<&mut MetricValue, Status> {
        let index = usize::try_from(id).ok().and_then(|id| id.checked_sub(1)).ok_or(Status::NotFound)?;
        let name = self.names.get(index).ok_or(Status::NotFound)?;
        self.values.0.get_mut(name).ok_or(Status::NotFound)
    }

    /// A counter only grows: an offset of zero or less is a bad argument, as in Envoy.
    pub(crate) fn increment(&mut self, id: u32, offset: i64) -> Result<(), Status> {
        match self.value(id)? {
            MetricValue::Counter(value) if offset > 0 => *value = value.wrapping_add(offset.unsigned_abs()),
            MetricValue::Gauge(value) => *value = value.wrapping_add_signed(offset),
            MetricValue::Counter(_) | MetricValue::Histogram(_) => return Err(Status::BadArgument),
        }
        Ok(())
    }

    pub(crate) fn record(&mut self, id: u32, sample: u64) -> Result<(), Status> {
        match self.value(id)? {
            MetricValue::Counter(value) => *value = value.wrapping_add(sample),
            MetricValue::Gauge(value) => *value = sample,
            MetricValue::Histogram(samples) => samples.push(sample),
        }
        Ok(())
    }

    pub(crate) fn read(&mut self, id: u32) -> Result<u64, Status> {
        match self.value(id)? {
            MetricValue::Counter(value) | MetricValue::Gauge(value) => Ok(*value),
            MetricValue::Histogram(_) => Err(Status::BadArgument),
        }
    }
}
