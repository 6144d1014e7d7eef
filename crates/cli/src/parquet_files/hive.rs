//! Columns that a file's folders hold: `year=2024/month=01/part-0.parquet`.
//!
//! They are named and typed as Spark and DuckDB do: whole numbers where every value is one, else dates where every value is
//! one, else texts. `__HIVE_DEFAULT_PARTITION__` and an empty value are NULL, as is a column that only other files' folders have.

use std::path::{Component, Path};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, DictionaryArray, Int32Array, Int64Array, StringArray, new_null_array,
};
use arrow::datatypes::{DataType, Field, FieldRef};
use quotelake_core::time::parse_date;
use quotelake_core::{Error, Result};

/// What stands for NULL in a folder's name.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The columns of a file's folders and their values, from the outermost folder on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FolderValues(Vec<(String, Option<String>)>);

impl FolderValues {
    /// Of the folders that a path names, as it was given. `InvalidInput` where two of them give one column different values.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let mut values: Vec<(String, Option<String>)> = Vec::new();
        let folders = path.parent().into_iter().flat_map(Path::components);
        for folder in folders {
            let Component::Normal(folder) = folder else { continue };
            let Some(folder) = folder.to_str() else { continue };
            let Some((name, value)) = folder.split_once('=').filter(|(name, _)| !name.is_empty()) else {
                continue;
            };
            let (name, value) = (plain(name), plain(value));
            let value = (!value.is_empty() && value != NULL).then_some(value);
            match values.iter().find(|(known, _)| *known == name) {
                None => values.push((name, value)),
                Some((_, known)) if *known == value => {}
                Some(_) => {
                    return Err(Error::invalid(format!("two of its folders give {name:?} different values")));
                }
            }
        }
        Ok(Self(values))
    }

    /// Whether the folders have a column of that name.
    fn get(&self, name: &str) -> Option<Option<&str>> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_deref())
    }

    /// The column in every one of `rows` rows.
    pub(super) fn column(&self, field: &Field, rows: usize) -> Result<ArrayRef> {
        let Some(Some(value)) = self.get(field.name()) else {
            return Ok(new_null_array(field.data_type(), rows));
        };
        let misread = || Error::bug(format!("partition column {:?} is not what it was", field.name()));
        Ok(match field.data_type() {
            DataType::Int64 => {
                Arc::new(Int64Array::from(vec![value.parse::<i64>().map_err(|_| misread())?; rows]))
            }
            DataType::Date32 => Arc::new(Date32Array::from(vec![day(value).ok_or_else(misread)?; rows])),
            _ => {
                let values: ArrayRef = Arc::new(StringArray::from(vec![value]));
                Arc::new(DictionaryArray::new(Int32Array::from(vec![0; rows]), values))
            }
        })
    }
}

/// The columns of all files' folders, in order of their first appearance, without those `known` to the files themselves: what a
/// file holds wins.
pub(super) fn fields<'v>(
    files: impl Iterator<Item = &'v FolderValues> + Clone,
    known: impl Fn(&str) -> bool,
) -> Vec<FieldRef> {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in files.clone().flat_map(|file| &file.0) {
        if !names.contains(&name.as_str()) && !known(name) {
            names.push(name);
        }
    }
    let field = |name: &str| {
        let values = || files.clone().filter_map(|file| file.get(name).flatten());
        let all = |test: fn(&str) -> bool| values().next().is_some() && values().all(test);
        let data_type = if all(is_whole) {
            DataType::Int64
        } else if all(|value| day(value).is_some()) {
            DataType::Date32
        } else {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        };
        Arc::new(Field::new(name, data_type, true))
    };
    names.into_iter().map(field).collect()
}

fn is_whole(text: &str) -> bool {
    text.strip_prefix('-').unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit())
        && text.parse::<i64>().is_ok()
}

/// Days since 1970-01-01 of `YYYY-MM-DD`.
fn day(text: &str) -> Option<i32> {
    parse_date(text.as_bytes())
}

/// A name without its `%XX`, by which writers spell what folders cannot hold.
fn plain(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = match tail {
            [high, low, ..] if *first == b'%' => {
                std::str::from_utf8(&[*high, *low]).ok().and_then(|hex| u8::from_str_radix(hex, 16).ok())
            }
            _ => None,
        };
        match (code, tail) {
            (Some(code), [_, _, after @ ..]) => {
                bytes.push(code);
                rest = after;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn of(path: &str) -> FolderValues {
        FolderValues::of(Path::new(path)).unwrap()
    }

    #[test]
    fn folders_are_columns() {
        let values = of("bars/year=2024/venue=X%3AY/day=/odd=a=b/=c/part=0.parquet");
        let wanted = [("year", Some("2024")), ("venue", Some("X:Y")), ("day", None), ("odd", Some("a=b"))];
        let wanted: Vec<_> =
            wanted.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
        assert_eq!(values, FolderValues(wanted));
        assert_eq!(of("a=1/b/a=1/x.parquet"), of("a=1/x.parquet"));
        assert!(FolderValues::of(Path::new("a=1/a=2/x.parquet")).is_err());
        assert_eq!(plain("100%"), "100%");
        assert_eq!(plain("%zz%e2%82%ac"), "%zz\u{20ac}");
    }

    #[test]
    fn types_are_those_of_all_values() {
        let files = [
            of("month=01/day=2024-02-29/code=7/x.parquet"),
            of("month=__HIVE_DEFAULT_PARTITION__/day=2024-03-01/code=x/x.parquet"),
            of("month=-12/code=99999999999999999999/own=1/x.parquet"),
        ];
        let found = fields(files.iter(), |name| name == "own");
        let types: Vec<String> =
            found.iter().map(|field| format!("{} {}", field.name(), field.data_type())).collect();
        assert_eq!(types, ["month Int64", "day Date32", "code Dictionary(Int32, Utf8)"]);
        let column = files[1].column(&found[0], 2).unwrap();
        assert_eq!((column.len(), column.null_count()), (2, 2));
        assert_eq!(*files[0].column(&found[1], 1).unwrap(), Date32Array::from(vec![19_782]));
    }

    #[test]
    fn nothing_but_null_is_text() {
        let found = fields([of("a=/x.parquet")].iter(), |_| false);
        assert!(matches!(found[0].data_type(), DataType::Dictionary(..)));
    }
}
