//! The sum of the lanes' gradients: each lane adds its own when those before it have, so that the order
//! of additions does not depend on who is done first.

use puna_compute::{Cpu, HostBuf, Ops};
use puna_llama::Params;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What the lanes before `lane` came to.
struct Sum<'a> {
    lane: usize,
    total: &'a mut Params<HostBuf>,
    outputs: Vec<f32>,
}

/// The sum, and who waits for it.
pub(crate) struct InTurn<'a> {
    sum: Mutex<Sum<'a>>,
    moved: Condvar,
}

impl<'a> InTurn<'a> {
    /// Before the first lane, which sets the total.
    pub fn new(total: &'a mut Params<HostBuf>) -> Self {
        Self {
            sum: Mutex::new(Sum {
                lane: 0,
                total,
                outputs: Vec::new(),
            }),
            moved: Condvar::new(),
        }
    }

    /// Does what the lane does to the total, when it is its turn, and hands on; `work` gives the
    /// lane's outputs.
    pub fn take(&self, lane: usize, work: impl FnOnce(&mut Params<HostBuf>) -> Vec<f32>) {
        let turn = self.moved.wait_while(self.lock(), |sum| sum.lane < lane);
        let mut sum = turn.unwrap_or_else(PoisonError::into_inner);
        let outputs = work(sum.total);
        sum.outputs.extend(outputs);
        sum.lane = sum.lane.max(lane + 1);
        drop(sum);
        self.moved.notify_all();
    }

    /// Lets the others go on if the thread that holds this panics: they would wait for ever for its
    /// lane. The team they belong to passes the panic on.
    pub fn release_on_panic(&self) -> Release<'_, 'a> {
        Release(self)
    }

    /// The outputs of all lanes in order.
    pub fn outputs(self) -> Vec<f32> {
        let sum = self.sum.into_inner();
        sum.unwrap_or_else(PoisonError::into_inner).outputs
    }

    fn lock(&self) -> MutexGuard<'_, Sum<'a>> {
        self.sum.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See [`InTurn::release_on_panic`].
pub(crate) struct Release<'m, 'a>(&'m InTurn<'a>);

impl Drop for Release<'_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().lane = usize::MAX;
            self.0.moved.notify_all();
        }
    }
}

/// Adds a lane's gradient to the total.
pub(crate) fn add(ops: &mut Cpu, total: &mut Params<HostBuf>, own: &Params<HostBuf>) {
    for (to, from) in total.tensors.iter_mut().zip(&own.tensors) {
        ops.add(to, from, from.len());
    }
}
