#include "text/tokenizer_gguf.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>

#include "base/digest.h"
#include "base/error.h"
#include "formats/quote.h"
#include "text/bpe_model.h"
#include "text/byte_alphabet.h"
#include "text/pretokenizer_table.h"
#include "text/regex_dialect.h"
#include "text/sentencepiece_model.h"
#include "text/utf8.h"

namespace qbench::text {
namespace {

using formats::quote;

// Values of tokenizer.ggml.token_type (GGUF specification, "Tokenizer").
constexpr std::int32_t kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5;
constexpr std::string_view kBlankMark = "\xE2\x96\x81";  // U+2581, which stands for a blank

class Builder {
 public:
  explicit Builder(const formats::TokenizerSource& source) : source_(source) {}

  std::unique_ptr<Tokenizer> build() {
    parts_.where = source_.where;
    parts_.added_are_verbatim = true;
    byte_level_ = source_.model == "gpt2";
    if (!byte_level_ && source_.model != "llama") {
      refuse(ErrorCode::kUnsupported, "tokenizer.ggml.model " + quote(source_.model) + " is not supported, only 'gpt2' and 'llama'");
    }
    check_counts();
    make_vocabulary();
    collect_added_tokens();
    if (byte_level_) {
      make_byte_level();
    } else {
      make_sentencepiece();
    }
    add_bos_and_eos();
    write_settings();
    return std::make_unique<TokenizerPipeline>(std::move(parts_));
  }

 private:
  [[noreturn]] void refuse(ErrorCode code, const std::string& message) const { throw Error(code, message, source_.where); }

  std::int32_t type_of(std::size_t id) const { return source_.token_types.empty() ? kNormal : source_.token_types[id]; }

  /// Rows that only fill the embedding up: of the unused type, or with the name that converters give them, whatever their type.
  bool is_padding(std::size_t id) const {
    const std::string_view text = source_.tokens[id];
    const bool named = text.size() > 5 && text.starts_with("[PAD") && text.ends_with("]") &&
                       text.find_first_not_of("0123456789", 4) == text.size() - 1;
    return named || type_of(id) == kUnused;
  }

  void check_counts() const {
    const std::size_t count = source_.tokens.size();
    if (count == 0 || count > (std::size_t{1} << 30))
      refuse(ErrorCode::kFormat, "tokenizer.ggml.tokens has " + std::to_string(count) + " entries");
    const auto check = [&](const char* key, std::size_t found) {
      if (found != 0 && found != count) {
        refuse(ErrorCode::kFormat,
               std::string(key) + " has " + std::to_string(found) + " entries, tokenizer.ggml.tokens has " + std::to_string(count));
      }
    };
    check("tokenizer.ggml.token_type", source_.token_types.size());
    check("tokenizer.ggml.scores", source_.scores.size());
  }

  void make_vocabulary() {
    std::size_t size = source_.tokens.size();
    while (size > 0 && is_padding(size - 1)) --size;
    if (size == 0) refuse(ErrorCode::kFormat, "every token is padding");
    parts_.size = static_cast<std::int64_t>(size);
    auto vocabulary = std::make_shared<Vocabulary>(size, byte_level_);
    for (std::size_t i = 0; i < size; ++i) {
      const auto id = static_cast<std::int32_t>(i);
      const std::string text = source_.tokens[i].empty() ? "[EMPTY_" + std::to_string(i) + "]" : source_.tokens[i];
      if (!is_valid_utf8(text)) refuse(ErrorCode::kFormat, "token " + std::to_string(i) + " is not UTF-8: " + quote(text));
      if (!vocabulary->add(id, text)) {
        refuse(ErrorCode::kFormat, "token " + quote(text) + " stands twice, as id " + std::to_string(vocabulary->find_text(text)) +
                                       " and " + std::to_string(i));
      }
    }
    parts_.vocabulary = std::move(vocabulary);
  }

  /// Told by tokens that no other vocabulary has. llama.cpp goes by the model's name.
  bool is_phi3() const {
    return source_.model == "llama" && parts_.vocabulary->find("<|placeholder1|>") != Vocabulary::kNone &&
           parts_.vocabulary->find("<|end|>") != Vocabulary::kNone;
  }

  void collect_added_tokens() {
    const bool phi3 = is_phi3();
    for (std::int32_t id = 0; id < parts_.size; ++id) {
      const std::int32_t type = type_of(static_cast<std::size_t>(id));
      if (type != kUnknown && type != kControl && type != kUserDefined) continue;
      AddedToken token;
      token.id = id;
      token.content = std::string(parts_.vocabulary->text(id));
      token.special = type != kUserDefined || formats::ends_generation(token.content, false);
      token.rstrip = phi3 && token.content != "<unk>" && token.content != "<s>" && token.content != "<|endoftext|>";
      parts_.added.push_back(std::move(token));
    }
  }

  void make_byte_level() {
    const std::string name = source_.pre.empty() ? "default" : source_.pre;
    const NamedPreTokenizer* pre = find_pre_tokenizer(name);
    if (pre == nullptr)
      refuse(ErrorCode::kUnsupported,
             "tokenizer.ggml.pre " + quote(name) + " is not known: a GGUF only names its pattern; known: " + known_names());
    if (pre->nfc) parts_.normalizer.add(Normalizer::Nfc{});
    for (const std::string_view pattern : pre->patterns) {
      parts_.pre_tokenizer.add(PreTokenizer::Split{SplitRegex(pcre2_from_oniguruma(pattern, source_.where), source_.where)});
    }
    add_bos_ = pre->add_bos;
    BpeOptions options;
    options.byte_level = true;
    options.ignore_merges = pre->ignore_merges;
    std::vector<MergeRule> rules = merge_rules();
    digest_.update(std::as_bytes(std::span(rules)));
    parts_.model = std::make_unique<BpeModel>(parts_.vocabulary, std::move(rules), options);
    parts_.decoder.byte_level = true;
    parts_.bos = source_.bos_id;
    parts_.eos = source_.eos_id;
  }

  std::vector<MergeRule> merge_rules() const {
    if (source_.merges.empty()) refuse(ErrorCode::kFormat, "tokenizer.ggml.merges: expected a list, found none");
    std::vector<MergeRule> rules;
    rules.reserve(source_.merges.size());
    for (const std::string& merge : source_.merges) {
      const std::size_t blank = merge.find(' ', 1);
      if (blank == merge.npos || blank + 1 == merge.size()) {
        refuse(ErrorCode::kFormat,
               "tokenizer.ggml.merges: merge " + std::to_string(rules.size()) + " is " + quote(merge) + ", expected two tokens");
      }
      const std::string left = merge.substr(0, blank), right = merge.substr(blank + 1);
      rules.push_back(
          {token_of_merge(left, rules.size()), token_of_merge(right, rules.size()), token_of_merge(left + right, rules.size())});
    }
    return rules;
  }

  std::int32_t token_of_merge(const std::string& text, std::size_t rank) const {
    if (!is_valid_utf8(text)) refuse(ErrorCode::kFormat, "tokenizer.ggml.merges: merge " + std::to_string(rank) + " is not UTF-8");
    const std::int32_t id = parts_.vocabulary->find_text(text);
    if (id == Vocabulary::kNone) {
      refuse(ErrorCode::kFormat, "tokenizer.ggml.merges: merge " + std::to_string(rank) + " names token " + quote(text) +
                                     ", which is not in tokenizer.ggml.tokens");
    }
    return id;
  }

  void make_sentencepiece() {
    if (source_.scores.empty()) refuse(ErrorCode::kFormat, "tokenizer.ggml.scores is missing");
    std::vector<float> scores(source_.scores.begin(), source_.scores.begin() + parts_.size);
    const auto odd = std::find_if(scores.begin(), scores.end(), [](float score) { return std::isnan(score); });
    if (odd != scores.end()) refuse(ErrorCode::kFormat, "the score of token " + std::to_string(odd - scores.begin()) + " is not a number");
    digest_.update(std::as_bytes(std::span(scores)));
    const auto id_or = [&](const std::optional<std::int32_t>& id, std::int32_t usual) {
      return id ? id : usual < parts_.size ? std::optional(usual) : std::nullopt;
    };
    // The file may leave them out: SentencePiece's own order is unknown, beginning, end.
    parts_.bos = id_or(source_.bos_id, 1);
    parts_.eos = id_or(source_.eos_id, 2);
    const std::int32_t unknown = id_or(source_.unk_id, 0).value_or(0);
    if (source_.add_space_prefix.value_or(true)) parts_.normalizer.add(Normalizer::Prepend{std::string(kBlankMark)});
    parts_.normalizer.add(Normalizer::Replace{SplitRegex::literal(" ", source_.where), std::string(kBlankMark)});
    parts_.model = std::make_unique<SentencePieceModel>(parts_.vocabulary, std::move(scores), unknown);
    parts_.decoder.replacements = {{std::string(kBlankMark), " "}};
    parts_.decoder.byte_fallback = true;
    parts_.decoder.strip_leading = source_.add_space_prefix.value_or(true);
    add_bos_ = true;
  }

  void add_bos_and_eos() {
    for (const auto& id : {parts_.bos, parts_.eos, source_.unk_id}) {
      if (id && (*id < 0 || *id >= parts_.size))
        refuse(ErrorCode::kFormat,
               "a special token has id " + std::to_string(*id) + ", but there are only " + std::to_string(parts_.size) + " tokens");
    }
    if (source_.add_bos.value_or(add_bos_)) {
      if (!parts_.bos) refuse(ErrorCode::kFormat, "the tokenizer adds a BOS token, but tokenizer.ggml.bos_token_id is missing");
      parts_.prefix.push_back(*parts_.bos);
    }
    if (source_.add_eos.value_or(false)) {
      if (!parts_.eos) refuse(ErrorCode::kFormat, "the tokenizer adds an EOS token, but tokenizer.ggml.eos_token_id is missing");
      parts_.suffix.push_back(*parts_.eos);
    }
  }

  static std::string known_names() {
    std::string names;
    for (const NamedPreTokenizer& entry : known_pre_tokenizers()) names += (names.empty() ? "" : ", ") + std::string(entry.name);
    return names;
  }

  void write_settings() {
    parts_.settings =
        "gguf " + source_.model + " " + source_.pre + (source_.add_space_prefix.value_or(true) ? " prefix " : " ") + digest_.hex_digest();
  }

  const formats::TokenizerSource& source_;
  TokenizerParts parts_;
  bool byte_level_ = false, add_bos_ = false;
  Sha256 digest_;
};

}  // namespace

std::unique_ptr<Tokenizer> tokenizer_from_gguf(const formats::TokenizerSource& source) { return Builder(source).build(); }

}  // namespace qbench::text
