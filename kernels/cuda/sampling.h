#pragma once

#include <cstdint>

#include "kernels/cuda/matvec.h"
#include "kernels/cuda/runtime.h"

namespace qbench::kernels::QB_CUDA_NAMESPACE {

/// Picks of one sequence that the ring holds before the oldest is overwritten.
constexpr std::int32_t kRingPicks = 64;
/// In place of an id, where none could be picked: no logit is a finite number; or only those that no-repeat n-gram has banned were.
constexpr std::int32_t kNoFiniteLogit = -1;
constexpr std::int32_t kAllBanned = -2;
/// Blocks that share one row of logits.
constexpr std::int32_t kMostPickBlocks = 64;
/// In a count of SamplerState: the id stands in the prompt. The other bits count how often it was generated.
constexpr std::uint32_t kInPrompt = 0x80000000U;

/// backend::SamplingParams as kernels read them; what they mean stands there.
struct SamplingRule {
  float inverse_temperature;  ///< 0: greedy
  std::int32_t top_k;
  double top_p;
  unsigned long long smallest_weight;
  bool penalizes;
  double repetition_penalty, presence_penalty, frequency_penalty;
  std::int32_t no_repeat_ngram;
  bool operator==(const SamplingRule&) const = default;
};

/// What the sampler remembers of a sequence from step to step, in device memory.
struct SamplerState {
  unsigned long long random_key;
  unsigned long long draws;  ///< so far
  std::int32_t picks;        ///< so far
  std::int32_t history;      ///< ids of prompt and output in its row of PickArguments::history
  unsigned banned;           ///< finite logits that no-repeat n-gram took from this pick
};

constexpr std::int32_t kPickThreads = 256;
/// Blocks that share a row when its largest logit is found: eight logits a thread, where that does not take too many blocks.
constexpr std::int32_t pick_blocks(std::int32_t vocab, std::int32_t threads) {
  const std::int32_t wanted = (vocab + 8 * threads - 1) / (8 * threads);
  return wanted < kMostPickBlocks ? wanted : kMostPickBlocks;
}
constexpr std::int32_t kPickDrawThreads = 512;
/// Ids that a drawing block weighs.
constexpr std::int32_t kPickChunk = 1024;
constexpr std::int32_t pick_chunks(std::int32_t vocab) { return (vocab + kPickChunk - 1) / kPickChunk; }
/// The candidates of a row, added up by their distance from the largest logit: bin 0 holds the nearest, all are equally wide.
constexpr std::int32_t kPickBins = 4096;
constexpr std::int32_t kPickDigits = 256;
struct PickBins {
  unsigned long long weights[kPickBins];
  unsigned long long kept[kPickBins];  ///< weights that min-p leaves; zero without it
  unsigned counts[kPickBins];
  unsigned long long digit_sums[kPickDigits];  ///< where one bin holds too many: of its parts
  unsigned digit_counts[kPickDigits];
};

/// For each row r: picks the next id of sequence slots[r] from its logits, makes it ids[r], moves positions[r] on, and tells the host:
/// ring[picks % kRingPicks][slot] = (picks + 1) << 32 | id, where picks counts the sequence's picks before this one.
struct PickArguments {
  float* logits;  // (rows, stride), changed in place
  std::int64_t stride;
  std::int32_t vocab;  ///< ids from here on are never picked
  std::int32_t rows;
  SamplingRule rule;
  const std::int32_t* slots;  // (rows)
  SamplerState* states;       // (ring_slots)
  std::uint32_t* counts;      // (ring_slots, vocab); nullptr without penalties
  std::int32_t* history;      // (ring_slots, history_length); nullptr without no-repeat n-gram
  std::int32_t history_length;
  unsigned long long* largest;  // (rows, kMostPickBlocks + 1) workspace
  PickBins* bins;               // (rows), zero before and after; nullptr when greedy
  unsigned* chunks;             // (rows, pick_chunks(vocab)) workspace; nullptr when greedy
  unsigned* tickets;            // (rows), zero before and after
  std::int32_t* ids;            // (rows)
  std::int32_t* positions;      // (rows)
  std::int32_t last_position;   ///< positions do not pass it
  unsigned long long* ring;     // (kRingPicks, ring_slots), mapped host memory
  std::int32_t ring_slots;
  bool programmatic;
  bool operator==(const PickArguments&) const = default;
};
/// The launch that finds the largest logit.
constexpr Cost pick_largest_cost(const PickArguments& a) {
  const auto logits = static_cast<std::uint64_t>(a.rows) * static_cast<std::uint64_t>(a.vocab);
  return {4 * logits + (a.rule.penalizes ? 4 * logits : 0), logits};
}
/// The launch that draws: the logits once more, and the bins, which the last block reads (with the counts twice) and clears. Without what
/// it gathers: a chunk for each token that is kept, from L2, and where nearly all are, the logits up to three times more.
constexpr Cost pick_draw_cost(const PickArguments& a) {
  const auto rows = static_cast<std::uint64_t>(a.rows);
  const auto logits = rows * static_cast<std::uint64_t>(a.vocab);
  const std::uint64_t scans = 1 + (a.rule.top_k > 0 ? 1 : 0) + (a.rule.top_p < 1.0 ? 1 : 0);
  const std::uint64_t bin = (2 * scans + 1) * sizeof(PickBins::weights[0]) + 2 * sizeof(PickBins::counts[0]);
  return {4 * logits + rows * kPickBins * bin, logits};
}
/// Reads of the launch that draws that wait for one another, where what is kept fits shared memory and lies in few chunks: the largest logit,
/// the block's logits, bins, ticket; in the last block the bins twice for each sum and their counts once; of the first that is looked for, the
/// chunks' first bins, then twice two halves of a chunk; the sampler's state.
constexpr std::int64_t pick_draw_round_trips(const PickArguments& a) {
  return 4 + 2 * (1 + (a.rule.top_k > 0 ? 1 : 0) + (a.rule.top_p < 1.0 ? 1 : 0)) + 1 + 1 + 4 + 1;
}
constexpr Cost pick_cost(const PickArguments& a) {
  const Cost largest = pick_largest_cost(a);
  if (a.rule.inverse_temperature == 0.0F) return largest;
  const Cost draw = pick_draw_cost(a);
  return {largest.bytes + draw.bytes, largest.flops + draw.flops};
}
/// Greedy: one launch. Drawing: one more. No-repeat n-gram: one more.
void pick(const PickArguments& a, Stream& stream);

}  // namespace qbench::kernels::QB_CUDA_NAMESPACE
