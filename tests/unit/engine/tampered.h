#pragma once

#include <atomic>
#include <cstring>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "base/error.h"
#include "formats/model_file.h"

namespace qbench::test {

/// A model file with planted errors: its tensor list may be changed before use.
class TamperedFile : public formats::ModelFile {
 public:
  explicit TamperedFile(const formats::ModelFile& file) : file_(file), tensors_(file.tensors()) {}
  std::vector<formats::TensorEntry>& editable() { return tensors_; }
  formats::TensorEntry& entry(const std::string& name) {
    for (auto& t : tensors_) {
      if (t.name == name) return t;
    }
    throw std::runtime_error("no tensor " + name);
  }
  /// Makes every number of a BF16 matrix one step larger in magnitude: a scale that is wrong by less than 1 %.
  void nudge_bf16(const std::string& name) {
    formats::TensorEntry& t = entry(name);
    std::vector<std::byte>& copy = copies_.emplace_back(t.data, t.data + t.bytes);
    for (std::size_t i = 0; i + 1 < copy.size(); i += 2) {
      std::uint16_t bits;
      std::memcpy(&bits, &copy[i], 2);
      bits = static_cast<std::uint16_t>(bits + 1);
      std::memcpy(&copy[i], &bits, 2);
    }
    t.data = copy.data();
  }

  /// Multiplies the float16 scale of every Q8_0 block by two to the `exponent`.
  void scale_q8_0(const std::string& name, int exponent) {
    formats::TensorEntry& t = entry(name);
    std::vector<std::byte>& copy = copies_.emplace_back(t.data, t.data + t.bytes);
    for (std::size_t i = 0; i + 34 <= copy.size(); i += 34) {
      std::uint16_t bits;
      std::memcpy(&bits, &copy[i], 2);
      bits = static_cast<std::uint16_t>(bits + (exponent << 10));
      std::memcpy(&copy[i], &bits, 2);
    }
    t.data = copy.data();
  }

  const formats::ModelConfig& config() const override { return file_.config(); }
  const std::vector<formats::TensorEntry>& tensors() const override { return tensors_; }
  const formats::TensorEntry* find(std::string_view name) const override {
    for (const auto& t : tensors_) {
      if (t.name == name) return &t;
    }
    return nullptr;
  }
  const formats::TokenizerSource& tokenizer() const override { return file_.tokenizer(); }
  const formats::GenerationDefaults& generation_defaults() const override { return file_.generation_defaults(); }
  std::string format_name() const override { return file_.format_name(); }
  std::string precision_name() const override { return file_.precision_name(); }
  std::uint64_t file_bytes() const override { return file_.file_bytes(); }
  std::string fingerprint() const override { return file_.fingerprint(); }

 private:
  const formats::ModelFile& file_;
  std::vector<formats::TensorEntry> tensors_;
  std::deque<std::vector<std::byte>> copies_;
};

/// A device that passes everything on to another: what a test wants wrong it overrides.
class PassingDevice : public backend::Backend {
 public:
  explicit PassingDevice(backend::Backend& inner) : inner_(inner) {}
  backend::DeviceInfo device() const override { return inner_.device(); }
  MemoryUse memory_use() const override { return inner_.memory_use(); }
  std::unique_ptr<backend::Matrix> load_matrix(std::span<const tensor::RowSource* const> parts) override { return inner_.load_matrix(parts); }
  std::unique_ptr<backend::Buffer> load_vector(std::span<const float> values) override { return inner_.load_vector(values); }
  std::unique_ptr<backend::Buffer> allocate(std::int64_t numbers) override { return inner_.allocate(numbers); }
  std::unique_ptr<backend::KvCache> make_kv_cache(const backend::KvCacheShape& shape) override { return inner_.make_kv_cache(shape); }
  void begin_step(const backend::Batch& batch) override { inner_.begin_step(batch); }
  void end_step() noexcept override { inner_.end_step(); }
  void embed(const backend::Matrix& table, backend::Buffer& x) override { inner_.embed(table, x); }
  void norm_qkv_rope_append(const backend::AttentionInput& input, const backend::Rope& rope, std::int64_t layer, const backend::Buffer& x, backend::Buffer& q,
                            backend::KvCache& cache) override {
    inner_.norm_qkv_rope_append(input, rope, layer, x, q, cache);
  }
  void attention(const backend::AttentionInput& input, std::int64_t window, std::int64_t layer, const backend::Buffer& q, const backend::KvCache& cache,
                 backend::Buffer& out) override {
    inner_.attention(input, window, layer, q, cache, out);
  }
  void project_residual(const backend::Matrix& w, const backend::Buffer& in, backend::Buffer& x) override { inner_.project_residual(w, in, x); }
  void norm_gate_up(const backend::Buffer& norm, float rms_eps, const backend::Matrix& gate_up, const backend::Buffer& x, backend::Buffer& out) override {
    inner_.norm_gate_up(norm, rms_eps, gate_up, x, out);
  }
  void norm_experts_residual(const backend::ExpertInput& input, backend::Buffer& x) override { inner_.norm_experts_residual(input, x); }
  void norm_head(const backend::Buffer& norm, float rms_eps, const backend::Matrix& head, std::span<const std::int32_t> rows, const backend::Buffer& x,
                 backend::Buffer& logits) override {
    inner_.norm_head(norm, rms_eps, head, rows, x, logits);
  }
  void read(const backend::Buffer& from, std::int64_t first, std::span<float> to) override { inner_.read(from, first, to); }

 private:
  backend::Backend& inner_;
};

/// A device whose rotation frequencies are off by one pair.
class OffByOneRope : public PassingDevice {
 public:
  using PassingDevice::PassingDevice;
  void norm_qkv_rope_append(const backend::AttentionInput& input, const backend::Rope& rope, std::int64_t layer, const backend::Buffer& x, backend::Buffer& q,
                            backend::KvCache& cache) override {
    if (shifted_.inverse_frequency.empty()) {
      shifted_ = rope;
      auto& f = shifted_.inverse_frequency;
      f.insert(f.begin(), f.front());
      f.pop_back();
    }
    PassingDevice::norm_qkv_rope_append(input, shifted_, layer, x, q, cache);
  }

 private:
  backend::Rope shifted_;
};

/// A device that fails in the middle of a step when it is told to.
class FailingDevice : public PassingDevice {
 public:
  using PassingDevice::PassingDevice;
  bool fails = false;
  void project_residual(const backend::Matrix& w, const backend::Buffer& in, backend::Buffer& x) override {
    if (fails) throw Error(ErrorCode::kMemory, "no memory, as planted", "test");
    PassingDevice::project_residual(w, in, x);
  }
};

/// A device that sets a flag at the start of its second step, as a signal in the middle of a long prompt would.
class InterruptingDevice : public PassingDevice {
 public:
  using PassingDevice::PassingDevice;
  std::atomic<bool> interrupted{false};
  int steps = 0;
  void begin_step(const backend::Batch& batch) override {
    if (++steps == 2) interrupted = true;
    PassingDevice::begin_step(batch);
  }
};

/// A device that makes one number of every read wrong.
class SpoilingDevice : public PassingDevice {
 public:
  using PassingDevice::PassingDevice;
  float spoil = 0.0F;
  void read(const backend::Buffer& from, std::int64_t first, std::span<float> to) override {
    PassingDevice::read(from, first, to);
    if (to.size() > 7) to[7] = spoil;
  }
};

}  // namespace qbench::test
