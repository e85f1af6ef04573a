//! [`PoolMetrics`]: how many connections to the database there are, and how many of them are in use.

use prometheus::{
    IntGaugeVec, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use super::{Store, database::Pool};

/// Says of each pool how many connections it has, when somebody asks.
pub struct PoolMetrics {
    pools: [(&'static str, Pool); 3],
    now: IntGaugeVec,
    most: IntGaugeVec,
}

impl PoolMetrics {
    /// Of the pools of a store.
    pub fn new(store: &Store) -> prometheus::Result<Self> {
        let pools = &store.pools;
        Ok(Self {
            pools: [
                ("writer", pools.writer.clone()),
                ("readers", pools.readers.clone()),
                ("identifiers", pools.identifiers.clone()),
            ],
            now: IntGaugeVec::new(
                Opts::new(
                    "realtalk_database_connections",
                    "Connections to the database that are used, or idle",
                ),
                &["pool", "state"],
            )?,
            most: IntGaugeVec::new(
                Opts::new(
                    "realtalk_database_connections_max",
                    "Connections to the database that there may be",
                ),
                &["pool"],
            )?,
        })
    }
}

impl Collector for PoolMetrics {
    fn desc(&self) -> Vec<&Desc> {
        [self.now.desc(), self.most.desc()].concat()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        for (name, pool) in &self.pools {
            let usage = pool.usage();
            self.now.with_label_values(&[name, "used"]).set(usage.used.into());
            self.now.with_label_values(&[name, "idle"]).set(usage.idle.into());
            self.most.with_label_values(&[name]).set(usage.most.into());
        }
        [self.now.collect(), self.most.collect()].concat()
    }
}
