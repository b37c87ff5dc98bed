#include "quantised.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "engine/session.h"
#include "test_support.h"

namespace qbench::test {
namespace {

constexpr std::size_t kFixtures = 21;

/// Everything that a comparison counts over must be there: an empty file of logits would otherwise be equal to anything.
std::size_t scored_rows(const QuantisedCase& c) {
  std::size_t rows = 0;
  for (const auto& ids : c.chunks) rows += ids.size() - 1 - ids.size() / 2;
  return rows;
}

/// Calls visit(logits, expected logits) for every token that llama.cpp scores: the second half of each chunk but its last.
template <class Visit>
void run_case(const QuantisedCase& c, const formats::ModelFile& file, backend::Backend& device, bool exact, std::int64_t step_tokens,
              Visit visit) {
  model::ModelOptions options;
  options.precision = exact ? model::WeightPrecision::kF32 : model::WeightPrecision::kAuto;
  options.max_step_tokens = step_tokens;
  const auto decoder = model::load_model(file, device, options);
  engine::SessionOptions session_options;
  session_options.context = 64;
  session_options.kv_dtype = exact ? tensor::DType::kF32 : tensor::DType::kF16;
  engine::Session session(*decoder, session_options);
  REQUIRE(c.logits.rows == static_cast<std::int64_t>(scored_rows(c)));
  REQUIRE(c.logits.cols == decoder->config().vocab);
  std::int64_t scored = 0;
  for (const auto& ids : c.chunks) {
    const auto length = static_cast<std::int64_t>(ids.size());
    session.score(ids, length / 2, [&](std::int64_t row, std::span<const float> logits) {
      if (row < length - 1) visit(logits, std::span(c.logits.row(scored++), logits.size()));
    });
  }
}

double log_sum(std::span<const float> logits) {
  double sum = 0.0;
  for (const float l : logits) sum += std::exp(static_cast<double>(l));
  return std::log(sum);
}

}  // namespace

std::vector<QuantisedCase> quantised_cases() {
  std::vector<QuantisedCase> all;
  for (const auto& entry : std::filesystem::directory_iterator(fixtures_dir() / "quantised")) {
    if (entry.path().extension() != ".gguf") continue;
    std::filesystem::path stem = entry.path();
    const nlohmann::json json = read_json_file(stem.replace_extension(".json"));
    all.push_back({entry.path(), json.at("chunks").get<std::vector<std::vector<std::int32_t>>>(), json.at("logit_std").get<double>(),
                   json.at("llama_kl").get<double>(), read_npy(stem.replace_extension(".npy"))});
  }
  std::sort(all.begin(), all.end(), [](const QuantisedCase& a, const QuantisedCase& b) { return a.gguf < b.gguf; });
  REQUIRE(all.size() >= kFixtures);
  return all;
}

double worst_difference(const QuantisedCase& c, const formats::ModelFile& file, backend::Backend& device) {
  double worst = 0.0;
  std::size_t compared = 0;
  run_case(c, file, device, true, 512, [&](std::span<const float> logits, std::span<const float> expected) {
    ++compared;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const double difference = std::fabs(static_cast<double>(logits[i]) - static_cast<double>(expected[i])) / c.logit_std;
      worst = std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(worst, difference);
    }
  });
  REQUIRE(compared == scored_rows(c));
  return worst;
}

double trimmed_kl(const QuantisedCase& c, const formats::ModelFile& file, backend::Backend& device, std::int64_t step_tokens) {
  std::vector<double> kl;
  run_case(c, file, device, false, step_tokens, [&](std::span<const float> logits, std::span<const float> expected) {
    const double own = log_sum(logits), reference = log_sum(expected);
    double sum = 0.0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const double log_p = static_cast<double>(expected[i]) - reference;
      sum += std::exp(log_p) * (log_p - (static_cast<double>(logits[i]) - own));
    }
    kl.push_back(sum);
  });
  REQUIRE(kl.size() == scored_rows(c));
  REQUIRE(std::none_of(kl.begin(), kl.end(), [](double k) { return std::isnan(k); }));  // would be sorted to the trimmed tenth
  std::sort(kl.begin(), kl.end());
  kl.resize(kl.size() - kl.size() / 10);
  double mean = 0.0;
  for (const double k : kl) mean += k / static_cast<double>(kl.size());
  return mean;
}

}  // namespace qbench::test
