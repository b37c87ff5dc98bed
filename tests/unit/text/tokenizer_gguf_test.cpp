#include <doctest/doctest.h>

#include <algorithm>

#include "base/error.h"
#include "text/pretokenizer_table.h"
#include "tokenizer_test_support.h"

using namespace qbench;
using namespace qbench::text;
using namespace qbench::text::test;
using nlohmann::json;
using Ids = std::vector<std::int32_t>;

namespace {

const json& case_named(const json& cases, const std::string& name) {
  for (const json& entry : cases) {
    if (entry.at("name") == name) return entry;
  }
  FAIL("no case " << name);
  return cases;
}

/// Added tokens that a GGUF can say: no stripping, no single words, nothing normalised.
bool is_plain(const std::string& text) {
  for (const char* odd : {"<left>", "<right>", "<both>", "word", "\xC3\x84", "A\xCC\x88", "<longer>"}) {
    if (text.find(odd) != text.npos) return false;
  }
  return true;
}

/// The plain added tokens of the fixture, with the others as ordinary ids of their own.
formats::TokenizerSource plain_gguf(const json& tokenizer, const std::string& pre) {
  formats::TokenizerSource source = gguf_source_of(tokenizer, pre);
  for (std::size_t id = 0; id < source.tokens.size(); ++id) {
    if (source.token_types[id] == 4 && source.tokens[id] != "<keep>" && source.tokens[id] != "<long>") source.token_types[id] = 5;
  }
  return source;
}

void check_like(const std::string& pre, const std::string& case_name) {
  const json cases = read_fixture("tok_cases.json");
  const json& entry = case_named(cases, case_name);
  formats::TokenizerSource source = plain_gguf(read_fixture("tok_byte_level.json"), pre);
  source.bos_id = 0;
  const auto tokenizer = make_tokenizer(source);
  int checked = 0;
  for (std::size_t i = 0; i < entry.at("texts").size(); ++i) {
    const std::string text = entry.at("texts").at(i).get<std::string>();
    if (!is_plain(text)) continue;
    INFO(pre << ": " << text);
    CHECK(tokenizer->encode(text, {false}) == entry.at("ids").at(i).get<Ids>());
    ++checked;
  }
  CHECK(checked > 40);
}

}  // namespace

TEST_CASE("a GGUF that names a pre-tokenizer encodes as the tokenizer.json with that pattern") {
  check_like("qwen2", "qwen");  // NFC included
  check_like("smollm", "smollm");
  check_like("starcoder", "smollm");
  check_like("llama-bpe", "llama 3");
  check_like("deepseek-v3", "deepseek");
}

TEST_CASE("every named pre-tokenizer compiles, keeps every byte and decodes back") {
  const json fixture = read_fixture("tok_byte_level.json");
  const std::string text = "Hello WORLD it's 12345 \t\n\n  x\xC3\xA9\xE4\xBD\xA0\xE5\xA5\xBD --> $%^ \xF0\x9F\x98\x80\r\n 'S 1/2 \xCE\xB1";
  for (const NamedPreTokenizer& entry : known_pre_tokenizers()) {
    CAPTURE(std::string(entry.name));
    formats::TokenizerSource source = plain_gguf(fixture, std::string(entry.name));
    source.bos_id = 0;
    const auto tokenizer = make_tokenizer(source);
    CHECK(tokenizer->decode(tokenizer->encode(text, {false})) == text);
    CHECK((tokenizer->encode("a").size() == 2) == entry.add_bos);
  }
}

TEST_CASE("a pre-tokenizer or model that is not known is an error that names it") {
  formats::TokenizerSource source = gguf_source_of(read_fixture("tok_byte_level.json"), "kimi-k9");
  CHECK_THROWS_WITH(make_tokenizer(source), doctest::Contains("'kimi-k9' is not known"));
  source.model = "t5";
  CHECK_THROWS_WITH(make_tokenizer(source), doctest::Contains("tokenizer.ggml.model 't5'"));
  source.kind = formats::TokenizerSource::Kind::kNone;
  try {
    make_tokenizer(source);
    FAIL("no error");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kNotFound);
  }
}

TEST_CASE("a SentencePiece vocabulary with scores encodes and decodes as the Python package sentencepiece does") {
  const json cases = read_fixture("tok_cases.json");
  const json& entry = case_named(cases, "sentencepiece");
  const auto tokenizer = make_tokenizer(sentencepiece_source());
  REQUIRE(entry.at("texts").size() > 60);
  for (std::size_t i = 0; i < entry.at("texts").size(); ++i) {
    const Ids ids = entry.at("ids").at(i).get<Ids>();
    INFO(entry.at("texts").at(i).dump());
    CHECK(tokenizer->encode(entry.at("texts").at(i).get<std::string>(), {false}) == ids);
    CHECK(tokenizer->decode(ids) == entry.at("decoded").at(i).get<std::string>());
  }
}

TEST_CASE("a SentencePiece vocabulary adds BOS unless told otherwise, and a blank after every special token") {
  formats::TokenizerSource source = sentencepiece_source();
  const auto tokenizer = make_tokenizer(source);
  const std::int32_t user = tokenizer->id_of("<|user|>").value();
  const Ids hello = tokenizer->encode("Hello", {false});
  CHECK(tokenizer->encode("").size() == 1);
  CHECK(tokenizer->encode("Hello").at(0) == 1);
  Ids twice = hello;
  twice.push_back(user);
  twice.insert(twice.end(), hello.begin(), hello.end());
  CHECK(tokenizer->encode("Hello<|user|>Hello", {false}) == twice);
  CHECK(tokenizer->is_special(1));
  CHECK_FALSE(tokenizer->is_special(user));
  CHECK(tokenizer->decode(tokenizer->encode("Hello"), true) == "Hello");
  CHECK(tokenizer->decode(tokenizer->encode("Hello")) == "<s> Hello");  // here the blank does not begin the text

  source.add_bos = false;
  source.add_eos = true;
  source.add_space_prefix = false;
  const auto bare = make_tokenizer(source);
  CHECK(bare->encode("Hello").back() == 2);
  CHECK(bare->encode(" Hello", {false}) == hello);
  CHECK(bare->decode(hello) == " Hello");
}

TEST_CASE("padding at the end, unused or named [PAD<number>] with any type, is rows that fill up the model, no vocabulary") {
  for (const std::int32_t type : {1, 2, 3, 4, 5}) {
    CAPTURE(type);
    formats::TokenizerSource source = plain_gguf(read_fixture("tok_byte_level.json"), "qwen2");
    const std::int64_t size = make_tokenizer(source)->vocab_size();
    for (int i = 0; i < 7; ++i) {
      source.tokens.push_back("[PAD" + std::to_string(source.tokens.size()) + "]");
      source.token_types.push_back(type);
    }
    CHECK(make_tokenizer(source)->vocab_size() == size);
    source.tokens.back() = "[PAD]";  // a token of its own, and what stands before it stays
    CHECK(make_tokenizer(source)->vocab_size() == (type == 5 ? size : static_cast<std::int64_t>(source.tokens.size())));
  }
}

TEST_CASE("a token that ends an answer is special, also where the file calls it user defined") {
  formats::TokenizerSource source = plain_gguf(read_fixture("tok_byte_level.json"), "qwen2");
  const auto at = std::find(source.tokens.begin(), source.tokens.end(), "<|im_end|>");
  REQUIRE(at != source.tokens.end());
  source.token_types[static_cast<std::size_t>(at - source.tokens.begin())] = 4;
  const auto tokenizer = make_tokenizer(source);
  const Ids ids = tokenizer->encode("a<|im_end|>");
  CHECK(tokenizer->is_special(ids.back()));
  CHECK(tokenizer->decode(ids, true) == "a");
}

TEST_CASE("a byte-level GGUF adds BOS and EOS only as its keys say") {
  formats::TokenizerSource source = plain_gguf(read_fixture("tok_byte_level.json"), "qwen2");
  source.bos_id = 3;
  source.eos_id = 4;
  CHECK(make_tokenizer(source)->encode("a").size() == 1);
  source.add_bos = true;
  source.add_eos = true;
  const Ids ids = make_tokenizer(source)->encode("a");
  CHECK(ids.size() == 3);
  CHECK(ids.front() == 3);
  CHECK(ids.back() == 4);
  source.bos_id.reset();
  CHECK_THROWS_WITH(make_tokenizer(source), doctest::Contains("bos_token_id is missing"));
}
