//! The ingest function: a dropped file in the inbox to canonical landing lines.
