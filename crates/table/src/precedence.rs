//! Which of several rows with one business key wins.
//!
//! Two rules. Where a key has one partition forever, rows of equal content are one fact seen twice, and the row seen first stays, so
//! that nothing is rewritten for provenance. Where rows may move from partition to partition, all rows of a key have one order, by
//! which every publisher comes to the same row, whichever of them it has seen and when: what makes it safe to remove the others.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};
use arrow::compute::{RowComparator, cast, row_comparator};
use arrow::datatypes::DataType;

use super::order::Ordered;
use quotelake_contract::{Contract, Role};
use quotelake_core::Result;

/// For each row the one of its key that wins, by its number in the batch. To be asked where rows may move
/// ([`Contract::rows_move`]).
pub fn winning_rows(contract: &Contract, rows: &RecordBatch) -> Result<Vec<u32>> {
    let precedence = Precedence::new(contract, rows)?;
    let keys = rows.project(&contract.key)?;
    let mut winners = vec![0; rows.num_rows()];
    for group in Ordered::by(keys.columns().to_vec(), None)?.groups() {
        let mut places: Vec<usize> = group.iter().map(|row| *row as usize).collect();
        // A batch has fewer rows than that.
        let winner = precedence.winner(&mut places) as u32;
        group.iter().for_each(|row| winners[*row as usize] = winner);
    }
    Ok(winners)
}

/// Which of the rows of one batch go before which.
pub(super) struct Precedence<'b> {
    /// Whether of equal rows the one that was seen last wins, which makes one order of all rows.
    last_wins: bool,
    finality: Option<&'b BooleanArray>,
    revision: Option<RowComparator>,
    stamp: Option<RowComparator>,
    business: Vec<RowComparator>,
    /// The contract's column of each of `business`.
    business_columns: Vec<usize>,
    batch: &'b RecordBatch,
    provenance: Vec<RowComparator>,
}

impl<'b> Precedence<'b> {
    pub(super) fn new(contract: &Contract, batch: &'b RecordBatch) -> Result<Self> {
        let comparator = |index: usize| row_comparator(batch.column(index));
        let of_role = |role: Role| {
            let indices = contract.columns.iter().enumerate().filter(move |(_, column)| column.role == role);
            indices.map(|(index, _)| comparator(index)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            last_wins: contract.rows_move(),
            finality: contract.finality.and_then(|index| batch.column(index).as_boolean_opt()),
            revision: contract.revision.map(comparator).transpose()?,
            stamp: contract.stamp.map(comparator).transpose()?,
            business: of_role(Role::Business)?,
            business_columns: (0..contract.columns.len())
                .filter(|index| contract.columns[*index].role == Role::Business)
                .collect(),
            batch,
            provenance: of_role(Role::Provenance)?,
        })
    }

    fn is_final(&self, row: usize) -> bool {
        self.finality.is_some_and(|finality| finality.is_valid(row) && finality.value(row))
    }

    /// Newest revision, and of one revision the later stamp.
    fn age(&self, a: usize, b: usize) -> Ordering {
        let by = |column: &Option<RowComparator>| column.as_ref().map_or(Ordering::Equal, |of| of(a, b));
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

    /// Where rows may move: whether `a` is ordered before `b`, for any two rows whose columns differ, in whatever order they are
    /// compared. The better one; of equals the greater content; of equal contents the one that is recorded last.
    fn before(&self, a: usize, b: usize) -> Ordering {
        self.rank(a, b)
            .then_with(|| self.content(a, b))
            .then_with(|| first_difference(&self.provenance, a, b))
    }

    /// The row of `group` that wins; sorts the group from oldest to newest.
    pub(super) fn winner(&self, group: &mut [usize]) -> usize {
        if self.last_wins {
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

impl Precedence<'_> {
    /// The row that wins where the newest, `winner`, has columns whose values were refused: the newest other row of its group that
    /// says the same but for those, and says something there. What cannot be read is no news of a value that is known; `null` is.
    pub(super) fn unless_refused(&self, winner: usize, group: &[usize], refused: &[usize]) -> usize {
        if refused.is_empty() || self.last_wins {
            return winner;
        }
        let knows = |row: usize| refused.iter().any(|column| self.batch.column(*column).is_valid(row));
        let same_but_for_them = |row: usize| {
            let others = self.business.iter().zip(&self.business_columns);
            let mut others = others.filter(|(_, column)| !refused.contains(column));
            self.is_final(row) == self.is_final(winner)
                && others.all(|(compare, _)| compare(row, winner) == Ordering::Equal)
        };
        let known =
            group.iter().copied().filter(|row| *row != winner && knows(*row) && same_but_for_them(*row));
        // The group is in the order of age; of rows that say the same of everything the one seen first stays.
        let Some(newest) = known.clone().next_back() else { return winner };
        known.into_iter().find(|row| self.same_content(*row, newest)).unwrap_or(newest)
    }
}

/// Which columns of published or staged rows have no value because it was refused, by their flags.
pub(super) struct RefusedColumns<'c> {
    contract: &'c Contract,
    /// `None` where no row has a flag.
    flags: Option<StringArray>,
}

impl<'c> RefusedColumns<'c> {
    pub(super) fn of_flags(contract: &'c Contract, rows: &RecordBatch) -> Result<Self> {
        let flags = contract.flags().map(|index| rows.column(index));
        let flags = flags.filter(|flags| flags.null_count() < flags.len());
        let flags = flags.map(|flags| cast(flags, &DataType::Utf8)).transpose()?;
        Ok(Self { contract, flags: flags.map(|flags| flags.as_string::<i32>().clone()) })
    }

    pub(super) fn of(&self, row: usize) -> Vec<usize> {
        let flags = self.flags.as_ref().filter(|flags| flags.is_valid(row));
        let names = flags.into_iter().flat_map(|flags| flags.value(row).split(','));
        names.filter_map(|name| self.contract.index_of(name.strip_suffix("_refused")?)).collect()
    }
}

fn first_difference(comparators: &[RowComparator], a: usize, b: usize) -> Ordering {
    comparators.iter().map(|compare| compare(a, b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}
