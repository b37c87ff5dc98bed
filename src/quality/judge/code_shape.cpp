#include "quality/judge/code_shape.h"

#include <algorithm>
#include <array>

#include "quality/judge/lines.h"

namespace qbench::quality {
namespace {

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Takes the word that the text begins with, and the blanks after it.
std::string_view take_word(std::string_view& text) {
  const std::string_view word = leading_word(text);
  text = trim_left(text.substr(word.size()));
  return word;
}

/// Names that an import list brings: the last word of each part ("a.b as c" brings c, "a.b" brings a).
void add_imports(std::string_view list, NameSet& names) {
  for (std::size_t i = 0; i < list.size();) {
    std::size_t end = list.find_first_of(",;{}()", i);
    if (end == std::string_view::npos) end = list.size();
    std::string_view part = trim(list.substr(i, end - i));
    if (const std::size_t as = part.rfind(" as "); as != std::string_view::npos) part = trim(part.substr(as + 4));
    if (const std::string_view name = leading_word(part); !name.empty()) names.emplace(name);
    i = end + 1;
  }
}

class PythonShape {
 public:
  void read(std::string_view line, CodeShape& shape) {
    if (mark_ != 0 || depth_ > 0) {
      if (mark_ == 0 && in_import_) add_imports(line, shape.imports);
      follow(line);
      return;
    }
    in_import_ = false;
    if (!line.empty() && line[0] != ' ' && line[0] != '\t') top_level(line, shape);
    follow(line);
  }

 private:
  void top_level(std::string_view line, CodeShape& shape) {
    std::string_view rest = line;
    if (line[0] == '#' || line[0] == '@' || line[0] == '"' || line[0] == '\'' || line[0] == ')' || line[0] == ']' || line[0] == '}') return;
    if (line.starts_with(">>>")) {
      shape.transcript = true;
      return;
    }
    std::string_view word = take_word(rest);
    if (word == "async") word = take_word(rest);
    if (word == "def" || word == "class") {
      shape.functions.emplace(leading_word(rest));
    } else if (word == "import") {
      add_imports(rest, shape.imports);
    } else if (word == "from") {
      const std::size_t at = rest.find("import");
      in_import_ = at != std::string_view::npos;
      if (in_import_) add_imports(rest.substr(at + 6), shape.imports);
    } else if (!word.empty() && (rest.starts_with(": ") || (rest.starts_with("=") && !rest.starts_with("==")))) {
      shape.constants.emplace(word);
    } else if (!is_one_of(word, {"try", "except", "else", "elif", "finally", "if", "with"})) {
      shape.statements = true;
    }
  }

  /// Keeps track of long strings and brackets.
  void follow(std::string_view line) {
    for (std::size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      if (c == '\\') {
        ++i;
      } else if (c == '"' || c == '\'') {
        const bool three = i + 2 < line.size() && line[i + 1] == c && line[i + 2] == c;
        if (mark_ != 0) {
          if (three && mark_ == c) mark_ = 0, i += 2;
        } else if (three) {
          mark_ = c, i += 2;
        } else {
          i = line.find(c, i + 1);
          if (i == std::string_view::npos) return;
        }
      } else if (mark_ == 0) {
        if (c == '#') return;
        if (c == '(' || c == '[' || c == '{') ++depth_;
        if ((c == ')' || c == ']' || c == '}') && depth_ > 0) --depth_;
      }
    }
  }

  char mark_ = 0;
  int depth_ = 0;
  bool in_import_ = false;
};

void read_typescript(std::string_view line, CodeShape& shape) {
  if (line.empty() || std::string_view(" \t/*})];").find(line[0]) != std::string_view::npos) return;
  std::string_view rest = line, word = take_word(rest);
  if (word == "import") {
    add_imports(rest.substr(0, rest.find(" from ")), shape.imports);
    return;
  }
  while (is_one_of(word, {"export", "default", "async", "abstract", "declare"})) word = take_word(rest);
  if (word == "const" && rest.starts_with("enum ")) word = take_word(rest);
  if (is_one_of(word, {"function", "class", "interface", "type", "enum", "namespace"})) {
    if (rest.starts_with("*")) rest = trim_left(rest.substr(1));
    shape.functions.emplace(leading_word(rest));
  } else if (is_one_of(word, {"const", "let", "var"})) {
    (rest.find("=>") != std::string_view::npos || rest.find("function") != std::string_view::npos ? shape.functions : shape.constants)
        .emplace(leading_word(rest));
  } else {
    shape.statements = true;
  }
}

/// The name that stands before the first bracket of a function's header; empty where the line is none.
std::string_view cpp_function(std::string_view line) {
  const std::size_t open = line.find('(');
  if (open == std::string_view::npos || open == 0) return {};
  std::size_t end = open;
  while (end > 0 && line[end - 1] == ' ') --end;
  std::size_t begin = end;
  while (begin > 0 && is_word(line[begin - 1])) --begin;
  if (begin == 0 || begin == end || line.substr(0, begin).find('=') != std::string_view::npos) return {};
  const char before = line[begin - 1];
  return before == ' ' || before == '*' || before == '&' || before == '>' ? line.substr(begin, end - begin) : std::string_view();
}

void read_cpp(std::string_view line, CodeShape& shape) {
  if (line.empty() || std::string_view(" \t/*})]{").find(line[0]) != std::string_view::npos) return;
  if (line.starts_with("#include")) {
    shape.imports.emplace(line);
    return;
  }
  std::string_view rest = line;
  if (line[0] == '#') {
    rest.remove_prefix(1);
    if (take_word(rest) == "define") shape.functions.emplace(leading_word(rest));
    return;
  }
  std::string_view word = take_word(rest);
  while (is_one_of(word, {"static", "inline", "constexpr", "const", "typedef"})) word = take_word(rest);
  if (word == "template") return;
  if (word == "using") {
    if (!rest.starts_with("namespace")) shape.functions.emplace(leading_word(rest));
    return;
  }
  if (is_one_of(word, {"struct", "class", "enum", "union", "namespace"})) {
    if (word == "enum" && rest.starts_with("class ")) take_word(rest);
    shape.functions.emplace(leading_word(rest));
  } else if (const std::string_view name = cpp_function(line);
             !name.empty() && !is_one_of(word, {"if", "for", "while", "return", "switch", "else"})) {
    shape.functions.emplace(name);
  } else {
    shape.statements = true;
  }
}

/// "# ... rest of the code as before", "// existing code".
bool elides(std::string_view line) {
  line = trim(line);
  if (line == "...") return true;
  if (!line.starts_with('#') && !line.starts_with("//")) return false;
  const std::string_view words =
      trim_left(line.substr(line.find_first_not_of("#/ ") == std::string_view::npos ? line.size() : line.find_first_not_of("#/ ")));
  if (words.starts_with("...") || words.starts_with("\xE2\x80\xA6")) return true;
  for (const std::string_view phrase :
       {"existing code", "rest of the", "same as before", "as before", "your code here", "implementation here", "(unchanged)"})
    if (words.substr(0, 200).find(phrase) != std::string_view::npos) return true;
  return false;
}

bool is_test(std::string_view name) { return name.starts_with("test") || name.starts_with("Test"); }

bool begins_python(std::string_view line) {
  std::string_view rest = line;
  const std::string_view word = take_word(rest);
  if (word == "def") return line.find('(') != std::string_view::npos;
  if (word == "class") return line.find(':') != std::string_view::npos;
  if (word == "async") return rest.starts_with("def ");
  if (word == "import")
    return !rest.empty() && (rest.find(' ') == std::string_view::npos || rest.find(" as ") != std::string_view::npos ||
                             rest.find(',') != std::string_view::npos);
  if (word == "from") return line.find(" import ") != std::string_view::npos;
  return line.starts_with("#!") || (line.starts_with('@') && is_word(line.substr(1, 1).empty() ? ' ' : line[1]));
}

bool begins_other(std::string_view line, bool cpp) {
  std::string_view rest = line;
  const std::string_view word = take_word(rest);
  if (cpp) {
    const bool typed = is_one_of(word, {"int", "long", "void", "bool", "double", "float", "char", "unsigned", "auto", "static", "std",
                                        "size_t", "string", "vector"});
    const bool header = !cpp_function(line).empty() && (line.ends_with('{') || line.ends_with('}') || (typed && line.ends_with(')')));
    return line.starts_with("#include") || line.starts_with("#define") || line.starts_with("using ") || line.starts_with("template") ||
           header || (is_one_of(word, {"struct", "class", "enum", "namespace"}) && line.find_first_of("{;") != std::string_view::npos);
  }
  if (word == "import") return line.find(" from ") != std::string_view::npos || line.ends_with(';');
  if (word == "export") return true;
  if (is_one_of(word, {"function", "class", "interface", "enum", "async"}))
    return line.find('{') != std::string_view::npos || line.ends_with('(');
  return is_one_of(word, {"const", "let", "type"}) && line.find('=') != std::string_view::npos;
}

}  // namespace

CodeShape shape_of(std::string_view text, std::string_view language) {
  CodeShape shape;
  PythonShape python;
  std::string_view last;
  for (LineReader lines(text); lines.next();) {
    const std::string_view line = lines.line();
    if (language == "python" || language.empty())
      python.read(line, shape);
    else if (language == "cpp" || language == "c")
      read_cpp(line, shape);
    else
      read_typescript(line, shape);
    shape.elided = shape.elided || elides(line);
    if (!trim(line).empty()) last = trim(line);
  }
  if (language == "python" && last.ends_with(':')) shape.elided = true;
  if (language != "python" &&
      (last.ends_with('{') || (last.ends_with(';') && text.find('{') == std::string_view::npos && !shape.functions.empty())))
    shape.elided = true;
  shape.only_tests = !shape.functions.empty() && std::all_of(shape.functions.begin(), shape.functions.end(), is_test);
  return shape;
}

bool is_read(std::string_view language) { return is_one_of(language, {"python", "typescript", "javascript", "cpp"}); }

NameSet words_of(std::string_view text) {
  NameSet words;
  for (std::size_t i = 0; i < text.size();) {
    const std::string_view word = leading_word(text.substr(i));
    if (!word.empty() && word.size() < 200) words.emplace(word);
    i += word.empty() ? 1 : word.size();
  }
  return words;
}

bool reads_as_code(std::string_view line, std::string_view language) {
  if (line.empty() || line[0] == ' ' || line[0] == '\t') return true;
  if (language != "python") {
    if (begins_other(line, language == "cpp") || std::string_view("{})/*;]").find(line[0]) != std::string_view::npos) return true;
    const char last = trim(line).back();
    return last == ';' || last == '{' || last == '}' || last == ',' || last == '(';
  }
  if (begins_python(line) || std::string_view("#@)]}\"'").find(line[0]) != std::string_view::npos) return true;
  std::string_view rest = line;
  const std::string_view word = take_word(rest);
  if (word.empty()) return false;
  if (is_one_of(word, {"return", "raise", "assert", "pass", "break", "continue", "yield", "del", "global"})) return true;
  if (is_one_of(word, {"if", "for", "while", "with", "try", "else", "elif", "except", "finally", "match"}))
    return trim(line).ends_with(':') || line.find(": ") != std::string_view::npos;
  return rest.starts_with('=') || rest.starts_with('(') || rest.starts_with('[') || rest.starts_with('.') || rest.starts_with("+=") ||
         rest.starts_with("-=") || (rest.starts_with(": ") && rest.find(" = ") != std::string_view::npos) ||
         (rest.starts_with(", ") && rest.find(" = ") != std::string_view::npos);
}

std::vector<CodeBlock> find_bare_code(std::string_view text, std::string_view language) {
  std::vector<CodeBlock> blocks;
  std::string unindented;
  bool any_margin = false;
  for (LineReader lines(text); lines.next();)
    any_margin = any_margin || (language == "python" ? begins_python(lines.line()) : begins_other(lines.line(), language == "cpp"));
  if (!any_margin) {
    unindented = dedent(text);  // the whole answer is an indented block
    text = unindented;
  }
  std::size_t begin = 0, end = 0, prose = 0;
  bool open = false;
  const auto close = [&] {
    if (!open) return;
    CodeBlock block{.language = std::string(language), .name = {}, .intro = {}, .text = {}, .closed = true};
    block.intro = trim(text.substr(prose, std::min<std::size_t>(begin - prose, 400)));
    block.text = text.substr(begin, end - begin);
    blocks.push_back(std::move(block));
    open = false;
    prose = end;
  };
  for (LineReader lines(text); lines.next();) {
    const std::string_view line = lines.line();
    const bool starts = language == "python" ? begins_python(line) : begins_other(line, language == "cpp");
    if (!open && starts)
      open = true, begin = lines.begin(), end = lines.after();
    else if (open && !reads_as_code(line, language))
      close();
    else if (open && !trim(line).empty())
      end = lines.after();
    if (blocks.size() > 500) break;
  }
  close();
  return blocks;
}

std::string dedent(std::string_view text) {
  std::size_t common = std::string_view::npos;
  for (LineReader lines(text); lines.next();)
    if (!trim(lines.line()).empty()) common = std::min(common, indent_of(lines.line()));
  if (common == 0 || common == std::string_view::npos) return std::string(text);
  std::string out;
  for (LineReader lines(text); lines.next();) out.append(lines.line().substr(std::min(common, indent_of(lines.line())))).append("\n");
  return out;
}

std::string without_cut_tail(std::string_view text, std::string_view language, const std::vector<std::string>& wanted) {
  if (language != "python") return std::string(text);
  std::size_t begin = 0;  // of the last stretch: from a line at the margin (decorators before it included) to the end
  bool decorated = false;
  for (LineReader lines(text); lines.next();) {
    const std::string_view line = lines.line();
    if (line.empty() || std::string_view(" \t)]}#").find(line[0]) != std::string_view::npos) continue;
    if (is_one_of(leading_word(line), {"else", "elif", "except", "finally"})) continue;
    if (!decorated) begin = lines.begin();
    decorated = line[0] == '@';
  }
  const std::string_view tail = text.substr(begin), head = text.substr(0, begin);
  const CodeShape shape = shape_of(tail, language);
  const auto used = [&, words = words_of(head)](const std::string& name) {
    return words.contains(name) || std::find(wanted.begin(), wanted.end(), name) != wanted.end();
  };
  const bool needed = std::any_of(shape.functions.begin(), shape.functions.end(), used);
  return std::string(needed || trim(head).empty() ? text : head);
}

}  // namespace qbench::quality
