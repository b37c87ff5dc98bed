#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "base/text_file.h"
#include "formats/tokenizer_source.h"
#include "test_support.h"
#include "text/tokenizer.h"

namespace qbench::text::test {

inline nlohmann::json read_fixture(const std::string& name) {
  return nlohmann::json::parse(read_text_file(qbench::test::fixtures_dir() / "text" / name));
}

/// A source that holds this tokenizer.json and, when not null, this tokenizer_config.json.
inline formats::TokenizerSource source_of(const nlohmann::json& tokenizer, const nlohmann::json& config = nullptr) {
  formats::TokenizerSource source;
  source.kind = formats::TokenizerSource::Kind::kHuggingFace;
  source.where = "test/tokenizer.json";
  source.tokenizer_json = tokenizer.dump();
  if (!config.is_null()) source.tokenizer_config_json = config.dump();
  return source;
}

inline std::unique_ptr<Tokenizer> tokenizer_of(const nlohmann::json& tokenizer, const nlohmann::json& config = nullptr) {
  return make_tokenizer(source_of(tokenizer, config));
}

/// The fixture's byte-level vocabulary as a GGUF would hold it, with its added tokens as control or user-defined ones.
inline formats::TokenizerSource gguf_source_of(const nlohmann::json& tokenizer, const std::string& pre) {
  formats::TokenizerSource source;
  source.kind = formats::TokenizerSource::Kind::kGguf;
  source.where = "test.gguf";
  source.model = "gpt2";
  source.pre = pre;
  const auto put = [&](const std::string& text, std::size_t id, std::int32_t type) {
    if (source.tokens.size() <= id) {
      source.tokens.resize(id + 1);
      source.token_types.resize(id + 1, 5);
    }
    source.tokens[id] = text;
    source.token_types[id] = type;
  };
  for (const auto& [text, id] : tokenizer.at("model").at("vocab").items()) put(text, id.get<std::size_t>(), 1);
  for (const auto& token : tokenizer.at("added_tokens")) {
    put(token.at("content").get<std::string>(), token.at("id").get<std::size_t>(), token.at("special").get<bool>() ? 3 : 4);
  }
  for (const auto& merge : tokenizer.at("model").at("merges")) {
    source.merges.push_back(merge.at(0).get<std::string>() + " " + merge.at(1).get<std::string>());
  }
  return source;
}

inline formats::TokenizerSource sentencepiece_source() {
  const nlohmann::json fixture = read_fixture("tok_sentencepiece.json");
  formats::TokenizerSource source;
  source.kind = formats::TokenizerSource::Kind::kGguf;
  source.where = "test.gguf";
  source.model = "llama";
  source.pre = "default";
  source.tokens = fixture.at("tokens").get<std::vector<std::string>>();
  source.scores = fixture.at("scores").get<std::vector<float>>();
  source.token_types = fixture.at("types").get<std::vector<std::int32_t>>();
  source.bos_id = 1;
  source.eos_id = 2;
  source.unk_id = 0;
  return source;
}

}  // namespace qbench::text::test
