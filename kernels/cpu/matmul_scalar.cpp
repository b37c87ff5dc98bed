#include "kernels/cpu/matmul_table.h"
#include "kernels/cpu/matmul_vector_scalar.h"

namespace qbench::kernels::cpu {

MatmulKernels matmul_kernels_scalar() { return make_table<VectorScalar>(); }

}  // namespace qbench::kernels::cpu
