#include "kernels/cpu/simd_scalar.h"

#include "kernels/cpu/elementwise_impl.h"
#include "kernels/cpu/isa_tables.h"

namespace qbench::kernels::cpu {

const ElementwiseKernels& elementwise_kernels_scalar() { return kElementwise; }

}  // namespace qbench::kernels::cpu
