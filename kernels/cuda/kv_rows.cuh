#pragma once

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/kv_layout.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// From positions to rows of the cache, for those that a token at `position` may see: at most one lap of the ring behind it.
struct KvRows {
  int origin;     ///< positions below stay where they are
  int lap;        ///< position at which the ring's present lap begins
  int shift;      ///< of the present lap
  int old_shift;  ///< of the one before

  QB_DEVICE int row(int position) const {
    if (position < origin) return position;
    return position - (position >= lap ? shift : old_shift);
  }
};

QB_DEVICE KvRows kv_rows(const KvLayout& layout, int position) {
  if (layout.ring == 0 || position < layout.origin) return {0, 0, 0, 0};
  const int shift = (position - layout.origin) / layout.ring * layout.ring;
  return {layout.origin, layout.origin + shift, shift, shift - layout.ring};
}

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
