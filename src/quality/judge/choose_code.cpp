#include "quality/judge/choose_code.h"

#include <algorithm>
#include <map>
#include <optional>
#include <unordered_map>

#include "quality/judge/code_shape.h"
#include "quality/judge/lines.h"
#include "quality/judge/wanted_names.h"

namespace qbench::quality {
namespace {

constexpr std::size_t kMostExtraFiles = 16;

/// Words before a block that say it is not the answer itself.
constexpr std::string_view kAlternative[] = {"alternativ",    "another approach", "another way", "naive", "brute force",
                                             "brute-force",   "incorrect",        "wrong",       "buggy", "less efficient",
                                             "original code", "instead of",       "don't",       "do not"};
constexpr std::string_view kExample[] = {"example usage", "usage example", "usage:",         "to test",    "you can test",
                                         "test it",       "tests:",        "unit test",      "how to use", "sample run",
                                         "output",        "you can call",  "you can use it", "client"};

/// Words that take the former back: what follows corrects the code before.
constexpr std::string_view kCorrection[] = {"fix it", "fix this", "fix that", "let me fix", "fixed", "corrected", "correct version"};

bool says(const std::string& intro, const auto& phrases) {
  // The paragraph right before the block; headings of earlier ones are about other things.
  std::string words = intro.substr(intro.rfind("\n\n") == std::string::npos ? 0 : intro.rfind("\n\n"));
  for (char& c : words)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return std::any_of(std::begin(phrases), std::end(phrases),
                     [&](std::string_view phrase) { return words.find(phrase) != std::string::npos; });
}

struct Candidate {
  const CodeBlock* block = nullptr;
  CodeShape shape;
  std::string text;
  int rank = 0;
};

std::string_view file_stem(std::string_view path) {
  path = path.substr(path.rfind('/') + 1);
  return path.substr(0, path.rfind('.'));
}

bool is_test_file(std::string_view name) {
  const std::string_view stem = file_stem(name);
  return stem.starts_with("test") || stem.ends_with("_test") || stem.ends_with(".test") || stem.ends_with(".spec") || stem == "conftest";
}

/// Whether all lines of `part` stand in `lines`.
bool is_excerpt(const std::string& part, const std::unordered_set<std::string_view>& lines) {
  for (LineReader reader(part); reader.next();) {
    const std::string_view line = trim(reader.line());
    if (!line.empty() && !line.starts_with('#') && !line.starts_with("//") && !lines.contains(line)) return false;
  }
  return true;
}

std::unordered_set<std::string_view> lines_of(const std::string& text) {
  std::unordered_set<std::string_view> lines;
  for (LineReader reader(text); reader.next();) lines.insert(trim(reader.line()));
  return lines;
}

std::vector<Candidate> candidates_of(const std::vector<CodeBlock>& blocks, const workload::Task& task,
                                     const std::vector<std::string>& wanted) {
  std::vector<Candidate> out;
  for (const CodeBlock& block : blocks) {
    if (!may_hold(block, task) || (!block.name.empty() && is_test_file(block.name))) continue;
    Candidate one{.block = &block, .shape = {}, .text = {}, .rank = 0};
    std::string text = dedent(block.text);
    one.text = block.closed ? std::move(text) : without_cut_tail(text, task.language, wanted);
    one.shape = shape_of(one.text, task.language);
    if (one.shape.transcript && !one.shape.functions.empty()) {  // a session that tries what stands above it
      one.text.resize(one.text.find("\n>>>") + 1);
      one.shape = shape_of(one.text, task.language);
    }
    const bool asked_for = std::any_of(wanted.begin(), wanted.end(), [&](const auto& name) { return one.shape.defines(name); });
    if (one.shape.transcript || (one.shape.only_tests && !asked_for)) continue;
    one.rank = (block.closed ? 8 : 0) + (one.shape.elided ? 0 : 4) +
               (says(block.intro, kAlternative) && !says(block.intro, kCorrection) ? 0 : 2) + (says(block.intro, kExample) ? 0 : 1);
    out.push_back(std::move(one));
  }
  return out;
}

bool defines(const Candidate& one, const std::string& name, const std::string& language) {
  if (one.shape.defines(name)) return true;
  return !is_read(language) && one.text.find(name) != std::string::npos;  // another language: the word must do
}

/// Of those that define the name the best; an excerpt of a longer one is not looked at.
std::optional<std::size_t> best_definer(const std::vector<Candidate>& all, const std::string& name, const std::string& language) {
  std::vector<std::size_t> definers;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (defines(all[i], name, language)) definers.push_back(i);
  if (definers.empty()) return std::nullopt;
  const auto is_function = [&](std::size_t i) { return all[i].shape.functions.contains(name); };
  if (std::any_of(definers.begin(), definers.end(), is_function))  // "price = a * b" beside the function is a formula
    std::erase_if(definers, [&](std::size_t i) { return !is_function(i); });
  const std::size_t longest = *std::max_element(definers.begin(), definers.end(),
                                                [&](std::size_t a, std::size_t b) { return all[a].text.size() < all[b].text.size(); });
  const std::unordered_set<std::string_view> lines = lines_of(all[longest].text);
  std::size_t best = longest;
  for (const std::size_t i : definers) {
    if (i != longest && all[i].text.size() < all[longest].text.size() && is_excerpt(all[i].text, lines)) continue;
    if (all[i].rank > all[best].rank || (all[i].rank == all[best].rank && i > best)) best = i;
  }
  return best;
}

std::string joined(const std::vector<Candidate>& all, const std::vector<std::size_t>& order) {
  std::string text;
  for (const std::size_t i : order) {
    if (!text.empty()) text += "\n";
    text += all[i].text;
    if (!text.ends_with('\n')) text += "\n";
  }
  return text;
}

/// The chosen blocks and those that define what they mention, and so on.
std::string with_parts(const std::vector<Candidate>& all, std::vector<bool> chosen, const std::vector<std::string>& wanted, bool cpp) {
  std::unordered_map<std::string, std::size_t> where;
  NameSet present;
  std::vector<std::size_t> todo;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool pure_imports = all[i].shape.functions.empty() && !all[i].shape.statements;
    const auto offer = [&](const std::string& name) {
      const auto [at, fresh] = where.try_emplace(name, i);
      if (!fresh && all[i].rank >= all[at->second].rank) at->second = i;
    };
    for (const std::string& name : all[i].shape.functions) offer(name);
    if (pure_imports) {
      for (const std::string& name : all[i].shape.imports) offer(name);
      for (const std::string& name : all[i].shape.constants) offer(name);
      if (cpp && !all[i].shape.imports.empty()) chosen[i] = true;  // includes are used without being named
    }
    if (chosen[i]) todo.push_back(i);
  }
  const std::vector<bool> first = chosen;
  const auto take = [&](std::size_t i) {
    present.insert(all[i].shape.functions.begin(), all[i].shape.functions.end());
    present.insert(all[i].shape.constants.begin(), all[i].shape.constants.end());
    if (!cpp) present.insert(all[i].shape.imports.begin(), all[i].shape.imports.end());
  };
  for (const std::size_t i : todo) take(i);
  while (!todo.empty()) {
    const std::size_t i = todo.back();
    todo.pop_back();
    for (const std::string& word : words_of(all[i].text)) {
      const auto at = where.find(word);
      if (at == where.end() || chosen[at->second] || present.contains(word)) continue;
      chosen[at->second] = true;
      take(at->second);
      todo.push_back(at->second);
    }
  }
  std::vector<std::size_t> before, order;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!chosen[i]) continue;
    const bool again = std::any_of(wanted.begin(), wanted.end(), [&](const auto& name) { return all[i].shape.defines(name); });
    (!first[i] && (again || cpp) ? before : order).push_back(i);  // its own version of a wanted function must not win; C++ declares first
  }
  before.insert(before.end(), order.begin(), order.end());
  return joined(all, before);
}

/// All parts of one file: a block that defines again what an earlier one did replaces that, unless it is an excerpt or leaves parts out.
std::string all_parts(const std::vector<Candidate>& all) {
  std::vector<std::size_t> kept;
  std::unordered_map<std::size_t, std::unordered_set<std::string_view>> lines;  // of what is kept, made once
  const auto excerpt_of = [&](const Candidate& one, std::size_t earlier) {
    const auto at = lines.find(earlier);
    return is_excerpt(one.text, at != lines.end() ? at->second : lines.emplace(earlier, lines_of(all[earlier].text)).first->second);
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Candidate& one = all[i];
    if ((one.rank & 3) != 3 || (one.shape.functions.empty() && one.shape.imports.empty() && one.shape.constants.empty())) continue;
    bool drop = false;
    std::vector<std::size_t> rest;
    for (const std::size_t earlier : kept) {
      const NameSet& names = all[earlier].shape.functions;
      const bool overlaps =
          std::any_of(one.shape.functions.begin(), one.shape.functions.end(), [&](const auto& name) { return names.contains(name); });
      if (overlaps && (one.shape.elided || !one.block->closed || excerpt_of(one, earlier))) drop = true;
      if (!overlaps || drop) rest.push_back(earlier);
    }
    if (drop) continue;
    rest.push_back(i);
    kept = std::move(rest);
    if (kept.size() > 64) break;
  }
  return joined(all, kept);
}

std::string longest_of(const std::vector<Candidate>& all) {
  const Candidate* best = nullptr;
  for (const Candidate& one : all)
    if (best == nullptr || one.text.size() > best->text.size()) best = &one;
  return best == nullptr ? std::string() : best->text;
}

/// The task's path that the name means: itself, its end, or the only one with that last part.
std::optional<std::size_t> path_of(const std::string& name, const workload::Task& task) {
  std::optional<std::size_t> found;
  for (std::size_t i = 0; i < task.paths.size(); ++i) {
    const std::string& path = task.paths[i];
    if (name == path || name.ends_with("/" + path)) return i;
    if (!path.ends_with("/" + name)) continue;
    if (found) return std::nullopt;
    found = i;
  }
  return found;
}

bool is_clean_path(const std::string& path) {
  return !path.empty() && path.size() < 100 && path[0] != '/' && path.find("..") == std::string::npos &&
         path.find("//") == std::string::npos;
}

/// Splits a block at comments that name the task's files.
std::vector<CodeBlock> split_at_names(const std::vector<CodeBlock>& blocks, const workload::Task& task) {
  std::vector<CodeBlock> out;
  for (const CodeBlock& block : blocks) {
    std::vector<std::pair<std::size_t, std::size_t>> marks;  // offset, path
    for (LineReader lines(block.text); lines.next();) {
      const std::string_view line = trim(lines.line());
      if (line.size() > 160 || (!line.starts_with('#') && !line.starts_with("//") && !line.starts_with("/*"))) continue;
      const std::string name = file_name_in(std::string(line) + ":");
      const std::optional<std::size_t> path = name.empty() ? std::nullopt : path_of(name, task);
      const std::size_t others = static_cast<std::size_t>(std::count(line.begin(), line.end(), ' '));
      if (path && others <= 4) marks.emplace_back(lines.begin(), path.value_or(0));
    }
    const bool several = std::any_of(marks.begin(), marks.end(), [&](const auto& mark) { return mark.second != marks.front().second; });
    if (!several) {
      out.push_back(block);
      continue;
    }
    for (std::size_t i = 0; i < marks.size(); ++i) {
      CodeBlock part{.language = block.language,
                     .name = task.paths[marks[i].second],
                     .intro = {},
                     .text = {},
                     .closed = block.closed || i + 1 < marks.size()};
      part.text = block.text.substr(marks[i].first, (i + 1 < marks.size() ? marks[i + 1].first : block.text.size()) - marks[i].first);
      out.push_back(std::move(part));
    }
  }
  return out;
}

bool module_is(std::string path, std::string module) {
  path = path.substr(0, path.rfind('.'));
  std::replace(module.begin(), module.end(), '.', '/');
  return path == module;
}

}  // namespace

bool may_hold(const CodeBlock& block, const workload::Task& task) {
  if (block.language.empty() || block.language == task.language) return !block.text.starts_with(">>>");
  if (block.language == "c") return task.language == "cpp";
  if (block.language == "javascript") return task.language == "typescript";
  return language_of_tag(task.language) == block.language;
}

std::string join_blocks(const std::vector<CodeBlock>& blocks, const workload::Task& task, const std::vector<std::string>& wanted) {
  const std::vector<Candidate> all = candidates_of(blocks, task, wanted);
  if (all.empty()) return {};
  if (wanted.empty()) {
    std::string parts = all_parts(all);
    return parts.empty() ? longest_of(all) : parts;
  }
  std::vector<bool> chosen(all.size());
  bool any = false;
  for (const std::string& name : wanted) {
    const bool there = any && [&] {
      for (std::size_t i = 0; i < all.size(); ++i)
        if (chosen[i] && defines(all[i], name, task.language)) return true;
      return false;
    }();
    if (there) continue;
    if (const auto best = best_definer(all, name, task.language)) chosen[*best] = any = true;
  }
  return any ? with_parts(all, std::move(chosen), wanted, task.language == "cpp") : longest_of(all);
}

std::vector<workload::CodeFile> assign_files(const std::vector<CodeBlock>& answer, const workload::Task& task) {
  const std::vector<CodeBlock> blocks = split_at_names(answer, task);
  std::vector<std::vector<CodeBlock>> of_path(task.paths.size());
  std::map<std::string, std::vector<CodeBlock>> others;
  std::vector<const CodeBlock*> unnamed;
  for (const CodeBlock& block : blocks) {
    const std::optional<std::size_t> path = block.name.empty() ? std::nullopt : path_of(block.name, task);
    if (path)
      of_path[*path].push_back(block);
    else if (!may_hold(block, task))
      continue;
    else if (block.name.empty())
      unnamed.push_back(&block);
    else if (is_clean_path(block.name) && !is_test_file(block.name) && others.size() < kMostExtraFiles)
      others[block.name].push_back(block);
  }
  const auto names = case_names(task);
  std::vector<const CodeBlock*> left;
  for (const CodeBlock* block : unnamed) {
    const CodeShape shape = shape_of(block->text, task.language);
    const auto home =
        std::find_if(names.begin(), names.end(), [&](const auto& one) { return !one.first.empty() && shape.defines(one.second); });
    const auto path = home == names.end() ? task.paths.end() : std::find_if(task.paths.begin(), task.paths.end(), [&](const auto& one) {
      return module_is(one, home->first);
    });
    const std::size_t index = static_cast<std::size_t>(path - task.paths.begin());
    if (path != task.paths.end() && of_path[index].empty())
      of_path[index].push_back(*block);
    else if (!shape.functions.empty() && !shape.only_tests)
      left.push_back(block);
  }
  const auto missing =
      static_cast<std::size_t>(std::count_if(of_path.begin(), of_path.end(), [](const auto& some) { return some.empty(); }));
  if (missing > 0 && missing == left.size()) {
    for (std::size_t i = 0, next = 0; i < of_path.size(); ++i)
      if (of_path[i].empty()) of_path[i].push_back(*left[next++]);
  } else if (missing == of_path.size() && left.size() == 1) {
    of_path[0].push_back(*left[0]);
  }
  std::vector<workload::CodeFile> files;
  const auto add = [&](const std::string& path, std::vector<CodeBlock>& parts) {
    for (CodeBlock& part : parts) part.language.clear();  // its name says more than its tag
    std::string text = join_blocks(parts, task, {});
    if (!text.empty()) files.push_back({path, std::move(text)});
  };
  for (std::size_t i = 0; i < of_path.size(); ++i) add(task.paths[i], of_path[i]);
  for (auto& [name, parts] : others) add(name, parts);
  return files;
}

std::vector<workload::CodeFile> imported_files(const std::vector<CodeBlock>& blocks, const workload::Task& task, const std::string& code) {
  std::vector<workload::CodeFile> files;
  NameSet imported;
  for (LineReader lines(code); lines.next();) {
    const std::string_view line = trim_left(lines.line());
    if (line.starts_with("import") || line.starts_with("from ") || line.starts_with("#include \"") || line.starts_with("} from"))
      imported.merge(words_of(line));
  }
  for (const CodeBlock& block : blocks) {
    const std::string stem(file_stem(block.name));
    if (block.name.empty() || !imported.contains(stem) || !is_clean_path(block.name) || !may_hold(block, task) ||
        block.name == task.paths.front())
      continue;
    if (code.find(block.text.substr(0, block.text.find('\n'))) == 0) continue;  // it is the code itself
    const bool known = std::any_of(files.begin(), files.end(), [&](const auto& file) { return file.path == block.name; });
    if (!known && files.size() < kMostExtraFiles) files.push_back({block.name, block.text});
  }
  return files;
}

}  // namespace qbench::quality
