#include "kernels/cpu/matmul_table.h"
#include "kernels/cpu/matmul_vector_avx2.h"

namespace qbench::kernels::cpu {

MatmulKernels matmul_kernels_avx_vnni() { return make_table<VectorAvx2<true>>(); }

}  // namespace qbench::kernels::cpu
