#include <doctest/doctest.h>

#include <functional>
#include <limits>

#include "base/error.h"
#include "tokenizer_test_support.h"

using namespace qbench;
using namespace qbench::text;
using namespace qbench::text::test;
using nlohmann::json;

namespace {

/// Code and first line of what make_tokenizer throws.
std::pair<ErrorCode, std::string> failure_of(const formats::TokenizerSource& source) {
  try {
    make_tokenizer(source);
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  FAIL("no error");
  return {};
}

struct Corruption {
  const char* name;
  std::function<void(json&)> spoil;
  ErrorCode code;
  const char* says;
};

void check_json(const char* base, const std::vector<Corruption>& corruptions) {
  const json sound = read_fixture(base);
  for (const Corruption& corruption : corruptions) {
    CAPTURE(std::string(corruption.name));
    json spoilt = sound;
    corruption.spoil(spoilt);
    const auto [code, message] = failure_of(source_of(spoilt));
    CHECK(name_of(code) == name_of(corruption.code));
    CHECK_MESSAGE(message.find(corruption.says) != message.npos, message);
    CHECK(message.find('\n') == message.npos);
    CHECK(message.starts_with("test/tokenizer.json"));
  }
}

constexpr auto kFormat = ErrorCode::kFormat;
constexpr auto kUnsupported = ErrorCode::kUnsupported;

json& step(json& tokenizer, int index) { return tokenizer.at("pre_tokenizer").at("pretokenizers").at(static_cast<std::size_t>(index)); }

}  // namespace

TEST_CASE("a broken vocabulary or merge list is an error that says what and where") {
  check_json("tok_byte_level.json",
             {{"no model", [](json& t) { t.erase("model"); }, kFormat, "no 'model' object"},
              {"model is a list", [](json& t) { t["model"] = json::array(); }, kFormat, "no 'model' object"},
              {"no vocab", [](json& t) { t["model"].erase("vocab"); }, kFormat, "expected a vocab and merges"},
              {"no merges", [](json& t) { t["model"].erase("merges"); }, kFormat, "expected a vocab and merges"},
              {"empty vocab", [](json& t) { t["model"]["vocab"] = json::object(); }, kFormat, "expected a vocab and merges"},
              {"vocab is a list",
               [](json& t) {
                 t["model"]["vocab"] = {"a", "b"};
               },
               kFormat, "expected a vocab"},
              {"id is a text", [](json& t) { t["model"]["vocab"]["a"] = "7"; }, kFormat, "the id of 'a'"},
              {"id is negative", [](json& t) { t["model"]["vocab"]["a"] = -1; }, kFormat, "the id of 'a'"},
              {"id is a fraction", [](json& t) { t["model"]["vocab"]["a"] = 1.5; }, kFormat, "the id of 'a'"},
              {"id is a list", [](json& t) { t["model"]["vocab"]["a"] = {1}; }, kFormat, "the id of 'a'"},
              {"id past 32 bits", [](json& t) { t["model"]["vocab"]["a"] = 4294967299; }, kFormat, "the id of 'a'"},
              {"id far above the count", [](json& t) { t["model"]["vocab"]["a"] = 2000000000; }, kFormat, "highest token id is 2000000000"},
              {"id twice", [](json& t) { t["model"]["vocab"]["zzz"] = 5; }, kFormat, "id 5 is given to"},
              {"merge of unknown token",
               [](json& t) {
                 t["model"]["merges"].push_back({"qqq", "a"});
               },
               kFormat, "names token 'qqq'"},
              {"merge result unknown",
               [](json& t) {
                 t["model"]["merges"].push_back({"!", "~"});
               },
               kFormat, "names token '!~'"},
              {"merge of one", [](json& t) { t["model"]["merges"].push_back(json::array({"a"})); }, kFormat,
               "expected two tokens, found a list of 1"},
              {"merge of three",
               [](json& t) {
                 t["model"]["merges"].push_back({"a", "b", "c"});
               },
               kFormat, "found a list of 3"},
              {"merge is a number", [](json& t) { t["model"]["merges"].push_back(7); }, kFormat, "expected two tokens, found a number"},
              {"merge is nested",
               [](json& t) {
                 t["model"]["merges"].push_back({{"a"}, {"b"}});
               },
               kFormat, "found something nested"},
              {"merge is an object",
               [](json& t) {
                 t["model"]["merges"].push_back({{"a", "b"}});
               },
               kFormat, "merge"},
              {"merge text without blank", [](json& t) { t["model"]["merges"].push_back("ab"); }, kFormat, "found 'ab'"},
              {"merge text with two blanks", [](json& t) { t["model"]["merges"].push_back("a b c"); }, kFormat, "found 'a b c'"},
              {"unk_token unknown", [](json& t) { t["model"]["unk_token"] = "<nope>"; }, kFormat, "unk_token '<nope>'"},
              {"unk_token is a number", [](json& t) { t["model"]["unk_token"] = 5; }, kFormat, "unk_token"}});
}

TEST_CASE("what is well-formed but not done is refused by its name") {
  check_json(
      "tok_byte_level.json",
      {{"version", [](json& t) { t["version"] = "2.0"; }, kUnsupported, "version '2.0'"},
       {"model type", [](json& t) { t["model"]["type"] = "Unigram"; }, kUnsupported, "model type 'Unigram'"},
       {"dropout", [](json& t) { t["model"]["dropout"] = 0.1; }, kUnsupported, "dropout"},
       {"prefix", [](json& t) { t["model"]["continuing_subword_prefix"] = "##"; }, kUnsupported, "continuing_subword_prefix"},
       {"suffix", [](json& t) { t["model"]["end_of_word_suffix"] = "</w>"; }, kUnsupported, "end_of_word_suffix"},
       {"normalizer",
        [](json& t) {
          t["normalizer"] = {{"type", "Lowercase"}};
        },
        kUnsupported, "normalizer 'Lowercase'"},
       {"pre_tokenizer",
        [](json& t) {
          step(t, 0) = {{"type", "BertPreTokenizer"}};
        },
        kUnsupported, "pre_tokenizer 'BertPreTokenizer'"},
       {"step after bytes", [](json& t) { std::swap(step(t, 0), step(t, 1)); }, kUnsupported, "pre_tokenizer 'Split' after ByteLevel"},
       {"post_processor",
        [](json& t) {
          t["post_processor"] = {{"type", "BertProcessing"}};
        },
        kUnsupported, "post_processor 'BertProcessing'"},
       {"decoder",
        [](json& t) {
          t["decoder"] = {{"type", "WordPiece"}};
        },
        kUnsupported, "decoder 'WordPiece'"},
       {"no decoder", [](json& t) { t["decoder"] = nullptr; }, kUnsupported, "without a decoder"},
       {"word boundary", [](json& t) { step(t, 0)["pattern"]["Regex"] = "a\\b"; }, kUnsupported, "'\\b' at byte 1"},
       {"intersection", [](json& t) { step(t, 0)["pattern"]["Regex"] = "[a-z&&[^b]]"; }, kUnsupported, "&&"},
       {"back reference", [](json& t) { step(t, 0)["pattern"]["Regex"] = "(a)\\1"; }, kUnsupported, "'\\1'"},
       {"unbalanced", [](json& t) { step(t, 0)["pattern"]["Regex"] = "(a"; }, kUnsupported, "does not compile"},
       {"unknown script", [](json& t) { step(t, 0)["pattern"]["Regex"] = "\\p{Klingon}"; }, kUnsupported, "does not compile"}});
}

TEST_CASE("wrong types and values around the model are errors that name the field") {
  check_json(
      "tok_byte_level.json",
      {{"normalizer is a text", [](json& t) { t["normalizer"] = "NFC"; }, kFormat, "normalizer"},
       {"normalizer without type", [](json& t) { t["normalizer"] = json::object(); }, kFormat, "normalizer.type"},
       {"pattern missing", [](json& t) { step(t, 0).erase("pattern"); }, kFormat, "pre_tokenizer.pattern"},
       {"pattern empty",
        [](json& t) {
          step(t, 0)["pattern"] = {{"String", ""}};
        },
        kFormat, "pattern"},
       {"behavior", [](json& t) { step(t, 0)["behavior"] = "Sideways"; }, kFormat, "pre_tokenizer.behavior"},
       {"sequence without steps", [](json& t) { t["pre_tokenizer"].erase("pretokenizers"); }, kFormat, "pretokenizers"},
       {"added_tokens is an object", [](json& t) { t["added_tokens"] = json::object(); }, kFormat, "added_tokens"},
       {"added token without id", [](json& t) { t["added_tokens"][0].erase("id"); }, kFormat, "added_tokens[].id"},
       {"added token without content", [](json& t) { t["added_tokens"][0].erase("content"); }, kFormat, "added_tokens[].content"},
       {"added token far above", [](json& t) { t["added_tokens"][0]["id"] = 900000000; }, kFormat, "highest token id is 900000000"},
       {"added token on another's id", [](json& t) { t["added_tokens"][2]["id"] = t["added_tokens"][1]["id"]; }, kFormat,
        "is there already"},
       {"added token on a word's id", [](json& t) { t["added_tokens"][1]["id"] = 0; }, kFormat, "the vocabulary has '!' there"},
       {"added token under a second id", [](json& t) { t["added_tokens"][1]["content"] = "!"; }, kFormat, "the vocabulary has it as 0"},
       {"flag is a number", [](json& t) { t["added_tokens"][0]["lstrip"] = 1; }, kFormat, "lstrip"}});
  check_json(
      "tok_spm_like.json",
      {{"template without text", [](json& t) { t["post_processor"]["single"].erase(1); }, kUnsupported, "leaves the text out"},
       {"template names no token", [](json& t) { t["post_processor"]["special_tokens"] = json::object(); }, kFormat, "special_tokens"},
       {"template id outside", [](json& t) { t["post_processor"]["special_tokens"]["<s>"]["ids"] = {123456}; }, kFormat, "token id 123456"},
       {"template id negative", [](json& t) { t["post_processor"]["special_tokens"]["<s>"]["ids"] = {-1}; }, kFormat, "ids"},
       {"strip of letters", [](json& t) { t["decoder"]["decoders"][3]["content"] = "x"; }, kUnsupported, "decoder 'Strip'"},
       {"strip before fuse", [](json& t) { std::swap(t["decoder"]["decoders"][2], t["decoder"]["decoders"][3]); }, kUnsupported,
        "decoder 'Strip'"}});
}

TEST_CASE("a file that is not the JSON it should be is an error with its place") {
  formats::TokenizerSource source = source_of(read_fixture("tok_byte_level.json"));
  const std::string sound = source.tokenizer_json;
  for (const std::size_t length : {std::size_t{1}, sound.size() / 4, sound.size() / 2, sound.size() - 1}) {
    source.tokenizer_json = sound.substr(0, length);
    CHECK(failure_of(source).first == kFormat);
  }
  source.tokenizer_json = "[1, 2]";
  CHECK(failure_of(source).first == kFormat);
  source.tokenizer_json = std::string(100, '[') + std::string(100, ']');
  CHECK(failure_of(source).second.find("nested deeper") != std::string::npos);
  source.tokenizer_json = R"({"model": {"vocab": {"a": 0, "a": 1}, "merges": []}, "decoder": {"type": "ByteLevel"}})";
  CHECK(failure_of(source).second.find("token 'a' stands twice") != std::string::npos);
  source.tokenizer_json = R"({"model": {"vocab": {"a": 0}, "merges": []}, "model": 1})";
  CHECK(failure_of(source).second.find("key 'model' stands twice") != std::string::npos);
  source.tokenizer_json = "{\"model\": \"\xFF\"}";
  CHECK(failure_of(source).second.find("not valid JSON at line 1, column 11") != std::string::npos);
  source.tokenizer_json.clear();
  CHECK(failure_of(source).first == ErrorCode::kNotFound);

  source.tokenizer_json = sound;
  for (const char* config : {"{", "[]", R"({"added_tokens_decoder": []})", R"({"added_tokens_decoder": {"x": {"content": "y"}}})",
                             R"({"added_tokens_decoder": {"99999999999": {"content": "y"}}})", R"({"added_tokens_decoder": {"5": {}}})"}) {
    CAPTURE(std::string(config));
    source.tokenizer_config_json = config;
    CHECK(failure_of(source).first == kFormat);
  }
}

TEST_CASE("a pattern that backtracks without end is stopped with an error") {
  json tokenizer = read_fixture("tok_byte_level.json");
  step(tokenizer, 0)["pattern"]["Regex"] = "(a+)+[!?]";
  const auto made = tokenizer_of(tokenizer);
  CHECK_THROWS_WITH(made->encode(std::string(64, 'a')), doctest::Contains("cannot be matched"));
  CHECK(made->decode(made->encode("aaa!")) == "aaa!");
}

TEST_CASE("broken GGUF vocabularies are errors that say what and where") {
  using Source = formats::TokenizerSource;
  struct Case {
    const char* name;
    bool sentencepiece;
    std::function<void(Source&)> spoil;
    const char* says;
  };
  const std::vector<Case> cases = {
      {"no tokens", false,
       [](Source& s) {
         s.tokens.clear();
         s.token_types.clear();
       },
       "has 0 entries"},
      {"too few types", false, [](Source& s) { s.token_types.pop_back(); }, "tokenizer.ggml.token_type has"},
      {"too few scores", true, [](Source& s) { s.scores.pop_back(); }, "tokenizer.ggml.scores has"},
      {"no scores", true, [](Source& s) { s.scores.clear(); }, "tokenizer.ggml.scores is missing"},
      {"score is no number", true, [](Source& s) { s.scores[5] = std::numeric_limits<float>::quiet_NaN(); }, "the score of token 5"},
      {"no merges", false, [](Source& s) { s.merges.clear(); }, "tokenizer.ggml.merges"},
      {"merge of one", false, [](Source& s) { s.merges[0] = "ab"; }, "expected two tokens"},
      {"merge of a blank", false, [](Source& s) { s.merges[0] = "a "; }, "expected two tokens"},
      {"merge unknown", false, [](Source& s) { s.merges[0] = "qqq a"; }, "names token 'qqq'"},
      {"merge not UTF-8", false, [](Source& s) { s.merges[0] = "\xFF a"; }, "not UTF-8"},
      {"token not UTF-8", false, [](Source& s) { s.tokens[300] = "\xFF"; }, "token 300 is not UTF-8"},
      {"token twice", true, [](Source& s) { s.tokens[400] = s.tokens[401]; }, "stands twice, as id 400 and 401"},
      {"all unused", true, [](Source& s) { s.token_types.assign(s.tokens.size(), 5); }, "padding"},
      {"bos outside", true, [](Source& s) { s.bos_id = 1 << 20; }, "a special token has id 1048576"},
      {"eos negative", false, [](Source& s) { s.eos_id = -4; }, "a special token has id -4"},
      {"eos missing", false, [](Source& s) { s.add_eos = true; }, "eos_token_id is missing"},
  };
  for (const Case& entry : cases) {
    CAPTURE(std::string(entry.name));
    Source source = entry.sentencepiece ? sentencepiece_source() : gguf_source_of(read_fixture("tok_byte_level.json"), "qwen2");
    entry.spoil(source);
    const auto [code, message] = failure_of(source);
    CHECK(code == kFormat);
    CHECK_MESSAGE(message.find(entry.says) != message.npos, message);
  }
}
