#include <cstddef>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

using Section = std::map<std::string, std::string>;
using Ini = std::map<std::string, Section>;

/// What is wrong in an INI file, and in which line (from 1).
class IniError : public std::runtime_error {
 public:
  IniError(std::size_t line, const std::string& message)
      : std::runtime_error("line " + std::to_string(line) + ": " + message), line_(line) {}
  std::size_t line() const { return line_; }

 private:
  std::size_t line_;
};

namespace {

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

class Parser {
 public:
  Ini parse(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      ++line_;
      parse_line(trim(line));
    }
    return std::move(ini_);
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw IniError(line_, message); }

  void parse_line(std::string_view line) {
    if (line.empty() || line.front() == ';' || line.front() == '#') return;
    if (line.front() == '[') {
      parse_section(line);
    } else {
      parse_pair(line);
    }
  }

  void parse_section(std::string_view line) {
    if (line.back() != ']') fail("a section line ends with ]");
    const std::string_view name = trim(line.substr(1, line.size() - 2));
    if (name.empty()) fail("a section needs a name");
    section_ = name;
    ini_[section_];
  }

  void parse_pair(std::string_view line) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) fail("expected key = value");
    const std::string_view key = trim(line.substr(0, equals));
    const std::string_view value = trim(line.substr(equals + 1));
    if (key.empty()) fail("there is no key before =");
    const std::string text = value.starts_with('"') ? unquoted(value) : std::string(value);
    if (!ini_[section_].emplace(key, text).second) fail("the key '" + std::string(key) + "' stands here for the second time");
  }

  std::string unquoted(std::string_view value) const {
    std::string out;
    for (std::size_t i = 1; i < value.size(); ++i) {
      if (value[i] == '"') {
        if (i + 1 != value.size()) fail("text after a quoted value");
        return out;
      }
      if (value[i] == '\\' && i + 1 < value.size()) {
        out.push_back(unescaped(value[++i]));
      } else {
        out.push_back(value[i]);
      }
    }
    fail("a quoted value has no end");
  }

  char unescaped(char letter) const {
    switch (letter) {
      case '"':
      case '\\':
        return letter;
      case 'n':
        return '\n';
      case 't':
        return '\t';
      default:
        fail(std::string("unknown escape \\") + letter);
    }
  }

  Ini ini_;
  std::string section_;
  std::size_t line_ = 0;
};

/// Always in quotes: plain values would lose spaces, quotes and newlines.
std::string quoted(std::string_view value) {
  std::string out = "\"";
  for (const char c : value) {
    switch (c) {
      case '"':
      case '\\':
        out += {'\\', c};
        break;
      case '\n':
        out += "\\n";
        break;
      default:
        out.push_back(c);
    }
  }
  return out + "\"";
}

void write_pairs(std::string& out, const Section& section) {
  for (const auto& [key, value] : section) out += key + " = " + (value.find_first_of(" \t\n\\\"") == std::string::npos ? value : quoted(value)) + "\n";
}

}  // namespace

/// Reads an INI file's text. Throws IniError.
Ini parse_ini(std::string_view text) { return Parser().parse(text); }

/// A text that parse_ini reads back as the same.
std::string write_ini(const Ini& ini) {
  std::string out;
  for (const auto& [name, section] : ini) {
    // The map's order puts the keys without a section first.
    if (!name.empty()) out += "[" + name + "]\n";
    write_pairs(out, section);
  }
  return out;
}
