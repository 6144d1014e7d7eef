//! Files and folders of this machine, for the rules about files.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use dqdl::{FileFact, FileSource, HashAlgorithm};
use md5::Digest as _;

/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;

/// The files that data is read from, and whatever a rule names.
#[derive(Debug)]
pub(super) struct FolderFiles {
    own: Vec<PathBuf>,
}

impl FolderFiles {
    /// `own` are the files and folders of the data set.
    pub(super) fn new(own: Vec<PathBuf>) -> Self {
        Self { own }
    }
}

impl FileSource for FolderFiles {
    fn files(&self, path: Option<&str>) -> Result<Vec<FileFact>, String> {
        let mut found = Vec::new();
        match path {
            None => self.own.iter().try_for_each(|path| list(path, &mut found))?,
            Some(path) => {
                let plain = path.strip_prefix("file://").unwrap_or(path);
                if plain.contains("://") {
                    return Err(format!(
                        "{path} is not on this machine: without a path the rule is about the files of the data"
                    ));
                }
                list(Path::new(plain), &mut found)?;
            }
        }
        Ok(found)
    }

    fn hash(&self, file: &FileFact, algorithm: HashAlgorithm) -> Result<String, String> {
        let hash = match algorithm {
            HashAlgorithm::Md5 => {
                let mut hash = md5::Md5::new();
                read(&file.path, |bytes| hash.update(bytes))?;
                hash.finalize().to_vec()
            }
            HashAlgorithm::Sha1 => {
                let mut hash = sha1::Sha1::new();
                read(&file.path, |bytes| hash.update(bytes))?;
                hash.finalize().to_vec()
            }
            HashAlgorithm::Sha256 => {
                let mut hash = sha2::Sha256::new();
                read(&file.path, |bytes| hash.update(bytes))?;
                hash.finalize().to_vec()
            }
        };
        Ok(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

fn read(path: &str, mut take: impl FnMut(&[u8])) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{path} cannot be read: {error}");
    let mut file = File::open(path).map_err(failed)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        match file.read(&mut chunk).map_err(failed)? {
            0 => return Ok(()),
            bytes => take(chunk.get(..bytes).unwrap_or_default()),
        }
    }
}

/// A file, or all in a folder and in those inside it, in order; without those that are hidden, as Spark reads folders.
fn list(path: &Path, found: &mut Vec<FileFact>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if !metadata.is_dir() {
        let modified = metadata.modified().ok().map(DateTime::<Utc>::from);
        found.push(FileFact { path: path.display().to_string(), bytes: metadata.len(), modified });
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut names: Vec<_> = entries.into_iter().map(|entry| entry.file_name()).collect();
    names.retain(|name| !name.to_string_lossy().starts_with(['.', '_']));
    names.sort();
    names.into_iter().try_for_each(|name| list(&path.join(name), found))
}
