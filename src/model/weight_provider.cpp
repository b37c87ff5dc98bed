#include "model/weight_provider.h"

#include <cmath>
#include <map>
#include <set>

#include "base/check.h"
#include "base/digest.h"
#include "base/error.h"
#include "base/random.h"
#include "model/weight_source.h"
#include "tensor/convert.h"

namespace qbench::model {
namespace {

using formats::TensorEntry;
using tensor::DType;

constexpr std::int64_t kSmallestBlock = 32;  ///< numbers of the smallest quantised block
constexpr std::int64_t kLargestBlock = 256;

bool is_float(DType dtype) { return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16; }

std::optional<DType> convertible_type(WeightPrecision precision) {
  switch (precision) {
    case WeightPrecision::kF32: return DType::kF32;
    case WeightPrecision::kF16: return DType::kF16;
    case WeightPrecision::kBF16: return DType::kBF16;
    case WeightPrecision::kQ8_0: return DType::kQ8_0;
    case WeightPrecision::kQ4_0: return DType::kQ4_0;
    case WeightPrecision::kInt8: return DType::kInt8;
    case WeightPrecision::kFP8: return DType::kFP8;
    default: return std::nullopt;
  }
}

class FileWeights : public WeightProvider {
 public:
  FileWeights(const formats::ModelFile& file, WeightPrecision precision) : file_(&file), precision_(precision) {
    if (precision == WeightPrecision::kAuto) return;
    const std::optional<DType> wanted = convertible_type(precision);
    if (!wanted) {
      check_is_mix();
      return;
    }
    mostly_wanted_ = has_mostly(*wanted);
    for (const TensorEntry& entry : file.tensors()) {
      if (!is_matrix(entry) || precision == WeightPrecision::kF32 || is_float(entry.dtype) || entry.dtype == target_for(entry)) continue;
      throw Error(ErrorCode::kUnsupported, "--precision " + std::string(model::name_of(precision)) + ": tensor '" + entry.name + "' is " +
                                               std::string(tensor::name_of(entry.dtype)) + "; only floating-point weights are converted, use auto or f32");
    }
  }

  const formats::ModelConfig& config() const override { return file_->config(); }
  bool has(std::string_view name) const override { return file_->find(name) != nullptr; }

  std::unique_ptr<tensor::RowSource> matrix(const std::string& name) const override {
    const TensorEntry& entry = find(name);
    QB_CHECK(entry.shape.size() == 2);
    return make_file_rows(entry, target_for(entry), permuted_head_dim(name));
  }

  std::vector<float> vector(const std::string& name, std::int64_t size) const override {
    const TensorEntry& entry = find(name);
    QB_CHECK(entry.shape.size() == 1 && entry.shape[0] == size);
    std::vector<float> values(static_cast<std::size_t>(size));
    tensor::dequantize_row(entry.dtype, entry.data, values.data(), size);
    if (const std::int64_t head_dim = permuted_head_dim(name); head_dim > 0) {
      const std::vector<float> permuted = values;
      for (std::int64_t i = 0; i < size; ++i) values[static_cast<std::size_t>(i)] = permuted[static_cast<std::size_t>(permuted_row(i, head_dim))];
    }
    return values;
  }

  std::string precision() const override {
    return precision_ == WeightPrecision::kAuto ? file_->precision_name() : std::string(model::name_of(precision_));
  }
  /// The types of the matrices that change, whatever the file calls itself.
  std::string conversion() const override {
    if (!convertible_type(precision_)) return "none";
    std::set<std::string_view> changed;
    for (const TensorEntry& entry : file_->tensors()) {
      if (is_matrix(entry) && entry.dtype != target_for(entry)) changed.insert(tensor::name_of(entry.dtype));
    }
    std::string from;
    for (const std::string_view name : changed) from += (from.empty() ? "" : ", ") + std::string(name);
    return from.empty() ? "none" : from + " to " + std::string(model::name_of(precision_));
  }

 private:
  const TensorEntry& find(const std::string& name) const {
    const TensorEntry* entry = file_->find(name);
    if (entry == nullptr) throw Error(ErrorCode::kFormat, "tensor '" + name + "' is missing");
    return *entry;
  }

  std::int64_t permuted_head_dim(std::string_view name) const {
    const bool rotates = name.ends_with("attn_q.weight") || name.ends_with("attn_k.weight") || name.ends_with("attn_q.bias") || name.ends_with("attn_k.bias");
    return rotates && file_->config().rope_rows_permuted ? file_->config().head_dim : 0;
  }

  static bool is_router(const TensorEntry& entry) { return std::string_view(entry.name).ends_with("ffn_gate_inp.weight"); }
  /// Matrices whose type --precision decides.
  static bool is_matrix(const TensorEntry& entry) { return entry.shape.size() == 2 && !is_router(entry); }

  /// A K mix cannot be made here: the file must be one already, in its tensors and not only by its name.
  void check_is_mix() const {
    const std::string wanted(model::name_of(precision_));
    if (file_->precision_name() != wanted) {
      throw Error(ErrorCode::kUnsupported, "--precision " + wanted + ": this checkpoint is " + file_->precision_name() +
                                               "; a checkpoint can become f32, f16, bf16, q8_0, q4_0, int8 or fp8 while it loads, int4 and the K types are for synthetic weights");
    }
    if (precision_ == WeightPrecision::kInt4) return;  // AWQ and GPTQ leave embedding, head and what they choose in 16 bits
    for (const TensorEntry& entry : file_->tensors()) {
      if (!is_matrix(entry) || !is_float(entry.dtype) || entry.shape[1] % kSmallestBlock != 0) continue;
      throw Error(ErrorCode::kUnsupported, "--precision " + wanted + ": the file calls itself " + wanted + ", but its tensor '" + entry.name + "' is " +
                                               std::string(tensor::name_of(entry.dtype)) + "; use auto");
    }
  }

  /// Whether more than half of the matrices have the wanted type already.
  bool has_mostly(DType wanted) const {
    std::int64_t matrices = 0, of_wanted = 0;
    for (const TensorEntry& entry : file_->tensors()) {
      if (!is_matrix(entry)) continue;
      ++matrices;
      of_wanted += entry.dtype == wanted ? 1 : 0;
    }
    return 2 * of_wanted > matrices;
  }

  /// llama.cpp's q8_0 and q4_0 files hold some matrices (the head above all) in a block type of more bits: such a file is what was asked for.
  bool is_finer_block(DType dtype, DType wanted) const {
    if (wanted == DType::kFP8) return dtype == DType::kFP8Block;  // a checkpoint of FP8 is what was asked for
    return mostly_wanted_ && !is_float(dtype) && !is_float(wanted) && tensor::row_bytes(dtype, kLargestBlock) >= tensor::row_bytes(wanted, kLargestBlock);
  }

  /// The router stays exact in float32; everything else follows --precision. Rows that no block fits become F16, and with q4_0 the head (or
  /// the embedding that is also the head) becomes Q8_0, since its errors fall on every token.
  DType target_for(const TensorEntry& entry) const {
    if (is_router(entry)) return DType::kF32;
    const std::optional<DType> wanted = convertible_type(precision_);
    if (!wanted || entry.dtype == *wanted || is_finer_block(entry.dtype, *wanted)) return entry.dtype;
    DType target = *wanted;
    const bool is_head = entry.name == "output.weight" || (entry.name == "token_embd.weight" && file_->config().tied_head);
    if (target == DType::kQ4_0 && is_head) target = DType::kQ8_0;
    return entry.shape[1] % tensor::info(target).block_elements == 0 ? target : DType::kF16;
  }

  const formats::ModelFile* file_;
  WeightPrecision precision_;
  bool mostly_wanted_ = false;
};

class DrawnWeights : public WeightProvider {
 public:
  DrawnWeights(const formats::ModelConfig& config, std::uint64_t seed, WeightPrecision precision)
      : config_(config), seed_(seed), precision_(precision == WeightPrecision::kAuto ? WeightPrecision::kBF16 : precision) {
    for (PlannedTensor& t : plan_weights(config_, precision_)) {
      std::string name = t.name;
      plan_.emplace(std::move(name), std::move(t));
    }
  }

  const formats::ModelConfig& config() const override { return config_; }

  bool has(std::string_view name) const override {
    if (name.ends_with(".bias")) return config_.qkv_bias;
    return plan_.contains(std::string(name));
  }

  std::unique_ptr<tensor::RowSource> matrix(const std::string& name) const override {
    const auto at = plan_.find(name);
    QB_CHECK(at != plan_.end());
    const PlannedTensor& t = at->second;
    return make_drawn_rows(t.dtype, t.rows, t.cols, seed_, stream_of(name));
  }

  /// Norms lie near 1 and biases near 0, as in trained models.
  std::vector<float> vector(const std::string& name, std::int64_t size) const override {
    Random random(seed_, stream_of(name));
    const double centre = name.ends_with(".bias") ? 0.0 : 1.0;
    std::vector<float> values(static_cast<std::size_t>(size));
    for (float& v : values) v = static_cast<float>(centre + 0.1 * random.next_normal());
    return values;
  }

  std::string precision() const override { return std::string(model::name_of(precision_)); }
  std::string conversion() const override { return "drawn as " + precision(); }

 private:
  /// A stream of random numbers per tensor, so that no two tensors (router rows of two layers, say) are alike.
  static std::uint64_t stream_of(const std::string& name) { return std::stoull(sha256_hex(name).substr(0, 15), nullptr, 16); }

  formats::ModelConfig config_;
  std::uint64_t seed_;
  WeightPrecision precision_;
  std::map<std::string, PlannedTensor> plan_;
};

}  // namespace

std::unique_ptr<WeightProvider> provide_from_file(const formats::ModelFile& file, WeightPrecision precision) {
  return std::make_unique<FileWeights>(file, precision);
}

std::unique_ptr<WeightProvider> provide_drawn(const formats::ModelConfig& config, std::uint64_t seed, WeightPrecision precision) {
  return std::make_unique<DrawnWeights>(config, seed, precision);
}

}  // namespace qbench::model
