#include "quality/judge/code_block.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "quality/judge/lines.h"

namespace qbench::quality {
namespace {

constexpr std::size_t kIntroBytes = 400;
constexpr std::size_t kMostBlocks = 2000;  ///< an answer with more is no answer; those after them are not looked at
constexpr int kMostNested = 3;

struct Alias {
  std::string_view tag, language;
};
constexpr Alias kAliases[] = {
    {"py", "python"},
    {"python3", "python"},
    {"py3", "python"},
    {"python2", "python"},
    {"ipython", "python"},
    {"sage", "python"},
    {"ts", "typescript"},
    {"tsx", "typescript"},
    {"mts", "typescript"},
    {"js", "javascript"},
    {"jsx", "javascript"},
    {"node", "javascript"},
    {"mjs", "javascript"},
    {"c++", "cpp"},
    {"cc", "cpp"},
    {"cxx", "cpp"},
    {"hpp", "cpp"},
    {"h++", "cpp"},
    {"h", "c"},
    {"md", "markdown"},
    {"sh", "shell"},
    {"bash", "shell"},
    {"zsh", "shell"},
    {"console", "shell"},
    {"terminal", "shell"},
    {"shell-session", "shell"},
    {"shellsession", "shell"},
    {"powershell", "shell"},
    {"cmd", "shell"},
    {"bat", "shell"},
    {"pycon", "output"},
    {"text", "output"},
    {"txt", "output"},
    {"plaintext", "output"},
    {"plain", "output"},
    {"output", "output"},
    {"stdout", "output"},
    {"stderr", "output"},
    {"log", "output"},
    {"traceback", "output"},
    {"json", "data"},
    {"yaml", "data"},
    {"yml", "data"},
    {"toml", "data"},
    {"ini", "data"},
    {"csv", "data"},
    {"xml", "data"},
    {"html", "data"},
    {"dockerfile", "data"},
    {"docker", "data"},
    {"diff", "data"},
    {"requirements", "data"},
    {"makefile", "data"},
    {"cmake", "data"},
    {"mermaid", "data"},
};

/// Extensions of the files that answers name.
constexpr std::string_view kExtensions[] = {"py",  "ts",   "tsx", "mts", "js",   "mjs",  "cpp",  "cc",   "cxx", "hpp",
                                            "h",   "c",    "rs",  "go",  "java", "rb",   "json", "toml", "txt", "md",
                                            "yml", "yaml", "sh",  "cfg", "ini",  "html", "css",  "lua",  "php"};

struct Wrapper {
  std::string_view open, close, language;
};
constexpr Wrapper kWrappers[] = {
    {"[PYTHON]", "[/PYTHON]", "python"}, {"<python>", "</python>", "python"}, {"[BEGIN]", "[DONE]", ""}, {"<code>", "</code>", ""},
    {"<answer>", "</answer>", ""},       {"<solution>", "</solution>", ""},   {"[CODE]", "[/CODE]", ""},
};

bool is_path_char(char c) { return is_word(c) || c == '.' || c == '/' || c == '-'; }

bool is_file_name(std::string_view word) {
  const std::size_t dot = word.rfind('.');
  if (dot == std::string_view::npos || dot == 0 || word.size() > 120 || !is_word(word[dot - 1])) return false;
  const std::string extension = ascii_lower(word.substr(dot + 1));
  return std::find(std::begin(kExtensions), std::end(kExtensions), extension) != std::end(kExtensions);
}

/// The first word of the line that looks like a file; a word that ends a sentence loses its full stop.
std::string_view first_file_name(std::string_view line) {
  line = line.substr(0, 300);
  for (std::size_t i = 0; i < line.size();) {
    std::size_t end = i;
    while (end < line.size() && is_path_char(line[end])) ++end;
    std::string_view word = line.substr(i, end - i);
    while (word.ends_with('.')) word.remove_suffix(1);
    if (word.starts_with("./")) word.remove_prefix(2);
    if (is_file_name(word)) return word;
    i = std::max(end, i + 1);
  }
  return {};
}

/// The file that a comment holds and nothing else: "# solution.py", "// File: a/b.ts", "/* x.cpp */".
std::string_view name_in_comment(std::string_view line) {
  line = trim(line);
  const bool comment =
      line.starts_with('#') || line.starts_with("//") || line.starts_with("/*") || line.starts_with("<!--") || line.starts_with("--");
  if (!comment) return {};
  const std::string_view name = first_file_name(line);
  if (name.empty()) return {};
  std::string rest = ascii_lower(line.substr(0, static_cast<std::size_t>(name.data() - line.data())));
  rest += ascii_lower(line.substr(static_cast<std::size_t>(name.data() - line.data()) + name.size()));
  for (const std::string_view word : {"filename", "file name", "file", "path", "module"})
    if (const std::size_t at = rest.find(word); at != std::string::npos) rest.erase(at, word.size());
  return std::none_of(rest.begin(), rest.end(), [](char c) { return is_word(c) && c != '_'; }) ? name : std::string_view();
}

struct Fence {
  char mark = '`';
  std::size_t count = 3, indent = 0;
  bool quoted = false;  ///< behind "> "
  std::string_view info;
};

std::string_view without_quote_mark(std::string_view line) {
  const std::string_view bare = trim_left(line);
  if (!bare.starts_with('>')) return line;
  return bare.substr(bare.starts_with("> ") ? 2 : 1);
}

std::size_t run_of(std::string_view line, char mark) {
  const std::size_t end = line.find_first_not_of(mark);
  return end == std::string_view::npos ? line.size() : end;
}

/// Bytes of a list marker ("- ", "* ", "12. ") that the line begins with.
std::size_t list_marker(std::string_view line) {
  std::size_t i = 0;
  if (!line.empty() && std::string_view("-*+").find(line[0]) != std::string_view::npos)
    i = 1;
  else {
    while (i < line.size() && i < 3 && line[i] >= '0' && line[i] <= '9') ++i;
    if (i == 0 || i == line.size() || (line[i] != '.' && line[i] != ')')) return 0;
    ++i;
  }
  const std::size_t blanks = indent_of(line.substr(i));
  return blanks > 0 ? i + blanks : 0;
}

bool known_language(std::string_view tag) {
  const std::string language = language_of_tag(tag);
  return language == "python" || language == "typescript" || language == "javascript" || language == "cpp" || language == "c" ||
         language == "shell" || language == "output" || language == "data" || language == "markdown";
}

std::optional<Fence> fence_at(std::string_view line) {
  Fence fence;
  const std::string_view inner = without_quote_mark(line);
  fence.quoted = inner.data() != line.data();
  fence.indent = indent_of(inner);
  std::string_view rest = inner.substr(fence.indent);
  if (const std::size_t marker = list_marker(rest); marker > 0) {
    fence.indent += marker;
    rest = rest.substr(marker);
  }
  if (rest.empty() || (rest[0] != '`' && rest[0] != '~')) return std::nullopt;
  fence.mark = rest[0];
  fence.count = run_of(rest, fence.mark);
  fence.info = trim(rest.substr(fence.count));
  if (fence.count < 3 || fence.info.size() > 200) return std::nullopt;
  if (fence.mark == '`' && fence.info.find('`') != std::string_view::npos) return std::nullopt;
  return fence;
}

/// A fence that a sentence runs into: "Here it is: ```python".
std::optional<Fence> fence_behind_words(std::string_view line) {
  const std::string_view bare = trim(line);
  const std::size_t at = bare.find("```");
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  const std::string_view info = trim(bare.substr(at + run_of(bare.substr(at), '`')));
  if (info.empty() || info.size() > 20 || !known_language(info)) return std::nullopt;
  return Fence{.info = info};
}

/// Follows Python's triple-quoted strings line by line, since a prompt in one may hold fences.
class LongString {
 public:
  bool inside() const { return mark_ != 0; }
  void read(std::string_view line) {
    for (std::size_t i = 0; i + 2 < line.size(); ++i) {
      if (line[i] == '\\') {
        ++i;
        continue;
      }
      if (mark_ == 0 && line[i] == '#') return;
      if ((line[i] != '"' && line[i] != '\'') || line[i + 1] != line[i] || line[i + 2] != line[i]) continue;
      if (mark_ == 0)
        mark_ = line[i];
      else if (mark_ == line[i])
        mark_ = 0;
      i += 2;
    }
  }

 private:
  char mark_ = 0;
};

class FenceReader {
 public:
  explicit FenceReader(std::string_view text) : text_(text), lines_(text) {}

  std::vector<CodeBlock> read() {
    while (blocks_.size() < kMostBlocks && next_line()) {
      std::optional<Fence> fence = fence_at(lines_.line());
      if (!fence) fence = fence_behind_words(lines_.line());
      while (fence) fence = read_block(*fence);
    }
    return std::move(blocks_);
  }

 private:
  bool next_line() { return lines_.next(); }

  bool closes(const Fence& fence, std::string_view line) const {
    if (fence.quoted) line = without_quote_mark(line);
    std::string_view bare = trim(line);
    if (lenient_ && fence.mark == '`' && bare.ends_with("```") && fence.count == 3) return true;
    return run_of(bare, fence.mark) == bare.size() && bare.size() >= fence.count && (lenient_ || indent_of(line) <= fence.indent + 3);
  }

  /// Reads to the end of the block; gives the fence that opens the next one where one begins before this one closed.
  std::optional<Fence> read_block(const Fence& fence) {
    const std::size_t begin = lines_.after();
    const std::string_view intro = text_.substr(prose_, lines_.begin() - prose_);
    const std::string language = language_of_info(fence.info);
    std::string content;
    LongString string;
    int depth = 0;
    while (next_line()) {
      std::string_view line = lines_.line();
      const bool in_string = language == "python" && string.inside() && !lenient_;
      if (!in_string && closes(fence, line)) {
        if (depth-- == 0) {
          const std::string_view bare = trim(line);
          const std::size_t mark = bare.find_last_not_of(fence.mark);
          if (mark != std::string_view::npos && !fence.quoted)
            content.append(line.substr(0, line.find_last_not_of("` \t") + 1)).append("\n");
          add(fence, intro, std::move(content), true);
          return std::nullopt;
        }
      } else if (const std::optional<Fence> inner = in_string ? std::nullopt : fence_at(line);
                 inner && inner->mark == fence.mark && inner->count >= fence.count && !inner->info.empty()) {
        if (language == "markdown")
          ++depth;
        else if (trim(content).empty() || known_language(language_of_info(inner->info))) {
          if (!trim(content).empty()) add(fence, intro, std::move(content), false);
          return inner;
        }
      }
      if (fence.quoted) line = without_quote_mark(line);
      string.read(line);
      content.append(line.substr(std::min(fence.indent, indent_of(line)))).append("\n");
    }
    if (!lenient_) {  // once and for all, so that no text is read more than twice
      lenient_ = true;
      lines_.jump(begin);
      return read_block(fence);
    }
    add(fence, intro, std::move(content), false);
    return std::nullopt;
  }

  static std::string language_of_info(std::string_view info) {
    std::string_view tag = trim_left(info);
    if (tag.starts_with('{')) tag = tag.substr(tag.starts_with("{.") ? 2 : 1);
    std::size_t end = 0;
    while (end < tag.size() &&
           (is_word(tag[end]) || tag[end] == '+' || tag[end] == '#' || tag[end] == '-' || tag[end] == '.' || tag[end] == '/'))
      ++end;
    tag = tag.substr(0, end);
    if (is_file_name(tag)) tag = tag.substr(tag.rfind('.') + 1);
    return language_of_tag(tag);
  }

  void add(const Fence& fence, std::string_view intro, std::string text, bool closed) {
    prose_ = lines_.after();
    CodeBlock block{.language = language_of_info(fence.info), .name = {}, .intro = {}, .text = std::move(text), .closed = closed};
    intro = trim(intro);
    block.intro = intro.substr(intro.size() - std::min(intro.size(), kIntroBytes));
    block.name = first_file_name(fence.info);
    if (block.name.empty()) block.name = name_in_comment(std::string_view(block.text).substr(0, block.text.find('\n')));
    if (block.name.empty()) block.name = file_name_in(block.intro.substr(block.intro.rfind('\n') + 1));
    blocks_.push_back(std::move(block));
  }

  std::string_view text_;
  LineReader lines_;
  std::size_t prose_ = 0;  ///< where the words since the last block begin
  bool lenient_ = false;   ///< a block never closed by the rules: also take closers at other indentations, in strings, at the end of a line
  std::vector<CodeBlock> blocks_;
};

std::vector<CodeBlock> find_wrapped(std::string_view text) {
  std::vector<CodeBlock> blocks;
  for (const Wrapper& wrapper : kWrappers) {
    const std::size_t open = text.find(wrapper.open);
    if (open == std::string_view::npos || (open > 0 && text[open - 1] != '\n' && text[open - 1] != ' ')) continue;
    const std::size_t begin = open + wrapper.open.size(), close = text.find(wrapper.close, begin);
    const std::string_view inner = text.substr(begin, close == std::string_view::npos ? close : close - begin);
    CodeBlock block{
        .language = std::string(wrapper.language), .name = {}, .intro = {}, .text = {}, .closed = close != std::string_view::npos};
    block.text = inner.starts_with('\n') ? inner.substr(1) : inner;
    blocks.push_back(std::move(block));
    break;
  }
  return blocks;
}

/// A markdown block around a whole answer holds the blocks that count.
std::vector<CodeBlock> unfold(std::vector<CodeBlock> blocks, int depth) {
  std::vector<CodeBlock> out;
  for (CodeBlock& block : blocks) {
    std::vector<CodeBlock> inner;
    if (block.language == "markdown" && depth < kMostNested) inner = unfold(FenceReader(block.text).read(), depth + 1);
    if (inner.empty()) out.push_back(std::move(block));
    for (CodeBlock& one : inner) out.push_back(std::move(one));
  }
  return out;
}

}  // namespace

std::string language_of_tag(std::string_view tag) {
  const std::string name = ascii_lower(tag);
  for (const Alias& alias : kAliases)
    if (alias.tag == name) return std::string(alias.language);
  return name;
}

std::string file_name_in(std::string_view line) {
  line = trim(line);
  const std::string_view name = first_file_name(line);
  if (name.empty()) return {};
  const bool label = line.front() == '#' || line.front() == '*' || line.front() == '`' || line.back() == ':' || line == name ||
                     line.starts_with("File") || list_marker(line) > 0;
  return label ? std::string(name) : std::string();
}

std::vector<CodeBlock> find_blocks(std::string_view text) {
  std::vector<CodeBlock> blocks = unfold(FenceReader(text).read(), 0);
  return blocks.empty() ? find_wrapped(text) : blocks;
}

}  // namespace qbench::quality
