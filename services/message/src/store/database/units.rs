//! Ids and moments as they are stored: microseconds since 1970.

use common::{EventId, Moment};

/// Ids are stored by [`micros`] only, so every one of them is in range.
pub(in crate::store) fn id(micros: i64) -> EventId {
    u64::try_from(micros).ok().and_then(EventId::from_micros).unwrap_or(EventId::ZERO)
}

pub(in crate::store) fn micros(id: EventId) -> i64 {
    id.micros() as i64
}

/// Moments are stored by [`since_1970`] only.
pub(in crate::store) fn moment(micros: i64) -> Moment {
    Moment::from_micros(u64::try_from(micros).unwrap_or(0))
}

pub(in crate::store) fn since_1970(moment: Moment) -> i64 {
    i64::try_from(moment.micros()).unwrap_or(i64::MAX)
}
