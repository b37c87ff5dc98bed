#include <fmt/format.h>

#include <algorithm>

#include "compare/compare.h"
#include "compare/monitor.h"
#include "compare/pairing.h"
#include "compare/sentences.h"

/// What the numbers of a row say bounds it. Each rule needs its values: what was not measured recommends nothing.
namespace qbench::compare {
namespace {

using record::MetricId;
using record::ResultRow;

// Where the rules switch. A decode at 60 % of the measured read rate has little left beside fewer bytes; below 30 % something else takes
// the time.
constexpr double kNearLimit = 0.6, kFarFromLimit = 0.3;
constexpr double kIdleGpu = 0.8;     // share of the time in which a kernel ran
constexpr double kFullMemory = 0.9;  // of the device
constexpr double kFullContext = 0.9;
constexpr double kPrefillShare = 0.5;  // of a request's time
constexpr double kThrottleShare = 0.05;

class Adviser {
 public:
  Adviser(const ResultRow& row, std::vector<Recommendation>& out) : row_(row), out_(out), cell_(describe_cell(nullptr, &row).name()) {}

  void advise() {
    clocks();
    decode();
    memory();
    context();
    prefill();
  }

 private:
  std::optional<double> value(MetricId id) const { return row_.metric(id).value; }
  void say(const char* bound, std::string sentence) { out_.push_back({cell_, bound, std::move(sentence)}); }

  void clocks() {
    const auto share = value(MetricId::kGpuThrottleRatio);
    if (share && *share > kThrottleShare) {
      say("clocks",
          fmt::format("power or heat lowered the clocks in {:.0f} % of the samples: raise the power limit or cool before comparing",
                      100 * *share));
    }
  }

  void decode() {
    const auto ratio = value(MetricId::kDecodeRooflineRatio);
    const auto used = value(MetricId::kGpuUseRatio);
    if (!ratio) return;
    if (*ratio >= kNearLimit && row_.fact("decode_bound") != "compute") {
      std::string text = fmt::format("decode reaches {:.0f} % of what this memory allows", 100 * *ratio);
      if (const auto rate = value(MetricId::kDecodeGbPerS)) text += fmt::format(" ({:.0f} GB/s)", *rate);
      if (const auto bytes = fact_number(row_, "decode_read_bytes"))
        text += fmt::format(", {} of weights a token", value_text(*bytes, "bytes"));
      say("bandwidth", text + ": only fewer bytes a token help (a smaller quantisation, fewer active weights) or more sequences at once");
    } else if (*ratio < kFarFromLimit && used && *used < kIdleGpu) {
      say("launch",
          fmt::format(
              "decode reaches {:.0f} % of what this memory allows and the GPU had no kernel running in {:.0f} % of the time: the host does "
              "not launch fast enough; keep graphs and fused steps on, or decode more sequences at once",
              100 * *ratio, 100 * (1 - *used)));
    }
  }

  void memory() {
    const auto free = fact_number(row_, "memory_free_bytes");
    const bool cpu = device_class(row_) == "cpu";
    const auto used = value(cpu ? MetricId::kPeakBytes : MetricId::kGpuUsedBytes);
    if (!free || !used || *used + *free <= 0 || *used < kFullMemory * (*used + *free)) return;
    std::string text = fmt::format("{} in use, {} free", value_text(*used, "bytes"), value_text(*free, "bytes"));
    const auto weights = fact_number(row_, "weight_bytes"), kv = fact_number(row_, "kv_bytes");
    if (weights && kv) {
      text += fmt::format(
          "; weights {}, KV cache {}: {}", value_text(*weights, "bytes"), value_text(*kv, "bytes"),
          *kv > 0.5 * *weights ? "a shorter context, a window or an FP8 cache frees most" : "a smaller quantisation frees most");
    }
    say("memory", text);
  }

  void context() {
    if (const auto use = value(MetricId::kContextUseRatio); use && *use > kFullContext) {
      say("context", fmt::format("the longest sequence fills {:.0f} % of the context of {}: raise --context or shorten the prompt",
                                 100 * *use, row_.fact("context").empty() ? "the session" : row_.fact("context")));
    }
  }

  void prefill() {
    const auto ttft = value(MetricId::kTtftMs), e2e = value(MetricId::kE2eMs);
    const auto tokens = value(MetricId::kPromptTokens);
    if (!ttft || !e2e || !tokens || *e2e <= 0 || *ttft < kPrefillShare * *e2e) return;
    say("prefill", fmt::format("{:.0f} % of a request is its prompt ({:.0f} tokens, {}): a shorter prompt saves more than faster decoding",
                               100 * *ttft / *e2e, *tokens, value_text(*ttft, "ms")));
  }

  const ResultRow& row_;
  std::vector<Recommendation>& out_;
  std::string cell_;
};

}  // namespace

std::vector<Recommendation> recommend(const record::ResultSet& results) {
  std::vector<Recommendation> out;
  for (const ResultRow& row : results.rows) {
    if (record::is_measured(row.status)) Adviser(row, out).advise();
  }
  return out;
}

}  // namespace qbench::compare
