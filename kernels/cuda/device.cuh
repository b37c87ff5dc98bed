#pragma once

/// The only header of device intrinsics: every kernel is written against these names and against `launch`. Under nvcc they are thin wrappers;
/// the host compiler gets the same names from the emulation. Included only by .cu files.
///
///   QB_KERNEL QB_LAUNCH_BOUNDS(256, 2) name(Arguments a) { ... }      a kernel: static, arguments copied by value
///   QB_DEVICE float helper(float x) { ... }                          a function of the device
///   QB_SHARED(float, name, count);                                   shared array of the block, 16-byte aligned, used as name[i]
///   QB_DYNAMIC_SHARED(float, name);                                  float* name: the launch's dynamic shared memory, 16-byte aligned
///   launch(LaunchConfig{grid, threads, shared_bytes, stream, programmatic, name}, (kernel<4, 8>), arguments...);
///
///   warp_sums(values, first_mask, last_mask);  warp_butterfly(value, first_mask, last_mask, combine)
/// Several shuffle_xor in a row are better one of these: the emulation then switches between the lanes once.
/// Collectives (warp_*, shuffle*, ballot, mma, ldmatrix) want the full warp. Threads of a block may not exit before its last barrier.
#ifdef QB_CUDA_EMULATED
#include "kernels/cuda/emulation/device_host.h"
#else
#include "kernels/cuda/device_nvcc.cuh"
#endif
