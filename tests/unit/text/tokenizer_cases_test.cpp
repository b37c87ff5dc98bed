#include <doctest/doctest.h>

#include "text/utf8.h"
#include "tokenizer_test_support.h"

using namespace qbench::text;
using namespace qbench::text::test;
using nlohmann::json;
using Ids = std::vector<std::int32_t>;

namespace {

std::string printable(const std::string& text) { return json(text).dump(-1, ' ', true); }

void check_case(const json& entry, const Tokenizer& tokenizer) {
  for (std::size_t i = 0; i < entry.at("texts").size(); ++i) {
    const std::string text = entry.at("texts").at(i).get<std::string>();
    INFO("text " << printable(text));
    CHECK(tokenizer.encode(text, {false}) == entry.at("ids").at(i).get<Ids>());
  }
  CHECK(tokenizer.encode("a") == entry.at("special").get<Ids>());
  for (const json& decoded : entry.at("decoded")) {
    const Ids ids = decoded.at("ids").get<Ids>();
    INFO("ids " << decoded.at("ids").dump());
    CHECK(printable(replace_invalid_utf8(tokenizer.decode(ids))) == printable(decoded.at("text").get<std::string>()));
    CHECK(printable(replace_invalid_utf8(tokenizer.decode(ids, true))) == printable(decoded.at("skipped").get<std::string>()));
  }
}

}  // namespace

TEST_CASE("every kind of tokenizer.json encodes and decodes as the Python package tokenizers does") {
  const json cases = read_fixture("tok_cases.json");
  REQUIRE(cases.size() > 30);
  for (const json& entry : cases) {
    const std::string name = entry.at("name").get<std::string>();
    if (name == "sentencepiece") continue;
    CAPTURE(name);
    json tokenizer = read_fixture(entry.at("base").get<std::string>());
    tokenizer.merge_patch(entry.at("patch"));
    check_case(entry, *tokenizer_of(tokenizer));
  }
}

TEST_CASE("merges written as texts give the same tokenizer as merges written as pairs") {
  json tokenizer = read_fixture("tok_byte_level.json");
  const auto pairs = tokenizer_of(tokenizer);
  for (json& merge : tokenizer.at("model").at("merges")) merge = merge.at(0).get<std::string>() + " " + merge.at(1).get<std::string>();
  tokenizer.at("model").at("merges").insert(tokenizer.at("model").at("merges").begin(), "#version: 0.2");
  const auto texts = tokenizer_of(tokenizer);
  CHECK(texts->encode("def encode(self): return 1024\n") == pairs->encode("def encode(self): return 1024\n"));
  CHECK(texts->fingerprint() == pairs->fingerprint());
}

TEST_CASE("text that is not UTF-8 is read with U+FFFD in the place of what is wrong") {
  const auto tokenizer = tokenizer_of(read_fixture("tok_byte_level.json"));
  CHECK(tokenizer->encode("ab\xFF\xE4\xBD z") == tokenizer->encode("ab\xEF\xBF\xBD\xEF\xBF\xBD z"));
  CHECK(tokenizer->decode(tokenizer->encode("\xC3")) == "\xEF\xBF\xBD");
}

TEST_CASE("the config beside tokenizer.json gives the ends of text and tokens that only it lists") {
  const json tokenizer = read_fixture("tok_byte_level.json");
  CHECK_FALSE(tokenizer_of(tokenizer)->eos_id().has_value());
  const auto plain =
      tokenizer_of(tokenizer, {{"bos_token", nullptr}, {"eos_token", "<|im_end|>"}, {"add_bos_token", true}, {"add_eos_token", true}});
  CHECK_FALSE(plain->bos_id().has_value());
  CHECK(plain->eos_id() == plain->id_of("<|im_end|>"));
  CHECK(plain->encode("a") == plain->encode("a", {false}));  // transformers drops both switches once there is a tokenizer.json

  const std::int32_t next = static_cast<std::int32_t>(plain->vocab_size());
  const json listed = {{std::to_string(next), {{"content", "<new>"}, {"special", true}, {"rstrip", true}}}};
  const auto more =
      tokenizer_of(tokenizer, {{"eos_token", {{"content", "<new>"}}}, {"bos_token", "the"}, {"added_tokens_decoder", listed}});
  CHECK(more->vocab_size() == next + 1);
  CHECK(more->eos_id() == next);
  CHECK(more->encode("<new>  \n") == Ids{next});
  CHECK(more->is_special(next));
  CHECK(more->bos_id().has_value() == plain->id_of("the").has_value());
}

TEST_CASE("special tokens are told from others and left out when asked") {
  const auto tokenizer = tokenizer_of(read_fixture("tok_byte_level.json"));
  const auto start = tokenizer->id_of("<|im_start|>"), keep = tokenizer->id_of("<keep>");
  REQUIRE(start.has_value());
  REQUIRE(keep.has_value());
  CHECK(tokenizer->is_special(*start));
  CHECK_FALSE(tokenizer->is_special(*keep));
  CHECK(tokenizer->piece(*start) == "<|im_start|>");
  CHECK(tokenizer->piece(*start, true).empty());
  CHECK(tokenizer->decode(tokenizer->encode("<|im_start|>a<keep>"), true) == "a<keep>");
  CHECK_FALSE(tokenizer->id_of("no such token").has_value());
  CHECK(tokenizer->id_of("\xC4\xA0the") == tokenizer->encode(" the").at(0));  // as the file writes it
  CHECK_THROWS_WITH(tokenizer->decode(Ids{static_cast<std::int32_t>(tokenizer->vocab_size())}),
                    doctest::Contains("outside the vocabulary"));
  CHECK_THROWS_WITH(tokenizer->piece(-1), doctest::Contains("outside the vocabulary"));
}

TEST_CASE("the fingerprint sees the vocabulary, merges, patterns and added tokens, and nothing else") {
  const json base = read_fixture("tok_byte_level.json");
  const std::string fingerprint = tokenizer_of(base)->fingerprint();
  CHECK(fingerprint.size() == 64);
  json same = base;
  same["padding"] = {{"strategy", "BatchLongest"}};
  CHECK(tokenizer_of(same)->fingerprint() == fingerprint);
  json merges = base;
  std::swap(merges.at("model").at("merges").at(0), merges.at("model").at("merges").at(1));
  json pattern = base;
  pattern.at("pre_tokenizer").at("pretokenizers").at(0).at("pattern").at("Regex") = "\\s+";
  json added = base;
  added.at("added_tokens").at(2).at("lstrip") = true;
  json vocabulary = base;
  vocabulary.at("model").at("vocab")["zzzzzz"] = 100000 % 65536;
  for (const json& changed : {merges, pattern, added, vocabulary}) CHECK(tokenizer_of(changed)->fingerprint() != fingerprint);
}
