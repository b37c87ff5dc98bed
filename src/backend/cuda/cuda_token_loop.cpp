#include "backend/cuda/cuda_token_loop.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/random.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {
namespace {

static_assert(kernels::kNoFiniteLogit == kPickedNoFiniteLogit && kernels::kAllBanned == kPickedAllBanned);

#ifdef QB_CUDA_EMULATED
constexpr bool kTimed = false;
#else
constexpr bool kTimed = true;
#endif

kernels::SamplingRule rule_of(const SamplingParams& p) {
  return {.inverse_temperature = p.temperature == 0.0 ? 0.0F : p.inverse_temperature(),
          .top_k = p.top_k,
          .top_p = p.top_p,
          .smallest_weight = p.smallest_weight(),
          .penalizes = p.penalizes(),
          .repetition_penalty = p.repetition_penalty,
          .presence_penalty = p.presence_penalty,
          .frequency_penalty = p.frequency_penalty,
          .no_repeat_ngram = p.no_repeat_ngram};
}

constexpr std::int64_t kWordsOfBins = sizeof(kernels::PickBins) / sizeof(unsigned);

template <class T>
void upload(WorkArea& area, const std::vector<T>& values, kernels::Stream& stream) {
  copy_to_device(area.need<T>(static_cast<std::int64_t>(values.size())), values.data(), values.size() * sizeof(T), stream);
}

}  // namespace

std::unique_ptr<TokenLoop> CudaBackend::make_token_loop(std::int64_t sequences, std::int64_t vocab) {
  return std::make_unique<CudaTokenLoop>(*this, sequences, vocab);
}

CudaTokenLoop::CudaTokenLoop(CudaBackend& backend, std::int64_t sequences, std::int64_t vocab)
    : backend_(backend),
      sequences_(sequences),
      model_vocab_(vocab),
      ring_(static_cast<std::size_t>(kernels::kRingPicks * sequences) * sizeof(std::uint64_t)) {
  QB_CHECK(sequences > 0 && vocab > 0);
  std::memset(ring_.host(), 0, ring_.bytes());
  rows_.need<std::int32_t>(3 * sequences);
  states_.need<kernels::SamplerState>(sequences);
  largest_.need<unsigned long long>(sequences * (kernels::kMostPickBlocks + 1));
}

void CudaTokenLoop::start(const SamplingParams& sampling, std::int64_t vocab, std::int64_t positions,
                          std::span<const std::vector<std::int32_t>> prompts) {
  QB_CHECK(!prompts.empty() && static_cast<std::int64_t>(prompts.size()) <= sequences_);
  QB_CHECK(vocab > 0 && vocab <= model_vocab_ && positions > 0 && positions <= INT32_MAX);
  backend_.report_late_failure();
  backend_.stream().synchronize();  // what an interrupted generation left in flight
  std::memset(ring_.host(), 0, ring_.bytes());
  sampling_ = sampling;
  vocab_ = static_cast<std::int32_t>(vocab);
  positions_ = static_cast<std::int32_t>(positions);
  start_samplers(prompts);
  std::vector<FedSequence> all;
  for (std::size_t s = 0; s < prompts.size(); ++s) {
    // The first pick moves on to the position behind the prompt.
    all.push_back({static_cast<std::int64_t>(s), 0, static_cast<std::int64_t>(prompts[s].size()) - 1});
  }
  feed(all);
}

void CudaTokenLoop::start_samplers(std::span<const std::vector<std::int32_t>> prompts) {
  const std::size_t count = prompts.size();
  const auto vocab = static_cast<std::size_t>(vocab_);
  const auto positions = static_cast<std::size_t>(positions_) + 1;  // the last token takes no position
  std::vector<kernels::SamplerState> states(count);
  std::vector<std::uint32_t> counts(sampling_.penalizes() ? count * vocab : 0, 0);
  std::vector<std::int32_t> history(sampling_.no_repeat_ngram > 0 ? count * positions : 0, -1);
  for (std::size_t s = 0; s < count; ++s) {
    states[s].random_key = random_key(sampling_.seed + s);
    states[s].history = static_cast<std::int32_t>(prompts[s].size());
    QB_CHECK(prompts[s].size() < positions);
    for (const std::int32_t id : prompts[s]) {
      if (!counts.empty() && id < vocab_) counts[s * vocab + static_cast<std::size_t>(id)] = kernels::kInPrompt;
    }
    if (!history.empty()) std::copy(prompts[s].begin(), prompts[s].end(), history.begin() + static_cast<std::ptrdiff_t>(s * positions));
  }
  kernels::Stream& stream = backend_.stream();
  upload(states_, states, stream);
  if (!counts.empty()) upload(counts_, counts, stream);
  if (!history.empty()) upload(history_, history, stream);
  if (sampling_.temperature > 0.0) {
    chunks_.need<unsigned>(sequences_ * kernels::pick_chunks(vocab_));
    bins_.need(sequences_ * kWordsOfBins, stream);
  }
  tickets_.need(sequences_, stream);
}

void CudaTokenLoop::feed(std::span<const FedSequence> sequences) {
  QB_CHECK(!sequences.empty() && static_cast<std::int64_t>(sequences.size()) <= sequences_);
  const auto stride = static_cast<std::size_t>(sequences_);
  std::vector<std::int32_t> all(3 * stride, 0);
  row_slots_.clear();
  for (std::size_t r = 0; r < sequences.size(); ++r) {
    all[r] = sequences[r].id;
    all[stride + r] = static_cast<std::int32_t>(sequences[r].position);
    all[2 * stride + r] = static_cast<std::int32_t>(sequences[r].sequence);
    row_slots_.push_back(static_cast<std::int32_t>(sequences[r].sequence));
  }
  upload(rows_, all, backend_.stream());
  backend_.stream().synchronize();  // the numbers here may go, those of start() too
}

void CudaTokenLoop::begin_step() {
  const auto* rows = rows_.need<std::int32_t>(3 * sequences_);
  backend_.begin_fed_step({rows, rows + sequences_, rows + 2 * sequences_, row_slots_, positions_ - 1});
}

void CudaTokenLoop::pick_first(std::int64_t sequence, Buffer& logits) {
  QB_CHECK(sequence < rows() && row_slots_[static_cast<std::size_t>(sequence)] == sequence);
  pick_rows(sequence, 1, logits);
}

void CudaTokenLoop::pick(Buffer& logits) { pick_rows(0, rows(), logits); }

void CudaTokenLoop::pick_rows(std::int64_t first, std::int64_t count, Buffer& logits) {
  QB_CHECK(logits.size() >= count * model_vocab_);
  auto* rows = rows_.need<std::int32_t>(3 * sequences_) + first;
  const bool draws = sampling_.temperature > 0.0;
  kernels::Stream& stream = backend_.stream();
  kernels::PickArguments a{};
  a.logits = own(static_cast<const Buffer&>(logits)).data();
  a.stride = model_vocab_;
  a.vocab = vocab_;
  a.rows = static_cast<std::int32_t>(count);
  a.rule = rule_of(sampling_);
  a.slots = rows + 2 * sequences_;
  a.states = states_.need<kernels::SamplerState>(sequences_);
  a.counts = sampling_.penalizes() ? counts_.need<std::uint32_t>(0) : nullptr;
  a.history = sampling_.no_repeat_ngram > 0 ? history_.need<std::int32_t>(0) : nullptr;
  a.history_length = positions_ + 1;
  a.largest = largest_.need<unsigned long long>(0);
  a.bins = draws ? reinterpret_cast<kernels::PickBins*>(bins_.need(sequences_ * kWordsOfBins, stream)) : nullptr;
  a.chunks = draws ? chunks_.need<unsigned>(0) : nullptr;
  a.tickets = tickets_.need(sequences_, stream);
  a.ids = rows;
  a.positions = rows + sequences_;
  a.last_position = positions_ - 1;
  a.ring = static_cast<unsigned long long*>(ring_.device());
  a.ring_slots = static_cast<std::int32_t>(sequences_);
  a.programmatic = backend_.programmatic();
  backend_.graph().add(a);
}

bool CudaTokenLoop::repeat_step() {
  backend_.report_late_failure();
  return backend_.graph().repeat();
}

bool CudaTokenLoop::idle() {
  backend_.report_late_failure();
  return backend_.stream().idle();
}

void CudaTokenLoop::wait() {
  backend_.report_late_failure();
  backend_.stream().synchronize();
}

TokenRing CudaTokenLoop::ring() {
  return {.words = static_cast<std::uint64_t*>(ring_.host()), .picks = kernels::kRingPicks, .sequences = sequences_, .timed = kTimed};
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
