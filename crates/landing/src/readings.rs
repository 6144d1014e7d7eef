//! What a column's texts say about a format that they may be mistaken for: `02/01/2026` is a day of January or of February,
//! `1.234` a thousand or one and a bit. No single text tells; a whole column may.

use quotelake_contract::cell::{Form, NumberFormat, TimeFormat};
use quotelake_contract::{ColumnType, Contract};
use quotelake_core::parse_scaled;
use quotelake_core::time::days_since_epoch;

/// Counts of each column that has a format to be mistaken for. Filled cell by cell.
#[derive(Debug)]
pub struct Readings {
    columns: Vec<Option<Column>>,
    /// Columns of which no text was seen yet that only their own format reads.
    watching: usize,
}

#[derive(Debug)]
struct Column {
    name: String,
    rival: Rival,
    both: u64,
    ours_alone: u64,
    theirs_alone: u64,
    /// The least and the greatest value of texts that only the other format reads.
    theirs: Option<(i128, i128)>,
}

/// A format and the one that it may be mistaken for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Rival {
    Time(TimeFormat, TimeFormat),
    Number(NumberFormat, NumberFormat),
}

/// Columns of a file in which there are texts of another format, and none that only the contract's format reads: there a text that
/// both read is refused where its other value lies among theirs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Doubts {
    columns: Vec<Option<Doubt>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Doubt {
    rival: Rival,
    least: i128,
    greatest: i128,
}

impl Readings {
    /// Nothing seen yet.
    pub fn new(contract: &Contract) -> Self {
        let column = |column: &quotelake_contract::Column| {
            let rival = Rival::of(column)?;
            Some(Column {
                name: column.name.clone(),
                rival,
                both: 0,
                ours_alone: 0,
                theirs_alone: 0,
                theirs: None,
            })
        };
        let columns: Vec<Option<Column>> = contract.columns.iter().map(column).collect();
        Self { watching: columns.iter().flatten().count(), columns }
    }

    /// Whether no column can be mistaken, or none can be any more: then nothing needs to be shown to it.
    pub fn is_idle(&self) -> bool {
        self.watching == 0
    }

    /// Whether a column's texts may say something still: one text that only its own format reads ends that.
    #[inline]
    pub fn is_watching(&self, column: usize) -> bool {
        matches!(self.columns.get(column), Some(Some(column)) if column.ours_alone == 0)
    }

    /// Looks at a text of a column.
    pub fn observe(&mut self, column: usize, text: &str) {
        let Some(Some(column)) = self.columns.get_mut(column) else { return };
        if column.ours_alone > 0 || !column.rival.may_differ(text) {
            return;
        }
        match column.rival.values(text) {
            (Some(ours), Some(theirs)) if ours == theirs => {}
            (Some(_), Some(_)) => column.both += 1,
            (Some(_), None) => {
                column.ours_alone += 1;
                self.watching -= 1;
            }
            (None, Some(value)) => {
                column.theirs_alone += 1;
                let (least, greatest) = column.theirs.unwrap_or((value, value));
                column.theirs = Some((least.min(value), greatest.max(value)));
            }
            (None, None) => {}
        }
    }

    /// A sentence for each column whose texts do not tell the two formats apart, or speak for the other one.
    pub fn notes(&self) -> Vec<String> {
        let note = |column: &Column| {
            let Column { name, rival, both, ours_alone, theirs_alone, .. } = column;
            let (ours, theirs) = rival.names();
            if *ours_alone > 0 || both + theirs_alone == 0 {
                return None;
            }
            Some(match theirs_alone {
                0 => format!(
                    "column {name:?}: all {both} texts that {ours} and {theirs} read differently fit both; \
                     the contract's {ours} was taken"
                ),
                alone => format!(
                    "column {name:?}: {alone} texts fit {theirs} and not the contract's {ours}, {both} fit both, \
                     none fits {ours} alone: is the file in {theirs}?"
                ),
            })
        };
        self.columns.iter().flatten().filter_map(note).collect()
    }

    /// The columns in doubt.
    pub fn doubts(&self) -> Doubts {
        let doubt = |column: &Option<Column>| {
            let column = column.as_ref().filter(|column| column.ours_alone == 0)?;
            let (least, greatest) = column.theirs?;
            Some(Doubt { rival: column.rival.clone(), least, greatest })
        };
        let columns: Vec<Option<Doubt>> = self.columns.iter().map(doubt).collect();
        // Mostly there is none, and then nothing is to be asked cell by cell.
        Doubts { columns: if columns.iter().all(Option::is_none) { Vec::new() } else { columns } }
    }
}

impl Doubts {
    /// Whether no column is in doubt.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Why a text that the contract's format reads is refused all the same.
    pub fn fault(&self, column: usize, text: &str) -> Option<String> {
        let doubt = self.columns.get(column)?.as_ref()?;
        let (ours, theirs) = doubt.rival.values(text);
        let (ours, theirs) = (ours?, theirs?);
        let doubted = ours != theirs && (doubt.least..=doubt.greatest).contains(&theirs);
        let (ours, theirs) = doubt.rival.names();
        doubted.then(|| {
            format!("fits {ours} and {theirs}, and its column holds texts that only {theirs} fits and none that only {ours} fits")
        })
    }
}

impl Rival {
    fn of(column: &quotelake_contract::Column) -> Option<Self> {
        use ColumnType::{Bigint, Decimal, Double, Int};
        match &column.cell.formats().form {
            Form::Canonical
                if matches!(column.ty, Int | Bigint | Double | Decimal { .. }) && column.is_read() =>
            {
                let plain = NumberFormat::named("plain")?;
                let other = plain.mistaken_for()?;
                Some(Self::Number(plain, other))
            }
            Form::Number(format, _) => Some(Self::Number(format.clone(), format.mistaken_for()?)),
            Form::Date(formats) | Form::Instant { formats, .. } => match formats.as_slice() {
                [format] => Some(Self::Time(format.clone(), format.mistaken_for()?)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Whether the two formats may read a text differently: a number without a point and a comma is the same in both.
    fn may_differ(&self, text: &str) -> bool {
        matches!(self, Self::Time(..)) || text.bytes().any(|byte| matches!(byte, b'.' | b','))
    }

    /// What a text is in the contract's format and in the other one: days since 1970, or a number in its smallest unit.
    fn values(&self, text: &str) -> (Option<i128>, Option<i128>) {
        let day = |format: &TimeFormat| Some(i128::from(days_since_epoch(format.read(text)?.date)));
        let number = |format: &NumberFormat| parse_scaled(format.read(text)?.as_bytes(), 38, 12).ok();
        match self {
            Self::Time(ours, theirs) => (day(ours), day(theirs)),
            Self::Number(ours, theirs) => (number(ours), number(theirs)),
        }
    }

    fn names(&self) -> (String, String) {
        match self {
            Self::Time(ours, theirs) => (ours.name().to_owned(), theirs.name().to_owned()),
            Self::Number(ours, theirs) => (ours.example(), theirs.example()),
        }
    }
}
