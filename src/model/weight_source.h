#pragma once

#include <cstdint>
#include <memory>

#include "formats/model_file.h"
#include "tensor/row_source.h"

namespace qbench::model {

/// Rows of a tensor in a mapped file, converted to `target` on the way. pair_head_dim > 0: the rows of each head stand in adjacent-pair order
/// (llama GGUF: file row 2j + half holds row half * head_dim/2 + j) and come out in split-half order. The entry must outlive the source.
std::unique_ptr<tensor::RowSource> make_file_rows(const formats::TensorEntry& entry, tensor::DType target, std::int64_t pair_head_dim);

/// Rows drawn from a seed: normal with deviation 1/sqrt(cols).
std::unique_ptr<tensor::RowSource> make_drawn_rows(tensor::DType dtype, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t tensor_id);

/// Row of the file that holds split-half row r of a permuted matrix.
std::int64_t permuted_row(std::int64_t row, std::int64_t head_dim);

}  // namespace qbench::model
