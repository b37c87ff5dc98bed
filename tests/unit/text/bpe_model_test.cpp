#include "text/bpe_model.h"

#include <doctest/doctest.h>

#include <limits>
#include <thread>

#include "base/random.h"
#include "text/sentencepiece_model.h"
#include "tokenizer_test_support.h"

using namespace qbench;
using namespace qbench::text;
using namespace qbench::text::test;
using Ids = std::vector<std::int32_t>;

namespace {

struct Language {
  std::shared_ptr<Vocabulary> vocabulary;
  std::vector<MergeRule> rules;
  std::vector<float> scores;
};

/// Four letters and random merges over them: words of it merge in every order and overlap.
Language random_language(Random& random, int merges) {
  Language language;
  language.vocabulary = std::make_shared<Vocabulary>(static_cast<std::size_t>(4 + merges), true);
  std::vector<std::string> texts = {"a", "b", "c", "d"};
  for (std::int32_t id = 0; id < 4; ++id) language.vocabulary->add(id, texts[static_cast<std::size_t>(id)]);
  while (static_cast<int>(texts.size()) < 4 + merges) {
    const auto left = random.next_below(texts.size()), right = random.next_below(texts.size());
    const std::string text = texts[left] + texts[right];
    if (text.size() > 9 || language.vocabulary->find(text) != Vocabulary::kNone) continue;
    const auto id = static_cast<std::int32_t>(texts.size());
    language.vocabulary->add(id, text);
    language.rules.push_back({static_cast<std::int32_t>(left), static_cast<std::int32_t>(right), id});
    texts.push_back(text);
  }
  language.scores.assign(texts.size(), 0);
  for (auto& score : language.scores) score = -static_cast<float>(random.next_below(20));  // many equal ones
  return language;
}

/// The definition itself: look at all pairs, join the one of lowest rank, the leftmost of equals, start over.
Ids merge_by_definition(const Language& language, const std::string& word) {
  Ids symbols;
  for (const char c : word) symbols.push_back(c - 'a');
  while (true) {
    std::size_t best_rank = language.rules.size(), best = 0;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      for (std::size_t rank = 0; rank < best_rank; ++rank) {
        if (language.rules[rank].left == symbols[i] && language.rules[rank].right == symbols[i + 1]) {
          best_rank = rank;
          best = i;
        }
      }
    }
    if (best_rank == language.rules.size()) return symbols;
    symbols[best] = language.rules[best_rank].result;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

Ids merge_by_score(const Language& language, const std::string& word) {
  std::vector<std::string> symbols;
  for (const char c : word) symbols.emplace_back(1, c);
  while (true) {
    std::optional<std::size_t> best;
    float best_score = -std::numeric_limits<float>::infinity();
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const std::int32_t id = language.vocabulary->find(symbols[i] + symbols[i + 1]);
      if (id == Vocabulary::kNone || language.scores[static_cast<std::size_t>(id)] <= best_score) continue;
      best = i;
      best_score = language.scores[static_cast<std::size_t>(id)];
    }
    if (!best) break;
    symbols[*best] += symbols[*best + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(*best) + 1);
  }
  Ids ids;
  for (const std::string& symbol : symbols) ids.push_back(language.vocabulary->find(symbol));
  return ids;
}

std::string random_word(Random& random, std::size_t length) {
  std::string word(length, 'a');
  for (char& c : word) c = static_cast<char>('a' + random.next_below(random.next_below(4) + 1));
  return word;
}

Ids encode(const WordModel& model, const std::string& word) {
  WordScratch scratch;
  Ids ids;
  model.encode(word, scratch, ids);
  return ids;
}

}  // namespace

TEST_CASE("short and long words merge as the definition says, pair by pair") {
  Random random(11);
  for (int round = 0; round < 60; ++round) {
    const Language language = random_language(random, 40);
    BpeOptions options;
    options.byte_level = true;
    const BpeModel model(language.vocabulary, language.rules, options);
    for (const std::size_t length : {1, 2, 3, 7, 20, 63, 64, 65, 66, 200}) {
      const std::string word = random_word(random, length);
      CAPTURE(word);
      CHECK(encode(model, word) == merge_by_definition(language, word));
    }
  }
}

TEST_CASE("scores merge as the definition says, the leftmost of equals first") {
  Random random(12);
  for (int round = 0; round < 60; ++round) {
    const Language language = random_language(random, 40);
    const SentencePieceModel model(language.vocabulary, language.scores, 0);
    for (const std::size_t length : {1, 2, 3, 7, 20, 65, 150}) {
      const std::string word = random_word(random, length);
      CAPTURE(word);
      CHECK(encode(model, word) == merge_by_score(language, word));
    }
  }
}

TEST_CASE("of two ranks for one pair the later counts") {
  auto vocabulary = std::make_shared<Vocabulary>(5, true);
  const char* texts[] = {"a", "b", "c", "ab", "bc"};
  for (std::int32_t id = 0; id < 5; ++id) vocabulary->add(id, texts[id]);
  BpeOptions options;
  options.byte_level = true;
  CHECK(encode(BpeModel(vocabulary, {{0, 1, 3}, {1, 2, 4}}, options), "abc") == Ids{3, 2});
  CHECK(encode(BpeModel(vocabulary, {{0, 1, 3}, {1, 2, 4}, {0, 1, 3}}, options), "abc") == Ids{0, 4});
}

TEST_CASE("a run of a million characters ends") {
  const auto bytes = tokenizer_of(read_fixture("tok_byte_level.json"));
  const auto pieces = tokenizer_of(read_fixture("tok_spm_like.json"));
  const auto scores = make_tokenizer(sentencepiece_source());
  for (const std::string unit : {"a", " ", "=", "\n", "\xE4\xBD\xA0", "ab", "\xCC\x81", "<|im_start"}) {
    std::string text;
    while (text.size() < 1'000'000) text += unit;
    for (const auto* tokenizer : {bytes.get(), pieces.get(), scores.get()}) CHECK(tokenizer->decode(tokenizer->encode(text), true) == text);
  }
}

TEST_CASE("threads share one tokenizer and get the same ids") {
  const auto tokenizer = tokenizer_of(read_fixture("tok_byte_level.json"));
  const auto cases = read_fixture("tok_cases.json");
  const auto texts = cases.at(0).at("texts").get<std::vector<std::string>>();
  const auto wanted = cases.at(0).at("ids").get<std::vector<Ids>>();
  std::vector<int> wrong(8, 0);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (int round = 0; round < 20; ++round) {
        for (std::size_t i = 0; i < texts.size(); ++i)
          wrong[t] += tokenizer->encode(texts[(i + t) % texts.size()], {false}) != wanted[(i + t) % texts.size()];
      }
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(wrong == std::vector<int>(8, 0));
}
