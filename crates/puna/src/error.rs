//! Errors at the edge: one paragraph, each layer with what it was doing, never a dump, and what to do
//! about a cause that any layer can meet.

use std::io::{self, ErrorKind};

/// The chain of an error as one line. Lower layers often quote their cause; what has been said
/// already is not said again.
pub fn flatten(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string().trim().replace('\n', " ");
        if text.contains(&cause) {
            continue;
        }
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&cause);
    }
    if is_of_kind(error, &[ErrorKind::StorageFull, ErrorKind::QuotaExceeded]) {
        text.push_str("; make room and run the same command again");
    }
    text
}

/// Whether somebody downstream stopped reading, which is no failure worth a message.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    is_of_kind(error, &[ErrorKind::BrokenPipe])
}

/// Whether what the system said is one of these.
fn is_of_kind(error: &anyhow::Error, kinds: &[ErrorKind]) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| kinds.contains(&e.kind()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read x: {source}")]
    struct Quoting {
        source: io::Error,
    }

    #[test]
    fn each_layer_speaks_once() {
        let error = Quoting {
            source: io::Error::other("disk\non fire"),
        };
        let error = Err::<(), _>(error)
            .context("cannot chat with m")
            .unwrap_err();
        assert_eq!(
            flatten(&error),
            "cannot chat with m: cannot read x: disk on fire"
        );
    }

    #[test]
    fn a_full_disk_comes_with_what_to_do() {
        let full = Quoting {
            source: io::Error::from(ErrorKind::StorageFull),
        };
        let told = flatten(&Err::<(), _>(full).context("cannot chat").unwrap_err());
        assert!(
            told.ends_with("; make room and run the same command again"),
            "{told}"
        );
    }

    #[test]
    fn a_broken_pipe_is_known() {
        let error = Err::<(), _>(io::Error::from(ErrorKind::BrokenPipe))
            .context("writing")
            .unwrap_err();
        assert!(is_broken_pipe(&error));
        assert!(!is_broken_pipe(&anyhow::anyhow!("no")));
    }
}
