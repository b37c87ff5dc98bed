#include "kernels/cpu/simd_avx512.h"

#include "kernels/cpu/elementwise_impl.h"
#include "kernels/cpu/isa_tables.h"

namespace qbench::kernels::cpu {

const ElementwiseKernels& elementwise_kernels_avx512() { return kElementwise; }

}  // namespace qbench::kernels::cpu
