//! [`EventId`]: identity, order, cursor and timestamp of an event in one number.

use std::{fmt, str::FromStr};

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::clock::Moment;

/// The id of an event, and of the message it announces: microseconds since 1970, made unique.
///
/// Ids grow in commit order within a deployment, so one id is also a cursor: "everything after
/// this". They are written `YYYYMMDDHHMMSS.ffffff` in UTC, which sorts as text too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct EventId(u64);

/// The text is not a `YYYYMMDDHHMMSS.ffffff` id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an id looks like 20240101120000.123456")]
pub struct InvalidId;

impl EventId {
    /// Before every event: the cursor of an empty log.
    pub const ZERO: Self = Self(0);

    /// 9999-12-30 22:00:00 UTC, the last microsecond that jiff takes; from the year 10000 on, four
    /// digits would not hold the year.
    const MAX: u64 = 253_402_207_200_000_000;

    /// 2100-01-01 00:00:00 UTC.
    const BEYOND: u64 = 4_102_444_800_000_000;

    /// The id with this many microseconds since 1970, or `None` past the end of the year 9999.
    pub const fn from_micros(micros: u64) -> Option<Self> {
        if micros <= Self::MAX { Some(Self(micros)) } else { None }
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// The id for an event that happens now and follows `last`.
    ///
    /// Takes the clock only when it has moved on: a clock that stands still or jumps back
    /// yields `last + 1`, so order never depends on it. Nor does it follow a clock beyond the year
    /// 2100, which is wrong, and would leave no ids for afterwards.
    pub fn after(last: Self, now: Moment) -> Self {
        let now = if now.micros() < Self::BEYOND { now.micros() } else { 0 };
        Self(now.max(last.0 + 1).min(Self::MAX))
    }

    /// The next id, whatever the clock says.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The id right before this one.
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// Whether this is a cursor that was given out where an event with the id `held` stands: that event
    /// has been read, or everything before it.
    pub fn is_at(self, held: Self) -> bool {
        self == held || self.next() == held
    }

    /// When the event happened, if the clock was right and nothing hurried.
    pub const fn moment(self) -> Moment {
        Moment::from_micros(self.0)
    }

    fn instant(self) -> Timestamp {
        // Every value up to `MAX` is inside jiff's range.
        Timestamp::from_microsecond(self.0.min(Self::MAX) as i64).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = TimeZone::UTC.to_datetime(self.instant());
        write!(
            f,
            "{:04}{:02}{:02}{:02}{:02}{:02}.{:06}",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second(),
            self.0 % 1_000_000
        )
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

impl FromStr for EventId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let bytes = text.as_bytes();
        let well_formed = bytes.len() == 21
            && bytes.iter().enumerate().all(|(at, byte)| match at {
                14 => *byte == b'.',
                _ => byte.is_ascii_digit(),
            });
        if !well_formed {
            return Err(InvalidId);
        }
        let number = |from: usize, to: usize| text[from..to].parse::<i32>().map_err(|_| InvalidId);
        let part = |from: usize| number(from, from + 2).map(|n| n as i8);
        let at = DateTime::new(
            number(0, 4)? as i16,
            part(4)?,
            part(6)?,
            part(8)?,
            part(10)?,
            part(12)?,
            number(15, 21)? * 1_000,
        )
        .map_err(|_| InvalidId)?;
        let micros = TimeZone::UTC.to_timestamp(at).map_err(|_| InvalidId)?.as_microsecond();
        u64::try_from(micros).ok().and_then(Self::from_micros).ok_or(InvalidId)
    }
}

impl Serialize for EventId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::clock::Clock;

    #[test]
    fn is_written_as_a_utc_date_with_microseconds() {
        let id: EventId = "20240101120000.123456".parse().unwrap();
        assert_eq!(id.micros(), 1_704_110_400_123_456);
        assert_eq!(id.to_string(), "20240101120000.123456");
        assert_eq!(id.moment().to_string(), "2024-01-01T12:00:00.123456Z");
        assert_eq!(EventId::ZERO.to_string(), "19700101000000.000000");
        let last = EventId::from_micros(EventId::MAX).unwrap();
        assert_eq!(last.to_string(), "99991230220000.000000");
        assert_eq!("99991230220000.000000".parse(), Ok(last));
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in [
            "",
            "1",
            "20240101120000",
            "20240101120000,123456",
            "20241301120000.123456",
            "20240230120000.123456",
            "20240101250000.123456",
            "20240101126000.123456",
            "+0240101120000.123456",
            "19691231235959.999999",
            "20240101120000.1234567",
            "2024010112000é.12345",
        ] {
            assert_eq!(text.parse::<EventId>(), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn follows_the_last_id_when_the_clock_jumps_back() {
        let now = Clock::default().now();
        let future = EventId::from_micros(EventId::MAX - 10).unwrap();
        assert_eq!(EventId::after(future, now), future.next());
        assert!(EventId::after(EventId::ZERO, now) > "20240101120000.123456".parse().unwrap());
    }

    #[test]
    fn does_not_follow_a_clock_that_is_wrong_by_a_century() {
        let clock = Clock::default();
        let last = EventId::after(EventId::ZERO, clock.now());
        clock.set_ahead(100 * 365 * 86_400);
        assert_eq!(EventId::after(last, clock.now()), last.next());
    }

    proptest! {
        #[test]
        fn text_and_number_agree_in_value_and_order(a in 0..=EventId::MAX, b in 0..=EventId::MAX) {
            let (a, b) = (EventId(a), EventId(b));
            prop_assert_eq!(a.to_string().parse::<EventId>().unwrap(), a);
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
