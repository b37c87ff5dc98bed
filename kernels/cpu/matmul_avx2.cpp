#include "kernels/cpu/matmul_table.h"
#include "kernels/cpu/matmul_vector_avx2.h"

namespace qbench::kernels::cpu {

MatmulKernels matmul_kernels_avx2() { return make_table<VectorAvx2<false>>(); }

}  // namespace qbench::kernels::cpu
