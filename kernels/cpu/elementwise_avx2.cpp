#include "kernels/cpu/simd_avx2.h"

#include "kernels/cpu/elementwise_impl.h"
#include "kernels/cpu/isa_tables.h"

namespace qbench::kernels::cpu {

const ElementwiseKernels& elementwise_kernels_avx2() { return kElementwise; }

}  // namespace qbench::kernels::cpu
