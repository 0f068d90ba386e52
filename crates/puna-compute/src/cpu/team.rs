//! A team of threads that work on one operation at a time.
//!
//! Decoding runs some sixty small operations a token, so waking must cost microseconds: whoever waits, a member
//! for work or the caller for the members, spins for a while before it sleeps. A step of training wakes its
//! team once, but starting a thread for each step would be worse: just after another has ended, the system may
//! start it on the core of its parent and move it only milliseconds later.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

/// Spins before a waiting thread sleeps: some tens of microseconds, at some hundred cycles a pause.
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
    /// Whether the caller sleeps until nobody is busy.
    caller_sleeps: AtomicBool,
    done: Condvar,
    quit: AtomicBool,
    panicked: AtomicBool,
    /// The panic of whichever member panicked first.
    panic: Mutex<Option<Panic>>,
}

type Panic = Box<dyn Any + Send>;

#[derive(Clone, Copy)]
struct SendJob(Job);
// SAFETY: the closure is Sync, and `run` keeps it alive until every member is done with it.
unsafe impl Send for SendJob {}

impl Shared {
    fn wait_for_members(&self) {
        for _ in 0..SPINS {
            if self.busy.load(Ordering::Acquire) == 0 {
                return;
            }
            std::hint::spin_loop();
        }
        // Both sides write first and then read: either this thread sees that nobody is busy, or the last
        // member sees that it sleeps.
        let mut guard = lock(&self.sleepers);
        self.caller_sleeps.store(true, Ordering::SeqCst);
        while self.busy.load(Ordering::SeqCst) != 0 {
            let woken = self.done.wait(guard);
            guard = woken.unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        self.caller_sleeps.store(false, Ordering::Relaxed);
    }

    fn member_is_done(&self) {
        let was_last = self.busy.fetch_sub(1, Ordering::SeqCst) == 1;
        if was_last && self.caller_sleeps.load(Ordering::SeqCst) {
            // Once the lock has been had the caller waits, or has seen that nobody is busy.
            drop(lock(&self.sleepers));
            self.done.notify_one();
        }
    }
}

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
            caller_sleeps: AtomicBool::new(false),
            done: Condvar::new(),
            quit: AtomicBool::new(false),
            panicked: AtomicBool::new(false),
            panic: Mutex::new(None),
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

    /// Calls `job(rank)` once for every rank, all at the same time, rank 0 on this thread, and waits for all.
    ///
    /// # Panics
    /// With what a rank panicked with, rank 0 if it did too, when all have ended.
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
        // Members hold the pointer until none is busy, even if this rank's share panics.
        let own = catch_unwind(AssertUnwindSafe(|| job(0)));
        shared.wait_for_members();
        let mut panic = own.err();
        if shared.panicked.swap(false, Ordering::Relaxed) {
            let members = lock(&shared.panic).take();
            panic = panic.or(members);
        }
        if let Some(panic) = panic {
            resume_unwind(panic);
        }
    }

    /// Calls `job` with every item, all at the same time, the first on this thread, and waits for all.
    ///
    /// # Panics
    /// If there are more items than threads; with what a job panicked with, when all have ended.
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
            // A member only panics inside a job, which `run` has passed on.
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
            // SAFETY: `run` waits until nobody is busy before the closure dies.
            let job = unsafe { &*job };
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| job(rank))) {
                let mut first = lock(&shared.panic);
                match *first {
                    None => *first = Some(panic),
                    // To drop it could panic again, outside of what is caught.
                    Some(_) => std::mem::forget(panic),
                }
                drop(first);
                shared.panicked.store(true, Ordering::Relaxed);
            }
        }
        shared.member_is_done();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    #[test]
    fn every_item_once_and_at_the_same_time() {
        let mut team = Team::new(3);
        for n in [0, 1, 2, 3, 3, 2] {
            let mut items: Vec<usize> = (0..n).collect();
            let all = Barrier::new(n);
            team.each(&mut items, &|item| {
                // Nobody gets past before all are there.
                all.wait();
                *item += 10;
            });
            assert!(items.into_iter().eq(10..10 + n));
        }
    }

    #[test]
    fn a_caller_that_sleeps_is_woken() {
        let mut team = Team::new(2);
        for wait in [0, 1, 20, 0] {
            let mut items = [0, wait];
            team.each(&mut items, &|item| {
                std::thread::sleep(std::time::Duration::from_millis(*item));
                *item = 7;
            });
            assert_eq!(items, [7, 7]);
        }
    }

    #[test]
    fn a_panic_is_passed_on_and_forgotten() {
        let mut team = Team::new(2);
        for rank in [1, 0, 1] {
            let caught = catch_unwind(AssertUnwindSafe(|| {
                team.run(&|r| assert!(r != rank, "rank {r} gave up"));
            }));
            let message = caught.unwrap_err().downcast::<String>();
            assert_eq!(*message.unwrap_or_default(), format!("rank {rank} gave up"));
            let mut items = [1, 2];
            team.each(&mut items, &|item| *item *= 2);
            assert_eq!(items, [2, 4]);
        }
    }

    #[test]
    #[should_panic(expected = "3 items for a team of 2")]
    fn more_items_than_threads_are_refused() {
        Team::new(2).each(&mut [1, 2, 3], &|_| ());
    }
}
