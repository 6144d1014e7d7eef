//! Dead letters on a queue of SQS.

use quotelake_aws::{Aws, Choice, DeadLetter, SqsDeadLetters, SqsQueue};
use quotelake_core::Result;
use quotelake_local::{Cause, by_cause};

use super::{Letter, name_of};
use crate::args::DlqFilter;

fn choice(filter: &DlqFilter) -> Choice {
    Choice { error_code: filter.cause.clone(), limit: filter.max }
}

async fn open(url: &str) -> Result<SqsDeadLetters> {
    Ok(SqsDeadLetters::new(&Aws::load().await?, url))
}

fn letters(url: &str, letters: Vec<DeadLetter>) -> Vec<Letter> {
    let letter = |letter: DeadLetter| Letter {
        queue: name_of(url).to_owned(),
        id: letter.id,
        sent_at: letter.sent_at.to_rfc3339(),
        attributes: letter.message.attributes,
        body: letter.message.body,
    };
    letters.into_iter().map(letter).collect()
}

/// What the queue holds, by cause.
pub(super) async fn causes(url: &str) -> Result<Vec<Cause>> {
    let all = open(url).await?.look(&Choice::default()).await?;
    Ok(by_cause(all.iter().map(|letter| (letter.sent_at, &letter.message))))
}

/// The letters of a filter, which stay.
pub(super) async fn look(url: &str, filter: &DlqFilter) -> Result<Vec<Letter>> {
    Ok(letters(url, open(url).await?.look(&choice(filter)).await?))
}

/// Sends the letters of a filter to the queue `to`.
pub(super) async fn redrive(url: &str, to: &str, filter: &DlqFilter) -> Result<Vec<Letter>> {
    let aws = Aws::load().await?;
    let queue = SqsQueue::new(&aws, to);
    Ok(letters(url, SqsDeadLetters::new(&aws, url).redrive(&choice(filter), &queue).await?))
}

/// Removes the letters of a filter.
pub(super) async fn purge(url: &str, filter: &DlqFilter) -> Result<Vec<Letter>> {
    Ok(letters(url, open(url).await?.purge(&choice(filter)).await?))
}
