//! A team of threads that work on one operation at a time.
//!
//! Decoding runs some sixty small operations a token, so waking must cost microseconds: members spin
//! for a while before they sleep. A step of training wakes its team once, but a thread started for it alone
//! is worse: where the last one has just ended, the system may start it on the core of its parent and move it
//! only milliseconds later.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// Spins before a waiting member sleeps: some tens of microseconds, at some hundred cycles a pause.
const SPINS: usize = 1_000;

type Job = *const (dyn Fn(usize) + Sync);

struct Shared {
    /// Counts jobs; a change is the call to work.
    epoch: AtomicUsize,
    /// Members still at work on the current job.
    busy: AtomicUsize,
    job: Mutex<Option<SendJob>>,
    sleepers: Mutex<()>,
    wake: Condvar,
    quit: AtomicBool,
    panicked: AtomicBool,
}

#[derive(Clone, Copy)]
struct SendJob(Job);
// SAFETY: the closure is Sync, and `run` keeps it alive until every member is done with it.
unsafe impl Send for SendJob {}

/// A fixed number of threads; the caller is the first of them.
pub struct Team {
    shared: Arc<Shared>,
    members: Vec<JoinHandle<()>>,
}

impl Team {
    /// A team of `size` (at least one).
    pub fn new(size: usize) -> Self {
        let shared = Arc::new(Shared {
            epoch: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            job: Mutex::new(None),
            sleepers: Mutex::new(()),
            wake: Condvar::new(),
            quit: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
        });
        let members = (1..size.max(1))
            .map(|rank| {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || member(&shared, rank))
            })
            .collect();
        Self { shared, members }
    }

    /// Number of threads.
    pub fn size(&self) -> usize {
        self.members.len() + 1
    }

    /// Calls `job(rank)` once for every rank, in parallel, and waits for all.
    pub fn run<'a>(&mut self, job: &'a (dyn Fn(usize) + Sync + 'a)) {
        if self.members.is_empty() {
            return job(0);
        }
        let shared = &*self.shared;
        // SAFETY: only the lifetime changes; this function returns after the last use of the closure.
        let job_ptr: Job =
            unsafe { std::mem::transmute::<*const (dyn Fn(usize) + Sync + 'a), Job>(job) };
        *lock(&shared.job) = Some(SendJob(job_ptr));
        shared.busy.store(self.members.len(), Ordering::Relaxed);
        {
            // Under the lock, so that a member about to sleep cannot miss the change.
            let _guard = lock(&shared.sleepers);
            shared.epoch.fetch_add(1, Ordering::Release);
        }
        shared.wake.notify_all();
        // Members hold the pointer until `busy` is zero, even if this rank's share panics.
        struct Wait<'s>(&'s Shared);
        impl Drop for Wait<'_> {
            fn drop(&mut self) {
                let mut spins = 0;
                while self.0.busy.load(Ordering::Acquire) != 0 {
                    spins += 1;
                    if spins < SPINS {
                        std::hint::spin_loop()
                    } else {
                        std::thread::yield_now()
                    }
                }
            }
        }
        let wait = Wait(shared);
        job(0);
        drop(wait);
        assert!(
            !shared.panicked.load(Ordering::Relaxed),
            "a member of the team panicked"
        );
    }

    /// Calls `job` with every item, each on a thread of its own, and waits for all.
    ///
    /// # Panics
    /// If there are more items than threads.
    pub fn each<T: Send>(&mut self, items: &mut [T], job: &(dyn Fn(&mut T) + Sync)) {
        assert!(
            items.len() <= self.size(),
            "{} items for a team of {}",
            items.len(),
            self.size()
        );
        if let [item] = items {
            return job(item);
        }
        let items: Vec<Mutex<&mut T>> = items.iter_mut().map(Mutex::new).collect();
        self.run(&|rank| {
            if let Some(item) = items.get(rank) {
                job(&mut lock(item));
            }
        });
    }

    /// Splits `n` items into one contiguous range a rank, each a multiple of `grain` but the last,
    /// and calls `job(range)` for those that are not empty.
    pub fn split(&mut self, n: usize, grain: usize, job: &(dyn Fn(Range<usize>) + Sync)) {
        self.split_by_rank(n, grain, &|_, range| job(range));
    }

    /// [`Self::split`], with `job(rank, range)`.
    pub fn split_by_rank(
        &mut self,
        n: usize,
        grain: usize,
        job: &(dyn Fn(usize, Range<usize>) + Sync),
    ) {
        let size = self.size();
        let share = n.div_ceil(grain).div_ceil(size) * grain;
        if share >= n {
            return if n > 0 {
                job(0, 0..n)
            };
        }
        self.run(&|rank| {
            let range = (rank * share).min(n)..((rank + 1) * share).min(n);
            if !range.is_empty() {
                job(rank, range);
            }
        });
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        {
            let _guard = lock(&self.shared.sleepers);
            self.shared.quit.store(true, Ordering::Release);
            self.shared.epoch.fetch_add(1, Ordering::Release);
        }
        self.shared.wake.notify_all();
        for member in self.members.drain(..) {
            // A member only panics inside a job, which `run` has already reported.
            let _ = member.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn member(shared: &Shared, rank: usize) {
    let mut seen = 0;
    loop {
        let mut spins = 0;
        while shared.epoch.load(Ordering::Acquire) == seen {
            spins += 1;
            if spins < SPINS {
                std::hint::spin_loop();
                continue;
            }
            let mut guard = lock(&shared.sleepers);
            while shared.epoch.load(Ordering::Acquire) == seen {
                guard = shared
                    .wake
                    .wait(guard)
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
            }
        }
        seen += 1;
        if shared.quit.load(Ordering::Acquire) {
            return;
        }
        let job = *lock(&shared.job);
        if let Some(SendJob(job)) = job {
            // SAFETY: `run` waits for `busy` to reach zero before the closure dies.
            let job = unsafe { &*job };
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| job(rank))).is_err() {
                shared.panicked.store(true, Ordering::Relaxed);
            }
        }
        shared.busy.fetch_sub(1, Ordering::Release);
    }
}
