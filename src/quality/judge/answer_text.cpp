#include "quality/judge/answer_text.h"

#include <algorithm>
#include <optional>

#include "quality/judge/lines.h"

namespace qbench::quality {
namespace {

struct Tags {
  std::string_view open, close;
};
/// How models mark their thoughts.
constexpr Tags kThoughts[] = {
    {"<think>", "</think>"},
    {"<thinking>", "</thinking>"},
    {"<thought>", "</thought>"},
    {"<reasoning>", "</reasoning>"},
    {"<seed:think>", "</seed:think>"},
    {"[THINK]", "[/THINK]"},
    {"<|begin_of_thought|>", "<|end_of_thought|>"},
    {"<|channel|>analysis<|message|>", "<|channel|>final<|message|>"},
    {"\xE2\x97\x81think\xE2\x96\xB7", "\xE2\x97\x81/think\xE2\x96\xB7"},
};

/// What a template writes before the assistant's words; some models write it again.
constexpr std::string_view kHeaders[] = {
    "<|im_start|>assistant",
    "<|start_header_id|>assistant<|end_header_id|>",
    "<|assistant|>",
    "<|start|>assistant",
    "<start_of_turn>model",
    "<\xEF\xBD\x9C"
    "Assistant\xEF\xBD\x9C>",
    "<|begin_of_text|>",
    "<|begin_of_solution|>",
    "<s>",
    "<bos>",
    "<|endoftext|>",
    "<|im_end|>",
};

/// Tokens after which the model has left its turn or its file.
constexpr std::string_view kEnds[] = {
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<|eom_id|>",
    "<|end|>",
    "<|return|>",
    "<|EOT|>",
    "<|end_of_solution|>",
    "<end_of_turn>",
    "<eos>",
    "</s>",
    "<|im_start|>",
    "<|start_header_id|>",
    "<|user|>",
    "<|file_sep|>",
    "<file_sep>",
    "<|repo_name|>",
    "<|fim_pad|>",
    "<\xEF\xBD\x9C"
    "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>",
};

/// Fill-in-the-middle tokens: before, after, between.
struct FimTokens {
  std::string_view prefix, suffix, middle;
};
constexpr FimTokens kFim[] = {
    {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
    {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},
    {"<PRE>", "<SUF>", "<MID>"},
    {"<\xEF\xBD\x9C"
     "fim\xE2\x96\x81"
     "begin\xEF\xBD\x9C>",
     "<\xEF\xBD\x9C"
     "fim\xE2\x96\x81hole\xEF\xBD\x9C>",
     "<\xEF\xBD\x9C"
     "fim\xE2\x96\x81"
     "end\xEF\xBD\x9C>"},
};

constexpr std::size_t kNone = std::string_view::npos;

/// Zero-width space, word joiner and byte order mark go; joiners go beside ASCII alone, since emoji are made with them; a no-break space in
/// an indentation is a space.
std::string plain_characters(std::string_view in) {
  std::string out;
  out.reserve(in.size());
  bool indentation = true;
  for (std::size_t i = 0; i < in.size();) {
    const std::string_view rest = in.substr(i);
    if (rest.starts_with("\r\n")) {
      ++i;
      continue;
    }
    if (rest.starts_with("\xE2\x80\x8B") || rest.starts_with("\xE2\x81\xA0") || rest.starts_with("\xEF\xBB\xBF")) {
      i += 3;
      continue;
    }
    const bool joiner = rest.starts_with("\xE2\x80\x8C") || rest.starts_with("\xE2\x80\x8D");
    if (joiner && (out.empty() || static_cast<unsigned char>(out.back()) < 0x80)) {
      i += 3;
      continue;
    }
    if (indentation && rest.starts_with("\xC2\xA0")) {
      out += ' ';
      i += 2;
      continue;
    }
    const char c = in[i++];
    out += c;
    indentation = c == '\n' || (indentation && (c == ' ' || c == '\t'));
  }
  return out;
}

bool is_quote(char c) { return c == '"' || c == '\'' || c == '`' || c == '\\'; }

bool beside_quote(std::string_view text, std::size_t at, std::size_t length) {
  return (at > 0 && is_quote(text[at - 1])) ||
         (at + length < text.size() && is_quote(text[at + length]) && !text.substr(at + length).starts_with("```"));
}

/// Whether a comment begins before `at` in its line, as far as 400 bytes tell.
bool in_comment(std::string_view text, std::size_t at) {
  const std::size_t from = at > 400 ? at - 400 : 0;
  std::string_view before = text.substr(from, at - from);
  if (const std::size_t line = before.rfind('\n'); line != kNone) before = before.substr(line + 1);
  return before.find('#') != kNone || before.find("//") != kNone;
}

void strip_headers(std::string& text) {
  std::string_view rest = text;
  for (bool found = true; found;) {
    found = false;
    const std::string_view bare = trim_left(rest);
    for (const std::string_view header : kHeaders) {
      if (!bare.starts_with(header)) continue;
      rest = bare.substr(header.size());
      if (rest.starts_with("\n")) rest.remove_prefix(1);
      found = true;
      break;
    }
  }
  text.erase(0, text.size() - rest.size());
}

struct Found {
  std::size_t at = kNone;
  const Tags* tags = nullptr;
};

/// The first tag that opens a thought: at the start of a line outside fences.
Found find_open(std::string_view text) {
  bool fenced = false;
  for (LineReader lines(text); lines.next();) {
    const std::string_view line = trim_left(lines.line());
    if (line.starts_with("```") || line.starts_with("~~~")) fenced = !fenced;
    if (fenced || line.empty() || (line[0] != '<' && line[0] != '[' && line[0] != '\xE2')) continue;
    for (const Tags& tags : kThoughts)
      if (line.starts_with(tags.open)) return {static_cast<std::size_t>(line.data() - text.data()), &tags};
  }
  return {};
}

/// The first place where `tag` closes a thought: not beside a quote and, where no tag opened it, not in the middle of a sentence or a line of code.
std::size_t find_close(std::string_view text, std::string_view tag, std::size_t from, bool opened) {
  for (std::size_t at = text.find(tag, from); at != kNone; at = text.find(tag, at + 1)) {
    if (beside_quote(text, at, tag.size())) continue;
    if (opened) return at;
    std::size_t before = at;
    while (before > from && (text[before - 1] == ' ' || text[before - 1] == '\t') && at - before < 64) --before;
    if (tag.starts_with("<|") || before == 0 || before == from || std::string_view("\n.!?:;)>*").find(text[before - 1]) != kNone) return at;
    const std::string_view after = text.substr(at + tag.size(), 1);
    if (after.empty() || after == "\n") return at;
  }
  return kNone;
}

Found find_lone_close(std::string_view text) {
  Found first;
  for (const Tags& tags : kThoughts) {
    const std::size_t at = find_close(text, tags.close, 0, false);
    if (at < first.at && !in_comment(text, at)) first = {at, &tags};
  }
  return first;
}

/// True when a thought never closed; then there is no text left behind it.
bool strip_thoughts(std::string& text) {
  std::string out;
  std::string_view rest = text;
  Found open = find_open(rest);
  if (const Found close = find_lone_close(rest); close.at < open.at) {
    rest.remove_prefix(close.at + close.tags->close.size());
    open = find_open(rest);
  }
  bool unfinished = false;
  for (; open.at != kNone; open = find_open(rest)) {
    out += rest.substr(0, open.at);
    const std::size_t close = find_close(rest, open.tags->close, open.at + open.tags->open.size(), true);
    unfinished = close == kNone;
    rest = unfinished ? std::string_view() : rest.substr(close + open.tags->close.size());
  }
  out += rest;
  text = std::move(out);
  return unfinished;
}

std::size_t find_token(std::string_view text, std::string_view token, std::size_t from = 0) {
  std::size_t at = text.find(token, from);
  while (at != kNone && beside_quote(text, at, token.size())) at = text.find(token, at + 1);
  return at;
}

/// Puts a file together that was written in the order before, after, between; else keeps what stands before the first token, or after it
/// where nothing does.
void strip_fim(std::string& text) {
  for (const FimTokens& fim : kFim) {
    const std::size_t prefix = find_token(text, fim.prefix), suffix = find_token(text, fim.suffix), middle = find_token(text, fim.middle);
    if (prefix == kNone && suffix == kNone && middle == kNone) continue;
    const std::string_view whole = text;
    std::string out;
    if (prefix < suffix && suffix < middle && middle != kNone) {
      const std::size_t head = prefix + fim.prefix.size(), tail = suffix + fim.suffix.size();
      out.append(whole.substr(head, suffix - head))
          .append(whole.substr(middle + fim.middle.size()))
          .append(whole.substr(tail, middle - tail));
    } else {
      const std::size_t first = std::min({prefix, suffix, middle});
      const std::string_view token = first == prefix ? fim.prefix : first == suffix ? fim.suffix : fim.middle;
      out = whole.substr(0, first);
      if (trim(out).empty()) {
        const std::string_view rest = whole.substr(first + token.size());
        out = rest.substr(0, std::min({find_token(rest, fim.prefix), find_token(rest, fim.suffix), find_token(rest, fim.middle)}));
      }
    }
    text = std::move(out);
  }
}

/// Whether the token at `at` ends the turn. Code may name a token in a string or, unless the answer ends with it, in a comment; HTML has
/// </s>.
bool ends_turn(std::string_view text, std::size_t at, std::string_view token) {
  if (beside_quote(text, at, token.size())) return false;
  const std::string_view after = text.substr(at + token.size(), 64);
  if (trim(after).empty()) return true;
  if (in_comment(text, at)) return false;
  return token != "</s>" || after.substr(0, after.find('\n')).find_first_not_of(" \t") == kNone;
}

void cut_at_end(std::string& text) {
  std::size_t end = kNone;
  for (const std::string_view token : kEnds) {
    std::size_t at = text.find(token);
    while (at < end && !ends_turn(text, at, token)) at = text.find(token, at + 1);
    end = std::min(end, at);
  }
  if (end != kNone) text.resize(end);
}

}  // namespace

AnswerText clean_answer(std::string_view answer) {
  AnswerText result{plain_characters(answer)};
  strip_headers(result.text);
  result.unfinished = strip_thoughts(result.text);
  strip_headers(result.text);
  strip_fim(result.text);
  cut_at_end(result.text);
  return result;
}

}  // namespace qbench::quality
