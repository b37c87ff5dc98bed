#include "record/metric_catalog.h"

#include <fmt/format.h>

#include <cmath>

#include "base/check.h"

namespace qbench::record {
namespace {

using enum MetricId;
constexpr auto kHigh = Better::kHigher;
constexpr auto kLow = Better::kLower;
constexpr auto kEven = Better::kNeither;
constexpr auto kLoad = MetricScope::kLoad;
constexpr auto kRep = MetricScope::kRepetition;
constexpr auto kGaps = MetricScope::kCellGaps;
constexpr auto kRoof = MetricScope::kRoofline;
constexpr auto kTasks = MetricScope::kCellTasks;

constexpr std::array kFull{Statistic::kMedian, Statistic::kMin, Statistic::kMax, Statistic::kMean, Statistic::kStddev};
constexpr std::array kRange{Statistic::kMedian, Statistic::kMin, Statistic::kMax};
constexpr std::array kMiddle{Statistic::kMedian};
constexpr std::array kLargest{Statistic::kMax};
constexpr std::array kBare{Statistic::kNone};
constexpr bool kBySession = true;

// The symbols of the formulas are explained in results/README.md. With several sequences at once (batch > 1) n and p count the tokens of
// all of them, t1 is the moment at which the last sequence has its first token, tn the last token of all, and a gap one that begins at t1 or
// later (an earlier one holds the prefill of another sequence).
constexpr std::array<MetricInfo, kMetricCount> kCatalog{{
    {kLoadMs, "load_ms", "ms", kLow, kLoad, false, "from opening the first file to a model that can run", kMiddle, kBySession},
    {kOpenMs, "open_ms", "ms", kLow, kLoad, false, "part of load_ms: opening and checking the files, tokenizer included", kMiddle},
    {kPackMs, "pack_ms", "ms", kLow, kLoad, false, "part of load_ms: reading, converting, repacking and uploading the weights", kMiddle},
    {kFirstRequestTtftMs, "first_request_ttft_ms", "ms", kLow, kLoad, false, "t1 - t0 of the first request after the load (cold)", kMiddle, kBySession},
    {kFirstRequestE2eMs, "first_request_e2e_ms", "ms", kLow, kLoad, false, "tn - t0 of the first request after the load (cold)", kMiddle},
    {kTtftMs, "ttft_ms", "ms", kLow, kRep, false, "t1 - t0: time to first token", kFull, kBySession},
    {kItlMeanMs, "itl_mean_ms", "ms", kLow, kRep, false, "(tn - t1) / (n - 1): mean gap between tokens of a sequence", kFull, kBySession},
    {kPrefillTokPerS, "prefill_tok_per_s", "tok/s", kHigh, kRep, false, "p / (t1 - t0), without the tokens of p that were in the KV cache", kFull, kBySession},
    {kDecodeTokPerS, "decode_tok_per_s", "tok/s", kHigh, kRep, false, "(n - 1) / (tn - t1): tokens after t1 over the time they took",
     kFull, kBySession},
    {kE2eTokPerS, "e2e_tok_per_s", "tok/s", kHigh, kRep, false, "n / (tn - t0)", kFull, kBySession},
    {kE2eMs, "e2e_ms", "ms", kLow, kRep, false, "tn - t0", kFull, kBySession},
    {kRenderMs, "render_ms", "ms", kLow, kRep, false, "part of ttft_ms: rendering the chat template", kMiddle},
    {kTokenizeMs, "tokenize_ms", "ms", kLow, kRep, false, "part of ttft_ms: turning the prompt's text into ids", kMiddle},
    {kPrefillMs, "prefill_ms", "ms", kLow, kRep, false,
     "part of ttft_ms: from the start of prefill to t1, sampling of the first token included", kMiddle},
    {kDecodeMs, "decode_ms", "ms", kLow, kRep, false, "tn - t1", kMiddle},
    {kDetokenizeMs, "detokenize_ms", "ms", kLow, kRep, false, "turning the output ids into text; outside tn - t0", kMiddle},
    {kItlP50Ms, "itl_p50_ms", "ms", kLow, kGaps, false, "0.50 quantile of the single gaps of all timed repetitions", kBare, kBySession},
    {kItlP90Ms, "itl_p90_ms", "ms", kLow, kGaps, false, "0.90 quantile; empty below 64 gaps", kBare},
    {kItlP95Ms, "itl_p95_ms", "ms", kLow, kGaps, false, "0.95 quantile; empty below 130 gaps", kBare, kBySession},
    {kItlP99Ms, "itl_p99_ms", "ms", kLow, kGaps, false, "0.99 quantile; empty below 662 gaps", kBare},
    {kCharsPerS, "chars_per_s", "chars/s", kHigh, kRep, false,
     "Unicode code points of the output / (tn - t0): comparable across tokenizers", kRange},
    {kBytesPerToken, "bytes_per_token", "bytes/tok", kEven, kRep, false, "UTF-8 bytes of the output / n", kMiddle},
    {kPromptTokens, "prompt_tokens", "tokens", kEven, kRep, true, "p", kMiddle},
    {kOutputTokens, "output_tokens", "tokens", kEven, kRep, true, "n, the end-of-sequence token included", kRange},
    {kContextUseRatio, "context_use_ratio", "1", kEven, kRep, false, "(p + n - 1) / context of the longest sequence: the last token takes no position", kLargest},
    {kThinkingTokens, "thinking_tokens", "tokens", kEven, kRep, true, "output tokens up to and with the end-of-thinking token, of a forced close with all its tokens", kMiddle},
    {kAnswerTokens, "answer_tokens", "tokens", kEven, kRep, true, "output tokens after the thinking", kMiddle},
    {kThinkingMs, "thinking_ms", "ms", kLow, kRep, false, "from t0 to the last thinking token (longest sequence)", kMiddle},
    {kFirstAnswerMs, "first_answer_ms", "ms", kLow, kRep, false, "from t0 to the first token after the thinking (first sequence)", kMiddle},
    {kThinkingTokPerS, "thinking_tok_per_s", "tok/s", kHigh, kRep, false, "thinking tokens after the first / (last thinking token - first token)", kMiddle},
    {kAnswerTokPerS, "answer_tok_per_s", "tok/s", kHigh, kRep, false, "answer tokens / (last token - last thinking token)", kMiddle},
    {kForcedTokens, "forced_tokens", "tokens", kEven, kRep, true, "thinking tokens that closed the thought at its budget or timeout", kMiddle},
    {kPrefixCachedTokens, "prefix_cached_tokens", "tokens", kEven, kRep, true, "prompt tokens that were in the KV cache (--prefix-cache) and not prefilled", kMiddle},
    {kPrefixSavedMs, "prefix_saved_ms", "ms", kHigh, kRep, false,
     "estimate: prefix_cached_tokens * prefill time per token of the process's latest prompt that was prefilled whole", kMiddle},
    {kPeakBytes, "peak_bytes", "bytes", kLow, kRep, true, "largest resident size of the worker process during the repetition", kLargest, kBySession},
    {kCpuUseCores, "cpu_use_cores", "cores", kEven, kRep, false, "processor time / time: mean cores busy, sampled every 100 ms", kMiddle},
    {kDiscardedTokens, "discarded_tokens", "tokens", kLow, kRep, true,
     "computed on the device past a sequence's stop, by steps launched ahead or for the rest of its batch; not in n", kLargest},
    {kGpuUseRatio, "gpu_use_ratio", "1", kEven, kRep, false, "mean of NVML's utilisation, sampled every 100 ms: time in which a kernel ran", kMiddle},
    {kGpuSmClockMhz, "gpu_sm_clock_mhz", "MHz", kEven, kRep, false, "mean clock of the multiprocessors", kMiddle},
    {kGpuMemoryClockMhz, "gpu_memory_clock_mhz", "MHz", kEven, kRep, false, "mean clock of the memory", kMiddle},
    {kGpuPowerW, "gpu_power_w", "W", kLow, kRep, false, "mean power of the GPU", kMiddle},
    {kGpuTemperatureC, "gpu_temperature_c", "degC", kLow, kRep, false, "highest temperature of the GPU", kLargest},
    {kGpuThrottleRatio, "gpu_throttle_ratio", "1", kLow, kRep, false, "share of the samples in which power or heat lowered the clocks", kMiddle},
    {kGpuUsedBytes, "gpu_used_bytes", "bytes", kLow, kRep, true, "most memory in use on the GPU, other processes included", kLargest, kBySession},
    {kEnergyJPerToken, "energy_j_per_token", "J/tok", kLow, kRep, false,
     "advance of the GPU's energy counter / n, in a row over all timed repetitions together; empty below 1 s and without a counter", kMiddle, kBySession},
    {kPrefillGbPerS, "prefill_gb_per_s", "GB/s", kHigh, kRoof, false, "prefill_bytes / prefill_ms_median", kBare},
    {kPrefillTflopPerS, "prefill_tflop_per_s", "TFLOP/s", kHigh, kRoof, false, "prefill_flops / prefill_ms_median", kBare},
    {kPrefillRooflineRatio, "prefill_roofline_ratio", "1", kHigh, kRoof, false,
     "max(prefill_bytes / read_limit_gb_per_s, prefill_flops / matmul_limit_tflop_per_s) / prefill_ms_median", kBare},
    {kDecodeGbPerS, "decode_gb_per_s", "GB/s", kHigh, kRoof, false, "decode_bytes / decode_ms_median", kBare},
    {kDecodeTflopPerS, "decode_tflop_per_s", "TFLOP/s", kHigh, kRoof, false, "decode_flops / decode_ms_median", kBare},
    {kDecodeRooflineRatio, "decode_roofline_ratio", "1", kHigh, kRoof, false,
     "max(decode_bytes / read_limit_gb_per_s, decode_flops / matmul_limit_tflop_per_s) / decode_ms_median", kBare},
    {kQualityScore, "quality_score", "points", kHigh, kTasks, false, "0 to 10, over the tasks of the cell", kBare, kBySession},
    {kSuccessRatio, "success_ratio", "1", kHigh, kTasks, false,
     "answers passed / answers judged, with --max-iterations after the last repair; a harness_error is not judged", kBare, kBySession},
    {kFirstAttemptSuccessRatio, "first_attempt_success_ratio", "1", kHigh, kTasks, false, "answers whose first attempt passed / answers judged", kBare},
    {kPassAt1Ratio, "pass_at_1_ratio", "1", kHigh, kTasks, false, "1 - C(s - c, 1) / C(s, 1): of s first attempts judged c passed", kBare},
    {kPassAtKRatio, "pass_at_k_ratio", "1", kHigh, kTasks, false, "1 - C(s - c, k) / C(s, k), k in pass_k; empty below k answers", kBare},
    {kMeanIterations, "mean_iterations", "requests", kLow, kTasks, false, "requests an answer took, until it passed or --max-iterations was reached: mean over the answers judged", kBare},
    {kTasksJudged, "tasks_judged", "count", kEven, kTasks, true, "answers judged by their tests; harness errors are not among them", kBare},
    {kHarnessErrors, "harness_errors", "count", kLow, kTasks, true, "answers that could not be judged: the harness's or the machine's fault", kBare},
    {kTasksPerHour, "tasks_per_hour", "answers/h", kHigh, kTasks, false, "answers judged / time that generating and judging them took, one after the other", kBare},
    {kResponseRelevance, "response_relevance", "points", kHigh, kTasks, false,
     "10 (m - rank) / (m - 1): rank of the true prompt by log p(answer | prompt) among m prompts, 20 others; 5 is chance", kBare},
    {kCompleteness, "completeness", "points", kHigh, kTasks, false, "0 to 10: src/quality/rating/README.md", kBare},
    {kErrorHandlingPercent, "error_handling_percent", "%", kHigh, kTasks, false, "error-handling coverage: src/quality/rating/README.md", kBare},
    {kDocumentation, "documentation", "points", kHigh, kTasks, false, "0 to 10: src/quality/rating/README.md", kBare},
    {kTypeCompliancePercent, "type_compliance_percent", "%", kHigh, kTasks, false, "src/quality/rating/README.md", kBare},
    {kTestCoveragePercent, "test_coverage_percent", "%", kHigh, kTasks, false, "coverage that the answer's own tests reach: src/quality/rating/README.md", kBare},
    {kSecurityFindings, "security_findings", "findings", kLow, kTasks, false, "bandit's findings: src/quality/rating/README.md", kBare},
    {kStructure, "structure", "points", kHigh, kTasks, false, "0 to 10: src/quality/rating/README.md", kBare},
    {kStars, "stars", "stars", kHigh, kTasks, false, "1 to 5: src/quality/rating/README.md", kBare},
    {kContextEfficiencyRatio, "context_efficiency_ratio", "1", kHigh, kTasks, false, "relevant tokens of the prompts / all their tokens", kBare,
     kBySession},
    {kThinkingEfficiency, "thinking_efficiency", "passes/1000 tok", kHigh, kTasks, false, "1000 * tasks passed / thinking tokens of all judged tasks", kBare},
    {kSelfConsistencyRatio, "self_consistency_ratio", "1", kHigh, kTasks, false,
     "largest group of answers that agree / all answers to the prompt, mean of the prompts; answers agree by what they return, without tests by their code; one that does not compile agrees with none", kBare},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    if (kCatalog[i].id != static_cast<MetricId>(i)) return false;
  }
  return true;
}
static_assert(in_order(), "the catalogue stands in the order of MetricId");

}  // namespace

std::span<const MetricInfo, kMetricCount> metric_catalog() { return kCatalog; }

const MetricInfo& info_of(MetricId id) {
  QB_CHECK(id < MetricId::kCount);
  return kCatalog[static_cast<std::size_t>(id)];
}

std::optional<MetricId> metric_from_name(std::string_view name) {
  for (const MetricInfo& info : kCatalog) {
    if (info.name == name) return info.id;
  }
  return std::nullopt;
}

std::string_view name_of(Better better) noexcept {
  switch (better) {
    case Better::kHigher:
      return "higher";
    case Better::kLower:
      return "lower";
    case Better::kNeither:
      return "neither";
  }
  return "";
}

std::string_view name_of(MetricScope scope) noexcept {
  switch (scope) {
    case MetricScope::kLoad:
      return "load";
    case MetricScope::kRepetition:
      return "repetition";
    case MetricScope::kCellGaps:
      return "cell_gaps";
    case MetricScope::kRoofline:
      return "roofline";
    case MetricScope::kCellTasks:
      return "cell_tasks";
  }
  return "";
}

std::string_view name_of(Statistic statistic) noexcept {
  switch (statistic) {
    case Statistic::kNone:
      return "";
    case Statistic::kMedian:
      return "median";
    case Statistic::kMin:
      return "min";
    case Statistic::kMax:
      return "max";
    case Statistic::kMean:
      return "mean";
    case Statistic::kStddev:
      return "stddev";
  }
  return "";
}

std::string column_name(MetricId id, Statistic statistic) {
  std::string name(info_of(id).name);
  if (statistic != Statistic::kNone) name.append("_").append(name_of(statistic));
  return name;
}

std::string by_session_column_name(MetricId id) { return std::string(info_of(id).name) + "_by_session"; }

std::string format_value(const std::optional<double>& value) {
  if (!value || !std::isfinite(*value)) return {};
  // Integers up to 2^53 in full: a byte count must not turn into 1e+09.
  if (std::abs(*value) <= 9007199254740992.0 && *value == std::trunc(*value)) return fmt::format("{}", static_cast<long long>(*value));
  return fmt::format("{}", *value);
}

}  // namespace qbench::record
