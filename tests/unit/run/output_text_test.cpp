#include <doctest/doctest.h>

#include "run/output_text.h"

using namespace qbench;

namespace {

/// Ids are letters; 1 opens a thought, 2 closes it.
class LetterTokenizer : public text::Tokenizer {
 public:
  explicit LetterTokenizer(bool thinks = true) : thinks_(thinks) {}
  std::vector<std::int32_t> encode(std::string_view text, const text::EncodeOptions&) const override { return {text.begin(), text.end()}; }
  std::string decode(std::span<const std::int32_t> ids, bool skip) const override {
    std::string all;
    for (const auto id : ids) all += piece(id, skip);
    return all;
  }
  std::string piece(std::int32_t id, bool) const override {
    if (id == 1) return "<think>";
    if (id == 2) return "</think>";
    return std::string(1, static_cast<char>(id));
  }
  std::int64_t vocab_size() const override { return 256; }
  std::optional<std::int32_t> id_of(std::string_view token) const override {
    if (!thinks_) return std::nullopt;
    if (token == "<think>") return 1;
    if (token == "</think>") return 2;
    return std::nullopt;
  }
  bool is_special(std::int32_t) const override { return false; }
  std::optional<std::int32_t> bos_id() const override { return std::nullopt; }
  std::optional<std::int32_t> eos_id() const override { return std::nullopt; }
  std::string fingerprint() const override { return "letters"; }

 private:
  bool thinks_;
};

engine::Generation said(std::vector<std::int32_t> ids) {
  engine::Generation generation;
  generation.output_ids = std::move(ids);
  return generation;
}

}  // namespace

TEST_CASE("thinking tokens count up to and with the closing token, all of them when it never came") {
  const LetterTokenizer tokenizer;
  const std::vector<std::int32_t> whole{1, 'a', 'b', 2, 'c'}, open{1, 'a', 'b'}, closed{'a', 2, 'c'}, none{'a', 'b'};
  CHECK(run::count_thinking_tokens(whole, "", tokenizer) == 4);
  CHECK(run::count_thinking_tokens(open, "", tokenizer) == 3);
  CHECK(run::count_thinking_tokens(closed, "user<think>\n", tokenizer) == 2);
  CHECK(run::count_thinking_tokens(none, "user<think>\n", tokenizer) == 2);
  CHECK_FALSE(run::count_thinking_tokens(none, "user<think>\n\n</think>\n", tokenizer).has_value());
  CHECK_FALSE(run::count_thinking_tokens(none, "", tokenizer).has_value());
  CHECK_FALSE(run::count_thinking_tokens(whole, "", LetterTokenizer(false)).has_value());
}

TEST_CASE("a record says what ended the thought, and a forced close belongs to it whole") {
  const LetterTokenizer tokenizer;
  const auto facts = [&](const engine::Generation& generation, std::string_view prompt = "") {
    record::SequenceRecord sequence;
    run::add_thinking_facts(generation, prompt, tokenizer, sequence);
    return sequence;
  };
  CHECK(facts(said({1, 'a', 2, 'c'})).thinking_end == "model");
  CHECK_FALSE(facts(said({1, 'a', 2, 'c'})).forced_tokens.has_value());
  CHECK(facts(said({1, 'a'})).thinking_end == "open");
  CHECK_FALSE(facts(said({'a'})).thinking_end.has_value());
  engine::Generation closed = said({1, 'a', 2, '\n', 'c'});
  closed.thought_end = engine::ThoughtEnd::kBudget;
  closed.thought_tokens = 4;
  closed.forced_tokens = 2;
  CHECK(facts(closed).thinking_end == "budget");
  CHECK(facts(closed).thinking_tokens == 4);
  CHECK(facts(closed).forced_tokens == 2);
}

TEST_CASE("a stop string and what follows it are cut off, ids are kept") {
  const LetterTokenizer tokenizer;
  const std::vector<engine::Generation> generations{said({'a', 'b', '#', '#', 'c'}), said({'x', 'y'})};
  const std::vector<std::string> stop{"##", "zz"};
  std::optional<std::int64_t> took_ns;
  const auto texts = run::decode_outputs(generations, tokenizer, stop, took_ns);
  REQUIRE(texts.size() == 2);
  CHECK(texts[0].text == "ab");
  CHECK(texts[0].chars == 2);
  CHECK(texts[1].text == "xy");
  CHECK(took_ns.has_value());
}

TEST_CASE("characters are code points, not bytes") {
  const LetterTokenizer tokenizer;
  std::optional<std::int64_t> took_ns;
  const std::vector<engine::Generation> generations{said({0xC3, 0xBC, 'a'})};
  const auto texts = run::decode_outputs(generations, tokenizer, {}, took_ns);
  CHECK(texts[0].text == "\xC3\xBC" "a");
  CHECK(texts[0].chars == 2);
  const auto record = run::sequence_record(generations[0], 0, &texts[0], false);
  CHECK(record.output_bytes == 3);
  CHECK_FALSE(record.text.has_value());
}

TEST_CASE("a thought that the prompt opened is marked before it is judged, whether it was closed or cut off") {
  CHECK(run::text_to_judge("draft", "open") == "<think>\ndraft");
  CHECK(run::text_to_judge("draft # x</think>answer", "model") == "<think>\ndraft # x</think>answer");
  CHECK(run::text_to_judge("<think>draft", "open") == "<think>draft");
  CHECK(run::text_to_judge("Well. <think>draft</think>answer", "budget") == "Well. <think>draft</think>answer");
  CHECK(run::text_to_judge("thought and answer", "model") == "thought and answer");  // tags left out as special tokens
  CHECK(run::text_to_judge("answer", std::nullopt) == "answer");
}

TEST_CASE("a draft in a thought that the prompt opened is marked where nothing was recorded of the generation") {
  const LetterTokenizer tokenizer;
  const std::string opened = "Write it.<think>\n";
  CHECK(run::text_to_judge("draft", said({'a'}), opened, tokenizer) == "<think>\ndraft");
  CHECK(run::text_to_judge("a</think>b", said({'a', 2, 'b'}), opened, tokenizer) == "<think>\na</think>b");
  CHECK(run::text_to_judge("answer", said({'a'}), "Write it.", tokenizer) == "answer");
}

TEST_CASE("ids are digested with and without a tokenizer") {
  const std::vector<engine::Generation> generations{said({1, 2, 3}), said({1, 2, 4})};
  const std::string digest = run::sequence_record(generations[0], 0, nullptr, true).output_digest;
  const run::OutputText text{"abc", 3};
  CHECK(digest.size() == 64);
  CHECK(digest == run::sequence_record(generations[0], 0, &text, true).output_digest);
  CHECK(digest != run::sequence_record(generations[1], 0, nullptr, true).output_digest);
}
