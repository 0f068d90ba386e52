//! The classifier's file: `PUNATOX1`, the length of a JSON header (u32), the header, the weights
//! (f32 each) and the SHA-256 of all before; little-endian.

use super::calibration::Calibration;
use super::classifier::Classifier;
use super::measures::HeldOut;
use super::training::Settings;
use crate::error::{Error, Result};
use puna_text::atomic_file::write_atomically;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::path::Path;

const MAGIC: &[u8; 8] = b"PUNATOX1";
const HASH: usize = 32;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    settings: Settings,
    bias: f32,
    calibration: Calibration,
    held_out: HeldOut,
}

impl Classifier {
    /// Writes it to a file, which appears when it is whole.
    pub fn save(&self, path: &Path) -> Result<()> {
        write_atomically(path, &self.to_bytes()?)?;
        Ok(())
    }

    /// Reads what [`Classifier::save`] wrote; refuses a file that has changed since.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        Self::from_bytes(&bytes).map_err(|what| Error::Format {
            path: path.to_path_buf(),
            what: format!("{what}; train the classifier again, or copy its file again"),
        })
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let header = serde_json::to_vec(&Header {
            settings: self.settings.clone(),
            bias: self.bias,
            calibration: self.calibration,
            held_out: self.held_out,
        });
        let header = header.map_err(|source| Error::Setting {
            name: "classifier",
            what: format!("cannot be written as JSON: {source}"),
        })?;
        let mut bytes = Vec::with_capacity(header.len() + 4 * self.weights.len() + 64);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&(header.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&header);
        for weight in &self.weights {
            bytes.extend_from_slice(&weight.to_le_bytes());
        }
        let hash = Sha256::digest(&bytes);
        bytes.extend_from_slice(&hash);
        Ok(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let rest = bytes
            .strip_prefix(MAGIC)
            .ok_or("it is no toxicity classifier of this version")?;
        let (body, hash) = bytes.split_last_chunk::<HASH>().ok_or("it is cut short")?;
        if Sha256::digest(body).as_slice() != hash {
            return Err("its contents do not match their hash".to_owned());
        }
        Self::from_body(&rest[..rest.len().saturating_sub(HASH)])
    }

    /// What stands between the magic and the hash.
    fn from_body(body: &[u8]) -> Result<Self, String> {
        let (length, rest) = body.split_first_chunk::<4>().ok_or("it is cut short")?;
        let length = u32::from_le_bytes(*length) as usize;
        let (header, weights) = rest
            .split_at_checked(length)
            .ok_or("its header is cut short")?;
        let header: Header =
            serde_json::from_slice(header).map_err(|error| format!("its header: {error}"))?;
        let settings = header.settings;
        settings
            .check()
            .map_err(|error| format!("its header: {error}"))?;
        let buckets = 1usize << settings.bucket_bits;
        if weights.len() != 4 * buckets {
            return Err(format!(
                "{} bytes of weights where {} are announced",
                weights.len(),
                4 * buckets
            ));
        }
        let weights: Vec<f32> = weights
            .chunks_exact(4)
            .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
            .collect();
        let calibration = header.calibration;
        let numbers = [header.bias, calibration.slope, calibration.offset];
        if !numbers.iter().all(|x| x.is_finite()) || !weights.iter().all(|x| x.is_finite()) {
            return Err("a weight is not a finite number".to_owned());
        }
        Ok(Self {
            settings,
            weights,
            bias: header.bias,
            calibration,
            held_out: header.held_out,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn small() -> Classifier {
        let examples: Vec<(String, bool)> = (0..40)
            .map(|n| {
                let word = if n % 2 == 0 { "lovely" } else { "horrid" };
                (format!("what a {word} thing number {n}"), n % 2 == 1)
            })
            .collect();
        let settings = Settings {
            bucket_bits: 8,
            ..Settings::default()
        };
        Classifier::train(&[&examples], &settings).unwrap()
    }

    #[test]
    fn saved_and_loaded_it_is_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("classifier");
        let classifier = small();
        classifier.save(&path).unwrap();
        let loaded = Classifier::load(&path).unwrap();
        assert_eq!(loaded, classifier);
        assert_eq!(
            loaded.score_line("a horrid thing").to_bits(),
            classifier.score_line("a horrid thing").to_bits()
        );
    }

    #[test]
    fn a_changed_or_cut_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("classifier");
        let bytes = small().to_bytes().unwrap();
        for at in [0, 9, 40, bytes.len() / 2, bytes.len() - 1] {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            assert!(matches!(Classifier::load(&path), Err(Error::Format { .. })));
            std::fs::write(&path, &bytes[..at]).unwrap();
            assert!(matches!(Classifier::load(&path), Err(Error::Format { .. })));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn mutated_bodies_never_panic(
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
            near_start in any::<bool>(),
            cut in any::<prop::sample::Index>(),
        ) {
            // Without the hash, which would refuse every one of them.
            let bytes = small().to_bytes().unwrap();
            let mut body = bytes[8..bytes.len() - 32].to_vec();
            let range = if near_start { 500.min(body.len()) } else { body.len() };
            for (at, value) in edits {
                body[at.index(range)] = value;
            }
            if let Ok(classifier) = Classifier::from_body(&body) {
                prop_assert!((0.0..=1.0).contains(&classifier.score_line("a horrid thing")));
            }
            let _ = Classifier::from_body(&body[..cut.index(body.len())]);
            let _ = Classifier::from_bytes(&body);
        }
    }
}
