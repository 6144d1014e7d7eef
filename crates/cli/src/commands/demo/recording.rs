//! The recording of real prices that the program carries with it: a megabyte, so that it can show itself anywhere.

use std::path::PathBuf;

use quotelake_core::{Error, Result};
use tempfile::TempDir;

/// Files of `samples/`, each by its name there.
macro_rules! samples {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_bytes!(concat!("../../../../../samples/", $name)).as_slice())),*]
    };
}

const FILES: &[(&str, &[u8])] = samples![
    "polygon/recording.json",
    "polygon/LICENSE-DATA.txt",
    "polygon/pages/AAPL-1day-001.json",
    "polygon/pages/AAPL-1day-002.json",
    "polygon/pages/AAPL-1day-003.json",
    "polygon/pages/AAPL-1day-004.json",
    "polygon/pages/AAPL-dividends-001.json",
    "polygon/pages/AAPL-splits-001.json",
    "polygon/pages/FB-1day-001.json",
    "polygon/pages/FB-dividends-001.json",
    "polygon/pages/FB-splits-001.json",
    "polygon/pages/GOOG-1day-001.json",
    "polygon/pages/GOOG-1day-002.json",
    "polygon/pages/GOOG-1day-003.json",
    "polygon/pages/GOOG-dividends-001.json",
    "polygon/pages/GOOG-splits-001.json",
    "polygon/pages/IBM-1day-001.json",
    "polygon/pages/IBM-1day-002.json",
    "polygon/pages/IBM-1day-003.json",
    "polygon/pages/IBM-1day-004.json",
    "polygon/pages/IBM-dividends-001.json",
    "polygon/pages/IBM-splits-001.json",
    "polygon/pages/MSFT-1day-001.json",
    "polygon/pages/MSFT-1day-002.json",
    "polygon/pages/MSFT-1day-003.json",
    "polygon/pages/MSFT-1day-004.json",
    "polygon/pages/MSFT-dividends-001.json",
    "polygon/pages/MSFT-splits-001.json",
    "watchlists/us_samples.json",
];

/// Writes the recording to a folder of its own, which is gone with what is returned, and says where it is.
pub(super) fn unpack() -> Result<(TempDir, PathBuf)> {
    let folder = tempfile::tempdir().map_err(|e| Error::unavailable("no temporary folder").with_source(e))?;
    for (name, bytes) in FILES {
        let path = folder.path().join(name);
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        made.and_then(|()| std::fs::write(&path, bytes))
            .map_err(|e| Error::unavailable(format!("cannot write {}", path.display())).with_source(e))?;
    }
    let recording = folder.path().join("polygon");
    Ok((folder, recording))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_recorded_page_is_there() {
        let (_folder, recording) = unpack().unwrap();
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/polygon/pages");
        let names = |folder: &Path| {
            let mut names: Vec<_> =
                std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        assert_eq!(names(&recording.join("pages")), names(&samples));
        quotelake_sources::replay::Recording::load(&recording.join("recording.json")).unwrap();
    }
}
