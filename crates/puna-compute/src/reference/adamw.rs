//! AdamW with decoupled weight decay (Loshchilov and Hutter 2019; paper section 2.2).

use crate::ops::AdamW;

pub(super) fn step(param: &mut [f32], m: &mut [f32], v: &mut [f32], grad: &[f32], step: AdamW) {
    let [lr, beta1, beta2] = [step.lr, step.beta1, step.beta2].map(f64::from);
    let [eps, weight_decay, grad_scale] =
        [step.eps, step.weight_decay, step.grad_scale].map(f64::from);
    let correction1 = 1.0 - beta1.powf(step.step as f64);
    let correction2 = 1.0 - beta2.powf(step.step as f64);
    for (i, &grad) in grad.iter().enumerate() {
        let g = f64::from(grad) * grad_scale;
        let first = beta1 * f64::from(m[i]) + (1.0 - beta1) * g;
        let second = beta2 * f64::from(v[i]) + (1.0 - beta2) * g * g;
        let shrunk = f64::from(param[i]) * (1.0 - lr * weight_decay);
        let update = (first / correction1) / ((second / correction2).sqrt() + eps);
        m[i] = first as f32;
        v[i] = second as f32;
        param[i] = (shrunk - lr * update) as f32;
    }
}
