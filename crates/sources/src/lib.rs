//! One folder per source: what to ask, how to read the answer, how to map it to canonical records.
