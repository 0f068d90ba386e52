//! Instruction sets: which the machine has, and how a kernel is compiled for each.

#[cfg(target_arch = "x86_64")]
use super::matrix;

/// An instruction set the kernels are compiled for, each machine's from the plainest to the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isa {
    /// Plain Rust for any machine.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL.
    Avx512,
    /// AVX-512, and products of matrices on the matrix unit (AMX), in `f32` split into three bfloat16.
    Amx,
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
                    if matrix::is_available() {
                        isas.push(Self::Amx);
                    }
                }
            }
        }
        #[cfg(target_arch = "aarch64")]
        isas.push(Self::Neon);
        isas
    }

    /// Whether vectors are those of AVX-512.
    pub(crate) fn has_avx512(self) -> bool {
        matches!(self, Self::Avx512 | Self::Amx)
    }

    /// The same machine without its matrix unit: what multiplies weights in [`WeightFormat::F32`].
    ///
    /// [`WeightFormat::F32`]: crate::WeightFormat::F32
    pub fn vectors(self) -> Self {
        if self == Self::Amx {
            Self::Avx512
        } else {
            self
        }
    }

    /// The name that [`ISA_VARIABLE`] takes.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Amx => "amx",
            Self::Neon => "neon",
        }
    }

    /// The set that [`ISA_VARIABLE`] names, else the best of this machine.
    ///
    /// # Errors
    /// A name that is none, or of a set that this machine does not have.
    pub fn chosen() -> Result<Self, IsaError> {
        let available = Self::available();
        let Some(name) = std::env::var_os(ISA_VARIABLE).filter(|name| !name.is_empty()) else {
            return Ok(available[available.len() - 1]);
        };
        let named = available.iter().copied().find(|isa| name == isa.name());
        named.ok_or_else(|| IsaError {
            name: name.to_string_lossy().into_owned(),
            available: available
                .iter()
                .map(|isa| isa.name())
                .collect::<Vec<_>>()
                .join(", "),
        })
    }

    /// [`Self::chosen`], and where the choice cannot be followed, the best of this machine.
    pub fn best() -> Self {
        let best = || Self::available().into_iter().next_back();
        Self::chosen().ok().or_else(best).unwrap_or(Self::Portable)
    }
}

/// The environment variable that names the instruction set to use instead of the best: to get another
/// machine's bits, or to compare.
pub const ISA_VARIABLE: &str = "PUNA_ISA";

/// An instruction set that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "{ISA_VARIABLE} is \"{name}\", and this machine has {available}; name one of these or unset it"
)]
pub struct IsaError {
    /// What was asked for.
    pub name: String,
    /// What there is.
    pub available: String,
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
                $crate::cpu::Isa::Avx512 | $crate::cpu::Isa::Amx => unsafe { avx512($($arg),*) },
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
