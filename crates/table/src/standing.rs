//! How rows with one business key stand to each other.
//!
//! Two rules. Where a key has one partition for ever, rows of equal content are one fact seen twice, and the row seen first stays, so
//! that nothing is rewritten for provenance. Where rows may move from partition to partition, all rows of a key have one order, by
//! which every publisher comes to the same row, whichever of them it has seen and when: what makes it safe to remove the others.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray, BooleanArray, DynComparator, RecordBatch, make_comparator};
use arrow::compute::SortOptions;

use super::order::Ordered;
use quotelake_contract::{Contract, Role};
use quotelake_core::Result;

/// For each row the one of its key that stands, by its number in the batch. To be asked where rows may move
/// ([`Contract::rows_move`]).
pub fn standing_rows(contract: &Contract, rows: &RecordBatch) -> Result<Vec<u32>> {
    let standing = Standing::new(contract, rows)?;
    let keys = rows.project(&contract.key)?;
    let mut stands = vec![0; rows.num_rows()];
    for group in Ordered::by(keys.columns(), None)?.groups() {
        let mut places: Vec<usize> = group.iter().map(|row| *row as usize).collect();
        // A batch has fewer rows than that.
        let winner = standing.winner(&mut places) as u32;
        group.iter().for_each(|row| stands[*row as usize] = winner);
    }
    Ok(stands)
}

/// How rows of one batch stand to each other.
pub(super) struct Standing<'b> {
    /// Whether the row that was seen last stands for equal ones, which makes one order of all rows.
    last_stands: bool,
    finality: Option<&'b BooleanArray>,
    revision: Option<DynComparator>,
    stamp: Option<DynComparator>,
    business: Vec<DynComparator>,
    provenance: Vec<DynComparator>,
}

impl<'b> Standing<'b> {
    pub(super) fn new(contract: &Contract, batch: &'b RecordBatch) -> Result<Self> {
        let comparator = |index: usize| {
            let column = batch.column(index);
            make_comparator(column, column, SortOptions::default())
        };
        let of_role = |role: Role| {
            let indices = contract.columns.iter().enumerate().filter(move |(_, column)| column.role == role);
            indices.map(|(index, _)| comparator(index)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            last_stands: contract.rows_move(),
            finality: contract.finality.and_then(|index| batch.column(index).as_boolean_opt()),
            revision: contract.revision.map(comparator).transpose()?,
            stamp: contract.stamp.map(comparator).transpose()?,
            business: of_role(Role::Business)?,
            provenance: of_role(Role::Provenance)?,
        })
    }

    fn is_final(&self, row: usize) -> bool {
        self.finality.is_some_and(|finality| finality.is_valid(row) && finality.value(row))
    }

    /// Newest revision, and of one revision the later stamp.
    fn age(&self, a: usize, b: usize) -> Ordering {
        let by = |column: &Option<DynComparator>| column.as_ref().map_or(Ordering::Equal, |of| of(a, b));
        by(&self.revision).then_with(|| by(&self.stamp))
    }

    /// Final before not, then newest.
    pub(super) fn rank(&self, a: usize, b: usize) -> Ordering {
        self.is_final(a).cmp(&self.is_final(b)).then_with(|| self.age(a, b))
    }

    fn content(&self, a: usize, b: usize) -> Ordering {
        first_difference(&self.business, a, b)
    }

    pub(super) fn same_content(&self, a: usize, b: usize) -> bool {
        self.content(a, b) == Ordering::Equal
    }

    /// Where rows may move: whether `a` stands before `b`, for any two rows whose columns differ, in whatever order they are
    /// compared. The better one; of equals the greater content; of equal contents the one that is recorded last.
    fn before(&self, a: usize, b: usize) -> Ordering {
        self.rank(a, b)
            .then_with(|| self.content(a, b))
            .then_with(|| first_difference(&self.provenance, a, b))
    }

    /// The row of `group` that stands; sorts the group from oldest to newest.
    pub(super) fn winner(&self, group: &mut [usize]) -> usize {
        if self.last_stands {
            group.sort_by(|a, b| self.before(*a, *b).then(b.cmp(a)));
            return group[group.len() - 1];
        }
        let age = |a: usize, b: usize| {
            self.age(a, b)
                .then_with(|| self.content(a, b))
                .then_with(|| first_difference(&self.provenance, a, b))
        };
        group.sort_by(|a, b| age(*a, *b).then(a.cmp(b)));
        let mut winner = group[0];
        for row in &group[1..] {
            // Seen again: the row seen first stays. Other content: the better row, and of equals the greater content.
            if !self.same_content(winner, *row)
                && self.rank(*row, winner).then_with(|| self.content(*row, winner)).is_gt()
            {
                winner = *row;
            }
        }
        winner
    }
}

fn first_difference(comparators: &[DynComparator], a: usize, b: usize) -> Ordering {
    comparators.iter().map(|compare| compare(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
