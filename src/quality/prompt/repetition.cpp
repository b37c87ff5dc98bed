#include "quality/prompt/repetition.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

namespace qbench::quality {
namespace {

constexpr std::size_t kMostCandidates = 64;

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool gap = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (gap && (line.empty() || line.back() == ' ')) continue;
    line += gap ? ' ' : c;
  }
  return line;
}

/// Numbers in place of words: equal words have equal numbers.
std::vector<std::uint32_t> number_words(const std::vector<PromptWord>& words) {
  std::unordered_map<std::string_view, std::uint32_t> known;
  std::vector<std::uint32_t> numbers;
  numbers.reserve(words.size());
  for (const PromptWord& word : words)
    numbers.push_back(known.try_emplace(word.lower, static_cast<std::uint32_t>(known.size())).first->second);
  return numbers;
}

/// Hash of each run of `length` words (Rabin and Karp's rolling hash, modulo 2^64 with an odd multiplier).
std::vector<std::uint64_t> rolling_hashes(const std::vector<std::uint32_t>& words, std::size_t length) {
  constexpr std::uint64_t kBase = 0x9e3779b97f4a7c15ULL;
  std::vector<std::uint64_t> hashes;
  if (words.size() < length) return hashes;
  std::uint64_t highest = 1, hash = 0;
  for (std::size_t i = 0; i + 1 < length; ++i) highest *= kBase;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i >= length) hash -= highest * (words[i - length] + std::uint64_t{1});
    hash = hash * kBase + words[i] + 1;
    if (i + 1 >= length) hashes.push_back(hash);
  }
  return hashes;
}

/// Halves of words in front of each: an ideograph carries about half of what a word does.
std::vector<std::size_t> weights_before(const std::vector<PromptWord>& words) {
  std::vector<std::size_t> sums{0};
  for (const PromptWord& word : words) sums.push_back(sums.back() + (word.ideograph ? 1 : 2));
  return sums;
}

struct Match {
  std::size_t from = 0, length = 0;  ///< words
};

/// Common words of two places, the first of which ends before the second begins.
std::size_t common_length(const std::vector<std::uint32_t>& words, std::size_t early, std::size_t late) {
  const std::size_t most = std::min(late - early, words.size() - late);
  std::size_t length = 0;
  while (length < most && words[early + length] == words[late + length]) ++length;
  return length;
}

/// Collects the places of each original.
class Places {
 public:
  Places(std::string_view text, const std::vector<PromptWord>& words) : text_(text), words_(&words) {}

  void add(Match match, std::size_t at) {
    const auto [known, is_new] = index_.try_emplace({match.from, match.length}, found.size());
    if (is_new) {
      const Duplicate::Place first = place(match.from, match.length);
      found.push_back({one_line(text_.substr(first.span.begin, first.span.size())), match.length, {first}});
    }
    found[known->second].places.push_back(place(at, match.length));
  }

  std::vector<Duplicate> found;

 private:
  Duplicate::Place place(std::size_t first, std::size_t length) const {
    const PromptWord &begin = (*words_)[first], &end = (*words_)[first + length - 1];
    return {{begin.span.begin, end.span.end}, begin.line, end.line};
  }

  std::string_view text_;
  const std::vector<PromptWord>* words_;
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> index_;
};

}  // namespace

std::vector<Duplicate> find_duplicates(std::string_view text, std::size_t least_words) {
  const std::vector<PromptWord> words = split_words(text);
  const std::vector<std::uint32_t> numbers = number_words(words);
  const std::vector<std::uint64_t> hashes = rolling_hashes(numbers, least_words);
  const std::vector<std::size_t> weights = weights_before(words);
  std::unordered_map<std::uint64_t, std::vector<std::size_t>> seen;
  Places places_of(text, words);
  std::size_t remembered = 0;  // hashes before it are in `seen`
  for (std::size_t at = 0; at < hashes.size();) {
    for (; remembered + least_words <= at; ++remembered) {  // only runs that end before this place
      std::vector<std::size_t>& places = seen[hashes[remembered]];
      if (places.size() < kMostCandidates) places.push_back(remembered);
    }
    Match best;
    if (const auto candidates = seen.find(hashes[at]); candidates != seen.end()) {
      for (const std::size_t from : candidates->second) {
        const std::size_t length = common_length(numbers, from, at);
        if (length >= least_words && length > best.length) best = {from, length};
      }
    }
    if (weights[at + best.length] - weights[at] < 2 * least_words) {
      ++at;
      continue;
    }
    places_of.add(best, at);
    at += best.length;
  }
  return std::move(places_of.found);
}

std::vector<Boilerplate> find_boilerplate(std::string_view text) {
  std::vector<LineKind> kinds;
  for (const PromptLine& line : split_lines(text)) kinds.push_back(line.kind);
  const std::vector<PromptWord> words = split_words(text);
  std::vector<Boilerplate> found;
  for (std::size_t at = 0; at < words.size();) {
    const BoilerplateRule* best = nullptr;
    const LineKind kind = kinds[words[at].line - 1];
    for (const BoilerplateRule& rule : boilerplate_rules()) {
      if (kind == LineKind::kCode || kind == LineKind::kFence) break;
      if (phrase_at(words, at, rule.phrase) && (best == nullptr || phrase_length(rule.phrase) > phrase_length(best->phrase))) best = &rule;
    }
    if (best == nullptr) {
      ++at;
      continue;
    }
    const std::size_t length = phrase_length(best->phrase);
    found.push_back({{words[at].span.begin, words[at + length - 1].span.end}, words[at].line, best});
    at += length;
  }
  return found;
}

std::span<const BoilerplateRule> boilerplate_rules() {
  static constexpr auto kRules = std::to_array<BoilerplateRule>({
      {"please", ""},
      {"kindly", ""},
      {"thank you", ""},
      {"thanks", ""},
      {"thanks in advance", ""},
      {"i need to", ""},
      {"i want to", ""},
      {"i would like to", ""},
      {"i would like you to", ""},
      {"i'd like to", ""},
      {"i'd like you to", ""},
      {"i want you to", ""},
      {"i need you to", ""},
      {"i am looking for", ""},
      {"could you", ""},
      {"could you please", ""},
      {"can you", ""},
      {"can you please", ""},
      {"would you", ""},
      {"make sure", "ensure"},
      {"make sure that", "ensure"},
      {"i want to make sure", "ensure"},
      {"in order to", "to"},
      {"due to the fact that", "because"},
      {"it is important that", ""},
      {"it is important to", ""},
      {"please note that", ""},
      {"note that", ""},
      {"keep in mind that", ""},
      {"as you know", ""},
      {"of course", ""},
      {"basically", ""},
      {"as an expert", ""},
      {"you are an expert", ""},
      {"you are a helpful assistant", ""},
      {"as an ai", ""},
      {"your task is to", ""},
      {"the goal is to", ""},
      {"feel free to", ""},
      {"as much as possible", ""},
      {"at the end of the day", ""},
      {"needless to say", ""},
      {"a large number of", "many"},
      {"in the event that", "if"},
      {"for the purpose of", "for"},
      {"with regard to", "about"},
      {"take a deep breath", ""},
      {"let me know", ""},
      {"i hope", ""},
      {"the complete implementation", "all of it"},
      {"请你", ""},
      {"谢谢", ""},
      {"麻烦你", ""},
      {"我希望你能", ""},
      {"我想要你", ""},
      {"你是一位专家", ""},
      {"尽可能地", ""},
  });
  return kRules;
}

}  // namespace qbench::quality
