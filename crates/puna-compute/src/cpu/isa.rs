//! Instruction sets: which the machine has, and how a kernel is compiled for each.

/// An instruction set the kernels are compiled for, from the plainest to the widest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain Rust for any machine.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL.
    Avx512,
    /// 64-bit Arm.
    Neon,
}

impl Isa {
    /// What this machine can run, the best last.
    pub fn available() -> Vec<Self> {
        let mut isas = vec![Self::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
                && is_x86_feature_detected!("f16c")
            {
                isas.push(Self::Avx2);
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
                {
                    isas.push(Self::Avx512);
                }
            }
        }
        #[cfg(target_arch = "aarch64")]
        isas.push(Self::Neon);
        isas
    }

    /// The widest this machine can run.
    pub fn best() -> Self {
        Self::available()
            .into_iter()
            .next_back()
            .unwrap_or(Self::Portable)
    }
}

/// Defines a function that runs `body`, written over a [`Simd`](super::simd::Simd) type parameter,
/// compiled for the instruction set it is given. The body is unsafe code: it may use the vectors
/// because the set was detected, and answers for its own pointers.
macro_rules! kernel {
    ($(#[$meta:meta])* $vis:vis fn $name:ident<$S:ident>(
        $($arg:ident : $ty:ty),* $(,)?
    ) $(-> $ret:ty)? $body:block) => {
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        $vis fn $name(isa: $crate::cpu::Isa, $($arg: $ty),*) $(-> $ret)? {
            use $crate::cpu::simd;
            #[inline(always)]
            #[allow(clippy::too_many_arguments, unused_unsafe)]
            unsafe fn generic<$S: simd::Simd>($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: the dispatch below calls with a detected instruction set.
                unsafe { $body }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx512($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: this function has the features.
                unsafe { generic::<simd::Avx512>($($arg),*) }
            }
            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma,f16c")]
            #[allow(clippy::too_many_arguments)]
            unsafe fn avx2($($arg: $ty),*) $(-> $ret)? {
                // SAFETY: this function has the features.
                unsafe { generic::<simd::Avx2>($($arg),*) }
            }
            match isa {
                // SAFETY: an `Isa` other than `Portable` is only made by detection.
                #[cfg(target_arch = "x86_64")]
                $crate::cpu::Isa::Avx512 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::cpu::Isa::Avx2 => unsafe { avx2($($arg),*) },
                // SAFETY: NEON is part of the architecture.
                #[cfg(target_arch = "aarch64")]
                $crate::cpu::Isa::Neon => unsafe { generic::<simd::Neon>($($arg),*) },
                // SAFETY: plain Rust.
                _ => unsafe { generic::<simd::Portable>($($arg),*) },
            }
        }
    };
}
pub(crate) use kernel;
