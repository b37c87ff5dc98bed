#include "kernels/cpu/matmul_table.h"
#include "kernels/cpu/matmul_vector_avx512.h"

namespace qbench::kernels::cpu {

MatmulKernels matmul_kernels_avx512_vnni() { return make_table<VectorAvx512<true>>(); }

}  // namespace qbench::kernels::cpu
