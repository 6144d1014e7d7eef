//! What is done about one dropped file: whether it is new, what it becomes, and who is told.

use chrono::{DateTime, Utc};
use quotelake_contract::{Contract, Contracts, DropLimit, PriceFolder};
use quotelake_core::ports::{Event, Lake, ObjectMeta, Precondition};
use quotelake_core::{Context as _, Error, ErrorKind, Result, sha256_hex};
use quotelake_landing::Doubts;
use serde_json::json;

use crate::file::{Inspected, dataset_and_name, inspect, land, land_prices, stored};
use crate::price_file::{ByProfile, PriceFile};
use crate::receipt::{self, Outcome, Receipt, content_key, day_key, forgotten_key};
use crate::{Context, IngestReport};

/// The dataset of a file whose key names none.
pub const UNKNOWN_DATASET: &str = "unknown";

/// Takes one dropped file from the inbox.
///
/// A file is one version of one key. It is done once: a receipt says so, whatever is delivered again. Its content lands once: a
/// file with the same bytes under another name or at another time is not landed again, unless the contract has another
/// version since. Where the contract allows one file of a name a day, a second one is refused when the first one landed.
///
/// The order is landing objects, content, event, notification, receipt: after a crash between any two the redelivery does the
/// rest, and writes the same objects.
///
/// `InvalidInput` for a file that is rejected whole, after its receipt, event and notification are out: the message is a dead
/// letter, the file stays. `NotFound` when the file is gone. Otherwise only the kinds of the lake and the event bus.
pub async fn take_drop(context: &Context, key: &str) -> Result<Receipt> {
    take_created(context, key, None).await
}

/// The same where it is known when the file was written: a price file counts as downloaded then.
pub async fn take_created(
    context: &Context,
    key: &str,
    created_at: Option<DateTime<Utc>>,
) -> Result<Receipt> {
    let meta = stored(context.inbox.as_ref(), key).await?;
    let dataset = dataset_and_name(key).map_or_else(|_| UNKNOWN_DATASET.to_owned(), |(dataset, _)| dataset);
    let receipt_key = Receipt::key_of(&dataset, key, &meta.version);
    if let Some((known, _)) = receipt::read(context.lake.as_ref(), &receipt_key).await?
        && known.outcome != Outcome::Rejected
    {
        tracing::info!(key, outcome = ?known.outcome, "file was taken before");
        return Ok(known);
    }
    let mut receipt = Receipt::new(&dataset, &meta, context.clock.now());
    let rejected = match land_file(context, &meta, created_at, &mut receipt).await {
        Ok(()) => None,
        // What is wrong with the file or its place: another reading of it ends the same way.
        Err(error)
            if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Damaged | ErrorKind::NotFound) =>
        {
            receipt.reason = Some(error.to_string());
            Some(error)
        }
        Err(error) => return Err(error),
    };
    announce(context, &receipt).await?;
    receipt::write(context.lake.as_ref(), &receipt_key, &receipt, Precondition::None).await?;
    match rejected {
        None => Ok(receipt),
        Some(error) => Err(Error::invalid(format!("{key} is rejected")).with_source(error)),
    }
}

async fn land_file(
    context: &Context,
    meta: &ObjectMeta,
    created_at: Option<DateTime<Utc>>,
    receipt: &mut Receipt,
) -> Result<()> {
    let (dataset, name) = dataset_and_name(&meta.key)?;
    let known = context.contracts.incoming(&dataset)?;
    let contract = &known.contract;
    let (inspected, price_file) = match context.contracts.price_folders().of(&meta.key) {
        None => (inspect(context.inbox.as_ref(), contract, meta).await?, None),
        Some(folder) => {
            let created_at = created_at.unwrap_or(receipt.at);
            let (inspected, file) = by_profile(context, folder, &dataset, &name, meta, created_at).await?;
            (inspected, Some(file))
        }
    };
    let inspected = as_before(context.lake.as_ref(), contract, inspected).await?;
    receipt.sha256 = Some(inspected.sha256.clone());
    receipt.rows = inspected.rows;
    receipt.content = Some(inspected.content.clone());
    receipt.contract_sha256.clone_from(&known.contract_sha256);
    for note in &inspected.notes {
        tracing::warn!(key = meta.key, note, "worth a word about the file");
    }
    let content_key = content_key(contract, &inspected.content);
    match receipt::read(context.lake.as_ref(), &content_key).await? {
        // This very file, before a crash: what is left to do is to tell.
        Some((landed, _)) if landed.is_of(receipt) => {
            *receipt = landed;
            return Ok(());
        }
        Some((landed, _)) => {
            receipt.outcome = Outcome::SameContent;
            receipt.reason = Some(same_content(&landed, contract, known.contract_sha256.as_deref()));
            receipt.landing_keys = landed.landing_keys;
            return Ok(());
        }
        None => {}
    }
    if let Some(first) = claim_day(context, contract, &name, receipt).await? {
        receipt.outcome = Outcome::OverLimit;
        receipt.reason =
            Some(format!("a file of this name landed at {first}, and the contract allows one a day"));
        return Ok(());
    }
    let IngestReport { landing_keys, rows, unreadable, .. } = match &price_file {
        None => land(context.inbox.as_ref(), context.lake.as_ref(), contract, &inspected).await?,
        Some(file) => land_prices(context.lake.as_ref(), &dataset, file, &inspected).await?,
    };
    receipt.outcome = Outcome::Landed;
    (receipt.landing_keys, receipt.rows, receipt.unreadable) = (landing_keys, rows, unreadable);
    receipt::write(context.lake.as_ref(), &content_key, receipt, Precondition::None).await
}

/// The file by what its rows were told apart when it came before, where that was the hash of the packed file: the content's receipt says
/// so, or that of a file that was forgotten. Without a key its rows would be there twice otherwise.
async fn as_before(lake: &dyn Lake, contract: &Contract, inspected: Inspected) -> Result<Inspected> {
    let Some(packed) = &inspected.packed else { return Ok(inspected) };
    let landed = receipt::read(lake, &content_key(contract, packed)).await?.is_some()
        || contract.file_columns.is_some()
            && receipt::read(lake, &forgotten_key(&contract.name, packed)).await?.is_some();
    Ok(if landed { inspected.as_packed() } else { inspected })
}

/// Reads a price file as its folder says.
async fn by_profile(
    context: &Context,
    folder: &PriceFolder,
    dataset: &str,
    name: &str,
    meta: &ObjectMeta,
    created_at: DateTime<Utc>,
) -> Result<(Inspected, PriceFile)> {
    let failed = || format!("file {}, by profile {}", meta.key, folder.profile);
    let profile = ByProfile::of_folder(folder, dataset).with_context(failed)?;
    let run_id = format!("inbox-{}", created_at.format("%Y%m%dT%H%M%SZ"));
    let file_name = name.rsplit('/').next().unwrap_or(name);
    let file = profile
        .read(context.inbox.as_ref(), meta, file_name, created_at, &run_id)
        .await
        .with_context(failed)?;
    let said =
        serde_json::to_string(folder).map_err(|e| Error::bug("a folder of price files").with_source(e))?;
    let inspected = Inspected {
        meta: meta.clone(),
        // Read in another way, or of another instrument by its name, the same bytes are another content.
        content: sha256_hex(format!("{} {file_name} {said}", file.sha256).as_bytes()),
        packed: None,
        sha256: file.sha256.clone(),
        rows: (file.read.records.len() + file.read.faults.len()) as u64,
        notes: file.read.notes.clone(),
        doubts: Doubts::default(),
    };
    Ok((inspected, file))
}

/// Forgets what became of a file, so that it is taken again: its receipt, that its content landed, and that it used up a day. Done while nobody takes the file.
pub async fn forget_drop(lake: &dyn Lake, contracts: &Contracts, meta: &ObjectMeta) -> Result<()> {
    let dataset =
        dataset_and_name(&meta.key).map_or_else(|_| UNKNOWN_DATASET.to_owned(), |(dataset, _)| dataset);
    let receipt_key = Receipt::key_of(&dataset, &meta.key, &meta.version);
    let Some((known, _)) = receipt::read(lake, &receipt_key).await? else { return Ok(()) };
    if let (Some(content), Ok(known_dataset)) = (known.content(), contracts.get(&dataset)) {
        let contract = &known_dataset.contract;
        // Whichever file it was that landed with this content.
        lake.delete(&content_key(contract, content)).await?;
        if let DropLimit::Daily(zone) = contract.drop_limit {
            let (_, name) = dataset_and_name(&meta.key)?;
            let key = day_key(&dataset, &name, known.at.with_timezone(&zone).date_naive());
            if receipt::read(lake, &key).await?.is_some_and(|(claim, _)| claim.is_of(&known)) {
                lake.delete(&key).await?;
            }
        }
    }
    // Without a key, by what its rows were told apart is remembered: taken once more they are the same rows.
    if let (Some(content), Ok(known_dataset)) = (known.content(), contracts.get(&dataset))
        && known_dataset.contract.file_columns.is_some()
    {
        receipt::write(lake, &forgotten_key(&dataset, content), &known, Precondition::None).await?;
    }
    lake.delete(&receipt_key).await
}

/// Why a file is skipped whose content landed before, and what is to be done where the contract reads it in another way now.
fn same_content(landed: &Receipt, contract: &Contract, contract_sha256: Option<&str>) -> String {
    let Receipt { key, at, .. } = landed;
    let mut text = format!("its content landed as {key} at {at}");
    let then = landed.contract_sha256.as_deref();
    if then.is_some() && contract_sha256.is_some() && then != contract_sha256 {
        text.push_str(&format!(
            "; the contract has changed since, and its version is {} still: give it another version, or read the files of the \
             inbox again with `quotelake inbox run --again`",
            contract.version
        ));
    }
    text
}

/// Claims the day for this file. When a file of this name landed today, the instant at which it did.
///
/// A claim binds once its file has landed. One whose file did not, for its process died and the file was replaced since, is
/// taken over.
async fn claim_day(
    context: &Context,
    contract: &Contract,
    name: &str,
    receipt: &Receipt,
) -> Result<Option<chrono::DateTime<chrono::Utc>>> {
    let DropLimit::Daily(zone) = contract.drop_limit else { return Ok(None) };
    let lake = context.lake.as_ref();
    let key = day_key(&contract.name, name, receipt.at.with_timezone(&zone).date_naive());
    match receipt::write(lake, &key, receipt, Precondition::IfAbsent).await {
        Ok(()) => return Ok(None),
        Err(error) if error.kind() == ErrorKind::Conflict => {}
        Err(error) => return Err(error),
    }
    let Some((claim, version)) = receipt::read(lake, &key).await? else {
        return Err(Error::conflict(format!("{key} came and went")));
    };
    if claim.is_of(receipt) {
        return Ok(None);
    }
    let claimed = claim.content().map(|content| content_key(contract, content));
    if let Some(claimed) = claimed
        && let Some((landed, _)) = receipt::read(lake, &claimed).await?
    {
        return Ok(Some(landed.at));
    }
    // Of two that take it over one gets a conflict, and looks again.
    receipt::write(lake, &key, receipt, Precondition::IfVersion(version)).await?;
    Ok(None)
}

/// Publishes the event and writes to a person.
async fn announce(context: &Context, receipt: &Receipt) -> Result<()> {
    let (detail_type, verb) = match receipt.outcome {
        Outcome::Landed => ("File Ingested", "is in"),
        Outcome::SameContent | Outcome::OverLimit => ("File Skipped", "is skipped"),
        Outcome::Rejected => ("File Rejected", "is rejected"),
    };
    let event = Event {
        source: "quotelake.ingest".into(),
        detail_type: detail_type.into(),
        detail: json!({
            "dataset": receipt.dataset,
            "key": receipt.key,
            "version": receipt.version,
            "sha256": receipt.sha256,
            "outcome": receipt.outcome,
            "rows": receipt.rows,
            "unreadable": receipt.unreadable,
            "landing": receipt.landing_keys,
            "reason": receipt.reason,
        }),
    };
    context.events.publish(event).await?;
    let mut text = format!(
        "File: {}\nDataset: {}\nRows: {}\nRows that could not be read: {}\n",
        receipt.key, receipt.dataset, receipt.rows, receipt.unreadable
    );
    if let Some(reason) = &receipt.reason {
        text.push_str(&format!("Reason: {reason}\n"));
    }
    context.events.notify(&format!("{} {verb}", receipt.key), &text).await
}
