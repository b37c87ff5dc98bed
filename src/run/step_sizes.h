#pragma once

#include <cstdint>
#include <string_view>

#include "backend/backend.h"
#include "formats/model_config.h"
#include "tensor/dtype.h"

namespace qbench::run {

/// Kind of the device of that name: "cpu", "auto", "cuda", "cuda:1", "cuda-emulated".
backend::DeviceKind kind_of_device(std::string_view name) noexcept;

/// Tokens of the largest step: a prompt runs in chunks of so many, so that activations take the same memory however long it is, and the whole
/// batch decodes in one. On the CPU 512. On CUDA 2,048, of mixtures of experts 4,096: a dense layer's product then does 2,048 operations
/// for each byte of BF16 weights, seven times as many as an H200's tensor cores need to be busy (790 TFLOP/s to 4.3 TB/s: 184) and enough for
/// every multiprocessor to get whole tiles of the smallest matrices (3,584 rows: 28 x 16 tiles of 128 for 132 of them); one of 128 experts of
/// which 8 are chosen gets 256 tokens, two full tiles. Calculated, not measured.
std::int64_t step_tokens(backend::DeviceKind kind, const formats::ModelConfig& config, std::int64_t batch) noexcept;

/// Memory of the device beside weights and KV cache: activations and logits of the largest step, work areas of the device's kernels, rotation
/// tables of `context` positions. An upper bound for CUDA, an estimate for the CPU.
std::uint64_t workspace_bytes(backend::DeviceKind kind, const formats::ModelConfig& config, std::int64_t batch, std::int64_t context) noexcept;

/// Bytes of one sequence's KV cache with room for so many positions, as the device lays it out; saturates.
std::uint64_t kv_sequence_bytes(backend::DeviceKind kind, const formats::ModelConfig& config, tensor::DType dtype, std::int64_t room) noexcept;

/// The part of it that CUDA's work areas take whatever the model: the matrix library's own (32 MiB) and dequantised tiles (64 MiB), shares of
/// tiles and of attention that blocks leave to each other (32 MiB).
inline constexpr std::uint64_t kCudaFixedWorkBytes = std::uint64_t{128} << 20;

}  // namespace qbench::run
