//! Lists of keys as earlier versions wrote them are read, and the present one is written as it is kept here.
//!
//! Staged objects and published files of an earlier version are in a whole lake of one: `crates/cli/tests/old_lake.rs`.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use quotelake_table::KeyList;

/// `QLKEYS1`: two keys here, one open, one gone, each of eight bytes; the checksum at the end.
const VERSION_1: &[u8] =
    b"QLKEYS1\n{\"key\":[\"symbol\",\"day\"],\"here\":2,\"open\":1,\"gone\":1,\"looked_at\":\"v1\"}\n\
    \x00\x00\x00\x00\x00\x00\x00\x01\x80\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x00\x00\x00\x05\
    \x00\x00\x00\x00\x00\x00\x00\x07\
    \xc8\xe7\xbe\x17\xb2\x84\x13\x9a";

#[test]
fn lists_of_version_1_are_read_and_written() {
    let list = KeyList::parse(VERSION_1).unwrap();
    assert_eq!((list.open(), list.looked_at()), (&[5][..], Some("v1")));
    assert_eq!(list.places(&[1, 5, 6, 7, 1 << 63], false), [0, 1, 4]);
    assert_eq!(list.places(&[1, 5, 6, 7, 1 << 63], true), [0, 1, 3, 4]);
    assert_eq!(list.to_bytes().unwrap(), VERSION_1);
}
