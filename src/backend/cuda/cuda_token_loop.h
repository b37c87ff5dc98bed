#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/cuda/cuda_backend_impl.h"
#include "kernels/cuda/sampling.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {

/// Tokens, positions and samplers in device memory, the ring in mapped host memory. A step's launches have the same arguments at every
/// depth, so that one graph replays for a whole generation, and for the next one of as many sequences.
class CudaTokenLoop final : public TokenLoop {
 public:
  CudaTokenLoop(CudaBackend& backend, std::int64_t sequences, std::int64_t vocab);

  void start(const SamplingParams& sampling, std::int64_t vocab, std::int64_t positions,
             std::span<const std::vector<std::int32_t>> prompts) override;
  void pick_first(std::int64_t sequence, Buffer& logits) override;
  void feed(std::span<const FedSequence> sequences) override;
  std::int64_t rows() const override { return static_cast<std::int64_t>(row_slots_.size()); }
  void begin_step() override;
  void pick(Buffer& logits) override;
  bool repeat_step() override;
  bool idle() override;
  void wait() override;
  TokenRing ring() override;

 private:
  void start_samplers(std::span<const std::vector<std::int32_t>> prompts);
  void pick_rows(std::int64_t first, std::int64_t count, Buffer& logits);

  CudaBackend& backend_;
  std::int64_t sequences_, model_vocab_;
  SamplingParams sampling_;
  std::int32_t vocab_ = 0;
  std::int32_t positions_ = 0;
  std::vector<std::int32_t> row_slots_;  ///< sequence of each row
  kernels::HostMapped ring_;             // (kRingPicks, sequences) words; freed last: freeing device memory waits for steps in flight
  WorkArea states_;                      // (sequences) SamplerState
  WorkArea rows_;                        // (3, sequences): ids, positions, slots
  WorkArea largest_;                     // (sequences, kMostPickBlocks + 1)
  WorkArea counts_, history_;
  WorkArea chunks_;                      // (sequences, pick_chunks(vocab))
  Tickets tickets_;
  Tickets bins_;                         // (sequences) PickBins
};

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
