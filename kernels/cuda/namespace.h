#pragma once

/// The CUDA sources are compiled twice: by nvcc for the device (namespace `cuda`) and by the host compiler against the emulation in
/// kernels/cuda/emulation (namespace `cuda_emulated`), so that both can stand in one binary.
#ifdef QB_CUDA_EMULATED
#define QB_CUDA_NAMESPACE cuda_emulated
#else
#define QB_CUDA_NAMESPACE cuda
#endif
