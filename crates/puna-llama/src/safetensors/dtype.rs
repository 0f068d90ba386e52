//! Element types of stored weights, and their conversion.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

/// How weights are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dtype {
    /// 32-bit float: the engine's own, so nothing is lost.
    #[default]
    F32,
    /// IEEE half precision: what the published Llama 2 checkpoints hold.
    F16,
    /// bfloat16: f32's range with 8 bits of mantissa.
    Bf16,
}

impl Dtype {
    /// Name in a safetensors header.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
        }
    }

    /// Name in `config.json`.
    pub fn torch_name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::F16 => "float16",
            Self::Bf16 => "bfloat16",
        }
    }

    /// The type of that name in a header, if it is one of these.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::F32, Self::F16, Self::Bf16]
            .into_iter()
            .find(|d| d.name() == name)
    }

    /// Bytes of a value.
    pub fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
        }
    }

    /// Little-endian bytes to values.
    pub(crate) fn decode(self, out: &mut [f32], bytes: &[u8]) {
        debug_assert_eq!(out.len() * self.size(), bytes.len());
        let halves = || {
            bytes
                .chunks_exact(2)
                .map(|b| u16::from_le_bytes([b[0], b[1]]))
        };
        match self {
            Self::F32 => {
                for (v, b) in out.iter_mut().zip(bytes.chunks_exact(4)) {
                    *v = f32::from_le_bytes([b[0], b[1], b[2], b[3]]);
                }
            }
            Self::F16 => {
                let values: Vec<f16> = halves().map(f16::from_bits).collect();
                values.convert_to_f32_slice(out);
            }
            Self::Bf16 => {
                for (v, bits) in out.iter_mut().zip(halves()) {
                    *v = bf16::from_bits(bits).to_f32();
                }
            }
        }
    }

    /// Values to little-endian bytes, rounded to nearest even; `Err` is the first finite value
    /// that the type cannot hold.
    pub(crate) fn encode(self, out: &mut Vec<u8>, values: &[f32]) -> Result<(), f32> {
        out.clear();
        match self {
            Self::F32 => out.extend(values.iter().flat_map(|v| v.to_le_bytes())),
            Self::F16 => {
                let mut halves = vec![f16::ZERO; values.len()];
                halves.convert_from_f32_slice(values);
                for (&v, h) in values.iter().zip(&halves) {
                    if v.is_finite() && !h.is_finite() {
                        return Err(v);
                    }
                    out.extend(h.to_bits().to_le_bytes());
                }
            }
            Self::Bf16 => {
                for &v in values {
                    let h = bf16::from_f32(v);
                    if v.is_finite() && !h.is_finite() {
                        return Err(v);
                    }
                    out.extend(h.to_bits().to_le_bytes());
                }
            }
        }
        Ok(())
    }

    /// Rounds a value to this type and back.
    pub fn round(self, value: f32) -> f32 {
        match self {
            Self::F32 => value,
            Self::F16 => f16::from_f32(value).to_f32(),
            Self::Bf16 => bf16::from_f32(value).to_f32(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_round_trip_through_rounding() {
        let values = [
            0.0,
            -0.0,
            1.0,
            -1.5,
            0.1,
            3.0e-5,
            1.0e-7,
            65504.0,
            f32::INFINITY,
        ];
        for dtype in [Dtype::F32, Dtype::F16, Dtype::Bf16] {
            let mut bytes = Vec::new();
            dtype.encode(&mut bytes, &values).unwrap();
            let mut back = [0.0; 9];
            dtype.decode(&mut back, &bytes);
            let bits = |v: f32| v.to_bits();
            assert_eq!(
                back.map(bits),
                values.map(|v| dtype.round(v)).map(bits),
                "{dtype:?}"
            );
            assert_eq!(Dtype::parse(dtype.name()), Some(dtype));
        }
    }

    #[test]
    fn ties_round_to_even() {
        // 1 + 2^-8 lies half way between two bf16 values; 1 + 3·2^-8 too.
        assert_eq!(Dtype::Bf16.round(1.0 + 1.0 / 256.0), 1.0);
        assert_eq!(Dtype::Bf16.round(1.0 + 3.0 / 256.0), 1.0 + 4.0 / 256.0);
        assert_eq!(Dtype::F16.round(1.0 + 1.0 / 2048.0), 1.0);
    }

    #[test]
    fn overflow_is_refused() {
        assert_eq!(
            Dtype::F16.encode(&mut Vec::new(), &[1.0, 70_000.0]),
            Err(70_000.0)
        );
        assert_eq!(
            Dtype::Bf16.encode(&mut Vec::new(), &[f32::MAX]),
            Err(f32::MAX)
        );
    }
}
