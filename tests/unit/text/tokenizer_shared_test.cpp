#include <doctest/doctest.h>

#include <filesystem>
#include <sstream>

#include "tokenizer_test_support.h"

using namespace qbench;
using namespace qbench::text;
using Ids = std::vector<std::int32_t>;

namespace {

std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t at = text.find(separator); at != text.npos; at = text.find(separator, begin)) {
    parts.push_back(text.substr(begin, at - begin));
    begin = at + separator.size();
  }
  parts.push_back(text.substr(begin));
  return parts;
}

void check_vectors(const std::filesystem::path& tokenizer_path, const std::filesystem::path& vectors) {
  const auto tokenizer = make_tokenizer(formats::load_tokenizer_source(tokenizer_path));
  const auto texts = split(read_text_file(vectors.string() + ".inp"), "\n__ggml_vocab_test__\n");
  const auto rows = split(read_text_file(vectors.string() + ".out"), "\n");
  REQUIRE(texts.size() > 40);
  REQUIRE(rows.size() >= texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Ids wanted;
    std::istringstream row(rows[i]);
    for (std::int32_t id; row >> id;) wanted.push_back(id);
    INFO("text " << i << ": " << texts[i]);
    CHECK(tokenizer->encode(texts[i], {false}) == wanted);
    CHECK(tokenizer->decode(wanted) == texts[i]);
  }
}

std::optional<std::filesystem::path> shared_tokenizers(const std::string& test) {
  const auto shared = qbench::test::shared_data_dir();
  if (!shared) qbench::test::report_skip(test, "no shared test data");
  return shared ? std::optional(*shared / "tokenizers") : std::nullopt;
}

}  // namespace

TEST_CASE("llama.cpp's vectors for qwen2 come out of Qwen2.5's and Qwen3's own tokenizer.json") {
  const auto folder = shared_tokenizers("qwen2 vectors");
  if (!folder) return;
  check_vectors(*folder / "qwen2.5", *folder / "vectors/qwen2");
  check_vectors(*folder / "qwen3", *folder / "vectors/qwen2");
}

TEST_CASE("llama.cpp's vectors for Phi-3 come out of its GGUF") {
  const auto folder = shared_tokenizers("phi-3 vectors");
  if (!folder) return;
  check_vectors(*folder / "vectors/phi-3.gguf", *folder / "vectors/phi-3");
}

TEST_CASE("Phi-3's special tokens take the white space behind them along, its plain ones do not") {
  const auto folder = shared_tokenizers("phi-3 special tokens");
  if (!folder) return;
  const auto tokenizer = make_tokenizer(formats::load_tokenizer_source(*folder / "vectors/phi-3.gguf"));
  const std::int32_t user = tokenizer->id_of("<|user|>").value(), end = tokenizer->id_of("<|end|>").value();
  CHECK(tokenizer->encode("<|user|>\n<|end|>\n\n<|user|>", {false}) == Ids{user, end, user});
  CHECK(tokenizer->encode("<|user|>\nHello", {false}) == tokenizer->encode("<|user|>Hello", {false}));
  CHECK(tokenizer->encode("<s> <s>", {false}).size() == 3);
  CHECK(tokenizer->encode("Hello").at(0) == tokenizer->bos_id());
  CHECK(tokenizer->encode("") == Ids{1});
}

TEST_CASE("Qwen's tokenizers know their ends and hold back the rows that fill up the model") {
  const auto folder = shared_tokenizers("Qwen's special tokens");
  if (!folder) return;
  const auto qwen25 = make_tokenizer(formats::load_tokenizer_source(*folder / "qwen2.5"));
  const auto qwen3 = make_tokenizer(formats::load_tokenizer_source(*folder / "qwen3"));
  CHECK(qwen25->vocab_size() == 151665);
  CHECK(qwen3->vocab_size() == 151669);
  CHECK(qwen3->eos_id() == 151645);
  CHECK_FALSE(qwen3->bos_id().has_value());
  CHECK(qwen3->encode("<|im_start|>user") == Ids{151644, 872});
  CHECK_FALSE(qwen3->is_special(qwen3->id_of("<think>").value()));
  CHECK(qwen25->fingerprint() != qwen3->fingerprint());
}
