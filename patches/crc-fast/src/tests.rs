//! Against the catalogue of CRCs (<https://reveng.sourceforge.io/crc-catalogue/all.htm>) and, in parts, against its definition.

use proptest::prelude::*;

use super::*;

/// The algorithm, its width, its reflected polynomial, what the catalogue gives for `123456789`.
const ALGORITHMS: [(CrcAlgorithm, u32, u64, u64); 3] = [
    (CrcAlgorithm::Crc32IsoHdlc, 32, 0xedb8_8320, 0xcbf4_3926),
    (CrcAlgorithm::Crc32Iscsi, 32, 0x82f6_3b78, 0xe306_9283),
    (CrcAlgorithm::Crc64Nvme, 64, 0x9a6c_9329_ac4b_c9b5, 0xae8b_1486_0a79_9888),
];

/// A bit after the other, as the Rocksoft model defines it.
fn by_definition(width: u32, polynomial: u64, bytes: &[u8]) -> u64 {
    let ones = u64::MAX >> (64 - width);
    let mut sum = ones;
    for byte in bytes {
        sum ^= u64::from(*byte);
        for _ in 0..8 {
            sum = if sum & 1 == 1 { (sum >> 1) ^ polynomial } else { sum >> 1 };
        }
    }
    sum ^ ones
}

#[test]
fn the_catalogues_values() {
    for (algorithm, width, polynomial, check) in ALGORITHMS {
        assert_eq!(checksum(algorithm, b"123456789"), check, "{algorithm:?}");
        assert_eq!(by_definition(width, polynomial, b"123456789"), check, "{algorithm:?}");
        assert_eq!(checksum(algorithm, b""), 0, "{algorithm:?}");
    }
}

proptest! {
    #[test]
    fn parts_and_the_whole_are_as_defined(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..6)) {
        let whole = parts.concat();
        for (algorithm, width, polynomial, _) in ALGORITHMS {
            let mut digest = Digest::new(algorithm);
            for part in &parts {
                digest.update(part);
            }
            let defined = by_definition(width, polynomial, &whole);
            prop_assert_eq!(digest.finalize(), defined, "{:?}", algorithm);
            prop_assert_eq!(checksum(algorithm, &whole), defined, "{:?}", algorithm);
        }
    }
}
