//! What the formats of decoding round to.

use crate::support::{HostOps, Variant, assert_close, input, output, taken};
use puna_compute::{WeightFormat, Write};

/// Stored weights, seen through one-hot activations.
pub fn stored_weights<O: HostOps>(variant: &Variant<O>) {
    let ulp = 1.0 / 128.0;
    // Ties go to the even neighbour.
    let bf16 = [
        (1.0, 1.0),
        (1.0 + ulp / 2.0, 1.0),
        (1.0 + 1.5 * ulp, 1.0 + 2.0 * ulp),
        (1.0 + ulp * 0.51, 1.0 + ulp),
        (-1.0 - ulp * 0.49, -1.0),
        (0.0, 0.0),
    ];
    // A largest magnitude of 127 makes the scale 1: halves go away from zero.
    let bytes = [
        (127.0, 127.0),
        (0.5, 1.0),
        (-0.5, -1.0),
        (2.5, 3.0),
        (-2.5, -3.0),
        (126.4, 126.0),
        (0.49, 0.0),
    ];
    // A largest magnitude of 1 makes the scale 1/127, kept as 0.0078125 + 8 * 2^-17.
    let rounded_scale = [
        (-1.0, -0.999_938_96),
        (0.0, 0.0),
        (0.5, 64.0 * 0.007_873_535),
    ];
    let cases = [
        (WeightFormat::Bf16, &bf16[..]),
        (WeightFormat::Q8_0, &bytes),
        (WeightFormat::Q8_0, &rounded_scale),
    ];
    let mut ops = (variant.make)(2);
    for (format, pairs) in cases {
        let mut w = [0.0; 64];
        let mut want = [0.0; 32];
        for (i, &(weight, stored)) in pairs.iter().enumerate() {
            w[i] = weight;
            want[i] = stored;
        }
        let packed = ops.pack(&input(&w), 1, 64, format).unwrap();
        let mut got = [0.0; 32];
        for (i, got) in got.iter_mut().enumerate() {
            let mut one_hot = [0.0; 64];
            one_hot[i] = 1.0;
            let mut out = output(1);
            ops.linear_packed(&mut out, &input(&one_hot), &packed, 1, Write::Set);
            *got = taken(&out)[0];
        }
        assert_close(&format!("{}: {format:?}", variant.name), &got, &want, 1e-7);
    }
}
