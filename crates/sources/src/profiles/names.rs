//! The symbol in a file's name.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How a file is called, without its endings.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamePattern {
    /// Text with names in braces: `{symbol}-{interval}-{period}`.
    pattern: String,
    /// The symbol put together from the names; where there is none, it is `{symbol}`.
    symbol: Option<String>,
}

/// What a file's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileName {
    /// The instrument.
    pub(super) symbol: String,
    /// The text in the interval's place, where there is one.
    pub(super) interval: Option<String>,
}

/// The endings that are no part of a name.
const ENDINGS: [&str; 10] = [".csv", ".txt", ".tsv", ".gz", ".zst", ".zip", ".bz2", ".xlsx", ".xls", ".CSV"];

/// A file's name without folders and endings.
pub(super) fn stem(name: &str) -> &str {
    let mut stem = name.rsplit(['/', '\\']).next().unwrap_or(name);
    while let Some(shorter) = ENDINGS.iter().find_map(|ending| stem.strip_suffix(ending)) {
        stem = shorter;
    }
    stem
}

/// What the first pattern that a name fits says; `None` where there is none, or what it gives is no symbol: `prices (1)`.
pub(super) fn named(patterns: &[NamePattern], file: &str) -> Option<FileName> {
    let stem = stem(file);
    patterns.iter().find_map(|pattern| pattern.read(stem)).filter(|named| is_symbol(&named.symbol))
}

/// Letters, digits and what exchanges write between them.
pub(super) fn is_symbol(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_^=&:".contains(c))
        && text.chars().any(|c| c.is_ascii_alphanumeric())
}

impl NamePattern {
    fn read(&self, stem: &str) -> Option<FileName> {
        let mut found = BTreeMap::new();
        fit(&self.pattern, stem, &mut found).then_some(())?;
        let symbol = match &self.symbol {
            None => found.get("symbol")?.to_string(),
            Some(template) => found
                .iter()
                .fold(template.clone(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value)),
        };
        Some(FileName { symbol, interval: found.get("interval").map(ToString::to_string) })
    }
}

/// Whether a text fits a pattern; a name takes as little as it can, and at least one character.
fn fit<'t>(pattern: &str, text: &'t str, found: &mut BTreeMap<String, &'t str>) -> bool {
    let Some((before, rest)) = pattern.split_once('{') else { return pattern == text };
    let (Some((name, after)), Some(text)) = (rest.split_once('}'), text.strip_prefix(before)) else {
        return false;
    };
    let ends = text.char_indices().map(|(at, c)| at + c.len_utf8());
    for end in ends {
        // The last name takes what is left.
        if after.is_empty() && end < text.len() {
            continue;
        }
        if fit(after, &text[end..], found) {
            found.insert(name.to_owned(), &text[..end]);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use crate::profiles::find;

    fn symbol(profile: &str, file: &str) -> Option<(String, Option<String>)> {
        let found = super::named(&find(profile).unwrap().file_names, file)?;
        Some((found.symbol, found.interval))
    }

    #[test]
    fn files_name_their_instrument() {
        for (profile, file, is) in [
            ("yahoo-csv", "FTSE/BARC.L.csv", "BARC.L"),
            ("yahoo-csv", "^FTSE.csv.gz", "^FTSE"),
            ("yfinance", "BTC-USD.csv", "BTC-USD"),
            ("stooq", "barc_uk_d.csv", "barc.uk"),
            ("stooq", "pkn_d.csv", "pkn"),
            ("stooq", "barc.uk.txt", "barc.uk"),
            ("investing-com", "BARC Historical Data.csv", "BARC"),
            ("investing-com", "BARC.csv", "BARC"),
            ("alpha-vantage", "daily_adjusted_IBM.csv", "IBM"),
            ("alpha-vantage", "daily_TSCO.LON.csv", "TSCO.LON"),
        ] {
            assert_eq!(symbol(profile, file), Some((is.to_owned(), None)), "{file}");
        }
        let minute = symbol("binance-klines", "BTCUSDT-1m-2025-01.zip");
        assert_eq!(minute, Some(("BTCUSDT".to_owned(), Some("1m".to_owned()))));
        let five = symbol("alpha-vantage", "intraday_5min_IBM.csv");
        assert_eq!(five, Some(("IBM".to_owned(), Some("5min".to_owned()))));
    }

    #[test]
    fn what_is_no_symbol_is_none() {
        for file in ["BARC.L (1).csv", "my prices.csv", ".csv", "--.csv", "Preise-März.csv"] {
            assert_eq!(symbol("yahoo-csv", file), None, "{file}");
        }
    }
}
