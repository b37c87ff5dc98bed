#include "kernels/cpu/simd_scalar.h"

#include "kernels/cpu/attention_impl.h"
#include "kernels/cpu/isa_tables.h"

namespace qbench::kernels::cpu {

const AttentionKernels& attention_kernels_scalar() { return kAttention; }

AppendKv append_kv_scalar() { return append_kv; }

}  // namespace qbench::kernels::cpu
