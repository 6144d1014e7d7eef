//! Which of several rows with one business key wins.
//!
//! Two rows with the same key and the same business content are one fact seen twice: the row seen first stays. With other
//! content the better row wins: a final one over one that is not, then the newest revision, then the later of the source's own
//! stamps where the contract names them: an answer that has the running day twice means the later. Within one checked object two
//! rows of the same revision and stamp that contradict each other are both kept, for the ruleset's key rule to judge; at publishing,
//! where nobody is left to ask, the greater content wins, so that the order of events does not matter.
//!
//! A newer row that says the same but for values that were refused (`<column>_refused` among its flags) does not win: what could not
//! be read is no news of a value that is known. Where it says something else as well it wins, without that value.
//!
//! One order does: content that goes from A to B and back to A, whose three events are published by different drains out of
//! order, can end at B, since the row of the first A counts for the last one too. The next fetch corrects it. Where rows may move
//! from partition to partition, the row that was seen last wins instead (`precedence.rs`), and no order matters.

use std::cmp::Ordering;
use std::fmt;

use arrow::array::{Array, ArrayRef, BooleanBufferBuilder, RecordBatch, UInt32Array, new_empty_array};
use arrow::buffer::BooleanBuffer;
use arrow::compute::{concat_batches, interleave_record_batch, take};

use super::columnar::{self, Chain, Columnar};
use super::order::Ordered;
use super::precedence::{Precedence, RefusedColumns};
use crate::ArrowSchema as _;
use quotelake_contract::Contract;
use quotelake_core::Result;

/// What a merge did with the rows that came in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MergeCounts {
    /// Rows that came in.
    pub rows_in: usize,
    /// Keys that the table did not have.
    pub inserted: usize,
    /// Rows of the table whose content was replaced.
    pub revised: usize,
    /// Rows that came in and are not kept: seen before, or superseded.
    pub duplicates: usize,
    /// Rows of the table that are gone. Merging takes none away.
    pub removed: usize,
}

/// A merged partition: the rows that are kept, sorted by the contract's order, read from where they lie.
pub struct Merged<'a> {
    contract: &'a Contract,
    all: Chain<'a>,
    /// The rows of `all` that are kept, in order. `None` when that is all of them as they are.
    kept: Option<UInt32Array>,
    /// What happened to the rows that came in.
    pub counts: MergeCounts,
    /// Whether the rows differ from what the table had.
    pub changed: bool,
}

impl Merged<'_> {
    /// All columns at once.
    pub fn batch(&self) -> Result<RecordBatch> {
        columnar::batch(self.contract.schema(), |index| self.read(index))
    }
}

impl fmt::Debug for Merged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merged")
            .field("rows", &self.rows())
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

impl Columnar for Merged<'_> {
    fn rows(&self) -> usize {
        self.kept.as_ref().map_or_else(|| self.all.rows(), Array::len)
    }

    fn read(&self, index: usize) -> Result<ArrayRef> {
        if self.rows() == 0 {
            return Ok(new_empty_array(self.contract.schema().field(index).data_type()));
        }
        let column = self.all.read(index)?;
        match &self.kept {
            Some(rows) => Ok(take(&column, rows, None)?),
            None => Ok(column),
        }
    }
}

/// Merges rows into a partition's rows. Merging the same rows again changes nothing, and so does their order.
///
/// Reads the columns of the key and the order, and of rows that share a key all of them.
pub fn merge<'a>(
    contract: &'a Contract,
    existing: Option<&'a dyn Columnar>,
    incoming: &'a dyn Columnar,
) -> Result<Merged<'a>> {
    let before = existing.map_or(0, Columnar::rows);
    let all = Chain::new(existing.into_iter().chain([incoming]));
    let mut merged = Merged {
        contract,
        kept: None,
        counts: MergeCounts { rows_in: incoming.rows(), ..MergeCounts::default() },
        changed: false,
        all,
    };
    if merged.all.rows() == 0 {
        return Ok(merged);
    }
    // The key behind the order breaks ties, so that there is one order only.
    let mut columns = contract.sort.clone();
    columns.extend(contract.key.iter().filter(|index| !contract.sort.contains(index)));
    let keys_alone = contract.sort.iter().all(|index| contract.key.contains(index));
    let ordered = order(&merged.all, if keys_alone { &columns } else { &contract.key }, None)?;
    // Only rows that share a key are looked at whole.
    let mut shared: Vec<u32> = ordered.groups().filter(|group| group.len() > 1).flatten().copied().collect();
    shared.sort_unstable();
    let rows = some_rows(contract, &merged.all, &shared)?;
    let precedence = Precedence::new(contract, &rows)?;
    let refused = RefusedColumns::of_flags(contract, &rows)?;
    let place = |row: &u32| shared.partition_point(|other| other < row);
    let mut winners: Vec<u32> = Vec::with_capacity(merged.all.rows());
    for group in ordered.groups() {
        let first = group[0];
        let mut winner = first;
        if group.len() > 1 {
            let mut places: Vec<usize> = group.iter().map(place).collect();
            let oldest = places[0];
            let best = precedence.winner(&mut places);
            let best = precedence.unless_refused(best, &places, &refused.of(best));
            winner = shared[best];
            merged.counts.revised += usize::from(
                (first as usize) < before && best != oldest && !precedence.same_content(oldest, best),
            );
        }
        let is_new = first as usize >= before;
        merged.counts.inserted += usize::from(is_new);
        merged.changed |= is_new || winner != first;
        winners.push(winner);
    }
    merged.counts.duplicates = merged.counts.rows_in - merged.counts.inserted - merged.counts.revised;
    if !keys_alone {
        let mut kept = BooleanBufferBuilder::new(merged.all.rows());
        kept.append_n(merged.all.rows(), false);
        winners.iter().for_each(|row| kept.set_bit(*row as usize, true));
        winners = order(&merged.all, &columns, Some(&kept.finish()))?.into_rows();
    }
    if !winners.iter().copied().eq(0..merged.all.rows() as u32) {
        merged.kept = Some(UInt32Array::from(winners));
    }
    Ok(merged)
}

/// The rows, or the chosen ones, in the order of these columns.
fn order(rows: &Chain<'_>, columns: &[usize], chosen: Option<&BooleanBuffer>) -> Result<Ordered> {
    let keys = columns.iter().map(|index| rows.read(*index)).collect::<Result<Vec<_>>>()?;
    Ordered::by(keys, chosen)
}

/// Some rows as a batch.
fn some_rows(contract: &Contract, rows: &Chain<'_>, some: &[u32]) -> Result<RecordBatch> {
    let schema = contract.schema();
    if some.is_empty() {
        return Ok(RecordBatch::new_empty(schema));
    }
    columnar::batch(schema, |index| rows.read_some(index, some))
}

/// Which of the `eligible` rows of one checked object are not kept (set bits, one buffer per batch): copies of another row
/// and older revisions. Rows that contradict each other are left alone.
///
/// `refused` says which columns of a row, by batch and row, have no value because it was refused.
pub fn dedupe(
    contract: &Contract,
    batches: &[RecordBatch],
    eligible: &[BooleanBuffer],
    refused: impl Fn(usize, usize) -> Vec<usize>,
) -> Result<Vec<BooleanBuffer>> {
    let keys = batches
        .iter()
        .map(|batch| Ok(batch.project(&contract.key)?))
        .collect::<Result<Vec<RecordBatch>>>()?;
    let Some(first) = keys.first() else { return Ok(Vec::new()) };
    let (_, keys, _) = concat_batches(&first.schema(), &keys)?.into_parts();
    let mask: BooleanBuffer = eligible.iter().flat_map(BooleanBuffer::iter).collect();
    let ordered = Ordered::by(keys, Some(&mask))?;
    let groups: Vec<&[u32]> = ordered.groups().filter(|group| group.len() > 1).collect();
    let mut superseded: Vec<BooleanBufferBuilder> = batches
        .iter()
        .map(|batch| {
            let mut rows = BooleanBufferBuilder::new(batch.num_rows());
            rows.append_n(batch.num_rows(), false);
            rows
        })
        .collect();
    if !groups.is_empty() {
        // Only rows that share a key are looked at whole, side by side in a batch of their own.
        let places = Places::of(batches);
        let places: Vec<(usize, usize)> =
            groups.iter().flat_map(|group| group.iter().map(|row| places.of_row(*row as usize))).collect();
        let rows = interleave_record_batch(&batches.iter().collect::<Vec<_>>(), &places)?;
        let precedence = Precedence::new(contract, &rows)?;
        let mut start = 0;
        for group in groups {
            let mut group: Vec<usize> = (start..start + group.len()).collect();
            start += group.len();
            let winner = precedence.winner(&mut group);
            let (batch, row) = places[winner];
            let winner = precedence.unless_refused(winner, &group, &refused(batch, row));
            for row in group {
                // Content that contradicts the winner at the winner's own revision is no older version of it.
                if row != winner
                    && (precedence.same_content(row, winner)
                        || precedence.rank(row, winner) != Ordering::Equal)
                {
                    let (batch, row) = places[row];
                    superseded[batch].set_bit(row, true);
                }
            }
        }
    }
    Ok(superseded.into_iter().map(|mut rows| rows.finish()).collect())
}

/// Where rows that are counted through several batches lie.
struct Places {
    /// The number of each batch's first row.
    starts: Vec<usize>,
}

impl Places {
    fn of(batches: &[RecordBatch]) -> Self {
        let mut starts = Vec::with_capacity(batches.len());
        let mut next = 0;
        for batch in batches {
            starts.push(next);
            next += batch.num_rows();
        }
        Self { starts }
    }

    /// Batch and row.
    fn of_row(&self, row: usize) -> (usize, usize) {
        let batch = self.starts.partition_point(|start| *start <= row) - 1;
        (batch, row - self.starts[batch])
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::AsArray as _;
    use proptest::prelude::*;

    use super::*;
    use crate::RowDecoder;
    use quotelake_contract::Contracts;

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
        use arrow::util::display::array_value_to_string;
        let text = |name: &str, row| array_value_to_string(batch[name].as_ref(), row).unwrap();
        (0..batch.num_rows())
            .map(|row| {
                format!(
                    "{} {} {} {}",
                    text("symbol", row),
                    text("close", row),
                    text("request_id", row),
                    text("is_final", row)
                )
            })
            .collect()
    }

    /// The table after another batch of bars, and what that did.
    fn after(table: Option<&RecordBatch>, incoming: &[Bar]) -> (RecordBatch, MergeCounts, bool) {
        let (contract, incoming) = (contract(), batch(incoming));
        let merged = merge(&contract, table.map(|table| table as &dyn Columnar), &incoming).unwrap();
        (merged.batch().unwrap(), merged.counts, merged.changed)
    }

    fn merged(existing: &[Bar], incoming: &[Bar]) -> (RecordBatch, MergeCounts, bool) {
        after(Some(&after(None, existing).0), incoming)
    }

    #[test]
    fn newest_wins_and_same_content_is_no_revision() {
        let existing = [("B", 1, 1, true), ("A", 1, 1, true)];
        let incoming = [("A", 2, 2, true), ("B", 1, 3, true), ("C", 9, 1, true)];
        let (table, counts, changed) = merged(&existing, &incoming);
        assert_eq!(
            shown(&table),
            [
                "A.XNAS 2.000000000000000000 r2 true",
                "B.XNAS 1.000000000000000000 r1 true",
                "C.XNAS 9.000000000000000000 r1 true"
            ]
        );
        assert!(changed);
        assert_eq!(counts, MergeCounts { rows_in: 3, inserted: 1, revised: 1, duplicates: 1, removed: 0 });
        let (again, counts, changed) = after(Some(&table), &incoming);
        assert!(!changed && again == table);
        assert_eq!(counts.duplicates, 3);
    }

    #[test]
    fn a_final_bar_is_never_replaced_by_one_that_is_not() {
        let (table, _, changed) = merged(&[("A", 1, 1, true)], &[("A", 2, 2, false)]);
        assert_eq!(shown(&table), ["A.XNAS 1.000000000000000000 r1 true"]);
        assert!(!changed);
        let (table, ..) = merged(&[("A", 1, 3, false)], &[("A", 2, 2, true)]);
        assert_eq!(shown(&table), ["A.XNAS 2.000000000000000000 r2 true"]);
    }

    #[test]
    fn rows_may_be_ordered_by_what_is_no_part_of_the_key() {
        let mut contract = Contract::clone(&contract());
        contract.sort = vec![contract.index_of("close").unwrap()];
        let (first, second) = (
            batch(&[("A", 9, 1, true), ("B", 1, 1, true), ("D", 5, 1, true)]),
            batch(&[("C", 2, 2, true), ("A", 2, 2, true)]),
        );
        let table = merge(&contract, None, &first).unwrap().batch().unwrap();
        let merged = merge(&contract, Some(&table), &second).unwrap();
        assert_eq!(
            merged.counts,
            MergeCounts { rows_in: 2, inserted: 1, revised: 1, duplicates: 0, removed: 0 }
        );
        assert_eq!(
            shown(&merged.batch().unwrap()),
            [
                "B.XNAS 1.000000000000000000 r1 true",
                "A.XNAS 2.000000000000000000 r2 true",
                "C.XNAS 2.000000000000000000 r2 true",
                "D.XNAS 5.000000000000000000 r1 true"
            ]
        );
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
        let superseded = dedupe(&contract(), &[rows], &[all], |_, _| Vec::new()).unwrap();
        assert_eq!(superseded[0].set_indices().collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn of_one_answer_the_later_stamp_stands() {
        let rows = |final_at: [bool; 2]| {
            let mut decoder = RowDecoder::new(contract());
            for (stamp, volume) in [(1, 5), (2, 7)] {
                let is_final = final_at[stamp - 1];
                let line = format!(
                    r#"{{"provider":"p","provider_symbol":"A","symbol":"A","asset_class":"equity","interval":"1d","trading_date":"2024-09-03","bar_start":"2024-09-03T00:00:00Z","exchange_tz":"UTC","close":1,"volume":{volume},"adjustment":"raw","session":"regular","currency":"USD","quote_unit":"USD","unit_divisor":1,"is_final":{is_final},"delay_class":"eod","provider_ts":{stamp},"fetched_at":"2024-09-03T20:30:00Z","request_id":"r","run_id":"run","unit_id":"u","raw_sha256":"s","schema_version":1}}"#
                );
                decoder.push(&line).unwrap();
            }
            decoder.take_batch().unwrap()
        };
        let kept = |rows: RecordBatch| {
            let all = BooleanBuffer::new_set(2);
            let out = dedupe(&contract(), std::slice::from_ref(&rows), &[all], |_, _| Vec::new()).unwrap();
            let table = merge(&contract(), None, &rows).unwrap().batch().unwrap();
            let found = (table.num_rows(), table["volume"].slice(0, 1) == rows["volume"].slice(1, 1));
            (out[0].set_indices().collect::<Vec<_>>(), found)
        };
        assert_eq!(kept(rows([false, false])), (vec![0], (1, true)));
        assert_eq!(kept(rows([true, true])), (vec![0], (1, true)));
        // A final row is not replaced by one that is not, whatever their stamps.
        assert_eq!(kept(rows([true, false])), (vec![1], (1, false)));
    }

    #[test]
    fn flags_are_no_business_content() {
        let contract = contract();
        let flagged = |batch: RecordBatch, text: &str| {
            let index = contract.flags().unwrap();
            let mut columns = batch.columns().to_vec();
            let texts: arrow::array::DictionaryArray<arrow::datatypes::Int32Type> =
                std::iter::repeat_n(text, batch.num_rows()).collect();
            columns[index] = Arc::new(texts);
            RecordBatch::try_new(batch.schema(), columns).unwrap()
        };
        let flags_of = |batch: &RecordBatch| {
            let text = arrow::compute::cast(&batch["flags"], &arrow::datatypes::DataType::Utf8).unwrap();
            text.as_string::<i32>().iter().map(|flag| flag.unwrap().to_owned()).collect::<Vec<_>>()
        };
        let table =
            merge(&contract, None, &flagged(batch(&[("A", 1, 1, true)]), "a")).unwrap().batch().unwrap();
        let again = flagged(batch(&[("A", 1, 2, true)]), "b");
        let merged = merge(&contract, Some(&table), &again).unwrap();
        assert!(!merged.changed && merged.counts.duplicates == 1);
        // The row that wins brings its own.
        let other = flagged(batch(&[("A", 2, 3, true)]), "b");
        let merged = merge(&contract, Some(&table), &other).unwrap();
        assert_eq!((merged.counts.revised, flags_of(&merged.batch().unwrap())), (1, vec!["b".to_owned()]));
    }

    #[test]
    fn a_row_that_failed_never_wins() {
        let rows = batch(&[("A", 1, 1, true), ("A", 2, 2, true)]);
        let eligible: BooleanBuffer = [true, false].into_iter().collect();
        let superseded = dedupe(&contract(), &[rows], &[eligible], |_, _| Vec::new()).unwrap();
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
            let (whole, ..) = after(None, &bars);
            let (head, tail) = shuffled.split_at(cut.min(len));
            let (mut table, ..) = after(None, head);
            (table, ..) = after(Some(&table), &[tail, head].concat());
            prop_assert_eq!(shown(&whole), shown(&table));
        }
    }
}
