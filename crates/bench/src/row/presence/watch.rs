//! [`Watch`]: when instances began to say the same of how many are there, and the right thing.

/// Equal answers in a row before they are taken for one: two of them can meet on their way.
const IN_A_ROW: usize = 3;

/// What instances say, from the last move on.
#[derive(Debug)]
pub(super) struct Watch {
    /// How many are there.
    right: u64,
    /// Since when all have said the same, and how often.
    same: Option<(f64, usize)>,
    /// When they first did.
    agreed: Option<f64>,
    /// Since when all have said what is right.
    right_since: Option<f64>,
    last: Vec<u64>,
}

impl Watch {
    pub(super) fn new(right: u64) -> Self {
        Self { right, same: None, agreed: None, right_since: None, last: Vec::new() }
    }

    /// Takes what all instances say, so many seconds after the last move; returns whether it is something else than
    /// before.
    pub(super) fn take(&mut self, seconds: f64, said: &[u64]) -> bool {
        let is_one = said.windows(2).all(|pair| pair[0] == pair[1]);
        self.same = is_one.then(|| {
            let (since, times) = self.same.unwrap_or((seconds, 0));
            (since, times + 1)
        });
        if let Some((since, IN_A_ROW)) = self.same {
            self.agreed.get_or_insert(since);
        }
        let is_right = said.iter().all(|count| *count == self.right);
        self.right_since = is_right.then(|| self.right_since.unwrap_or(seconds));
        let is_new = self.last != said;
        self.last = said.to_vec();
        is_new
    }

    /// After how many seconds all said the same, whatever it was; infinite if never.
    pub(super) fn agreed(&self) -> f64 {
        self.agreed.unwrap_or(f64::INFINITY)
    }

    /// After how many seconds all said what is right, from then on; infinite if never.
    pub(super) fn was_right(&self) -> f64 {
        self.right_since.unwrap_or(f64::INFINITY)
    }

    /// How many too many, and too few, the worst of them said in the end.
    pub(super) fn wrong(&self) -> (u64, u64) {
        let most = |wrong: fn(u64, u64) -> u64| {
            self.last.iter().map(|count| wrong(*count, self.right)).max().unwrap_or_default()
        };
        (most(u64::saturating_sub), most(|count, right| right.saturating_sub(count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_agree_when_they_say_the_same_some_times_and_are_right_from_the_last_time_on() {
        let mut watch = Watch::new(7);
        assert!(watch.take(0.0, &[9, 9, 9]));
        assert!(watch.take(1.0, &[9, 9, 8]));
        assert_eq!(watch.agreed(), f64::INFINITY);
        for seconds in [2.0, 3.0, 4.0, 5.0] {
            watch.take(seconds, &[8, 8, 8]);
        }
        assert!(!watch.take(6.0, &[8, 8, 8]));
        watch.take(7.0, &[7, 7, 7]);
        watch.take(8.0, &[9, 7, 6]);
        assert_eq!(watch.wrong(), (2, 1));
        watch.take(9.0, &[7, 7, 7]);
        watch.take(10.0, &[7, 7, 7]);
        assert_eq!((watch.agreed(), watch.was_right(), watch.wrong()), (2.0, 9.0, (0, 0)));
    }
}
