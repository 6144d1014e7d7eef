//! The rows of a file's table: its header first, its footer apart.

use std::collections::VecDeque;

use quotelake_contract::Contract;
use quotelake_core::{Error, Result};
use quotelake_landing::Doubts;

use crate::header;
use crate::mapping::{Mapping, Row};
use crate::outside::Outside;
use crate::records::HeldRecord;
use crate::sheet::SheetRow;

/// Takes the rows of a table, in order.
pub(crate) trait TakeRows: Send {
    /// One row of it.
    fn row(&mut self, mapping: &Mapping<'_>, row: &Row<'_>) -> Result<()>;
    /// One line of JSON, with its number in the file, from 1, and what comes from outside the file.
    fn json(&mut self, line: u64, text: &[u8], outside: &Outside) -> Result<()>;
}

/// Sorts the rows of one file.
#[derive(Debug)]
pub(crate) struct Table<'c> {
    contract: &'c Contract,
    outside: Outside,
    doubts: Doubts,
    header: Vec<Vec<String>>,
    mapping: Option<Mapping<'c>>,
    /// The rows that may turn out to be the footer.
    held: VecDeque<HeldRow>,
    /// The text at which it ends was seen.
    is_over: bool,
}

#[derive(Debug)]
enum HeldRow {
    Record(HeldRecord),
    Sheet(SheetRow),
}

impl<'c> Table<'c> {
    /// A table without rows.
    pub(crate) fn new(contract: &'c Contract, outside: Outside, doubts: Doubts) -> Self {
        let by_place = (contract.layout.header_rows == 0).then(|| {
            Mapping::new(contract, header::by_place(contract), Vec::new(), doubts.clone(), &outside)
        });
        Self {
            contract,
            outside,
            doubts,
            header: Vec::new(),
            mapping: by_place,
            held: VecDeque::new(),
            is_over: false,
        }
    }

    /// Takes the next row of the file: one of the header, of the table, or of what follows it.
    #[inline]
    pub(crate) fn take(&mut self, row: Row<'_>, to: &mut dyn TakeRows) -> Result<()> {
        let Some(mapping) = &self.mapping else { return self.take_header(&row) };
        let layout = &self.contract.layout;
        if layout.footer_rows == 0 && layout.footer_text.is_none() {
            return to.row(mapping, &row);
        }
        self.take_before_footer(row, to)
    }

    fn take_header(&mut self, row: &Row<'_>) -> Result<()> {
        if let Row::Record(record) = row
            && let Some(fault) = record.fault()
        {
            let line = record.line;
            return Err(Error::invalid(format!(
                "header on line {line}, {fault}; the whole file is rejected"
            )));
        }
        self.header.push(row.texts());
        let layout = &self.contract.layout;
        if self.header.len() < layout.header_rows as usize {
            return Ok(());
        }
        let names = header::names(layout.header_from, &self.header);
        let columns = header::by_names(self.contract, &names)?;
        let last = self.header.last().cloned().unwrap_or_default();
        self.mapping = Some(Mapping::new(self.contract, columns, last, self.doubts.clone(), &self.outside));
        Ok(())
    }

    fn take_before_footer(&mut self, row: Row<'_>, to: &mut dyn TakeRows) -> Result<()> {
        let layout = &self.contract.layout;
        if self.is_over {
            return Ok(());
        }
        if let Some(end) = &layout.footer_text
            && row.texts().first().is_some_and(|first| first.starts_with(end.as_str()))
        {
            self.is_over = true;
            return Ok(());
        }
        self.held.push_back(match row {
            Row::Record(record) => HeldRow::Record(record.hold()),
            Row::Sheet(row) => HeldRow::Sheet(row.clone()),
        });
        let most = layout.footer_rows as usize;
        while self.held.len() > most {
            let (Some(held), Some(mapping)) = (self.held.pop_front(), &self.mapping) else { break };
            match &held {
                HeldRow::Record(held) => to.row(mapping, &Row::Record(held.record()))?,
                HeldRow::Sheet(held) => to.row(mapping, &Row::Sheet(held))?,
            }
        }
        Ok(())
    }

    /// Says that there are no more rows. `InvalidInput` where there was no whole header.
    pub(crate) fn finish(&self) -> Result<()> {
        if self.mapping.is_some() {
            return Ok(());
        }
        let wanted = self.contract.layout.header_rows;
        Err(Error::invalid(match (wanted, self.header.len()) {
            (_, 0) => "is empty: there is no header; the whole file is rejected".to_owned(),
            (_, found) => format!("ends in its header: {found} of {wanted} rows; the whole file is rejected"),
        }))
    }
}
