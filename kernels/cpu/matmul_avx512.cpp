#include "kernels/cpu/matmul_table.h"
#include "kernels/cpu/matmul_vector_avx512.h"

namespace qbench::kernels::cpu {

MatmulKernels matmul_kernels_avx512() { return make_table<VectorAvx512<false>>(); }

}  // namespace qbench::kernels::cpu
