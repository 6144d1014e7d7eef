//! The fetch function: a watchlist and a source in, one envelope per vendor page to the record stream.
