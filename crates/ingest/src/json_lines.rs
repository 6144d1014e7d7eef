//! A file of JSON objects, one a line, out of text that comes in pieces. What a line holds is for `check` to judge.

use quotelake_core::{Error, Result};

use crate::outside::Outside;
use crate::records::MAX_RECORD_BYTES;
use crate::table::TakeRows;

/// Cuts text into lines.
#[derive(Debug)]
pub(crate) struct JsonLines {
    outside: Outside,
    rest: Vec<u8>,
    lines: u64,
}

impl JsonLines {
    pub(crate) fn new(outside: Outside) -> Self {
        Self { outside, rest: Vec::new(), lines: 0 }
    }

    /// Takes more text and hands out the lines that end in it. `InvalidInput` where a line is longer than any row.
    pub(crate) fn push(&mut self, text: &[u8], to: &mut dyn TakeRows) -> Result<()> {
        self.rest.extend_from_slice(text);
        let mut begin = 0;
        while let Some(length) = self.rest[begin..].iter().position(|byte| *byte == b'\n') {
            let line = begin..begin + length;
            begin = line.end + 1;
            self.lines += 1;
            self.hand_out(line, to)?;
        }
        self.rest.drain(..begin);
        if self.rest.len() > MAX_RECORD_BYTES {
            let (line, most) = (self.lines + 1, MAX_RECORD_BYTES >> 20);
            return Err(Error::invalid(format!("line {line} is longer than {most} MiB: it is no row")));
        }
        Ok(())
    }

    /// Says that there is no more text.
    pub(crate) fn finish(&mut self, to: &mut dyn TakeRows) -> Result<()> {
        self.lines += 1;
        self.hand_out(0..self.rest.len(), to)
    }

    fn hand_out(&self, line: std::ops::Range<usize>, to: &mut dyn TakeRows) -> Result<()> {
        let line = self.rest[line].trim_ascii();
        if line.is_empty() { Ok(()) } else { to.json(self.lines, line, &self.outside) }
    }
}

/// Writes a line with what comes from outside the file in it, newline-ended. One that is no object goes on as it is.
pub(crate) fn write(line: &[u8], outside: &Outside, lines: &mut Vec<u8>) {
    match line.strip_prefix(b"{") {
        Some(rest) if !outside.is_empty() => {
            lines.push(b'{');
            lines.extend_from_slice(outside.fields.as_bytes());
            if rest.trim_ascii_start() != b"}" {
                lines.push(b',');
            }
            lines.extend_from_slice(rest);
        }
        _ => lines.extend_from_slice(line),
    }
    lines.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_stands_first() {
        let outside = Outside { fields: "\"a\":\"x\"".into() };
        for (line, written) in
            [("{\"b\":1}", "{\"a\":\"x\",\"b\":1}\n"), ("{ }", "{\"a\":\"x\" }\n"), ("[1]", "[1]\n")]
        {
            let mut lines = Vec::new();
            write(line.as_bytes(), &outside, &mut lines);
            assert_eq!(String::from_utf8(lines).unwrap(), written);
        }
    }
}
