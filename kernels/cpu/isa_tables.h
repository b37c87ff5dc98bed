#pragma once

#include "kernels/cpu/attention.h"
#include "kernels/cpu/elementwise.h"
#include "kernels/cpu/kv_cache.h"

namespace qbench::kernels::cpu {

/// What each instruction set's translation units define; the public selectors in isa_tables.cpp choose between them.
const ElementwiseKernels& elementwise_kernels_scalar();
const ElementwiseKernels& elementwise_kernels_avx2();
const ElementwiseKernels& elementwise_kernels_avx512();

const AttentionKernels& attention_kernels_scalar();
const AttentionKernels& attention_kernels_avx2();
const AttentionKernels& attention_kernels_avx512();

AppendKv append_kv_scalar();
AppendKv append_kv_avx2();
AppendKv append_kv_avx512();

}  // namespace qbench::kernels::cpu
