#include "run/stop_words.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "formats/tokenizer_source.h"
#include "gguf_writer.h"
#include "test_support.h"

using namespace qbench;
using namespace qbench::run;

namespace {

/// The tiny vocabulary: bytes, two blanks as 256, special tokens <|extra_257|> and on.
std::unique_ptr<text::Tokenizer> tiny_tokenizer() {
  const test::TempDir dir;
  test::tiny_gguf({}).write(dir.path() / "m.gguf");
  return text::make_tokenizer(formats::load_tokenizer_source(dir.path() / "m.gguf"));
}

ErrorCode refusal(const std::vector<std::string>& words, const text::Tokenizer* tokenizer) {
  try {
    split_stop_words(words, tokenizer);
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode::kInterrupted;
}

}  // namespace

TEST_CASE("a stop word that is one special token becomes its id, any other is looked for in the text") {
  const auto tokenizer = tiny_tokenizer();
  const std::vector<std::string> words{"###", "<|extra_300|>", "<|extra"};
  const StopWords stops = split_stop_words(words, tokenizer.get());
  CHECK(stops.texts == std::vector<std::string>{"###", "<|extra"});
  CHECK(stops.ids == std::vector<std::int32_t>{300});
}

TEST_CASE("a stop word that can never be found is refused: without a tokenizer, or a special token within other text") {
  const auto tokenizer = tiny_tokenizer();
  CHECK(refusal({"###"}, nullptr) == ErrorCode::kUsage);
  CHECK(refusal({"<|extra_300|>\n"}, tokenizer.get()) == ErrorCode::kUsage);
  CHECK(split_stop_words({}, nullptr).texts.empty());
}

TEST_CASE("stop words end a generation also where EOS is ignored, and say so") {
  const StopWords stops{{"###"}, {300}};
  const std::vector<std::int32_t> eos{319};
  engine::GenerateRequest request;
  set_stops(request, stops, eos, false);
  CHECK(request.eos_ids == std::vector<std::int32_t>{319, 300});
  CHECK_FALSE(request.ignore_eos);
  set_stops(request, stops, eos, true);
  CHECK(request.eos_ids == std::vector<std::int32_t>{300});
  CHECK_FALSE(request.ignore_eos);
  set_stops(request, {}, eos, true);
  CHECK(request.ignore_eos);

  std::vector<engine::Generation> generations(2);
  for (auto& generation : generations) generation.stop_reason = engine::StopReason::kEos;
  generations[0].output_ids = {5, 300};
  generations[1].output_ids = {5, 319};
  name_stops(generations, stops);
  CHECK(generations[0].stop_reason == engine::StopReason::kStopString);
  CHECK(generations[1].stop_reason == engine::StopReason::kEos);
}
