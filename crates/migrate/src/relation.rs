//! What a mapped table looks like: its columns, and what proves that a key tells its rows apart. Checked before anything is read.

use std::collections::BTreeMap;

use quotelake_contract::{ColumnType, Contract};
use quotelake_core::{Error, ErrorKind, Result};
use tokio_postgres::Client;

use crate::cast::Kind;
use crate::database::{failed, hidden_rows};
use crate::mapping::{DatasetMapping, Origin, Piece, Value};
use crate::quoting::{literal, quoted};

/// The first version with `sha256()`.
const OLDEST_SERVER: i32 = 110_000;

/// What kind of relation a name is, whether others inherit from it, and whether some rows are hidden from who asks.
const RELATION: &str = "\
    SELECT c.relkind::text, EXISTS (SELECT FROM pg_inherits i WHERE i.inhparent = c.oid), row_security_active(c.oid) \
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
    WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";

/// The columns of a relation, each with the type below its domains, that type's schema and whether its texts are equal only if
/// their bytes are.
const COLUMNS: &str = "\
    WITH RECURSIVE base(number, type_id, domain) AS ( \
        SELECT attnum, atttypid, 0 FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped \
        UNION ALL SELECT base.number, t.typbasetype, base.domain + 1 \
        FROM base JOIN pg_type t ON t.oid = base.type_id WHERE t.typtype = 'd') \
    SELECT a.attname::text, a.attnum, a.attnotnull, t.typname::text, format_type(t.oid, -1), n.nspname::text, \
        coalesce((to_jsonb(c) ->> 'collisdeterministic')::boolean, true) \
    FROM pg_attribute a \
    JOIN (SELECT DISTINCT ON (number) number, type_id FROM base ORDER BY number, domain DESC) b ON b.number = a.attnum \
    JOIN pg_type t ON t.oid = b.type_id JOIN pg_namespace n ON n.oid = t.typnamespace \
    LEFT JOIN pg_collation c ON c.oid = a.attcollation \
    WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";

/// Unique indexes whose columns are all among the key's, and for which two keys are equal where they are equal in the key's
/// order: by the types' own operators and, where a collation takes different texts for equal, by the column's.
const UNIQUE: &str = "\
    SELECT count(*) FROM pg_index i WHERE i.indrelid = $1::text::regclass AND i.indisunique AND i.indisvalid \
    AND i.indpred IS NULL AND i.indexprs IS NULL AND (i.indkey::int2[])[0:i.indnkeyatts - 1] <@ $2::int2[] \
    AND NOT EXISTS (SELECT FROM generate_series(0, i.indnkeyatts - 1) place \
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[place] \
        JOIN pg_opclass o ON o.oid = i.indclass[place] LEFT JOIN pg_collation c ON c.oid = a.attcollation \
        WHERE NOT o.opcdefault OR (i.indcollation[place] <> a.attcollation \
            AND NOT coalesce((to_jsonb(c) ->> 'collisdeterministic')::boolean, true)))";

/// A table, view, materialised view, foreign or partitioned table that fits its mapping.
#[derive(Debug)]
pub(crate) struct Relation {
    /// Quoted, with its schema.
    pub(crate) name: String,
    /// The key's columns, each with its base type; none where the rows have no order.
    pub(crate) key: Vec<(String, String)>,
    columns: BTreeMap<String, RelationColumn>,
    /// A unique index holds the key, if there is one.
    indexed: bool,
    /// Version 13 and later have `trim_scale`.
    pub(crate) trims_scale: bool,
    /// The encoding in which texts are hashed: UTF-8, or the bytes as they are.
    pub(crate) hashed_as: &'static str,
}

#[derive(Debug)]
struct RelationColumn {
    number: i16,
    required: bool,
    kind: Kind,
    base_type: String,
}

impl Relation {
    /// Looks at the table. `Config` names the column that is not there, may be missing in a key, or needs a zone or a cast, and a
    /// key that tells no rows apart. `Unauthorized` where a policy hides rows.
    pub(crate) async fn look(client: &Client, mapping: &DatasetMapping, contract: &Contract) -> Result<Self> {
        let (schema, table) = &mapping.table;
        let name = format!("{}.{}", quoted(schema), quoted(table));
        let doing = |e| failed("looking at the table", e);
        let version = client
            .query_one(
                "SELECT current_setting('server_version_num')::int, current_setting('server_encoding')",
                &[],
            )
            .await
            .map_err(doing)?;
        if version.get::<_, i32>(0) < OLDEST_SERVER {
            return Err(Error::config("the server is older than PostgreSQL 11"));
        }
        let found = client.query_opt(RELATION, &[schema, table]).await.map_err(doing)?.ok_or_else(|| {
            Error::config(format!("there is no table {schema}.{table}, or it may not be read"))
        })?;
        if found.get(2) {
            return Err(Error::new(ErrorKind::Unauthorized, hidden_rows(&format!("{schema}.{table}"))));
        }
        let mut columns = BTreeMap::new();
        let mut schemas = Vec::new();
        for row in client.query(COLUMNS, &[&name]).await.map_err(doing)? {
            let column = RelationColumn {
                number: row.get(1),
                required: row.get(2),
                kind: Kind::of_type(row.get(3)),
                base_type: row.get(4),
            };
            let name: String = row.get(0);
            if mapping.key.contains(&name) {
                schemas.push(row.get::<_, String>(5));
            }
            columns.insert(name, column);
        }
        let mut relation = Self {
            name,
            key: Vec::new(),
            columns,
            indexed: false,
            trims_scale: version.get::<_, i32>(0) >= 130_000,
            hashed_as: if version.get::<_, &str>(1) == "SQL_ASCII" { "SQL_ASCII" } else { "UTF8" },
        };
        relation.find_operators(client, &schemas).await?;
        for column in &mapping.key {
            let base_type = relation.column(column, mapping)?.base_type.clone();
            relation.key.push((column.clone(), base_type));
        }
        // Indexes are a table's: none speaks for a view, a foreign table or the tables that inherit from one.
        let indexed = match found.get::<_, &str>(0) {
            "r" => !found.get::<_, bool>(1),
            "p" => true,
            _ => false,
        };
        if indexed {
            relation.check_indexes(client, mapping).await?;
        }
        relation.indexed = indexed;
        relation.check_values(mapping, contract)?;
        Ok(relation)
    }

    /// A column's kind.
    pub(crate) fn kind(&self, value: &Value) -> Kind {
        match &value.cast {
            Some(cast) => cast.kind(),
            None => self.uncast(value),
        }
    }

    /// Its kind before a cast.
    pub(crate) fn uncast(&self, value: &Value) -> Kind {
        self.columns.get(&value.column).map_or(Kind::Text, |column| column.kind)
    }

    /// A column's type below its domains, for a literal of it.
    pub(crate) fn base_type(&self, column: &str) -> &str {
        self.columns.get(column).map_or("text", |column| column.base_type.as_str())
    }

    fn column(&self, column: &str, mapping: &DatasetMapping) -> Result<&RelationColumn> {
        self.columns.get(column).ok_or_else(|| {
            Error::config(format!("{}.{} has no column {column:?}", mapping.table.0, mapping.table.1))
        })
    }

    /// Comparisons of a type from elsewhere (`citext`) are looked for where the type is: without that, its texts would be compared
    /// by another operator than they are sorted by.
    async fn find_operators(&self, client: &Client, schemas: &[String]) -> Result<()> {
        let elsewhere: Vec<String> =
            schemas.iter().filter(|schema| *schema != "pg_catalog").map(|schema| quoted(schema)).collect();
        if elsewhere.is_empty() {
            return Ok(());
        }
        let path = literal(&format!(", {}", elsewhere.join(", ")));
        let sql =
            format!("SELECT set_config('search_path', current_setting('search_path') || {path}, false)");
        client.batch_execute(&sql).await.map_err(|e| failed("looking at the table", e))
    }

    async fn check_indexes(&self, client: &Client, mapping: &DatasetMapping) -> Result<()> {
        if mapping.key.is_empty() {
            return Ok(());
        }
        let mut numbers = Vec::new();
        for column in &mapping.key {
            let found = self.column(column, mapping)?;
            if !found.required {
                return Err(Error::config(format!(
                    "key column {column:?} may be missing (it is not NOT NULL): rows could be left out. \
                     Leave `key` away, and the table is read in one pass"
                )));
            }
            numbers.push(found.number);
        }
        let row = client
            .query_one(UNIQUE, &[&self.name, &numbers])
            .await
            .map_err(|e| failed("looking at the table's indexes", e))?;
        if row.get::<_, i64>(0) > 0 {
            return Ok(());
        }
        Err(Error::config(format!(
            "no unique index of {} holds the key ({}): rows could be left out. Leave `key` away, and the table is \
             read in one pass",
            self.name,
            mapping.key.join(", ")
        )))
    }

    /// Of a view and its like the rows themselves prove the key, in the snapshot that is read. `Config` where they do not.
    pub(crate) async fn prove_key(&self, client: &Client) -> Result<()> {
        if self.indexed || self.key.is_empty() {
            return Ok(());
        }
        let key: Vec<String> = self.key.iter().map(|(column, _)| format!("t.{}", quoted(column))).collect();
        let missing: Vec<String> = key.iter().map(|column| format!("{column} IS NULL")).collect();
        let sql = format!(
            "SELECT EXISTS (SELECT FROM {name} t WHERE {}), EXISTS (SELECT FROM {name} t GROUP BY {} HAVING count(*) > 1)",
            missing.join(" OR "),
            key.join(", "),
            name = self.name
        );
        let row = client.query_one(&sql, &[]).await.map_err(|e| failed("looking at the key", e))?;
        let wrong = match (row.get(0), row.get(1)) {
            (true, _) => "is missing in rows",
            (_, true) => "is not unique",
            _ => return Ok(()),
        };
        Err(Error::config(format!(
            "the key of {} ({}) {wrong}: leave `key` away, and it is read in one pass",
            self.name,
            key.join(", ")
        )))
    }

    fn check_values(&self, mapping: &DatasetMapping, contract: &Contract) -> Result<()> {
        if let Some(column) = &mapping.updated_at {
            self.column(column, mapping)?;
        }
        for (name, origin) in &mapping.columns {
            match origin {
                Origin::Column(value) => {
                    self.column(&value.column, mapping)?;
                    let ty = contract.index_of(name).map(|index| contract.columns[index].ty);
                    self.check_time(name, value, ty)?;
                }
                Origin::Template(pieces) => {
                    for piece in pieces {
                        if let Piece::Column(column) = piece {
                            self.column(column, mapping)?;
                            self.check_time(name, &Value::plain(column), Some(ColumnType::String))?;
                        }
                    }
                }
                Origin::Constant(_) => {}
            }
        }
        Ok(())
    }

    /// A time without a zone is no instant, and an instant is no date.
    fn check_time(&self, name: &str, value: &Value, ty: Option<ColumnType>) -> Result<()> {
        let (kind, column) = (self.kind(value), &value.column);
        let guessed =
            matches!(kind, Kind::Date | Kind::Timestamp | Kind::Instant | Kind::Boolean | Kind::Money);
        if guessed && self.uncast(value).is_text() {
            return Err(Error::config(format!(
                "column {column:?} is text: how it is read is said by the contract (dateFormat and the like), not by a cast"
            )));
        }
        if ty == Some(ColumnType::Date) && matches!(kind, Kind::Timestamp | Kind::Instant) {
            return Err(Error::config(format!(
                "column {column:?} is a timestamp and {name:?} a date: say so, {{column: {column}, cast: date}}"
            )));
        }
        if kind == Kind::Timestamp && value.zone.is_none() {
            return Err(Error::config(format!(
                "column {column:?} is a timestamp without time zone: say which, {{column: {column}, timezone: ...}}"
            )));
        }
        Ok(())
    }
}
