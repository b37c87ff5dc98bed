#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string>
#include <vector>

#include "quality/rating/facts.h"

namespace qbench::quality {
namespace {

constexpr std::array<std::string_view, 14> kFiller{"the",    "and",   "for",   "this",  "that",      "its",   "with",
                                                   "method", "class", "param", "todo",  "docstring", "brief", "function"};

/// Words in lower case: runs of letters, cut before capitals; bytes beyond ASCII are letters.
std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words(1);
  bool was_lower = false;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = byte >= 0x80 || std::isalpha(byte) != 0;
    const bool upper = std::isupper(byte) != 0;
    if (!words.back().empty() && (!letter || (upper && was_lower))) words.emplace_back();
    if (letter) words.back() += static_cast<char>(byte < 0x80 ? std::tolower(byte) : byte);
    was_lower = letter && !upper;
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

/// "predict" and "predicts", "image" and "images".
bool same_word(const std::string& a, const std::string& b) {
  const std::string &longer = a.size() > b.size() ? a : b, &shorter = a.size() > b.size() ? b : a;
  return longer == shorter || (longer.size() <= shorter.size() + 2 && longer.starts_with(shorter) && longer.back() == 's');
}

}  // namespace

bool says_more(std::string_view doc, std::string_view name) {
  const std::vector<std::string> own = words_of(name), said = words_of(doc);
  return std::any_of(said.begin(), said.end(), [&own](const std::string& word) {
    return word.size() >= 3 && std::find(kFiller.begin(), kFiller.end(), word) == kFiller.end() &&
           std::none_of(own.begin(), own.end(), [&word](const std::string& part) { return same_word(part, word); });
  });
}

void mark_documented(Facts& facts) {
  std::set<std::string> said;
  const auto documents = [&said](const std::string& doc, const std::string& name) {
    return says_more(doc, name) && said.insert(doc).second;
  };
  for (ClassFacts& one : facts.classes) one.documented = documents(one.doc, one.name);
  for (FunctionFacts& one : facts.functions) one.documented = documents(one.doc, one.name);
}

}  // namespace qbench::quality
