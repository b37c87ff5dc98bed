#include <algorithm>
#include <array>
#include <cctype>

#include "base/ascii.h"
#include "quality/rating/evidence.h"

namespace qbench::quality {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// "strict TypeScript without `any`": what stands before the backtick asks for its absence.
bool is_refused(std::string_view before) {
  const std::string words = ascii_lower(before.substr(before.size() > 24 ? before.size() - 24 : 0));
  constexpr std::array<std::string_view, 8> kRefusals{"without ", " no ",        "not ",         "never ",
                                                      "avoid ",   "instead of ", "rather than ", "except "};
  return std::any_of(kRefusals.begin(), kRefusals.end(), [&words](std::string_view refusal) {
    const std::size_t at = words.rfind(refusal);
    return at != std::string::npos && words.find_first_of(".,;:`\n", at) == std::string::npos;
  });
}

std::string identifier_before(std::string_view text, std::size_t end) {
  std::size_t begin = end;
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  return std::string(text.substr(begin, end - begin));
}

/// What must stand in the code for what stands in the backticks; empty: nothing that can be looked for.
std::string name_in(std::string_view span) {
  if (span.substr(0, 2) == "--" && span.size() > 3) return std::string(span.substr(0, span.find_first_of(" =")));
  for (const std::string_view method : {"GET ", "POST ", "PUT ", "PATCH ", "DELETE "}) {
    if (span.substr(0, method.size()) == method) {
      const std::string_view path = span.substr(method.size());
      return std::string(path.substr(0, path.find_first_of("?{ ")));
    }
  }
  if (span[0] == '.' && span.size() > 1 && is_word(span[1]) && !std::isdigit(static_cast<unsigned char>(span[1])))
    return std::string(span.substr(0, span.find(' ')));
  if (const std::size_t call = span.find('('); call != std::string_view::npos) return identifier_before(span, call);
  if (!is_word(span[0]) || std::isdigit(static_cast<unsigned char>(span[0]))) return {};
  std::size_t end = 0;
  while (end < span.size() && is_word(span[end])) ++end;
  const bool simple = end == span.size() || span[end] == '<';
  return simple ? std::string(span.substr(0, end)) : std::string();
}

bool is_language_word(std::string_view name) {
  constexpr std::array<std::string_view, 17> kWords{"None", "True", "False", "null",   "nullptr", "any",  "const", "true",     "false",
                                                    "self", "int",  "str",   "string", "bool",    "void", "float", "undefined"};
  return std::find(kWords.begin(), kWords.end(), name) != kWords.end();
}

}  // namespace

std::vector<std::string> names_asked(std::string_view prompt) {
  std::vector<std::string> names;
  std::size_t at = 0;
  while ((at = prompt.find('`', at)) != std::string_view::npos) {
    if (prompt.substr(at, 3) == "```") {  // a block is an example or code to work on
      const std::size_t end = prompt.find("```", at + 3);
      if (end == std::string_view::npos) break;
      at = end + 3;
      continue;
    }
    const std::size_t end = prompt.find_first_of("`\n", at + 1);
    if (end == std::string_view::npos) break;
    if (prompt[end] == '`' && end > at + 1 && end - at <= 100 && !is_refused(prompt.substr(0, at))) {
      std::string name = name_in(prompt.substr(at + 1, end - at - 1));
      if (name.size() > 1 && !is_language_word(name) && std::find(names.begin(), names.end(), name) == names.end())
        names.push_back(std::move(name));
    }
    at = end + 1;
  }
  return names;
}

bool asks_for_tests(std::string_view prompt) {
  const std::string text = ascii_lower(prompt);
  for (const std::string_view word : {"tests", "assertions", "test suite", "testing suite"}) {
    std::size_t at = 0;
    while ((at = text.find(word, at)) != std::string::npos) {
      const bool whole = at == 0 || !is_word(text[at - 1]);
      const std::string_view before = std::string_view(text).substr(at > 12 ? at - 12 : 0, at > 12 ? 12 : at);
      if (whole && before.find("no ") == std::string_view::npos && before.find("without ") == std::string_view::npos &&
          before.find("not ") == std::string_view::npos)
        return true;
      at += word.size();
    }
  }
  return false;
}

bool has_name(std::string_view text, std::string_view name) {
  std::size_t at = 0;
  while ((at = text.find(name, at)) != std::string_view::npos) {
    const bool begins = !is_word(name.front()) || at == 0 || !is_word(text[at - 1]);
    const bool ends = !is_word(name.back()) || at + name.size() >= text.size() || !is_word(text[at + name.size()]);
    if (begins && ends) return true;
    ++at;
  }
  return false;
}

}  // namespace qbench::quality
