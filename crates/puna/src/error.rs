//! Errors at the edge: one paragraph, each layer with what it was doing, never a dump.

use std::io;

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
    text
}

/// Whether somebody downstream stopped reading, which is no failure worth a message.
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<io::Error>()
            .is_some_and(|e| e.kind() == io::ErrorKind::BrokenPipe)
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
    fn a_broken_pipe_is_known() {
        let error = Err::<(), _>(io::Error::from(io::ErrorKind::BrokenPipe))
            .context("writing")
            .unwrap_err();
        assert!(is_broken_pipe(&error));
        assert!(!is_broken_pipe(&anyhow::anyhow!("no")));
    }
}
