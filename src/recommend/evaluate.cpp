#include "recommend/evaluate.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "recommend/measured.h"
#include "stats/summary.h"

namespace qbench::recommend {
namespace {

struct Quantities {
  const char* metric;
  std::optional<Estimate> Prediction::*predicted;
  std::optional<double> Measured::*measured;
};
constexpr Quantities kQuantities[] = {{"ttft_ms", &Prediction::ttft_ms, &Measured::ttft_ms},
                                      {"decode_tok_per_s", &Prediction::decode_tok_per_s, &Measured::decode_tok_per_s},
                                      {"output_tokens", &Prediction::output_tokens, &Measured::output_tokens},
                                      {"e2e_ms", &Prediction::e2e_ms, &Measured::e2e_ms},
                                      {"quality_score", &Prediction::quality_score, &Measured::quality_score}};

struct Pair {
  const Prediction* predicted;
  Measured measured;
};

QuantityCalibration calibrate(const Quantities& quantity, const std::vector<Pair>& pairs) {
  QuantityCalibration out;
  out.metric = quantity.metric;
  std::vector<double> ratios;
  for (const Pair& pair : pairs) {
    const auto& predicted = pair.predicted->*quantity.predicted;
    const auto& measured = pair.measured.*quantity.measured;
    if (!predicted || !measured) continue;
    ++out.n;
    out.with_interval += predicted->low ? 1 : 0;
    out.inside += predicted->holds(*measured) ? 1 : 0;
    if (predicted->value > 0) ratios.push_back(*measured / predicted->value);
  }
  out.median_ratio = stats::median(ratios);
  return out;
}

void add_success(const std::vector<Pair>& pairs, Calibration& out) {
  constexpr int kBins = 10;
  std::vector<SuccessBin> bins(kBins);
  double squares = 0;
  std::int64_t n = 0;
  for (const Pair& pair : pairs) {
    if (!pair.predicted->success_ratio || !pair.measured.success_ratio) continue;
    const double predicted = pair.predicted->success_ratio->value, measured = *pair.measured.success_ratio;
    squares += (predicted - measured) * (predicted - measured);
    ++n;
    SuccessBin& bin = bins[static_cast<std::size_t>(std::clamp(static_cast<int>(predicted * kBins), 0, kBins - 1))];
    ++bin.n;
    bin.predicted += predicted;
    bin.measured += measured;
  }
  if (n > 0) out.brier = squares / static_cast<double>(n);
  for (int i = 0; i < kBins; ++i) {
    SuccessBin& bin = bins[static_cast<std::size_t>(i)];
    if (bin.n == 0) continue;
    bin.low = static_cast<double>(i) / kBins;
    bin.high = static_cast<double>(i + 1) / kBins;
    bin.predicted /= static_cast<double>(bin.n);
    bin.measured /= static_cast<double>(bin.n);
    out.bins.push_back(bin);
  }
}

/// Better by what the choice was made for; by time where success was not measured.
bool is_better(const Measured& a, const Measured& b, std::string_view preference) {
  const double time_a = a.e2e_ms.value_or(HUGE_VAL), time_b = b.e2e_ms.value_or(HUGE_VAL);
  if (preference == "speed" || !a.success_ratio || !b.success_ratio) return time_a < time_b;
  if (*a.success_ratio != *b.success_ratio && (preference == "quality" || *a.success_ratio == 0 || *b.success_ratio == 0))
    return *a.success_ratio > *b.success_ratio;
  if (preference == "quality" || *a.success_ratio == 0) return time_a < time_b;
  return time_a / *a.success_ratio < time_b / *b.success_ratio;
}

void add_choice(const StoredPrediction& stored, const MeasuredResults& measured, Calibration& out) {
  const auto chosen = stored.chosen ? measured.find(*stored.chosen, stored.digest) : std::nullopt;
  if (!chosen) return;
  bool contested = false, beaten = false;
  for (const StoredCandidate& candidate : stored.candidates) {
    const auto other = candidate.key == *stored.chosen ? std::nullopt : measured.find(candidate.key, stored.digest);
    if (!other || !candidate.can_win) continue;
    contested = true;
    beaten = beaten || is_better(*other, *chosen, stored.preference);
  }
  out.choices += contested ? 1 : 0;
  out.choices_right += contested && !beaten ? 1 : 0;
}

/// Of each task the latest prediction made before `utc`, or of all times; lines stand in the order in which they were made. Stamps are
/// whole seconds: of the same second, a short run may have ended before.
std::map<std::string, const StoredPrediction*> latest_before(const std::vector<StoredPrediction>& predictions,
                                                             std::optional<std::string> utc) {
  std::map<std::string, const StoredPrediction*> by_digest;
  for (const StoredPrediction& one : predictions) {
    if (!utc || one.created_utc < *utc) by_digest[one.digest] = &one;
  }
  return by_digest;
}

}  // namespace

Calibration evaluate(const std::vector<StoredPrediction>& predictions, const std::vector<record::ResultSet>& results) {
  Calibration out;
  const auto latest = latest_before(predictions, std::nullopt);
  for (const auto& [digest, stored] : latest) out.predictions += static_cast<std::int64_t>(stored->candidates.size());
  std::vector<Pair> pairs;
  for (const record::ResultSet& result : results) {
    const MeasuredResults own(result);
    const auto earlier = latest_before(predictions, result.started_utc);
    for (const auto& [digest, stored] : earlier) {
      for (const StoredCandidate& candidate : stored->candidates) {
        if (const auto found = own.find(candidate.key, digest)) pairs.push_back({&candidate.prediction, *found});
      }
      add_choice(*stored, own, out);
    }
    for (const auto& [digest, stored] : latest) {
      if (earlier.count(digest) > 0) continue;
      out.too_late += std::count_if(stored->candidates.begin(), stored->candidates.end(),
                                    [&, key = digest](const StoredCandidate& one) { return own.find(one.key, key).has_value(); });
    }
  }
  out.checks = static_cast<std::int64_t>(pairs.size());
  for (const Quantities& quantity : kQuantities) {
    QuantityCalibration one = calibrate(quantity, pairs);
    if (one.n > 0) out.quantities.push_back(one);
  }
  add_success(pairs, out);
  return out;
}

}  // namespace qbench::recommend
