#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "formats/model_config.h"
#include "model/weight_plan.h"

namespace qbench::formats {
class ModelFile;
}

namespace qbench::model {

/// What loading cost.
struct LoadReport {
  std::uint64_t weight_bytes = 0;       ///< on the device
  std::uint64_t decode_read_bytes = 0;  ///< of weights, per token at batch 1: everything but the embedding rows, active experts only
  std::int64_t read_and_pack_ns = 0;    ///< reading, converting, repacking, uploading
  std::string precision;                ///< what the weights are on the device: "bf16", "q4_1", "q4_k_m (synthetic)", ...
  std::string conversion;               ///< "none", "bf16 to q8_0", "drawn as q4_k_m", ...
};

/// One decoder, described by data. Weights are loaded once and read-only; sequences live in the KvCache that the caller passes in.
class Model {
 public:
  virtual ~Model() = default;
  virtual const formats::ModelConfig& config() const = 0;
  virtual const LoadReport& load_report() const = 0;

  /// Runs one step. `logit_rows` lists the batch's tokens whose logits are wanted (may be empty); logits gets (rows, vocab) float32,
  /// padding rows included. Batches larger than max_tokens() are QB_CHECK.
  virtual void forward(const backend::Batch& batch, backend::KvCache& cache, std::span<const std::int32_t> logit_rows, std::span<float> logits) = 0;
  virtual std::int64_t max_tokens() const = 0;  ///< tokens of the largest step

  /// Decoding that the device feeds itself, of up to `sequences` sequences; nullptr where it cannot, or not so many.
  virtual std::unique_ptr<backend::TokenLoop> make_token_loop(std::int64_t sequences) = 0;
  /// As forward() of a prompt's last chunk, but the last token's logits stay on the device, where `loop` picks the first token of `sequence`.
  virtual void forward_first(const backend::Batch& batch, backend::KvCache& cache, std::int64_t sequence, backend::TokenLoop& loop) = 0;
  /// One step of the sequences that `loop` feeds.
  virtual void forward_fed(backend::KvCache& cache, backend::TokenLoop& loop) = 0;
  /// Runs the steps on `device` from now on and returns the one before: another door to the same device, whose memory holds the weights
  /// (backend/passing_backend.h).
  virtual backend::Backend& exchange_device(backend::Backend& device) = 0;

  virtual std::unique_ptr<backend::KvCache> make_cache(std::int64_t sequences, std::int64_t positions, tensor::DType dtype,
                                                       const backend::KvPolicy& policy = {}) = 0;
};

struct ModelOptions {
  WeightPrecision precision = WeightPrecision::kAuto;
  std::int64_t max_step_tokens = 512;     ///< prefill chunk
  std::int64_t max_logit_rows = 64;       ///< rows of logits in one step
};

/// Weights from a file. Errors: those of the file, kUnsupported for a conversion that is not offered, kMemory.
std::unique_ptr<Model> load_model(const formats::ModelFile& file, backend::Backend& backend, const ModelOptions& options);

/// Weights drawn from a seed at the shape's full size: normal with deviation 1/sqrt(in), norms near 1.
std::unique_ptr<Model> draw_model(const formats::ModelConfig& config, std::uint64_t seed, backend::Backend& backend, const ModelOptions& options);

}  // namespace qbench::model
