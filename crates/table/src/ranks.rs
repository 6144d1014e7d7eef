//! The distinct numbers of a column in order, and each row's rank among them: the codes of a sorted dictionary.

use super::radix::sort_by_bits;

/// A dictionary of more than this share of the rows makes numbers longer than they are plain.
const MOST_DISTINCT: f64 = 0.6;
/// Numbers whose range is at most this many times the rows are counted in a table.
const TABLE_PER_ROW: usize = 8;
/// A table of more ranks than that is larger than a core's cache: a bit for each number is not.
const MOST_IN_TABLE: u64 = 1 << 18;

/// The distinct numbers in order, and each number's rank among them. `None` where they hardly repeat, or there is none.
pub(super) fn ranked<I: ExactSizeIterator<Item = u64>>(
    numbers: impl Fn() -> I,
    greatest: u64,
) -> Option<(Vec<u64>, Vec<u32>)> {
    let rows = numbers().len();
    let most = (rows as f64 * MOST_DISTINCT) as usize;
    let (ranks, codes) = if greatest < (rows * TABLE_PER_ROW) as u64 {
        match greatest {
            0..MOST_IN_TABLE => ranks_by_table(numbers(), greatest, most)?,
            _ => ranks_by_bits(numbers(), greatest, most)?,
        }
    } else if distinct(numbers()) > most {
        return None;
    } else {
        ranks_by_order(numbers(), greatest)
    };
    (!ranks.is_empty() && ranks.len() <= most).then_some((ranks, codes))
}

/// The distinct numbers in order, and each number's rank among them, by a table of all numbers up to the greatest. `None` where
/// more than `most` are distinct.
fn ranks_by_table(
    numbers: impl ExactSizeIterator<Item = u64>,
    greatest: u64,
    most: usize,
) -> Option<(Vec<u64>, Vec<u32>)> {
    let mut rank_of = vec![0u32; greatest as usize + 1];
    let mut codes = Vec::with_capacity(numbers.len());
    codes.extend(numbers.map(|number| {
        rank_of[number as usize] = 1;
        number as u32
    }));
    let count: usize = rank_of.iter().map(|occurs| *occurs as usize).sum();
    if count > most {
        return None;
    }
    let mut distinct = Vec::with_capacity(count);
    for (number, rank) in rank_of.iter_mut().enumerate() {
        if *rank == 1 {
            *rank = distinct.len() as u32;
            distinct.push(number as u64);
        }
    }
    codes.iter_mut().for_each(|code| *code = rank_of[*code as usize]);
    Some((distinct, codes))
}

/// The same by a bit for each number: a rank is the number of bits before it.
fn ranks_by_bits(
    numbers: impl ExactSizeIterator<Item = u64>,
    greatest: u64,
    most: usize,
) -> Option<(Vec<u64>, Vec<u32>)> {
    let mut occurs = vec![0u64; (greatest / 64) as usize + 1];
    let mut codes = Vec::with_capacity(numbers.len());
    codes.extend(numbers.map(|number| {
        occurs[(number / 64) as usize] |= 1 << (number % 64);
        number as u32
    }));
    // Of each 64 numbers, how many lower ones occur.
    let mut before = Vec::with_capacity(occurs.len());
    let mut count = 0;
    for word in &occurs {
        before.push(count);
        count += word.count_ones();
    }
    if count as usize > most {
        return None;
    }
    let mut distinct = Vec::with_capacity(count as usize);
    for (place, word) in (0u64..).zip(&occurs) {
        let mut rest = *word;
        while rest != 0 {
            distinct.push(place * 64 + u64::from(rest.trailing_zeros()));
            rest &= rest - 1;
        }
    }
    codes.iter_mut().for_each(|code| {
        let (place, bit) = (*code as usize / 64, *code % 64);
        *code = before[place] + (occurs[place] & ((1 << bit) - 1)).count_ones();
    });
    Some((distinct, codes))
}

/// The distinct numbers in order, and each number's rank among them, by sorting.
fn ranks_by_order(numbers: impl ExactSizeIterator<Item = u64>, greatest: u64) -> (Vec<u64>, Vec<u32>) {
    let rows = numbers.len();
    let row_bits = u64::BITS - (rows as u64).leading_zeros();
    let number_bits = u64::BITS - greatest.leading_zeros();
    if number_bits + row_bits <= u64::BITS {
        // Number and row in one integer: sorting moves nothing else.
        let mut tags: Vec<u64> = numbers.zip(0..).map(|(number, row)| number << row_bits | row).collect();
        sort_by_bits(&mut tags, row_bits, row_bits + number_bits);
        let mask = (1 << row_bits) - 1;
        ranks_of_sorted(rows, tags.into_iter().map(|tag| (tag >> row_bits, (tag & mask) as usize)))
    } else {
        let mut tags: Vec<(u64, usize)> = numbers.zip(0..).collect();
        tags.sort_unstable();
        ranks_of_sorted(rows, tags.into_iter())
    }
}

/// The same of numbers that are in order, each with its row. Takes memory only now: sorting takes enough.
fn ranks_of_sorted(rows: usize, sorted: impl Iterator<Item = (u64, usize)>) -> (Vec<u64>, Vec<u32>) {
    let mut codes = vec![0; rows];
    let mut distinct: Vec<u64> = Vec::new();
    for (number, row) in sorted {
        if distinct.last() != Some(&number) {
            distinct.push(number);
        }
        codes[row] = distinct.len() as u32 - 1;
    }
    (distinct, codes)
}

/// About how many of the numbers are distinct, by linear counting (Whang, Vander-Zanden and Taylor, 1990): the share of a bitmap's
/// bits that no number's hash hits.
fn distinct(numbers: impl ExactSizeIterator<Item = u64>) -> usize {
    let bits = (2 * numbers.len()).next_power_of_two().max(64);
    let mut hit = vec![0u64; bits / 64];
    for number in numbers {
        // Mixed twice: a single multiplication spreads numbers that follow each other too evenly for counting.
        let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = (mixed ^ mixed >> 32).wrapping_mul(0x94d0_49bb_1331_11eb) >> (64 - bits.trailing_zeros());
        hit[hash as usize / 64] |= 1 << (hash % 64);
    }
    let hits: u32 = hit.iter().map(|word| word.count_ones()).sum();
    let (bits, missed) = (bits as f64, bits - hits as usize);
    (bits * (bits / missed.max(1) as f64).ln()) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// By a table, by bits, by packed and by separate keys: the same ranks.
        #[test]
        fn ranks_are_the_same_however_they_are_found(numbers in proptest::collection::vec(0u64..3000, 1..3000)) {
            let iter = || numbers.iter().copied();
            let by_table = ranks_by_table(iter(), 3000, numbers.len()).unwrap();
            prop_assert_eq!(&ranks_by_bits(iter(), 3000, numbers.len()).unwrap(), &by_table);
            prop_assert_eq!(ranks_by_bits(iter(), 3000, by_table.0.len() - 1), None);
            prop_assert_eq!(&ranks_by_order(iter(), 3000), &by_table);
            prop_assert_eq!(&ranks_by_order(iter(), u64::MAX), &by_table);
            let (values, codes) = by_table;
            prop_assert!(values.is_sorted_by(|a, b| a < b));
            prop_assert!(codes.iter().zip(&numbers).all(|(code, number)| values[*code as usize] == *number));
            let estimated = distinct(iter()) as f64;
            prop_assert!((estimated - values.len() as f64).abs() <= 16.0 + values.len() as f64 * 0.1);
        }
    }
}
