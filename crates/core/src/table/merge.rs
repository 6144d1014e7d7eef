//! Which of several rows with one business key stands.
//!
//! Two rows with the same key and the same business content are one fact seen twice: the row seen first stays. With other
//! content the better row wins: a final one over one that is not, then the newest revision. Within one checked object two
//! rows of the same revision that contradict each other are both kept, for the ruleset's key rule to judge; at publishing,
//! where nobody is left to ask, the greater content wins, so that the order of events does not matter.
//!
//! One order does: content that goes from A to B and back to A, whose three events are published by different drains out of
//! order, can end at B, since the row of the first A stands for the last one too. The next fetch mends it.

use std::cmp::Ordering;

use arrow::array::{Array, AsArray, BooleanArray, DynComparator, RecordBatch, UInt32Array, make_comparator};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{SortOptions, concat_batches, take_record_batch};
use hashbrown::HashMap;

use super::row_keys::RowKeys;
use crate::contract::{Contract, Role};
use crate::{Error, Result};

/// What a merge did with the rows that came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeCounts {
    /// Rows that came in.
    pub rows_in: usize,
    /// Keys that the table did not have.
    pub inserted: usize,
    /// Rows of the table whose content was replaced.
    pub revised: usize,
    /// Rows that came in and do not stand: seen before, or superseded.
    pub duplicates: usize,
}

/// A merged partition.
#[derive(Debug)]
pub struct Merged {
    /// The rows that stand, sorted by the contract's order.
    pub batch: RecordBatch,
    /// What happened to the rows that came in.
    pub counts: MergeCounts,
    /// Whether `batch` differs from what the table had.
    pub changed: bool,
}

/// Merges rows into a partition's rows. Merging the same rows again changes nothing, and so does their order.
pub fn merge(
    contract: &Contract,
    existing: Option<&RecordBatch>,
    incoming: &[RecordBatch],
) -> Result<Merged> {
    let before = existing.map_or(0, RecordBatch::num_rows);
    let schema = contract.schema();
    let parts: Vec<RecordBatch> = existing
        .into_iter()
        .chain(incoming)
        .map(|batch| Ok(RecordBatch::try_new(schema.clone(), batch.columns().to_vec())?))
        .collect::<Result<_>>()?;
    let all = match parts.as_slice() {
        [only] => only.clone(),
        _ => concat_batches(&schema, &parts)?,
    };
    let order = Standing::new(contract, &all)?;
    let mut counts = MergeCounts { rows_in: all.num_rows() - before, ..MergeCounts::default() };
    let mut changed = false;
    let mut winners = Vec::with_capacity(all.num_rows());
    for (first, others) in group_by_key(contract, &all, None)? {
        let winner = if others.is_empty() {
            first
        } else {
            let mut group = others;
            group.push(first);
            order.winner(&mut group)
        };
        if first >= before {
            counts.inserted += 1;
            changed = true;
        } else if winner != first {
            changed = true;
            counts.revised += usize::from(!order.same_content(first, winner));
        }
        winners.push(winner);
    }
    counts.duplicates = counts.rows_in - counts.inserted - counts.revised;
    let batch = take_record_batch(&all, &sorted(contract, &all, winners)?)?;
    Ok(Merged { batch, counts, changed })
}

/// Which of the `eligible` rows of one checked object do not stand (set bits, one buffer per batch): copies of another row
/// and older revisions. Rows that contradict each other are left alone.
pub fn dedupe(
    contract: &Contract,
    batches: &[RecordBatch],
    eligible: &[BooleanBuffer],
) -> Result<Vec<BooleanBuffer>> {
    let Some(first) = batches.first() else { return Ok(Vec::new()) };
    let all = match batches {
        [only] => only.clone(),
        _ => concat_batches(&first.schema(), batches)?,
    };
    let mask: BooleanBuffer = eligible.iter().flat_map(BooleanBuffer::iter).collect();
    let groups = group_by_key(contract, &all, Some(&mask))?;
    let mut superseded = vec![false; all.num_rows()];
    let mut order = None;
    for (first, others) in groups {
        if others.is_empty() {
            continue;
        }
        if order.is_none() {
            order = Some(Standing::new(contract, &all)?);
        }
        let Some(order) = &order else { continue };
        let mut group = others;
        group.push(first);
        let winner = order.winner(&mut group);
        for row in group {
            // Content that contradicts the winner at the winner's own revision is no older version of it.
            superseded[row] = row != winner
                && (order.same_content(row, winner) || order.rank(row, winner) != Ordering::Equal);
        }
    }
    let mut start = 0;
    Ok(batches
        .iter()
        .map(|batch| {
            let slice = &superseded[start..start + batch.num_rows()];
            start += batch.num_rows();
            slice.iter().copied().collect()
        })
        .collect())
}

/// Rows of one key: the first in batch order, and the others.
type Group = (usize, Vec<usize>);

fn group_by_key(
    contract: &Contract,
    batch: &RecordBatch,
    eligible: Option<&BooleanBuffer>,
) -> Result<Vec<Group>> {
    let rows = RowKeys::of(batch, &contract.key)?;
    let mut groups: Vec<Group> = Vec::with_capacity(batch.num_rows());
    let mut index: HashMap<&[u8], usize> = HashMap::with_capacity(batch.num_rows());
    for row in 0..batch.num_rows() {
        if eligible.is_some_and(|mask| !mask.value(row)) {
            continue;
        }
        let next = groups.len();
        let group = *index.entry(rows.get(row)).or_insert(next);
        if group == next {
            groups.push((row, Vec::new()));
        } else {
            groups[group].1.push(row);
        }
    }
    Ok(groups)
}

/// `rows` in the contract's order; the key breaks ties, so that there is one order only.
fn sorted(contract: &Contract, batch: &RecordBatch, rows: Vec<usize>) -> Result<UInt32Array> {
    let mut columns = contract.sort.clone();
    columns.extend(contract.key.iter().filter(|index| !contract.sort.contains(index)));
    let keys = RowKeys::of(batch, &columns)?;
    // The first bytes decide almost always: they travel with the row, so that a comparison touches no other memory.
    let mut tagged = rows
        .into_iter()
        .map(|row| {
            let tag = keys.prefix(row);
            Ok((tag, u32::try_from(row).map_err(|_| Error::bug("a partition has more than 2^32 rows"))?))
        })
        .collect::<Result<Vec<(u128, u32)>>>()?;
    tagged.sort_unstable_by(|a, b| {
        a.0.cmp(&b.0).then_with(|| keys.get(a.1 as usize).cmp(keys.get(b.1 as usize)))
    });
    Ok(tagged.into_iter().map(|(_, row)| row).collect())
}

/// How rows of one batch stand to each other.
struct Standing<'b> {
    finality: Option<&'b BooleanArray>,
    revision: Option<DynComparator>,
    business: Vec<DynComparator>,
    provenance: Vec<DynComparator>,
}

impl<'b> Standing<'b> {
    fn new(contract: &Contract, batch: &'b RecordBatch) -> Result<Self> {
        let comparator = |index: usize| {
            let column = batch.column(index);
            make_comparator(column, column, SortOptions::default())
        };
        let of_role = |role: Role| {
            let indices = contract.columns.iter().enumerate().filter(move |(_, column)| column.role == role);
            indices.map(|(index, _)| comparator(index)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            finality: contract.finality.and_then(|index| batch.column(index).as_boolean_opt()),
            revision: contract.revision.map(comparator).transpose()?,
            business: of_role(Role::Business)?,
            provenance: of_role(Role::Provenance)?,
        })
    }

    fn is_final(&self, row: usize) -> bool {
        self.finality.is_some_and(|finality| finality.is_valid(row) && finality.value(row))
    }

    /// Final before not, then newest revision.
    fn rank(&self, a: usize, b: usize) -> Ordering {
        let revisions = || self.revision.as_ref().map_or(Ordering::Equal, |compare| compare(a, b));
        self.is_final(a).cmp(&self.is_final(b)).then_with(revisions)
    }

    fn content(&self, a: usize, b: usize) -> Ordering {
        first_difference(&self.business, a, b)
    }

    fn same_content(&self, a: usize, b: usize) -> bool {
        self.content(a, b) == Ordering::Equal
    }

    /// The row of `group` that stands; sorts the group from oldest to newest.
    fn winner(&self, group: &mut [usize]) -> usize {
        let revision =
            |a: usize, b: usize| self.revision.as_ref().map_or(Ordering::Equal, |compare| compare(a, b));
        let age = |a: usize, b: usize| {
            revision(a, b)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::Contracts;
    use crate::table::RowDecoder;

    fn contract() -> Arc<Contract> {
        Arc::clone(&Contracts::built_in().unwrap().get("daily_bars").unwrap().contract)
    }

    /// A daily bar: symbol, close, hour of fetching, final.
    type Bar = (&'static str, u32, u32, bool);

    fn batch(bars: &[Bar]) -> RecordBatch {
        let mut decoder = RowDecoder::new(contract());
        for (symbol, close, hour, is_final) in bars {
            decoder
                .push(&format!(
                    r#"{{"provider":"polygon","provider_symbol":"{symbol}","symbol":"{symbol}.XNAS","asset_class":"equity","interval":"1d","trading_date":"2013-03-01","bar_start":"2013-03-01T00:00:00Z","exchange_tz":"America/New_York","close":{close},"adjustment":"raw","session":"regular","currency":"USD","quote_unit":"USD","unit_divisor":1,"is_final":{is_final},"delay_class":"eod","provider_ts":1,"fetched_at":"2013-03-02T{hour:02}:00:00Z","request_id":"r{hour}","run_id":"run","unit_id":"u","raw_sha256":"s","schema_version":1}}"#
                ))
                .unwrap();
        }
        decoder.take_batch().unwrap()
    }

    fn shown(batch: &RecordBatch) -> Vec<String> {
        use arrow::util::display::{ArrayFormatter, FormatOptions};
        let options = FormatOptions::default();
        let text = |name: &str| ArrayFormatter::try_new(batch[name].as_ref(), &options).unwrap();
        (0..batch.num_rows())
            .map(|row| {
                format!(
                    "{} {} {} {}",
                    text("symbol").value(row),
                    text("close").value(row),
                    text("request_id").value(row),
                    text("is_final").value(row)
                )
            })
            .collect()
    }

    fn merged(existing: &[Bar], incoming: &[Bar]) -> Merged {
        let table = merge(&contract(), None, &[batch(existing)]).unwrap().batch;
        merge(&contract(), Some(&table), &[batch(incoming)]).unwrap()
    }

    #[test]
    fn newest_wins_and_same_content_is_no_revision() {
        let result = merged(
            &[("B", 1, 1, true), ("A", 1, 1, true)],
            &[("A", 2, 2, true), ("B", 1, 3, true), ("C", 9, 1, true)],
        );
        assert_eq!(
            shown(&result.batch),
            ["A.XNAS 2.00000000 r2 true", "B.XNAS 1.00000000 r1 true", "C.XNAS 9.00000000 r1 true"]
        );
        assert_eq!(result.counts, MergeCounts { rows_in: 3, inserted: 1, revised: 1, duplicates: 1 });
        let again = merge(&contract(), Some(&result.batch), std::slice::from_ref(&result.batch)).unwrap();
        assert!(!again.changed);
        assert_eq!(again.counts.duplicates, 3);
    }

    #[test]
    fn a_final_bar_is_never_replaced_by_one_that_is_not() {
        let result = merged(&[("A", 1, 1, true)], &[("A", 2, 2, false)]);
        assert_eq!(shown(&result.batch), ["A.XNAS 1.00000000 r1 true"]);
        assert!(!result.changed);
        let result = merged(&[("A", 1, 3, false)], &[("A", 2, 2, true)]);
        assert_eq!(shown(&result.batch), ["A.XNAS 2.00000000 r2 true"]);
    }

    #[test]
    fn contradictions_of_one_revision_are_left_to_the_rules() {
        let rows = batch(&[
            ("A", 1, 1, true),
            ("A", 2, 1, true),
            ("B", 1, 1, true),
            ("B", 1, 2, true),
            ("C", 1, 1, true),
            ("C", 2, 2, true),
        ]);
        let all = BooleanBuffer::new_set(rows.num_rows());
        let superseded = dedupe(&contract(), &[rows], &[all]).unwrap();
        assert_eq!(superseded[0].set_indices().collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn a_row_that_failed_never_wins() {
        let rows = batch(&[("A", 1, 1, true), ("A", 2, 2, true)]);
        let eligible: BooleanBuffer = [true, false].into_iter().collect();
        let superseded = dedupe(&contract(), &[rows], &[eligible]).unwrap();
        assert_eq!(superseded[0].count_set_bits(), 0);
    }

    proptest! {
        /// The order in which distinct revisions arrive, and how they are cut into drains, does not matter.
        #[test]
        fn order_does_not_matter(
            bars in proptest::collection::vec((prop_oneof![Just("A"), Just("B")], 0u32..24), 1..8),
            cut in 0usize..8,
            seed in any::<u64>(),
        ) {
            // Content is a function of the revision, as it is when a vendor restates.
            let bars: Vec<Bar> = bars.iter().map(|(symbol, hour)| (*symbol, 100 + hour, *hour, true)).collect();
            let mut shuffled = bars.clone();
            let len = shuffled.len();
            for i in 0..len {
                shuffled.swap(i, (seed as usize).wrapping_mul(31).wrapping_add(i * 7) % len);
            }
            let whole = merge(&contract(), None, &[batch(&bars)]).unwrap().batch;
            let (head, tail) = shuffled.split_at(cut.min(len));
            let mut table = merge(&contract(), None, &[batch(head)]).unwrap().batch;
            table = merge(&contract(), Some(&table), &[batch(tail), batch(head)]).unwrap().batch;
            prop_assert_eq!(shown(&whole), shown(&table));
        }
    }
}
