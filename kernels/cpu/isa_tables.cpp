#include "kernels/cpu/isa_tables.h"

#include "base/check.h"

namespace qbench::kernels::cpu {
namespace {

template <class T>
T choose(Isa isa, T scalar, T avx2, T avx512) {
  switch (isa) {
    case Isa::kScalar:
      return scalar;
    case Isa::kAvx2:
      return avx2;
    case Isa::kAvx512:
      return avx512;
  }
  QB_CHECK(false);
}

}  // namespace

const ElementwiseKernels& elementwise_kernels(Isa isa) {
  return choose(isa, elementwise_kernels_scalar, elementwise_kernels_avx2, elementwise_kernels_avx512)();
}

const AttentionKernels& attention_kernels(Isa isa) {
  return choose(isa, attention_kernels_scalar, attention_kernels_avx2, attention_kernels_avx512)();
}

AppendKv append_kv_kernel(Isa isa) { return choose(isa, append_kv_scalar, append_kv_avx2, append_kv_avx512)(); }

}  // namespace qbench::kernels::cpu
