//! The database's side of a reconciliation: what the snapshot holds, added up in SQL as `content` adds up the lake's side.
//!
//! Where the contract gives formats for texts that people wrote, and where a text is no value of its type, the server cannot
//! spell the rows. Then they are read once more and spelled here, by the reader that the copy uses.

use std::sync::Arc;

use quotelake_contract::Contract;
use quotelake_core::{Error, Result};
use quotelake_table::RowDecoder;
use tokio_postgres::{Client, Row};

use crate::Snapshot;
use crate::content::{
    Compared, Content, HashSum, Ledger, RANGES, SEPARATOR, Side, SpelledRow, Totals, range_of_row,
};
use crate::copy::{Cursor, expressions};
use crate::database::{bytes, failed, is_bad_value, lossy};
use crate::expression::Expression;
use crate::lines::Lines;
use crate::mapping::{DatasetMapping, Origin};
use crate::quoting::literal;
use crate::relation::Relation;

/// Rows at once, where they are spelled here.
const PAGE_ROWS: usize = 10_000;

/// The database's side of one dataset.
#[derive(Debug)]
pub struct Source<'a> {
    /// What is read.
    pub snapshot: &'a Snapshot,
    /// How.
    pub mapping: &'a DatasetMapping,
    /// The dataset's contract.
    pub contract: &'a Arc<Contract>,
}

/// What the snapshot holds.
pub async fn totals(
    snapshot: &Snapshot,
    mapping: &DatasetMapping,
    contract: &Arc<Contract>,
) -> Result<Content> {
    Source { snapshot, mapping, contract }.content().await
}

impl Source<'_> {
    /// All of it, added up.
    pub async fn content(&self) -> Result<Content> {
        let client = self.snapshot.reader().await?;
        let relation = Relation::look(&client, self.mapping, self.contract).await?;
        let expressions = expressions(&relation, self.mapping, self.contract);
        let compared = Compared::new(self.mapping, self.contract);
        if let Some(rows) = self.spelled_rows(&relation, &expressions, &compared)? {
            let sql = content_sql(&rows, &compared, relation.hashed_as);
            match client.query(&sql, &[]).await.map_err(|e| failed("adding up the table", e)) {
                Ok(rows) => return content_of(&rows, &compared),
                Err(error) if is_bad_value(&error) => {
                    tracing::info!(error = %error, dataset = self.mapping.dataset, "rows are added up here");
                }
                Err(error) => return Err(error),
            }
        }
        let mut ledger = Ledger::new(compared);
        self.read_here(&mut |row| ledger.add(row)).await?;
        Ok(ledger.finish())
    }

    /// The rows whose keys are in some ranges.
    pub(crate) async fn rows(&self, ranges: &[u16]) -> Result<Vec<SpelledRow>> {
        let client = self.snapshot.reader().await?;
        let relation = Relation::look(&client, self.mapping, self.contract).await?;
        let expressions = expressions(&relation, self.mapping, self.contract);
        let compared = Compared::new(self.mapping, self.contract);
        if let Some(rows) = self.spelled_rows(&relation, &expressions, &compared)? {
            let sql = rows_sql(&rows, &compared, relation.hashed_as, ranges);
            match client.query(&sql, &[]).await.map_err(|e| failed("reading rows that differ", e)) {
                Ok(rows) => return rows.iter().map(|row| spelled_row(row, &compared)).collect(),
                Err(error) if is_bad_value(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let mut found = Vec::new();
        self.read_here(&mut |row| {
            if ranges.iter().any(|range| usize::from(*range) == range_of_row(&compared, row)) {
                found.push(row.clone());
            }
            Ok(())
        })
        .await?;
        Ok(found)
    }

    /// A query of all rows, spelled: `c0`, `c1` and so on. None where the server cannot spell a column.
    fn spelled_rows(
        &self,
        relation: &Relation,
        expressions: &[Expression<'_>],
        compared: &Compared<'_>,
    ) -> Result<Option<String>> {
        let constants = self.constants(compared)?;
        let mut values = Vec::new();
        for (place, index) in compared.columns.iter().enumerate() {
            let name = &self.contract.columns[*index].name;
            let expression = expressions.iter().find(|expression| expression.column.name == *name);
            let spelled = match expression {
                Some(expression) => match &expression.spelled {
                    Some(spelled) => spelled.clone(),
                    None => return Ok(None),
                },
                None => match constants.get(place) {
                    Some(text) => format!("{}::text", literal(text)),
                    None => "NULL::text".to_owned(),
                },
            };
            values.push(format!("({spelled}) COLLATE \"C\" AS c{place}"));
        }
        // Each is computed once, not wherever it is named.
        Ok(Some(format!("SELECT {} FROM {} t OFFSET 0", values.join(", "), relation.name)))
    }

    /// A row that holds the mapping's constants as the lake will hold them, and nothing else.
    fn constants(&self, compared: &Compared<'_>) -> Result<SpelledRow> {
        let mut line = format!("{{\"dataset\":\"{}\"", self.mapping.dataset);
        for (name, origin) in &self.mapping.columns {
            if let Origin::Constant(value) = origin {
                line.push_str(&format!(",\"{name}\":{}", serde_json::Value::String(value.clone())));
            }
        }
        line.push('}');
        let mut decoder = RowDecoder::new(Arc::clone(self.contract));
        let mut constants = SpelledRow::default();
        if decoder.push(&line).is_ok() {
            compared.spell_rows(&decoder.take_batch()?, &[], &mut |row| {
                constants = row.clone();
                Ok(())
            })?;
        } else {
            // No row has all of them: each is compared as it is written, and none is in the lake.
            for index in &compared.columns {
                match self.mapping.columns.get(&self.contract.columns[*index].name) {
                    Some(Origin::Constant(value)) => constants.push(Some(value)),
                    _ => constants.push(None),
                }
            }
        }
        Ok(constants)
    }

    /// All rows, spelled by the contract's own reader.
    async fn read_here(&self, take: &mut dyn FnMut(&SpelledRow) -> Result<()>) -> Result<()> {
        let client: Client = self.snapshot.reader().await?;
        let relation = Relation::look(&client, self.mapping, self.contract).await?;
        let expressions = expressions(&relation, self.mapping, self.contract);
        let compared = Compared::new(self.mapping, self.contract);
        let lines = Lines::new(self.mapping, self.contract, None, &expressions, 0);
        let values: Vec<&str> = expressions.iter().map(|expression| expression.text.as_str()).collect();
        let select = format!("SELECT {} FROM {} t", values.join(", "), relation.name);
        let mut cursor = Cursor::open(&client, &select, PAGE_ROWS).await?;
        let mut decoder = RowDecoder::new(Arc::clone(self.contract));
        let mut line = Vec::new();
        loop {
            let rows = cursor.next().await?;
            for row in &rows {
                line.clear();
                let readable = lines.write(row, None, &mut line)?;
                let text = std::str::from_utf8(&line).map_err(|e| Error::bug("a line").with_source(e))?;
                if !readable || decoder.push(text.trim_end()).is_err() {
                    take(&refused_row(row, &expressions, &compared)?)?;
                }
            }
            compared.spell_rows(&decoder.take_batch()?, &[], take)?;
            if rows.len() < PAGE_ROWS {
                return Ok(());
            }
        }
    }
}

/// A row that the contract does not take, as the table has it: the lake has no equal.
fn refused_row(row: &Row, expressions: &[Expression<'_>], compared: &Compared<'_>) -> Result<SpelledRow> {
    let mut spelled = SpelledRow::default();
    for index in &compared.columns {
        let name = &compared.contract.columns[*index].name;
        match expressions.iter().position(|expression| expression.column.name == *name) {
            Some(place) => spelled.push(lossy(row, place)?.as_deref()),
            None => spelled.push(None),
        }
    }
    Ok(spelled)
}

fn spelled_row(row: &Row, compared: &Compared<'_>) -> Result<SpelledRow> {
    let mut spelled = SpelledRow::default();
    for place in 0..compared.columns.len() {
        spelled.push(lossy(row, place)?.as_deref());
    }
    Ok(spelled)
}

/// The hash of some columns, in hexadecimal digits.
fn hash_sql(compared: &Compared<'_>, places: &[usize], encoding: &str) -> String {
    let separator = format!("E'\\x{:02x}'", u32::from(SEPARATOR));
    let values: Vec<String> = places
        .iter()
        .map(|place| match compared.is_text(*place) {
            true => {
                format!("coalesce('=' || replace(c{place}, {separator}, {separator} || {separator}), '-')")
            }
            false => format!("coalesce('=' || c{place}, '-')"),
        })
        .collect();
    let row = values.join(&format!(" || {separator} || "));
    format!("encode(sha256(convert_to({row}, '{encoding}')), 'hex')")
}

/// `0` to `4095`: the first three digits of the key's hash.
const RANGE: &str = "('x' || substr(k, 1, 3))::bit(12)::int";

fn content_sql(rows: &str, compared: &Compared<'_>, encoding: &str) -> String {
    let by = compared.by.map_or("''".to_owned(), |place| format!("coalesce(c{place}, '')"));
    let date = compared.date.map_or("NULL".to_owned(), |place| format!("c{place}"));
    let mut inner = vec![
        format!("{by}::text COLLATE \"C\" AS b"),
        format!("{date}::text COLLATE \"C\" AS d"),
        format!("{} AS h", hash_sql(compared, &compared.whole, encoding)),
        format!("{} AS k", hash_sql(compared, &compared.key, encoding)),
    ];
    let mut sums = String::new();
    for (index, place) in compared.sums.iter().enumerate() {
        inner.push(format!(
            "CASE WHEN c{place} ~ '^-?[0-9]+(\\.[0-9]+)?$' OR c{place} = 'NaN' THEN c{place}::numeric END AS s{index}"
        ));
        sums.push_str(&format!(", sum(s{index})::text"));
    }
    let half = |from: usize| format!("sum(('x' || substr(h, {from}, 16))::bit(64)::int8)::text");
    format!(
        "SELECT grouping(b)::int, b, r, count(*), {}, {}, min(d), max(d){sums} \
         FROM (SELECT *, {RANGE} AS r FROM (SELECT {} FROM ({rows}) c OFFSET 0) v) w GROUP BY GROUPING SETS ((b), (r))",
        half(1),
        half(17),
        inner.join(", ")
    )
}

fn rows_sql(rows: &str, compared: &Compared<'_>, encoding: &str, ranges: &[u16]) -> String {
    let columns: Vec<String> = (0..compared.columns.len()).map(|place| format!("c{place}")).collect();
    let wanted: Vec<String> = ranges.iter().map(u16::to_string).collect();
    format!(
        "SELECT {} FROM (SELECT *, {} AS k FROM ({rows}) c OFFSET 0) v WHERE {RANGE} IN ({})",
        columns.join(", "),
        hash_sql(compared, &compared.key, encoding),
        wanted.join(", ")
    )
}

fn content_of(rows: &[Row], compared: &Compared<'_>) -> Result<Content> {
    let doing = |e| failed("reading totals", e);
    let mut content = Content { totals: Totals::new(), ranges: vec![(0, HashSum::default()); RANGES] };
    for row in rows {
        let count: i64 = row.try_get(3).map_err(doing)?;
        let count = u64::try_from(count).map_err(|_| Error::bug("a count below zero"))?;
        let half = |index: usize| -> Result<i128> {
            let text = lossy(row, index)?.unwrap_or_default();
            text.parse().map_err(|e| Error::bug("a sum of hashes").with_source(e))
        };
        let hashes = HashSum(half(4)?, half(5)?);
        // 1: grouped by range, and then there is no group.
        if row.try_get::<_, i32>(0).map_err(doing)? == 1 {
            let range: i32 = row.try_get(2).map_err(doing)?;
            let place = usize::try_from(range).ok().and_then(|range| content.ranges.get_mut(range));
            *place.ok_or_else(|| Error::bug("a range outside the hash"))? = (count, hashes);
            continue;
        }
        let side = Side {
            rows: count,
            first: lossy(row, 6)?,
            last: lossy(row, 7)?,
            sums: (0..compared.sums.len())
                .map(|at| Ok(lossy(row, 8 + at)?.map(shortest)))
                .collect::<Result<_>>()?,
            content: hashes.to_string(),
        };
        content.totals.insert(bytes_as_text(row)?, side);
    }
    Ok(content)
}

fn bytes_as_text(row: &Row) -> Result<String> {
    Ok(bytes(row, 1)?.map(|by| String::from_utf8_lossy(by).into_owned()).unwrap_or_default())
}

/// `12.500` as `12.5`: both sides write a number alike.
fn shortest(number: String) -> String {
    number.parse::<quotelake_core::Decimal>().map_or(number, |decimal| decimal.to_string())
}
