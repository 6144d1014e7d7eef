//! Computes what a change reaches, and puts it into the place of what there was.
//!
//! A span of dates at a time: its rows are computed, checked and encoded; where the check lets them go, each partition takes the
//! place of what there was, and who reads them is told. Before a partition changes, its entry of the model's state is taken out, and
//! once it is told of it comes back: after a crash between any two steps, the same change leads to the same table and the same news.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::Date32Type;
use futures::stream::FuturesUnordered;
use futures::{StreamExt as _, TryStreamExt as _};
use quotelake_check::Decision;
use quotelake_check::computed::{ComputedCheck, ComputedSource, ComputedVerdict};
use quotelake_core::time::days_since_epoch;
use quotelake_core::{Context as _, Error, ErrorKind, Result, sha256_hex};
use quotelake_table::{
    ArrowSchema as _, Change, PartitionKey, Partitioner, Published, Replacement, StoredPartition,
};

use crate::conform::{Conformed, conform};
use crate::dates::{self, Dates};
use crate::encoder::{Encoder, File};
use crate::engine;
use crate::made::Made;
use crate::model::Model;
use crate::plan::{Reach, Span, spans};
use crate::ports::Ports;
use crate::report::{ComputedPartition, ModelReport};
use crate::snapshot::Snapshot;
use crate::state::{self, Entry};
use crate::{news, run_row};

/// How often a span is computed again because its inputs changed meanwhile.
const MAX_ROUNDS: usize = 5;

/// Computes what of a model is reached and publishes it: each partition takes the place of what was there, and one that nothing is
/// computed for any more is left empty. Done again, nothing changes. What it came to is written down in the table `runs`.
///
/// Nothing is published of a span of dates of which anything fails: the last good table stays. The other spans go on, unless trying
/// again may help; then no other begins. `InvalidInput` for rows on which the model fails, and for a span that its rules block; `Conflict` where inputs
/// change faster than they are read.
pub async fn refine(ports: Ports<'_>, model: &Model, reach: &Reach) -> Result<ModelReport> {
    refine_again(ports, model, reach, 0).await
}

/// The same after this many deliveries of the same change.
pub(crate) async fn refine_again(
    ports: Ports<'_>,
    model: &Model,
    reach: &Reach,
    retries: u64,
) -> Result<ModelReport> {
    let started_at = ports.clock.now();
    let refined = refine_spans(ports, model, reach).await;
    let refined = refined.with_context(|| format!("model {}", model.name()));
    run_row::record(ports, model.name(), retries, started_at, &refined).await;
    refined
}

async fn refine_spans(ports: Ports<'_>, model: &Model, reach: &Reach) -> Result<ModelReport> {
    let mut report = ModelReport { model: model.name().to_owned(), ..ModelReport::default() };
    if !model.is_published() {
        return Ok(report);
    }
    let most = engine::most_input_bytes(model, ports.engine);
    let spans = spans(model, reach, ports.tables(), most).await?;
    let mut at_once = engine::passes_at_once(model, ports.engine);
    let (mut waiting, mut at_work): (VecDeque<&Span>, _) = (spans.iter().collect(), FuturesUnordered::new());
    let (mut done, mut failed, mut again) = (BTreeMap::new(), BTreeMap::new(), None);
    loop {
        while again.is_none() && at_work.len() < at_once {
            let Some(span) = waiting.pop_front() else { break };
            let is_alone = at_once == 1;
            at_work.push(async move { (span, is_alone, Work::new(ports, model, span).run().await) });
        }
        let Some((span, is_alone, ended)) = at_work.next().await else { break };
        match ended {
            Ok(of_span) => {
                done.insert(span.dates, of_span);
            }
            // What is at work comes to its end.
            Err(error) if error.kind().is_retryable() => again = again.or(Some(error)),
            // One that has all of the memory may have enough.
            Err(error) if error.kind() == ErrorKind::Unsupported && !is_alone => {
                tracing::info!(model = model.name(), dates = %span.dates, error = %error, "computed by itself");
                at_once = 1;
                waiting.push_back(span);
            }
            Err(error) => {
                tracing::error!(model = model.name(), dates = %span.dates, error = %error, "nothing is published");
                failed.insert(span.dates, error.context(span.dates));
            }
        }
    }
    if let Some(error) = again.or_else(|| failed.into_values().next()) {
        return Err(error);
    }
    // In the order of the dates, whichever ended first.
    done.into_values().for_each(|of_span| report.add(of_span));
    report.partitions.sort_by(|a, b| a.partition.cmp(&b.partition));
    Ok(report)
}

/// The partitions that there were before anything was computed.
type Seen = BTreeMap<PartitionKey, StoredPartition>;

/// One span of a model.
struct Work<'a> {
    ports: Ports<'a>,
    model: &'a Model,
    dates: Dates,
    fingerprint: String,
    done: BTreeMap<PartitionKey, ComputedPartition>,
    /// Of which rows the files are made.
    made: BTreeMap<PartitionKey, Made>,
    /// A file is not the one that was made: every partition is encoded.
    encodes_all: bool,
    report: ModelReport,
}

impl<'a> Work<'a> {
    fn new(ports: Ports<'a>, model: &'a Model, span: &Span) -> Self {
        Self {
            ports,
            model,
            dates: span.dates,
            fingerprint: model.fingerprint(&engine::version_of(model, ports.engine)),
            done: BTreeMap::new(),
            made: BTreeMap::new(),
            encodes_all: false,
            report: ModelReport::default(),
        }
    }

    /// Computes, publishes and tells; once more where an input or the table changed meanwhile: somebody else may know what is newer.
    async fn run(mut self) -> Result<ModelReport> {
        for _ in 0..MAX_ROUNDS {
            // Before any input is read: what is published by then must not be lost to what was read before.
            let seen = self.seen().await?;
            let snapshot = Snapshot::take(self.model, self.ports.tables()).await?;
            let encoded = self.judged(&seen, &snapshot).await?;
            let told = match self.commit(&seen, encoded).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {
                    tracing::info!(model = self.model.name(), error = %error, "computed once more");
                    continue;
                }
                committed => committed?,
            };
            let now = Snapshot::take(self.model, self.ports.tables()).await?;
            if now.of(self.dates).eq(snapshot.of(self.dates)) {
                self.tell(&told).await?;
                self.note(&snapshot).await?;
                self.report.partitions.extend(self.done.into_values());
                return Ok(self.report);
            }
        }
        Err(Error::conflict("its inputs keep changing"))
    }

    /// The partitions of the span that there are, with their versions.
    async fn seen(&self) -> Result<Seen> {
        let contract = &self.model.dataset.contract;
        let stored = Published::new(self.ports.lake, contract).partitions().await?;
        let in_span = |stored: &StoredPartition| {
            dates::of_partition(contract, &stored.partition).is_none_or(|own| own.overlaps(&self.dates))
        };
        Ok(stored.into_iter().filter(in_span).map(|stored| (stored.partition.clone(), stored)).collect())
    }

    /// Of which rows the files that are there were made, by this very model. Of a model that is computed by dates that is not worth
    /// keeping: most of what is reached changes.
    async fn known(&self, seen: &Seen) -> Result<Option<BTreeMap<PartitionKey, Made>>> {
        if !self.model.is_computed_whole() {
            return Ok(None);
        }
        if self.encodes_all {
            return Ok(Some(BTreeMap::new()));
        }
        let mut state = state::load(self.ports.lake, self.model.name()).await?;
        let known = seen.iter().filter_map(|(partition, stored)| {
            let entry = state.partitions.remove(&partition.to_string())?;
            let is_of = entry.fingerprint == self.fingerprint
                && entry.version.as_deref() == Some(stored.version.as_str());
            Some((partition.clone(), entry.made.filter(|_| is_of)?))
        });
        Ok(Some(known.collect()))
    }

    /// The partitions, computed, encoded and let go by the check. `InvalidInput` where they are not.
    async fn judged(&mut self, seen: &Seen, snapshot: &Snapshot) -> Result<BTreeMap<PartitionKey, File>> {
        let Ports { lake, clock, .. } = self.ports;
        let source = ComputedSource {
            name: format!("models/{}/{}", self.model.name(), self.dates),
            fingerprint: self.fingerprint.clone(),
            inputs: snapshot.of(self.dates).cloned().collect(),
        };
        let is_whole = self.dates == Dates::ALL;
        let check = ComputedCheck::begin(lake, &self.model.dataset, source, is_whole, clock.now()).await?;
        let known = self.known(seen).await?;
        let (mut encoded, made, verdict) = self.compute(snapshot, check, known).await?;
        self.made = made;
        let document = verdict.record(self.ports.recorder()).await?;
        self.report.quarantined += document.rows.quarantined;
        self.report.checks.push(document.lineage.check_id);
        if document.gate.decision == Decision::Block {
            return Err(Error::invalid(format!(
                "blocked by its rules: {}",
                document.gate.reasons.join("; ")
            )));
        }
        let contract = &self.model.dataset.contract;
        let (empty, mut gone) = (RecordBatch::new_empty(contract.schema()), Vec::new());
        for partition in seen.keys().filter(|partition| !encoded.contains_key(*partition)) {
            let empty = Replacement::new(contract, &empty, &self.fingerprint)?;
            gone.push((partition.clone(), File::New(empty)));
        }
        encoded.extend(gone);
        Ok(encoded)
    }

    async fn compute(
        &self,
        snapshot: &Snapshot,
        mut check: ComputedCheck,
        known: Option<BTreeMap<PartitionKey, Made>>,
    ) -> Result<(BTreeMap<PartitionKey, File>, BTreeMap<PartitionKey, Made>, ComputedVerdict)> {
        let (ports, model) = (self.ports, self.model);
        let contract = &model.dataset.contract;
        let mut encoder = Encoder::new(contract, &self.fingerprint, ports.parallelism, known);
        // Not listed again: a partition that came since is found when the inputs are looked at once more.
        let tables = ports.tables().listed(snapshot.listed());
        let mut computed = engine::compute(model, ports.engine, tables, self.dates).await?;
        let mut all_complete = true;
        while let Some(part) = computed.try_next().await? {
            all_complete &= part.is_complete;
            let (computed, conformed) = self.wanted(part.rows)?;
            let rows = check.push(&computed, &conformed.rows, conformed.faults)?;
            for (partition, rows) in Partitioner::new(contract).split(&rows)? {
                encoder.push(partition, rows, part.is_complete).await?;
            }
            if all_complete {
                check.partitions_end();
            }
        }
        let mut encoded = encoder.finish().await?;
        let verdict = check.finish(std::mem::take(&mut encoded.faults))?;
        Ok((encoded.partitions, encoded.made, verdict))
    }

    /// The rows of the dates that are computed, as they are and in the contract's types: those that a look-back alone has given are no
    /// whole partition.
    fn wanted(&self, computed: RecordBatch) -> Result<(RecordBatch, Conformed)> {
        let contract = &self.model.dataset.contract;
        let conformed = conform(contract, &computed)?;
        let Some(column) = dates::date_column(contract).filter(|_| self.dates != Dates::ALL) else {
            return Ok((computed, conformed));
        };
        let (from, to) = (days_since_epoch(self.dates.from), days_since_epoch(self.dates.to));
        let days = conformed.rows.column(column).as_primitive::<Date32Type>();
        let wanted: BooleanArray =
            days.iter().map(|day| Some(day.is_none_or(|day| (from..=to).contains(&day)))).collect();
        if wanted.true_count() == wanted.len() {
            return Ok((computed, conformed));
        }
        let mut places = Vec::with_capacity(wanted.len());
        let mut next = 0;
        for is_wanted in wanted.values() {
            places.push(is_wanted.then_some(next));
            next += usize::from(is_wanted);
        }
        let faults = conformed.faults.into_iter();
        let faults = faults.filter_map(|(row, fault)| Some((places[row]?, fault))).collect();
        let rows = filter_record_batch(&conformed.rows, &wanted)?;
        Ok((filter_record_batch(&computed, &wanted)?, Conformed { rows, faults }))
    }

    /// Publishes the partitions. Returns those that are to be told of: that changed, or changed before a crash and were not told of.
    async fn commit(
        &mut self,
        seen: &Seen,
        encoded: BTreeMap<PartitionKey, File>,
    ) -> Result<BTreeSet<PartitionKey>> {
        let Ports { lake, catalog, .. } = self.ports;
        let table = Published::new(lake, &self.model.dataset.contract);
        let before = state::load(lake, self.model.name()).await?;
        let (mut changing, mut told) = (Vec::new(), BTreeSet::new());
        for (partition, file) in encoded {
            let same = match &file {
                File::New(rows) => {
                    let same = table.unchanged(&partition, rows).await?;
                    same.map(|same| ComputedPartition::of(&partition, same))
                }
                File::Known { rows, sha256 } => {
                    Some(self.still_there(seen, &partition, *rows, sha256).await?)
                }
            };
            match (file, same) {
                (File::New(rows), None) => changing.push((partition, rows)),
                (File::Known { .. }, None) => {}
                (_, Some(same)) => {
                    let entry = before.partitions.get(&same.partition);
                    if entry.is_none_or(|entry| entry.version.as_deref() != same.version()) {
                        told.insert(partition.clone());
                    }
                    self.is_done(partition, same);
                }
            }
        }
        if changing.iter().any(|(partition, _)| before.partitions.contains_key(&partition.to_string())) {
            state::update(lake, self.model.name(), |state| {
                for (partition, _) in &changing {
                    state.partitions.remove(&partition.to_string());
                }
            })
            .await?;
        }
        for (partition, rows) in changing {
            let committed = table
                .commit(
                    &partition,
                    Change::Replace(&rows, seen.get(&partition).map(|stored| &stored.version)),
                )
                .await?;
            told.insert(partition.clone());
            self.is_done(partition.clone(), ComputedPartition::of(&partition, committed));
        }
        let visible =
            told.iter().filter_map(|partition| Some((partition, self.done.get(partition)?.key.as_str())));
        table.make_visible(catalog, visible).await?;
        Ok(told)
    }

    /// A partition whose file was made of the same rows. `Conflict` where it is other bytes by now, as of one that is damaged: it is
    /// computed once more then, and encoded.
    async fn still_there(
        &mut self,
        seen: &Seen,
        partition: &PartitionKey,
        rows: usize,
        sha256: &str,
    ) -> Result<ComputedPartition> {
        let stored = seen.get(partition).ok_or_else(|| Error::bug(format!("{partition} was not seen")))?;
        match self.ports.lake.get(&stored.key).await {
            Ok(object) if sha256_hex(&object.bytes) == sha256 => {
                return Ok(ComputedPartition::unchanged(stored, rows, object.version));
            }
            Err(error) if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Damaged) => {
                return Err(error.context(format!("reading {}", stored.key)));
            }
            _ => {}
        }
        self.encodes_all = true;
        Err(Error::conflict(format!("{} is not the file that was made", stored.key)))
    }

    fn is_done(&mut self, partition: PartitionKey, computed: ComputedPartition) {
        let computed = match self.done.remove(&partition) {
            Some(before) => before.again(computed),
            None => computed,
        };
        self.done.insert(partition, computed);
    }

    async fn tell(&self, told: &BTreeSet<PartitionKey>) -> Result<()> {
        for (partition, computed) in &self.done {
            if computed.changed || told.contains(partition) {
                news::tell(self.ports, &self.model.dataset.contract, computed).await?;
            }
        }
        Ok(())
    }

    /// Notes from what each partition of the span was computed.
    async fn note(&self, snapshot: &Snapshot) -> Result<()> {
        let version = |partition: &PartitionKey| {
            self.done.get(partition).and_then(|done| done.version()).map(str::to_owned)
        };
        let entries: Vec<(String, Entry)> = snapshot
            .digests(self.model, self.done.keys(), &self.fingerprint)?
            .into_iter()
            .filter(|digest| {
                digest.dates.is_some_and(|dates| dates.overlaps(&self.dates)) || self.dates == Dates::ALL
            })
            .map(|digest| {
                let entry = Entry {
                    fingerprint: self.fingerprint.clone(),
                    inputs: digest.inputs,
                    version: version(&digest.partition),
                    made: self.made.get(&digest.partition).cloned(),
                };
                (digest.partition.to_string(), entry)
            })
            .collect();
        state::update(self.ports.lake, self.model.name(), |state| state.partitions.extend(entries.clone()))
            .await
    }
}
