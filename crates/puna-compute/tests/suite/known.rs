//! Results known without computing them another way.

use crate::rand::Rng;
use crate::support::{
    HostOps, Variant, accumulator, assert_close, assert_same_bits, input, output, taken,
};
use puna_compute::{AdamW, AttentionShape, Segment, WeightFormat, Write};

/// A product with the identity gives every bit back, and others are as near to the true sums as sums in
/// `f32` are: a unit that multiplies in parts must not lose any.
pub fn products<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    let n = 70;
    let mut rng = Rng::new(2);
    let scales = rng.normal(n * n, 20.0);
    let values = rng.normal(n * n, 1.0);
    let x: Vec<f32> = values
        .iter()
        .zip(&scales)
        .map(|(x, scale)| x * scale.exp2())
        .collect();
    let mut identity = vec![0.0; n * n];
    (0..n).for_each(|i| identity[i * (n + 1)] = 1.0);
    let (x, identity) = (input(&x), input(&identity));
    let context = format!("{}: identity", variant.name);
    let [mut forward, mut backward, mut weight] = [(); 3].map(|()| output(n * n));
    ops.linear(&mut forward, &x, &identity, n, n, n, Write::Set);
    ops.linear_backward_input(&mut backward, &x, &identity, n, n, n, Write::Set);
    // The gradient of the weight is a transposed product.
    ops.linear_backward_weight(&mut weight, &identity, &x, n, n, n, Write::Set);
    for got in [&forward, &backward, &weight] {
        assert_same_bits(&context, &taken(got), &x[..n * n]);
    }

    // Next to values that lose their precision or count as zero, the others keep theirs.
    let tiny = |i: usize| (i % 3 == 1).then(|| 1.5f32 * (-100.0 - (i % 50) as f32).exp2());
    let mixed: Vec<f32> = (0..n * n).map(|i| tiny(i).unwrap_or(values[i])).collect();
    let x = input(&mixed);
    ops.linear(&mut forward, &x, &identity, n, n, n, Write::Set);
    ops.linear_backward_input(&mut backward, &x, &identity, n, n, n, Write::Set);
    ops.linear_backward_weight(&mut weight, &identity, &x, n, n, n, Write::Set);
    let [mut turned, mut weight_turned] = [(); 2].map(|()| output(n * n));
    ops.linear_backward_input(&mut turned, &identity, &x, n, n, n, Write::Set);
    ops.linear_backward_weight(&mut weight_turned, &x, &identity, n, n, n, Write::Set);
    for (got, transposed) in [
        (&forward, false),
        (&backward, false),
        (&weight, false),
        (&turned, false),
        (&weight_turned, true),
    ] {
        for (i, got) in taken(got).into_iter().enumerate() {
            let i = if transposed { i % n * n + i / n } else { i };
            let close = (got - mixed[i]).abs() <= f32::from_bits(1 << 23);
            assert!(
                got == mixed[i] || (tiny(i).is_some() && close),
                "{context}: {got} for {}",
                mixed[i]
            );
        }
    }

    let (rows, n_in, n_out) = (33, 1000, 40);
    let [x, w] = [rows * n_in, n_out * n_in].map(|len| rng.normal(len, 1.0));
    let mut want = Vec::new();
    for x in x.chunks_exact(n_in) {
        for w in w.chunks_exact(n_in) {
            let products = x.iter().zip(w).map(|(&x, &w)| f64::from(x) * f64::from(w));
            want.push(products.sum::<f64>() as f32);
        }
    }
    let mut out = output(rows * n_out);
    ops.linear(
        &mut out,
        &input(&x),
        &input(&w),
        rows,
        n_in,
        n_out,
        Write::Set,
    );
    // A chain of 384 rounded sums is off by 4e-7.
    assert_close(
        &format!("{}: sums", variant.name),
        &taken(&out),
        &want,
        6e-7,
    );
}

/// Moves, sums and look-ups are exact.
pub fn moves<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    let mut rng = Rng::new(1);
    for len in [1, 7, 8, 33, 5000] {
        let [x, y] = [(); 2].map(|()| rng.normal(len, 1.0));
        let sums: Vec<f32> = x.iter().zip(&y).map(|(x, y)| x + y).collect();
        let mut buf = accumulator(&y);
        ops.add(&mut buf, &input(&x), len);
        assert_same_bits(&format!("{}: add", variant.name), &taken(&buf), &sums);
        ops.copy(&mut buf, &input(&x), len);
        assert_same_bits(&format!("{}: copy", variant.name), &taken(&buf), &x);
        ops.upload(&mut buf, &y);
        let mut down = vec![f32::NAN; len];
        ops.download(&mut down, &buf);
        assert_same_bits(&format!("{}: there and back", variant.name), &down, &y);
        ops.clear(&mut buf, len);
        assert_same_bits(
            &format!("{}: clear", variant.name),
            &taken(&buf),
            &vec![0.0; len],
        );
    }
    assert!(ops.zeros(100).unwrap().iter().all(|x| x.to_bits() == 0));

    let dim = 5;
    let table: Vec<f32> = (0..4 * dim).map(|i| i as f32).collect();
    let rows = |picked: [usize; 3]| -> Vec<f32> {
        picked
            .iter()
            .flat_map(|row| &table[row * dim..][..dim])
            .copied()
            .collect()
    };
    let mut out = output(3 * dim);
    ops.embedding(&mut out, &input(&table), &[2, 0, 2], dim);
    assert_same_bits(
        &format!("{}: embedding", variant.name),
        &taken(&out),
        &rows([2, 0, 2]),
    );
    ops.gather_rows(&mut out, &input(&table), &[3, 3, 1], dim);
    assert_same_bits(
        &format!("{}: gather_rows", variant.name),
        &taken(&out),
        &rows([3, 3, 1]),
    );

    // In f32, rows in order: 1 is lost beside 2^25 unless it comes after the two cancel.
    let mut dtable = accumulator(&[0.0, 0.0]);
    let big = (1 << 25) as f32;
    ops.embedding_backward(
        &mut dtable,
        &input(&[big, 1.0, -big, 1.0]),
        &[1, 1, 1, 1],
        1,
    );
    let name = format!("{}: embedding_backward", variant.name);
    assert_same_bits(&name, &taken(&dtable), &[0.0, 1.0]);
}

/// Calls on no rows change nothing: a batch may have no token to learn from.
pub fn nothing<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    let (x, w) = (input(&[]), input(&[0.5; 64]));
    let mut out = output(0);
    let mut dw = accumulator(&[1.5; 64]);
    ops.linear(&mut out, &x, &w, 0, 8, 8, Write::Set);
    ops.linear_backward_input(&mut out, &x, &w, 0, 8, 8, Write::Set);
    ops.linear_backward_weight(&mut dw, &x, &x, 0, 8, 8, Write::Add);
    ops.rmsnorm(&mut out, &x, &w, 0, 8, 1e-5);
    ops.rmsnorm_backward(&mut out, &mut dw, &x, &x, &w, 0, 8, 1e-5);
    ops.swiglu(&mut out, &x, 0, 8);
    let mut again = output(0);
    ops.swiglu_backward(&mut out, &mut again, &x, &x, 0, 8);
    ops.embedding(&mut out, &w, &[], 8);
    ops.embedding_backward(&mut dw, &x, &[], 8);
    ops.head_logprobs(&mut [], &x, &w, &[], 8, 8);
    ops.logprobs(&mut [], &x, &[], 8);
    ops.head_logprobs_backward(
        &mut out,
        &mut dw,
        &mut [],
        &x,
        &w,
        &[],
        &[],
        8,
        8,
        Write::Add,
    );
    for format in [WeightFormat::Training, WeightFormat::F32] {
        let packed = ops.pack(&w, 8, 8, format).unwrap();
        ops.linear_packed(&mut out, &x, &packed, 0, Write::Set);
    }
    let shape = AttentionShape {
        heads: 2,
        kv_heads: 1,
        head_dim: 2,
    };
    let mut lse = output(0);
    ops.attention(&mut out, &mut lse, &x, &[], shape);
    let mut cache = ops.kv_cache(shape, 1, 1, 4).unwrap();
    ops.attention_cached(&mut out, &x, &[], &mut cache, 0);
    assert!(taken(&out).is_empty() && taken(&lse).is_empty());
    assert_same_bits(&variant.name, &taken(&dw), &[1.5; 64]);
    // Except where they are to set what they would have added to.
    ops.linear_backward_weight(&mut dw, &x, &x, 0, 8, 4, Write::Set);
    let half = [[0.0; 32], [1.5; 32]].concat();
    assert_same_bits(&variant.name, &taken(&dw), &half);
    ops.head_logprobs_backward(
        &mut out,
        &mut dw,
        &mut [],
        &x,
        &w,
        &[],
        &[],
        8,
        8,
        Write::Set,
    );
    assert_same_bits(&variant.name, &taken(&dw), &[0.0; 64]);
}

/// Rotation by a quarter turn swaps the halves; position 0 stays; values are not touched.
pub fn rope<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    let shape = AttentionShape {
        heads: 1,
        kv_heads: 1,
        head_dim: 4,
    };
    let (cos, sin) = (input(&[1.0, 1.0, 0.0, 0.0]), input(&[0.0, 0.0, 1.0, 1.0]));
    let row = [
        1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0,
    ];
    let turned = [
        -3.0, -4.0, 1.0, 2.0, -7.0, -8.0, 5.0, 6.0, 9.0, 10.0, 11.0, 12.0,
    ];
    let mut qkv = accumulator(&[row, row].concat());
    ops.rope(&mut qkv, &cos, &sin, &[1, 0], shape, false);
    assert_close(&variant.name, &taken(&qkv), &[turned, row].concat(), 1e-7);
    ops.rope(&mut qkv, &cos, &sin, &[1, 0], shape, true);
    assert_close(&variant.name, &taken(&qkv), &[row, row].concat(), 1e-7);
}

/// Queries of zeros average the values seen so far; a query that singles out a key by a wide margin
/// takes its value, however large the scores.
pub fn attention<O: HostOps>(variant: &Variant<O>) {
    const LEN: usize = 90;
    let mut ops = (variant.make)(2);
    let shape = AttentionShape {
        heads: 2,
        kv_heads: 1,
        head_dim: 4,
    };
    let segment = [Segment { start: 0, len: LEN }];
    for scale in [0.0, 1e3] {
        let mut qkv = Vec::new();
        for i in 0..LEN {
            let query = [scale, 0.0, 0.0, 0.0];
            // The second head's queries point the other way: its best key is the first.
            qkv.extend(query.iter().chain(&query.map(|x| -x)));
            qkv.extend([i as f32, 0.0, 0.0, 0.0, i as f32, 1.0, -2.0, 0.5]);
        }
        let mut out = output(LEN * 8);
        let mut lse = output(LEN * 2);
        ops.attention(&mut out, &mut lse, &input(&qkv), &segment, shape);
        let mut want = (Vec::new(), Vec::new());
        for i in 0..LEN {
            let last = i as f32;
            let (first_head, second_head, lses) = if scale == 0.0 {
                (last / 2.0, last / 2.0, [(last + 1.0).ln(); 2])
            } else {
                (last, 0.0, [last * scale / 2.0, 0.0])
            };
            want.0
                .extend([first_head, 1.0, -2.0, 0.5, second_head, 1.0, -2.0, 0.5]);
            want.1.extend(lses);
        }
        let context = format!("{}: scores of {scale}", variant.name);
        assert_close(&context, &taken(&out), &want.0, 1e-6);
        assert_close(&format!("{context}: lse"), &taken(&lse), &want.1, 1e-6);
    }
}

/// Saturated gates, and rows of one magnitude.
pub fn activations<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    let gates = [0.0, 1.0, 50.0, -200.0, 1e4, -1e4];
    let up = [2.0; 6];
    let mut out = output(6);
    ops.swiglu(&mut out, &input(&[gates, up].concat()), 1, 6);
    let want = [0.0, 1.462_117_2, 100.0, 0.0, 2e4, 0.0];
    for (got, want) in taken(&out).iter().zip(want) {
        assert!(
            (got - want).abs() <= 1e-6 * want + 1e-30,
            "{}: {got} {want}",
            variant.name
        );
    }
    let (mut dgate_up, mut again) = (output(12), output(6));
    ops.swiglu_backward(
        &mut dgate_up,
        &mut again,
        &input(&[1.0; 6]),
        &input(&[gates, up].concat()),
        1,
        6,
    );
    let want = [
        1.0,
        1.855_341_2,
        2.0,
        0.0,
        2.0,
        0.0,
        0.0,
        0.731_058_6,
        50.0,
        0.0,
        1e4,
        0.0,
    ];
    for (got, want) in taken(&dgate_up).iter().zip(want) {
        assert!(
            (got - want).abs() <= 1e-6 * want + 1e-30,
            "{}: {got} {want}",
            variant.name
        );
    }

    let mut out = output(16);
    let x = [vec![3.0; 8], vec![0.0; 8]].concat();
    ops.rmsnorm(&mut out, &input(&x), &input(&[0.5; 8]), 2, 8, 1e-12);
    assert_close(
        &variant.name,
        &taken(&out),
        &[[0.5; 8], [0.0; 8]].concat(),
        1e-6,
    );
}

/// Without information all tokens are as likely; the probabilities of a vocabulary sum to one; a
/// logit far above the others, or far below, does no harm.
pub fn head<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    let (dim, vocab) = (16, 1000);
    let mut rng = Rng::new(2);
    let head = input(&rng.normal(vocab * dim, 0.5));
    let targets: Vec<u32> = (0..vocab as u32).collect();
    let mut logprobs = vec![f32::NAN; vocab];
    let zeros = input(&vec![0.0; vocab * dim]);
    ops.head_logprobs(&mut logprobs, &zeros, &head, &targets, dim, vocab);
    assert_close(
        &variant.name,
        &logprobs,
        &vec![-(vocab as f32).ln(); vocab],
        1e-6,
    );

    let row = rng.normal(dim, 1.0);
    let x = input(&row.repeat(vocab));
    ops.head_logprobs(&mut logprobs, &x, &head, &targets, dim, vocab);
    let sum: f64 = logprobs.iter().map(|&p| f64::from(p).exp()).sum();
    assert!(
        (sum - 1.0).abs() < 1e-5,
        "{}: probabilities sum to {sum}",
        variant.name
    );

    let mut peaked = vec![0.0; 131];
    peaked[77] = 5000.0;
    peaked[3] = -5000.0;
    let mut logprobs = [f32::NAN; 3];
    ops.head_logprobs(
        &mut logprobs,
        &input(&[1.0; 3]),
        &input(&peaked),
        &[77, 0, 3],
        1,
        131,
    );
    assert_close(&variant.name, &logprobs, &[0.0, -5000.0, -10000.0], 1e-6);
}

/// The moments have closed forms, `m = (1 - β₁) Σ β₁^(t-i) g[i]` and likewise for the squares; under
/// a constant gradient each step is `lr * sign(g)` but for `eps`.
pub fn adamw<O: HostOps>(variant: &Variant<O>) {
    const LEN: usize = 20;
    const STEPS: usize = 10;
    let at = |step| AdamW {
        lr: 0.01,
        beta1: 0.9,
        beta2: 0.95,
        eps: 1e-5,
        weight_decay: 0.1,
        step,
        grad_scale: 0.5,
    };
    let mut ops = (variant.make)(2);
    let mut rng = Rng::new(3);
    let start = rng.normal(LEN, 1.0);
    let grads: Vec<Vec<f32>> = (0..STEPS).map(|_| rng.normal(LEN, 0.1)).collect();
    let mut param = accumulator(&start);
    let mut m = accumulator(&[0.0; LEN]);
    let mut v = accumulator(&[0.0; LEN]);
    for (i, grad) in grads.iter().enumerate() {
        let step = at(i as u64 + 1);
        ops.adamw(&mut param, &mut m, &mut v, &input(grad), LEN, step);
    }
    let decayed = |beta: f64, power: i32, upto: usize, j: usize| -> f64 {
        let term =
            |i: usize| beta.powi((upto - i) as i32) * (0.5 * f64::from(grads[i][j])).powi(power);
        (1.0 - beta) * (0..=upto).map(term).sum::<f64>()
    };
    let mut want = [start.clone(), vec![0.0; LEN], vec![0.0; LEN]];
    for j in 0..LEN {
        let mut p = f64::from(start[j]);
        for t in 0..STEPS {
            let m_hat = decayed(0.9, 1, t, j) / (1.0 - 0.9f64.powi(t as i32 + 1));
            let v_hat = decayed(0.95, 2, t, j) / (1.0 - 0.95f64.powi(t as i32 + 1));
            p -= 0.01 * 0.1 * p + 0.01 * m_hat / (v_hat.sqrt() + 1e-5);
        }
        want[0][j] = p as f32;
        want[1][j] = decayed(0.9, 1, STEPS - 1, j) as f32;
        want[2][j] = decayed(0.95, 2, STEPS - 1, j) as f32;
    }
    for (name, got, want) in [
        ("param", &param, &want[0]),
        ("m", &m, &want[1]),
        ("v", &v, &want[2]),
    ] {
        assert_close(
            &format!("{}: {name}", variant.name),
            &taken(got),
            want,
            2e-6,
        );
    }

    let constant = [2e-3, -4.0];
    let [mut param, mut m, mut v] = [(); 3].map(|()| accumulator(&[0.0; 2]));
    let step = AdamW {
        weight_decay: 0.0,
        ..at(1)
    };
    for t in 1..=5 {
        let step = AdamW { step: t, ..step };
        ops.adamw(&mut param, &mut m, &mut v, &input(&constant), 2, step);
    }
    let first = -0.05 * 1e-3 / (1e-3 + 1e-5);
    assert_close(
        &variant.name,
        &taken(&param),
        &[first, 0.05 * 2.0 / (2.0 + 1e-5)],
        2e-6,
    );
}

/// The sum is what it is, where each square, or only their sum, is beyond `f32`.
pub fn sums_of_large_squares<O: HostOps>(variant: &Variant<O>) {
    let mut ops = (variant.make)(2);
    for (value, len) in [(1e30f32, 70_001), (1e19, 8000), (-3e38, 1)] {
        let x = input(&vec![value; len]);
        let sum = ops.sum_squares(&x, len);
        let expected = f64::from(value).powi(2) * len as f64;
        assert!(
            (sum / expected - 1.0).abs() < 1e-6,
            "{}: {sum} of {len} times {value}",
            variant.name
        );
    }
}
