#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "backend/cpu/cpu_backend.h"
#include "base/json.h"
#include "engine/session.h"
#include "formats/model_file.h"
#include "golden.h"
#include "tampered.h"
#include "test_support.h"

// GGUFs that llama.cpp's converter and quantiser made from random weights, with transformers' float32 logits on the dequantised weights and
// llama.cpp's own mean KL from them (scripts/check_quantised.py --fixtures).

namespace qbench::test {
namespace {

constexpr std::size_t kFixtures = 21;
constexpr double kExactTolerance = 1e-3;  // of the logits' standard deviation
constexpr double kKlRatio = 1.5;          // of llama.cpp's own error on the same file
constexpr double kKlFloor = 2e-6;         // below this llama.cpp's figure is the rounding of its 16-bit log-probabilities

struct Case {
  std::filesystem::path gguf;
  std::vector<std::vector<std::int32_t>> chunks;
  double logit_std = 0.0, llama_kl = 0.0;
  NpyMatrix logits;  // (scored tokens of all chunks, vocab)
};

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& entry : std::filesystem::directory_iterator(fixtures_dir() / "quantised")) {
    if (entry.path().extension() != ".gguf") continue;
    std::filesystem::path stem = entry.path();
    const nlohmann::json json = read_json_file(stem.replace_extension(".json"));
    all.push_back({entry.path(), json.at("chunks").get<std::vector<std::vector<std::int32_t>>>(), json.at("logit_std").get<double>(),
                   json.at("llama_kl").get<double>(), read_npy(stem.replace_extension(".npy"))});
  }
  std::sort(all.begin(), all.end(), [](const Case& a, const Case& b) { return a.gguf < b.gguf; });
  REQUIRE(all.size() >= kFixtures);
  return all;
}

/// Everything that a comparison counts over must be there: an empty file of logits would otherwise be equal to anything.
std::size_t scored_rows(const Case& c) {
  std::size_t rows = 0;
  for (const auto& ids : c.chunks) rows += ids.size() - 1 - ids.size() / 2;
  return rows;
}

/// Calls visit(logits, expected logits) for every token that llama.cpp scores: the second half of each chunk but its last.
template <class Visit>
void run_case(const Case& c, const formats::ModelFile& file, bool exact, Visit visit) {
  const auto device = backend::make_cpu_backend({2, {}});
  model::ModelOptions options;
  options.precision = exact ? model::WeightPrecision::kF32 : model::WeightPrecision::kAuto;
  const auto decoder = model::load_model(file, *device, options);
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

double worst_difference(const Case& c, const formats::ModelFile& file) {
  double worst = 0.0;
  std::size_t compared = 0;
  run_case(c, file, true, [&](std::span<const float> logits, std::span<const float> expected) {
    ++compared;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const double difference = std::fabs(static_cast<double>(logits[i]) - static_cast<double>(expected[i])) / c.logit_std;
      worst = std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(worst, difference);
    }
  });
  REQUIRE(compared == scored_rows(c));
  return worst;
}

double log_sum(std::span<const float> logits) {
  double sum = 0.0;
  for (const float l : logits) sum += std::exp(static_cast<double>(l));
  return std::log(sum);
}

/// Mean KL of the model's distribution from the expected one, without the largest tenth of positions (flipped experts).
double trimmed_kl(const Case& c, const formats::ModelFile& file) {
  std::vector<double> kl;
  run_case(c, file, false, [&](std::span<const float> logits, std::span<const float> expected) {
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

}  // namespace

TEST_CASE("with float32 arithmetic every quantised file gives transformers' logits on the dequantised weights") {
  for (const Case& c : cases()) {
    CAPTURE(c.gguf.string());
    CHECK(worst_difference(c, *formats::open_model_file(c.gguf)) < kExactTolerance);
  }
}

TEST_CASE("on the fast path the error of every quantised file is at most one and a half times llama.cpp's") {
  for (const Case& c : cases()) {
    const double kl = trimmed_kl(c, *formats::open_model_file(c.gguf));
    CAPTURE(c.gguf.string());
    CAPTURE(c.llama_kl);
    CHECK(kl <= kKlRatio * std::max(c.llama_kl, kKlFloor));
  }
}

TEST_CASE("a wrong block scale in one tensor fails both comparisons") {
  const std::vector<Case> all = cases();
  const auto q8_0 = std::find_if(all.begin(), all.end(), [](const Case& c) { return c.gguf.stem() == "llama-Q8_0"; });
  REQUIRE(q8_0 != all.end());
  const auto file = formats::open_model_file(q8_0->gguf);
  TamperedFile tampered(*file);
  tampered.scale_q8_0("blk.0.ffn_down.weight", 2);
  CHECK(worst_difference(*q8_0, tampered) > kExactTolerance);
  CHECK(trimmed_kl(*q8_0, tampered) > kKlRatio * q8_0->llama_kl);
}

}  // namespace qbench::test
