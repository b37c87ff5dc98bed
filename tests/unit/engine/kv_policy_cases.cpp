#include "kv_policy_cases.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "engine/session.h"
#include "golden.h"
#include "test_support.h"

namespace qbench::test {
namespace {

struct PolicyCase {
  std::string model;
  std::int64_t sinks, window;
};

double worst_difference(const Golden& golden, const NpyMatrix& expected, engine::Session& session) {
  double worst = 0.0;
  std::int64_t rows = 0;
  session.score(golden.token_ids, 0, [&](std::int64_t row, std::span<const float> logits) {
    ++rows;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const double difference = std::fabs(static_cast<double>(logits[i]) - static_cast<double>(expected.row(row)[i])) / golden.logit_std;
      worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
    }
  });
  CHECK(rows == expected.rows);
  return worst;
}

}  // namespace

void check_kv_policies(const std::function<std::unique_ptr<backend::Backend>()>& make_device) {
  for (const PolicyCase& c : {PolicyCase{"qwen3", 0, 9}, {"qwen3", 3, 9}, {"phi3", 2, 7}, {"qwen2-window", 4, 20}, {"qwen2-window", 4, 6}}) {
    CAPTURE(c.model);
    CAPTURE(c.sinks);
    CAPTURE(c.window);
    const auto folder = fixtures_dir() / "engine" / c.model;
    const Golden golden = read_golden(folder);
    const std::string name = c.model + "-" + std::to_string(c.sinks) + "-" + std::to_string(c.window) + ".npy";
    const NpyMatrix expected = read_npy(fixtures_dir() / "kv_policy" / name);
    REQUIRE(expected.rows == static_cast<std::int64_t>(golden.token_ids.size()));
    const auto file = formats::open_model_file(folder);
    for (const std::int64_t chunk : {1, 4, 16}) {
      CAPTURE(chunk);
      const auto device = make_device();
      model::ModelOptions options;
      options.precision = model::WeightPrecision::kF32;
      options.max_step_tokens = chunk;
      const auto decoder = model::load_model(*file, *device, options);
      engine::SessionOptions session_options;
      session_options.context = 256;
      session_options.kv_dtype = tensor::DType::kF32;
      session_options.kv_window = c.window;
      session_options.kv_sinks = c.sinks;
      engine::Session session(*decoder, session_options);
      CHECK(worst_difference(golden, expected, session) < 1e-3);
      const std::int64_t room = c.sinks + c.window + chunk - 1;
      const std::uint64_t position_bytes = static_cast<std::uint64_t>(decoder->config().layers * decoder->config().kv_heads * decoder->config().head_dim) * 8;
      CHECK(session.kv_bytes() <= static_cast<std::uint64_t>((room + 15) / 16 * 16 + 16) * position_bytes);
      session_options.kv_window = 0;
      session_options.kv_sinks = 0;
      engine::Session full(*decoder, session_options);
      CHECK(worst_difference(golden, expected, full) > 1e-2);  // the mask matters
    }
  }
}

}  // namespace qbench::test
