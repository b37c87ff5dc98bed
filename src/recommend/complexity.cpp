#include "recommend/complexity.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <span>

namespace qbench::recommend {
namespace {

using Words = std::vector<std::string>;

/// Lower-case words of letters, digits and the marks that names of technologies hold (c++, node.js, c#).
Words words_of(std::string_view text) {
  Words words;
  std::string word;
  const auto end_word = [&] {
    while (!word.empty() && (word.back() == '.' || word.back() == '-')) word.pop_back();
    if (!word.empty()) words.push_back(word);
    word.clear();
  };
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || byte >= 0x80 || c == '_' || (!word.empty() && (c == '+' || c == '#' || c == '.' || c == '-'))) {
      word += static_cast<char>(byte < 0x80 ? std::tolower(byte) : byte);
    } else {
      end_word();
    }
  }
  end_word();
  return words;
}

bool is_one_of(const std::string& word, std::span<const std::string_view> known) {
  return std::find(known.begin(), known.end(), word) != known.end();
}

constexpr std::array<std::string_view, 9> kDemands{"must", "should", "shall", "need", "needs", "ensure", "require", "requires", "support"};
constexpr std::array<std::string_view, 62> kTechnologies{
    "python",     "typescript", "javascript", "java",    "c++",           "c#",          "go",        "rust",       "sql",
    "html",       "css",        "react",      "vue",     "angular",       "redux",       "node.js",   "express",    "fastapi",
    "flask",      "django",     "spring",     "graphql", "grpc",          "rest",        "websocket", "kafka",      "rabbitmq",
    "redis",      "postgres",   "postgresql", "mysql",   "mongodb",       "sqlite",      "docker",    "kubernetes", "terraform",
    "aws",        "gcp",        "azure",      "pytorch", "tensorflow",    "huggingface", "numpy",     "pandas",     "jest",
    "pytest",     "openapi",    "oauth",      "oauth2",  "jwt",           "material-ui", "rtk",       "sqlalchemy", "pydantic",
    "prometheus", "grafana",    "elk",        "cuda",    "elasticsearch", "vite",        "webpack",   "tailwind"};
constexpr std::array<std::string_view, 46> kHardTopics{
    "concurrent",    "concurrency", "thread",      "threads",       "parallel",    "async",     "asynchronous", "lock-free",
    "race",          "distributed", "transaction", "transactions",  "consistency", "security",  "secure",       "authentication",
    "authorization", "encryption",  "cache",       "caching",       "cached",      "retry",     "idempotent",   "recursive",
    "recursion",     "graph",       "parser",      "parse",         "compiler",    "optimize",  "optimized",    "performance",
    "latency",       "throughput",  "scalable",    "microservices", "real-time",   "streaming", "migration",    "rollback",
    "algorithm",     "numerical",   "precision",   "unicode",       "parses",      "parsing"};
constexpr std::array<std::string_view, 22> kBuildingBlocks{
    "class",      "classes",  "function",  "functions", "module", "modules",   "file",       "files", "service", "services", "component",
    "components", "endpoint", "endpoints", "table",     "tables", "interface", "interfaces", "layer", "layers",  "page",     "pages"};

double count_words(const Words& words, std::span<const std::string_view> known) {
  return static_cast<double>(std::count_if(words.begin(), words.end(), [&](const std::string& word) { return is_one_of(word, known); }));
}

double count_different(const Words& words, std::span<const std::string_view> known) {
  std::set<std::string> seen;
  for (const std::string& word : words) {
    if (is_one_of(word, known)) seen.insert(word);
  }
  return static_cast<double>(seen.size());
}

/// Lines that begin as items of a list: "-", "*", "+", "1." or "1)".
double count_items(std::string_view text) {
  double items = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    std::size_t digits = 0;
    while (digits < line.size() && std::isdigit(static_cast<unsigned char>(line[digits])) != 0) ++digits;
    const bool numbered =
        digits > 0 && digits < 4 && line.size() > digits + 1 && (line[digits] == '.' || line[digits] == ')') && line[digits + 1] == ' ';
    const bool bullet = line.size() > 1 && (line[0] == '-' || line[0] == '*' || line[0] == '+') && line[1] == ' ';
    if (numbered || bullet) ++items;
  }
  return items;
}

/// Words that hold a digit and are no list numbers: limits, versions, sizes.
double count_numbers(const Words& words) {
  return static_cast<double>(std::count_if(words.begin(), words.end(), [](const std::string& word) {
    return std::any_of(word.begin(), word.end(), [](char c) { return c >= '0' && c <= '9'; });
  }));
}

}  // namespace

Complexity assess_complexity(std::string_view task) {
  const Words words = words_of(task);
  const double demands = count_items(task) + count_words(words, kDemands);
  struct Rule {
    const char* name;
    const char* counted;
    double count, most, half;
  };
  // The most that the parts give adds up to 9. `half` is about what a task of middling size has in the shipped suites.
  const Rule rules[] = {
      {"length", "words", static_cast<double>(words.size()), 2.0, 200},
      {"requirements", "list items; must, should, need, ensure", demands, 2.5, 12},
      {"building blocks", "classes, functions, files, services, ...", count_words(words, kBuildingBlocks), 1.5, 6},
      {"technologies", "languages, frameworks, services named", count_different(words, kTechnologies), 1.0, 4},
      {"hard topics", "concurrency, security, parsing, ...", count_different(words, kHardTopics), 1.5, 4},
      {"numbers", "words with digits: limits, versions", count_numbers(words), 0.5, 8},
  };
  Complexity complexity;
  for (const Rule& rule : rules) {
    const double points = rule.count > 0 ? rule.most * rule.count / (rule.count + rule.half) : 0;
    complexity.parts.push_back({rule.name, rule.counted, rule.count, points, rule.most});
    complexity.score += points;
  }
  return complexity;
}

}  // namespace qbench::recommend
