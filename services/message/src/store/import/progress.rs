//! [`Progress`]: how far an import has come.

/// How far an import has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is done with all rows, one step after the other.
    pub step: Step,
    /// The table.
    pub table: &'static str,
    /// With how many rows of all tables that has been done.
    pub done: u64,
    /// How many there are.
    pub all: u64,
}

/// What is done with all rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// They are read from one database and written to the other one.
    Copying,
    /// They are read from the other one, and must be the same.
    Comparing,
}

/// Counts rows, and says so.
pub(super) struct Count<'a> {
    step: Step,
    done: u64,
    all: u64,
    watch: &'a mut (dyn FnMut(Progress) + Send),
}

impl<'a> Count<'a> {
    /// Of so many rows.
    pub(super) fn new(all: u64, watch: &'a mut (dyn FnMut(Progress) + Send)) -> Self {
        Self { step: Step::Copying, done: 0, all, watch }
    }

    /// Begins anew with another step.
    pub(super) fn begin(&mut self, step: Step) {
        (self.step, self.done) = (step, 0);
    }

    /// So many more of a table are done.
    pub(super) fn add(&mut self, table: &'static str, rows: u64) {
        self.done += rows;
        (self.watch)(Progress { step: self.step, table, done: self.done, all: self.all });
    }
}
