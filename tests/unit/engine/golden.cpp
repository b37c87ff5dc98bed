#include "golden.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "engine/session.h"

namespace qbench::test {

Golden read_golden(const std::filesystem::path& folder) {
  const nlohmann::json json = read_json_file(folder / "expected.json");
  Golden golden;
  golden.folder = folder;
  golden.token_ids = json.at("token_ids").get<std::vector<std::int32_t>>();
  golden.greedy_prompt = json.at("greedy").at("prompt_ids").get<std::vector<std::int32_t>>();
  golden.greedy_output = json.at("greedy").at("output_ids").get<std::vector<std::int32_t>>();
  golden.logit_std = json.at("logit_std").get<double>();
  golden.perplexity = json.at("perplexity").get<double>();
  golden.tokenizer_size = json.at("tokenizer_size").get<std::int64_t>();
  golden.logits = read_npy(folder / "logits.npy");
  return golden;
}

std::vector<std::filesystem::path> golden_folders(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (std::filesystem::exists(entry.path() / "expected.json")) folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

GoldenError compare_with_golden(const Golden& golden, const formats::ModelFile& file, backend::Backend& device) {
  model::ModelOptions options;
  options.precision = model::WeightPrecision::kF32;
  options.max_step_tokens = 48;  // several chunks, so that chunked prefill is compared too
  const auto decoder = model::load_model(file, device, options);
  engine::SessionOptions session_options;
  session_options.context = 256;
  session_options.kv_dtype = tensor::DType::kF32;
  session_options.sampling_vocab = golden.tokenizer_size;
  engine::Session session(*decoder, session_options);

  // Nothing to compare would be equal to anything.
  REQUIRE(golden.token_ids.size() >= 16);
  REQUIRE(golden.greedy_output.size() >= 8);
  REQUIRE(golden.logits.rows == static_cast<std::int64_t>(golden.token_ids.size()));
  REQUIRE(golden.logits.cols == decoder->config().vocab);
  GoldenError error;
  std::size_t compared = 0;
  session.score(golden.token_ids, 0, [&](std::int64_t row, std::span<const float> logits) {
    const float* expected = golden.logits.row(row);
    ++compared;
    for (std::size_t i = 0; i < logits.size(); ++i) {
      const double difference = std::fabs(static_cast<double>(logits[i]) - static_cast<double>(expected[i])) / golden.logit_std;
      error.worst = std::isnan(difference) ? std::numeric_limits<double>::infinity() : std::max(error.worst, difference);
    }
  });
  REQUIRE(compared == golden.token_ids.size());
  engine::GenerateRequest request;
  request.prompts = {golden.greedy_prompt};
  request.max_new_tokens = static_cast<std::int64_t>(golden.greedy_output.size());
  request.ignore_eos = true;
  error.same_greedy = session.generate(request)[0].output_ids == golden.greedy_output;
  return error;
}

}  // namespace qbench::test
