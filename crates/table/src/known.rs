//! Bytes that are probably the next ones of a text: field names and repeated values of a line (`shape`), texts of a dictionary
//! (`columns`). Most have at most 16 bytes and are compared as one number of 128 bits under a mask, without a loop over bytes.

/// Bytes that are expected. What is at most 16 bytes long is compared as one number.
#[derive(Debug)]
pub(super) struct Known {
    bytes: Vec<u8>,
    number: u128,
    mask: u128,
}

impl Known {
    pub(super) fn new(bytes: &[u8]) -> Self {
        let mut this = Self { bytes: Vec::new(), number: 0, mask: 0 };
        this.set(bytes);
        this
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(super) fn set(&mut self, bytes: &[u8]) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        let mut padded = [0; 16];
        let length = bytes.len().min(16);
        padded[..length].copy_from_slice(&bytes[..length]);
        self.number = u128::from_le_bytes(padded);
        self.mask = if length == 16 { u128::MAX } else { (1 << (8 * length)) - 1 };
    }

    /// Whether a text begins with the bytes.
    #[inline]
    pub(super) fn begins(&self, text: &[u8]) -> bool {
        match text.first_chunk() {
            Some(chunk) if self.bytes.len() <= 16 => u128::from_le_bytes(*chunk) & self.mask == self.number,
            _ => text.starts_with(&self.bytes),
        }
    }

    /// What follows the bytes where a text begins with them.
    #[inline]
    pub(super) fn strip<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        if self.begins(text) { text.get(self.bytes.len()..) } else { None }
    }
}
