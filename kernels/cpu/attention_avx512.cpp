#include "kernels/cpu/simd_avx512.h"

#include "kernels/cpu/attention_impl.h"
#include "kernels/cpu/isa_tables.h"

namespace qbench::kernels::cpu {

const AttentionKernels& attention_kernels_avx512() { return kAttention; }

AppendKv append_kv_avx512() { return append_kv; }

}  // namespace qbench::kernels::cpu
