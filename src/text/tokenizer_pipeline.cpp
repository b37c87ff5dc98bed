#include "text/tokenizer_pipeline.h"

#include <algorithm>

#include "base/digest.h"
#include "base/error.h"
#include "text/utf8.h"

namespace qbench::text {
namespace {

/// Positions inside one word are 32-bit.
constexpr std::size_t kTextBytesMost = std::size_t{1} << 30;

}  // namespace

struct TokenizerPipeline::Scratch {
  MatchScratch matches;
  WordScratch words;
};

TokenizerPipeline::TokenizerPipeline(TokenizerParts parts) : parts_(std::move(parts)) { add_tokens(); }

void TokenizerPipeline::add_tokens() {
  const auto refuse = [&](const AddedToken& token, const std::string& why) {
    throw Error(ErrorCode::kFormat, "added token '" + token.content + "' with id " + std::to_string(token.id) + ": " + why, parts_.where);
  };
  std::vector<AddedTokenMatcher::Pattern> before, after;
  MatchScratch matches;
  for (const AddedToken& token : parts_.added) {
    if (token.content.empty()) continue;
    if (token.id < 0 || token.id >= parts_.size) refuse(token, "the id is outside [0, " + std::to_string(parts_.size) + ")");
    const std::int32_t in_model = parts_.vocabulary->find_text(token.content);
    if (in_model != Vocabulary::kNone && in_model != token.id) refuse(token, "the vocabulary has it as " + std::to_string(in_model));
    if (parts_.vocabulary->has(token.id) && in_model != token.id) {
      refuse(token, "the vocabulary has '" + std::string(parts_.vocabulary->text(token.id)) + "' there");
    }
    if (const auto other = added_.find(token.id); other != added_.end() && other->second.token.content != token.content) {
      refuse(token, "'" + other->second.token.content + "' is there already");
    }
    if (const auto other = added_ids_.find(token.content); other != added_ids_.end() && other->second != token.id) {
      refuse(token, "it has id " + std::to_string(other->second) + " too");
    }
    std::string decoded = token.content;
    if (token.normalized) {
      std::string storage;
      decoded = std::string(parts_.normalizer.apply(token.content, matches, storage));
    }
    if (!decoded.empty()) (token.normalized ? after : before).push_back({decoded, token});
    added_ids_[token.content] = token.id;
    added_[token.id] = {token, std::move(decoded)};
  }
  before_normalizing_ = AddedTokenMatcher(std::move(before));
  after_normalizing_ = AddedTokenMatcher(std::move(after));
}

std::vector<std::int32_t> TokenizerPipeline::encode(std::string_view text, const EncodeOptions& options) const {
  if (text.size() > kTextBytesMost) {
    throw Error(ErrorCode::kUsage,
                "the text has " + std::to_string(text.size()) + " bytes; one call takes at most " + std::to_string(kTextBytesMost));
  }
  std::string mended;
  if (!is_valid_utf8(text)) {
    mended = replace_invalid_utf8(text);
    text = mended;
  }
  std::vector<std::int32_t> ids;
  ids.reserve(text.size() / 3 + 8);
  if (options.add_special) ids = parts_.prefix;
  Scratch scratch;
  for (const auto& segment : before_normalizing_.split(text, scratch.matches)) {
    if (segment.id != AddedTokenMatcher::Segment::kText) {
      ids.push_back(segment.id);
    } else {
      encode_text(text.substr(segment.begin, segment.end - segment.begin), segment.begin == 0, scratch, ids);
    }
  }
  if (options.add_special) ids.insert(ids.end(), parts_.suffix.begin(), parts_.suffix.end());
  return ids;
}

void TokenizerPipeline::encode_text(std::string_view text, bool at_start, Scratch& scratch, std::vector<std::int32_t>& ids) const {
  std::string storage;
  text = parts_.normalizer.apply(text, scratch.matches, storage);
  const auto sink = [&](std::string_view word) { parts_.model->encode(word, scratch.words, ids); };
  for (const auto& segment : after_normalizing_.split(text, scratch.matches)) {
    if (segment.id != AddedTokenMatcher::Segment::kText) {
      ids.push_back(segment.id);
    } else {
      parts_.pre_tokenizer.split(text.substr(segment.begin, segment.end - segment.begin), at_start && segment.begin == 0, scratch.matches,
                                 sink);
    }
  }
}

std::string TokenizerPipeline::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  std::string text;
  for (const std::int32_t id : ids) text += piece(id, skip_special);
  if (parts_.decoder.strip_leading && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

std::string TokenizerPipeline::piece(std::int32_t id, bool skip_special) const {
  check_id(id);
  if (const auto added = added_.find(id); added != added_.end()) {
    if (skip_special && added->second.token.special) return {};
    return parts_.added_are_verbatim ? added->second.decoded : parts_.decoder.piece(added->second.decoded);
  }
  return parts_.decoder.piece(parts_.vocabulary->text(id));
}

std::optional<std::int32_t> TokenizerPipeline::id_of(std::string_view token) const {
  if (const auto added = added_ids_.find(std::string(token)); added != added_ids_.end()) return added->second;
  const std::int32_t id = parts_.vocabulary->find_text(token);
  return id == Vocabulary::kNone || id >= parts_.size ? std::nullopt : std::optional(id);
}

bool TokenizerPipeline::is_special(std::int32_t id) const {
  const auto added = added_.find(id);
  return added != added_.end() && added->second.token.special;
}

void TokenizerPipeline::check_id(std::int32_t id) const {
  if (id >= 0 && id < parts_.size) return;
  throw Error(ErrorCode::kUsage,
              "token id " + std::to_string(id) + " is outside the vocabulary, which has " + std::to_string(parts_.size) + " ids",
              parts_.where);
}

/// Every field is written with its length before it, so that no two tokenizers write the same bytes.
std::string TokenizerPipeline::fingerprint() const {
  Sha256 digest;
  const auto put = [&](std::string_view field) {
    digest.update(std::to_string(field.size()) + ":");
    digest.update(field);
  };
  put(parts_.settings);
  for (std::int64_t id = 0; id < parts_.size; ++id) put(parts_.vocabulary->text(static_cast<std::int32_t>(id)));
  std::vector<AddedToken> added;
  for (const auto& [id, entry] : added_) added.push_back(entry.token);
  std::sort(added.begin(), added.end(), [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  for (const AddedToken& token : added) {
    put(std::to_string(token.id));
    put(token.content);
    const std::array<bool, 5> flags = {token.special, token.lstrip, token.rstrip, token.single_word, token.normalized};
    std::string written;
    for (const bool flag : flags) written += flag ? '1' : '0';
    put(written);
  }
  for (const auto* ids : {&parts_.prefix, &parts_.suffix}) put(sha256_hex_of_ids(*ids));
  return digest.hex_digest();
}

}  // namespace qbench::text
