//! A mapped table: what it looks like, checked before anything is read, and the SQL that reads it.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use quotelake_core::{Error, Result};
use tokio_postgres::Client;

use crate::database::failed;
use crate::mapping::{DatasetMapping, Origin, Piece};

/// A table that fits its mapping.
#[derive(Debug)]
pub(crate) struct Table {
    /// Quoted, with its schema.
    name: String,
    /// The key's columns, quoted, each with its type.
    key: Vec<(String, String)>,
    types: BTreeMap<String, String>,
}

/// A value that the query answers: a column, and the zone of a `timestamp` without one.
pub(crate) type Wanted = (String, Option<Tz>);

impl Table {
    /// Looks at the table. `Config` names the column that is not there, may be missing in a key, or needs a zone, and a key that
    /// no unique index holds: pages by it could leave rows out.
    pub(crate) async fn look(client: &Client, mapping: &DatasetMapping) -> Result<Self> {
        let (schema, table) = &mapping.table;
        let rows = client
            .query(
                "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attnum \
                 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace \
                 WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped",
                &[schema, table],
            )
            .await
            .map_err(|e| failed("looking at the table", e))?;
        if rows.is_empty() {
            return Err(Error::config(format!("there is no table {schema}.{table}, or it may not be read")));
        }
        let mut types = BTreeMap::new();
        let mut numbers = BTreeMap::new();
        for row in &rows {
            let name: String = row.get(0);
            numbers.insert(name.clone(), (row.get::<_, i16>(3), row.get::<_, bool>(2)));
            types.insert(name, row.get::<_, String>(1));
        }
        let found = Self {
            name: format!("{}.{}", quoted(schema), quoted(table)),
            key: mapping
                .key
                .iter()
                .map(|column| {
                    let ty = types.get(column).ok_or_else(|| no_column(column, mapping))?;
                    Ok((quoted(column), ty.clone()))
                })
                .collect::<Result<_>>()?,
            types,
        };
        let mut key_numbers = Vec::new();
        for column in &mapping.key {
            match numbers.get(column) {
                Some((number, true)) => key_numbers.push(*number),
                _ => {
                    return Err(Error::config(format!(
                        "key column {column:?} may be missing (it is not NOT NULL): pages could leave rows out"
                    )));
                }
            }
        }
        found.check_unique(client, mapping, &key_numbers).await?;
        for (column, zone) in found.wanted(mapping) {
            let ty = found.types.get(&column).ok_or_else(|| no_column(&column, mapping))?;
            if ty.starts_with("timestamp") && ty.ends_with("without time zone") && zone.is_none() {
                return Err(Error::config(format!(
                    "column {column:?} is a timestamp without time zone: say which, {{column: {column}, timezone: ...}}"
                )));
            }
        }
        Ok(found)
    }

    /// A unique index on some of the key's columns makes the whole key unique.
    async fn check_unique(&self, client: &Client, mapping: &DatasetMapping, key: &[i16]) -> Result<()> {
        let key: Vec<i16> = key.to_vec();
        let row = client
            .query_one(
                "SELECT count(*) FROM pg_index i WHERE i.indrelid = $1::text::regclass AND i.indisunique AND i.indisvalid \
                 AND i.indpred IS NULL AND i.indexprs IS NULL \
                 AND (i.indkey::int2[])[0:i.indnkeyatts - 1] <@ $2::int2[]",
                &[&self.name, &key],
            )
            .await
            .map_err(|e| failed("looking at the table's indexes", e))?;
        if row.get::<_, i64>(0) > 0 {
            return Ok(());
        }
        Err(Error::config(format!(
            "no unique index of {} holds the key ({}): pages could leave rows out",
            self.name,
            mapping.key.join(", ")
        )))
    }

    /// Every value that the mapping needs, each once, in one order.
    pub(crate) fn wanted(&self, mapping: &DatasetMapping) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut add = |one: Wanted| {
            if !wanted.contains(&one) {
                wanted.push(one);
            }
        };
        for origin in mapping.columns.values() {
            match origin {
                Origin::Column(column, zone) => add((column.clone(), *zone)),
                Origin::Template(pieces) => pieces.iter().for_each(|piece| {
                    if let Piece::Column(column) = piece {
                        add((column.clone(), None));
                    }
                }),
                Origin::Constant(_) => {}
            }
        }
        wanted
    }

    /// A page in the key's order: the key's values, then the wanted ones, all as text. The first page, or the one after the key
    /// whose values are the parameters.
    pub(crate) fn page_sql(&self, wanted: &[Wanted], first: bool, rows: usize) -> String {
        let key: Vec<&str> = self.key.iter().map(|(name, _)| name.as_str()).collect();
        let mut values: Vec<String> = key.iter().map(|name| format!("{name}::text")).collect();
        values.extend(wanted.iter().map(|one| self.text(one)));
        let after = if first {
            String::new()
        } else {
            let parameters: Vec<String> = self
                .key
                .iter()
                .enumerate()
                .map(|(index, (_, ty))| format!("${}::text::{ty}", index + 1))
                .collect();
            // Never OFFSET: a page costs what its rows cost, and none is read twice.
            format!(" WHERE ({}) > ({})", key.join(", "), parameters.join(", "))
        };
        format!(
            "SELECT {} FROM {}{after} ORDER BY {} LIMIT {rows}",
            values.join(", "),
            self.name,
            key.join(", ")
        )
    }

    /// Counts, sums, first and last date by a column.
    pub(crate) fn totals_sql(&self, by: &str, date: &str, sums: &[&str]) -> String {
        let mut values = vec![
            format!("{}::text", quoted(by)),
            "count(*)".to_owned(),
            format!("min({0})::text, max({0})::text", quoted(date)),
        ];
        // Floats by the digits that are migrated, not by their binary value.
        values.extend(sums.iter().map(|column| {
            let exact = match self.types.get(*column).map_or("", String::as_str) {
                "real" | "double precision" => format!("{}::text::numeric", quoted(column)),
                _ => format!("{}::numeric", quoted(column)),
            };
            format!("sum({exact})::text")
        }));
        format!("SELECT {} FROM {} GROUP BY 1 ORDER BY 1", values.join(", "), self.name)
    }

    /// A column as the text that becomes a field.
    fn text(&self, (column, zone): &Wanted) -> String {
        let name = quoted(column);
        let ty = self.types.get(column).map_or("", String::as_str);
        let instant = |utc: String| {
            format!(
                "CASE WHEN isfinite({name}) THEN to_char({utc}, 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"') ELSE {name}::text END"
            )
        };
        match zone {
            _ if ty == "money" => format!("{name}::numeric::text"),
            _ if ty.starts_with("timestamp") && ty.ends_with("with time zone") => {
                instant(format!("{name} AT TIME ZONE 'UTC'"))
            }
            Some(zone) if ty.starts_with("timestamp") => {
                instant(format!("({name} AT TIME ZONE '{zone}') AT TIME ZONE 'UTC'"))
            }
            // The text of a char(n) comes without its padding.
            _ => format!("{name}::text"),
        }
    }
}

fn no_column(column: &str, mapping: &DatasetMapping) -> Error {
    Error::config(format!("{}.{} has no column {column:?}", mapping.table.0, mapping.table.1))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
