//! Sorting integers by some of their bits.

/// Bits that are sorted by at once: their counts fit in the first-level cache.
const DIGIT_BITS: u32 = 11;
/// Fewer numbers are compared: a pass over the counts would take longer.
const FEW: usize = 1 << 10;

/// Sorts numbers of at most `to` bits by those from `from` on; numbers that are equal there keep their order.
pub(super) fn sort_by_bits(numbers: &mut Vec<u64>, from: u32, to: u32) {
    if from >= to || numbers.is_sorted() {
        return;
    }
    let rounds = (to - from).div_ceil(DIGIT_BITS);
    let digit_bits = (to - from).div_ceil(rounds);
    if numbers.len() < FEW {
        numbers.sort_by_key(|number| digit(*number, from, to - from));
        return;
    }
    let mut sorted = vec![0; numbers.len()];
    for round in 0..rounds {
        let low = from + round * digit_bits;
        let bits = digit_bits.min(to - low);
        let mut next = vec![0usize; 1 << bits];
        numbers.iter().for_each(|number| next[digit(*number, low, bits)] += 1);
        let mut start = 0;
        for place in &mut next {
            start += std::mem::replace(place, start);
        }
        for number in numbers.iter() {
            let place = &mut next[digit(*number, low, bits)];
            sorted[*place] = *number;
            *place += 1;
        }
        std::mem::swap(numbers, &mut sorted);
    }
}

#[inline]
fn digit(number: u64, low: u32, bits: u32) -> usize {
    (number >> low & (u64::MAX >> (u64::BITS - bits))) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn sorts_as_a_stable_sort_by_the_bits_does(
            seed in any::<u64>(),
            count in prop_oneof![0usize..40, Just(FEW), Just(5000)],
            ends in (0u32..=64, 0u32..=64),
        ) {
            let (from, to) = (ends.0.min(ends.1), ends.0.max(ends.1));
            let mut state = seed;
            let mut numbers: Vec<u64> = std::iter::repeat_with(|| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state ^ state >> 29) & u64::MAX.checked_shr(64 - to).unwrap_or(0)
            })
            .take(count)
            .collect();
            let mut expected = numbers.clone();
            if from < to {
                expected.sort_by_key(|number| digit(*number, from, to - from));
            }
            sort_by_bits(&mut numbers, from, to);
            prop_assert_eq!(numbers, expected);
        }
    }
}
