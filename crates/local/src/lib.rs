//! The ports on files and memory, the embedded delivery stream and the event fabric.
