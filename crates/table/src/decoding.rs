//! The one place where stored bytes are decoded: whatever a decoder makes of bytes that were damaged is an error.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

use quotelake_core::{Error, ErrorKind, Result};

/// Decodes stored bytes. A decoder of `arrow` or `parquet` that fails, or panics as some do over lengths that point nowhere, has
/// met damage: `Damaged`. Every other error is passed on.
///
/// The decoders work on what they are given here and on memory of their own, so that a panic leaves nothing half done behind.
pub(super) fn decoding<T>(decode: impl FnOnce() -> Result<T>) -> Result<T> {
    match silently(|| catch_unwind(AssertUnwindSafe(decode))) {
        Ok(Err(error)) if error.kind() == ErrorKind::Bug => {
            Err(Error::damaged("is damaged: it cannot be decoded").with_source(error))
        }
        Ok(decoded) => decoded,
        Err(panic) => Err(Error::damaged(format!("is damaged: it cannot be decoded: {}", words(&*panic)))),
    }
}

thread_local! {
    /// How many decoders are at work on this thread, one inside the other.
    static AT_WORK: Cell<u32> = const { Cell::new(0) };
}

/// Runs work whose panics are caught without a word about them on standard error: the error that they become says what there is to say.
fn silently<T>(work: impl FnOnce() -> T) -> T {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = take_hook();
        set_hook(Box::new(move |panic| {
            if AT_WORK.get() == 0 {
                others(panic);
            }
        }));
    });
    AT_WORK.set(AT_WORK.get() + 1);
    let done = work();
    AT_WORK.set(AT_WORK.get() - 1);
    done
}

fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("the decoder stopped")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_and_panics_of_decoders_are_damage() {
        let read = |bytes: &'static [u8], at: usize| decoding(|| Ok(bytes[at]));
        assert_eq!(read(b"ab", 1).unwrap(), b'b');
        let error = read(b"ab", 7).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        assert!(error.to_string().contains("index out of bounds"), "{error}");
        let error = decoding::<()>(|| Err(Error::bug("arrow kernel failed"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged);
        let error = decoding::<()>(|| Err(Error::invalid("another type"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}
