#include "model/weight_source.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "base/mapped_file.h"
#include "tensor/convert.h"

namespace qbench::model {
namespace {

using tensor::DType;

class FileRows : public tensor::RowSource {
 public:
  FileRows(const formats::TensorEntry& entry, DType target, std::int64_t pair_head_dim)
      : entry_(&entry), target_(target), pair_head_dim_(pair_head_dim) {}
  DType dtype() const override { return target_; }
  std::int64_t rows() const override { return entry_->shape[0]; }
  std::int64_t cols() const override { return entry_->shape[1]; }

  void read_rows(std::int64_t first, std::int64_t count, std::byte* to) const override {
    const std::int64_t from_bytes = tensor::row_bytes(entry_->dtype, cols());
    const std::int64_t to_bytes = tensor::row_bytes(target_, cols());
    if (entry_->rows != nullptr) return read_assembled(first, count, from_bytes, to_bytes, to);
    will_read({entry_->data + first * from_bytes, static_cast<std::size_t>(count * from_bytes)});
    if (target_ == entry_->dtype && pair_head_dim_ == 0) {
      std::memcpy(to, entry_->data + first * from_bytes, static_cast<std::size_t>(count * from_bytes));
      return;
    }
    std::vector<float> numbers(static_cast<std::size_t>(cols()));
    for (std::int64_t i = 0; i < count; ++i, to += to_bytes) {
      const std::int64_t row = pair_head_dim_ > 0 ? permuted_row(first + i, pair_head_dim_) : first + i;
      convert_row(entry_->data + row * from_bytes, from_bytes, numbers, to);
    }
  }

 private:
  /// All at once: codes that are packed across rows are then read once.
  void read_assembled(std::int64_t first, std::int64_t count, std::int64_t from_bytes, std::int64_t to_bytes, std::byte* to) const {
    QB_CHECK(pair_head_dim_ == 0);
    if (target_ == entry_->dtype) return entry_->rows->read_rows(first, count, to);
    std::vector<std::byte> stored(static_cast<std::size_t>(count * from_bytes));
    entry_->rows->read_rows(first, count, stored.data());
    std::vector<float> numbers(static_cast<std::size_t>(cols()));
    for (std::int64_t i = 0; i < count; ++i) convert_row(stored.data() + i * from_bytes, from_bytes, numbers, to + i * to_bytes);
  }

  void convert_row(const std::byte* from, std::int64_t from_bytes, std::vector<float>& numbers, std::byte* to) const {
    if (target_ == entry_->dtype) {
      std::memcpy(to, from, static_cast<std::size_t>(from_bytes));
    } else if (target_ == DType::kF32) {
      tensor::dequantize_row(entry_->dtype, from, reinterpret_cast<float*>(to), cols());
    } else {
      tensor::dequantize_row(entry_->dtype, from, numbers.data(), cols());
      tensor::quantize_row(target_, numbers.data(), to, cols());
    }
  }

  const formats::TensorEntry* entry_;
  DType target_;
  std::int64_t pair_head_dim_;
};

class DrawnRows : public tensor::RowSource {
 public:
  DrawnRows(DType dtype, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t tensor_id)
      : dtype_(dtype), rows_(rows), cols_(cols), seed_(seed), tensor_id_(tensor_id) {}
  DType dtype() const override { return dtype_; }
  std::int64_t rows() const override { return rows_; }
  std::int64_t cols() const override { return cols_; }
  void read_rows(std::int64_t first, std::int64_t count, std::byte* to) const override {
    const double deviation = 1.0 / std::sqrt(static_cast<double>(cols_));
    const std::int64_t bytes = tensor::row_bytes(dtype_, cols_);
    for (std::int64_t i = 0; i < count; ++i) tensor::draw_row(dtype_, seed_, tensor_id_, first + i, deviation, to + i * bytes, cols_);
  }

 private:
  DType dtype_;
  std::int64_t rows_, cols_;
  std::uint64_t seed_, tensor_id_;
};

}  // namespace

std::int64_t permuted_row(std::int64_t row, std::int64_t head_dim) {
  const std::int64_t in_head = row % head_dim;
  const std::int64_t half = in_head / (head_dim / 2);
  const std::int64_t pair = in_head % (head_dim / 2);
  return row - in_head + 2 * pair + half;
}

std::unique_ptr<tensor::RowSource> make_file_rows(const formats::TensorEntry& entry, DType target, std::int64_t pair_head_dim) {
  return std::make_unique<FileRows>(entry, target, pair_head_dim);
}

std::unique_ptr<tensor::RowSource> make_drawn_rows(DType dtype, std::int64_t rows, std::int64_t cols, std::uint64_t seed, std::uint64_t tensor_id) {
  return std::make_unique<DrawnRows>(dtype, rows, cols, seed, tensor_id);
}

}  // namespace qbench::model
