//! Where a dataset has no key (`key: none`): what tells its rows apart, the file's hash and the row's number in it.

use quotelake_contract::Contract;

/// Adds to each line where its row was; nothing where the dataset has a key.
#[derive(Debug)]
pub(crate) struct Place {
    sha256: Option<String>,
    row: u64,
}

impl Place {
    pub(crate) fn new(contract: &Contract, sha256: &str) -> Self {
        Self { sha256: contract.file_columns.map(|_| sha256.to_owned()), row: 0 }
    }

    /// Counts a row, and adds its place to its line, the last of `lines`, where that is a row.
    pub(crate) fn next(&mut self, is_readable: bool, lines: &mut Vec<u8>) {
        self.row += 1;
        if let (Some(sha256), true) = (&self.sha256, is_readable)
            && let Some(end) = lines.strip_suffix(b"}\n").map(<[u8]>::len)
        {
            lines.truncate(end);
            let comma = if lines.ends_with(b"{") { "" } else { "," };
            let place = format!("{comma}\"file_sha256\":\"{sha256}\",\"file_row\":{}}}\n", self.row);
            lines.extend_from_slice(place.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use quotelake_contract::Contracts;

    use super::*;

    #[test]
    fn rows_are_numbered_with_those_that_cannot_be_read() {
        let mut contracts = Contracts::built_in().unwrap();
        let yaml = "apiVersion: v3.1.0\nkind: DataContract\nversion: 1.0.0\nschema:\n  - name: clicks\n    customProperties: [{property: key, value: none}, {property: partitionBy, value: none}]\n    properties: [{name: at, logicalType: string, physicalType: string}]\n";
        contracts.add(yaml, None).unwrap();
        let mut lines = b"{\"at\":\"x\"}\n".to_vec();
        let mut place = Place::new(&contracts.get("clicks").unwrap().contract, "0f3a");
        place.next(true, &mut lines);
        lines.extend_from_slice(b"{\"ingest_fault\":1}\n");
        place.next(false, &mut lines);
        lines.extend_from_slice(b"{\"at\":\"x\"}\n");
        place.next(true, &mut lines);
        let expected = "{\"at\":\"x\",\"file_sha256\":\"0f3a\",\"file_row\":1}\n{\"ingest_fault\":1}\n{\"at\":\"x\",\"file_sha256\":\"0f3a\",\"file_row\":3}\n";
        assert_eq!(String::from_utf8(lines).unwrap(), expected);
        let mut keyed = b"{}\n".to_vec();
        Place::new(&contracts.get("splits").unwrap().contract, "0f3a").next(true, &mut keyed);
        assert_eq!(keyed, b"{}\n");
    }
}
