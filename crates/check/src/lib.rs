//! The check function: landing objects in; good rows staged, bad rows quarantined, a result document.
