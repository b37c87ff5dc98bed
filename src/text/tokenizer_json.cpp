#include "text/tokenizer_json.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>

#include "base/digest.h"
#include "base/error.h"
#include "base/json.h"
#include "formats/json_fields.h"
#include "formats/quote.h"
#include "text/bpe_model.h"
#include "text/tokenizer_json_file.h"
#include "text/tokenizer_json_steps.h"

namespace qbench::text {
namespace {

using formats::JsonFields;
using formats::quote;
using nlohmann::json;

constexpr std::int64_t kIdMost = std::numeric_limits<std::int32_t>::max() - 1;

class Builder {
 public:
  Builder(TokenizerJsonFile file, const formats::TokenizerSource& source)
      : file_(std::move(file)),
        source_(source),
        root_(*file_.settings, source.where),
        model_fields_(model_object(), source.where, "model.") {}

  std::unique_ptr<Tokenizer> build() {
    parts_.where = source_.where;
    check_model_options();
    parts_.normalizer = normalizer_from_json(part("normalizer"), source_.where);
    PreTokenizerPart pre = pre_tokenizer_from_json(part("pre_tokenizer"), source_.where);
    parts_.pre_tokenizer = std::move(pre.steps);
    byte_level_ = pre.byte_level;
    parts_.decoder = decoder_from_json(part("decoder"), source_.where);
    read_added_tokens();
    read_config();
    make_vocabulary();
    add_named_tokens();
    make_model();
    PostProcessorPart around = post_processor_from_json(part("post_processor"), source_.where);
    check_around(around.prefix);
    check_around(around.suffix);
    parts_.prefix = std::move(around.prefix);
    parts_.suffix = std::move(around.suffix);
    parts_.bos = bos_ ? find_token(*bos_) : std::nullopt;
    parts_.eos = eos_ ? find_token(*eos_) : std::nullopt;
    write_settings();
    return std::make_unique<TokenizerPipeline>(std::move(parts_));
  }

 private:
  [[noreturn]] void refuse(ErrorCode code, const std::string& message) const { throw Error(code, message, source_.where); }

  const json& model_object() const {
    const json* model = root_.find("model");
    if (model == nullptr || !model->is_object()) refuse(ErrorCode::kFormat, "no 'model' object: not a tokenizer.json");
    return *model;
  }

  const json& part(const char* name) const {
    static const json kAbsent;
    const json* found = root_.find(name);
    return found == nullptr ? kAbsent : *found;
  }

  void check_model_options() const {
    if (const auto version = root_.string("version"); version && *version != "1.0")
      refuse(ErrorCode::kUnsupported, "version " + quote(*version) + " is not supported");
    const std::string type = model_fields_.string("type").value_or("BPE");
    if (type != "BPE") refuse(ErrorCode::kUnsupported, "model type " + quote(type) + " is not supported, only BPE");
    if (!file_.has_vocab || !file_.has_merges || file_.vocab.empty())
      refuse(ErrorCode::kFormat, "model: expected a vocab and merges, found none");
    if (model_fields_.number("dropout").value_or(0) != 0)
      refuse(ErrorCode::kUnsupported, "model.dropout is not supported: encoding would be random");
    for (const char* name : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!model_fields_.string(name).value_or("").empty())
        refuse(ErrorCode::kUnsupported, "model." + std::string(name) + " is not supported");
    }
  }

  AddedToken token_from(const JsonFields& fields, std::int64_t id, const json& value) const {
    AddedToken token;
    token.id = static_cast<std::int32_t>(id);
    const auto content = fields.string("content");
    if (!content) fields.fail("content", "a text", value);
    token.content = *content;
    token.special = fields.boolean("special").value_or(false);
    token.lstrip = fields.boolean("lstrip").value_or(false);
    token.rstrip = fields.boolean("rstrip").value_or(false);
    token.single_word = fields.boolean("single_word").value_or(false);
    token.normalized = fields.boolean("normalized").value_or(!token.special);
    return token;
  }

  void read_added_tokens() {
    const json* list = root_.find("added_tokens");
    if (list == nullptr) return;
    if (!list->is_array()) root_.fail("added_tokens", "a list", *list);
    for (const json& entry : *list) {
      const JsonFields fields(entry, source_.where, "added_tokens[].");
      parts_.added.push_back(token_from(fields, fields.require_integer("id", 0, kIdMost), entry));
    }
  }

  /// A special token of the config: a text, or an object with its content.
  static std::optional<std::string> content_of(const json* value) {
    if (value == nullptr) return std::nullopt;
    if (value->is_string()) return value->get<std::string>();
    if (value->is_object() && value->contains("content") && value->at("content").is_string())
      return value->at("content").get<std::string>();
    return std::nullopt;
  }

  void read_config() {
    if (source_.tokenizer_config_json.empty()) return;
    const std::string where = source_.where + " (tokenizer_config.json beside it)";
    const json config = parse_json(source_.tokenizer_config_json, where);
    const JsonFields fields(config, where);
    bos_ = content_of(fields.find("bos_token"));
    eos_ = content_of(fields.find("eos_token"));
    for (const char* name : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
      if (const auto content = content_of(fields.find(name))) named_.push_back(*content);
    }
    for (const char* name : {"additional_special_tokens", "extra_special_tokens"}) {
      const json* list = fields.find(name);
      if (list == nullptr || !list->is_array()) continue;
      for (const json& entry : *list) {
        if (const auto content = content_of(&entry)) named_.push_back(*content);
      }
    }
    read_added_tokens_decoder(fields, where);
  }

  void read_added_tokens_decoder(const JsonFields& config, const std::string& where) {
    const json* table = config.find("added_tokens_decoder");
    if (table == nullptr) return;
    if (!table->is_object()) config.fail("added_tokens_decoder", "an object", *table);
    std::set<std::string, std::less<>> known;
    for (const AddedToken& token : parts_.added) known.insert(token.content);
    for (const auto& [key, entry] : table->items()) {
      std::int64_t id = -1;
      const auto parsed = std::from_chars(key.data(), key.data() + key.size(), id);
      if (parsed.ec != std::errc() || parsed.ptr != key.data() + key.size() || id < 0 || id > kIdMost)
        config.fail("added_tokens_decoder", "ids as keys", json(key));
      const AddedToken token = token_from(JsonFields(entry, where, "added_tokens_decoder." + key + "."), id, entry);
      if (!known.contains(token.content)) parts_.added.push_back(token);
    }
  }

  void make_vocabulary() {
    std::int64_t model_most = -1, most = -1;
    for (const auto& [text, id] : file_.vocab) model_most = std::max<std::int64_t>(model_most, id);
    for (const AddedToken& token : parts_.added) most = std::max<std::int64_t>(most, token.id);
    most = std::max(most, model_most);
    const auto count = static_cast<std::int64_t>(file_.vocab.size() + parts_.added.size());
    if (most >= 2 * count + 65536) {
      refuse(ErrorCode::kFormat,
             "the highest token id is " + std::to_string(most) + ", but there are only " + std::to_string(count) + " tokens");
    }
    parts_.size = most + 1;
    auto vocabulary = std::make_shared<Vocabulary>(static_cast<std::size_t>(model_most + 1), byte_level_);
    for (const auto& [text, id] : file_.vocab) {
      if (vocabulary->has(id))
        refuse(ErrorCode::kFormat,
               "model.vocab: id " + std::to_string(id) + " is given to " + quote(vocabulary->text(id)) + " and " + quote(text));
      if (!vocabulary->add(id, text)) refuse(ErrorCode::kFormat, "model.vocab: token " + quote(text) + " stands twice");
    }
    file_.vocab = {};
    parts_.vocabulary = std::move(vocabulary);
  }

  /// Special tokens that the config names and the vocabulary knows, but nobody listed as added.
  void add_named_tokens() {
    std::set<std::string, std::less<>> known;
    for (const AddedToken& token : parts_.added) known.insert(token.content);
    for (const std::string& content : named_) {
      const std::int32_t id = parts_.vocabulary->find_text(content);
      if (id == Vocabulary::kNone || !known.insert(content).second) continue;
      AddedToken token;
      token.id = id;
      token.content = content;
      token.special = true;
      parts_.added.push_back(token);
    }
  }

  void make_model() {
    const Vocabulary& vocabulary = *parts_.vocabulary;
    BpeOptions options;
    options.byte_level = byte_level_;
    options.byte_fallback = model_fields_.boolean("byte_fallback").value_or(false);
    options.fuse_unknown = model_fields_.boolean("fuse_unk").value_or(false);
    options.ignore_merges = model_fields_.boolean("ignore_merges").value_or(false);
    if (const auto unknown = model_fields_.string("unk_token")) {
      options.unknown_id = vocabulary.find_text(*unknown);
      if (options.unknown_id == Vocabulary::kNone)
        refuse(ErrorCode::kFormat, "model.unk_token " + quote(*unknown) + " is not in model.vocab");
    }
    if (byte_level_ && options.byte_fallback) {
      for (unsigned byte = 0; byte < 256; ++byte) {
        const char as_char = static_cast<char>(static_cast<unsigned char>(byte));
        if (vocabulary.find(std::string_view(&as_char, 1)) == Vocabulary::kNone) {
          refuse(ErrorCode::kUnsupported,
                 "model.byte_fallback with a byte-level vocabulary that lacks byte " + std::to_string(byte) + " is not supported");
        }
      }
      options.byte_fallback = false;  // never reached
    }
    std::vector<MergeRule> rules = merge_rules();
    Sha256 digest;
    digest.update(std::as_bytes(std::span(rules)));
    merges_digest_ = digest.hex_digest();
    parts_.model = std::make_unique<BpeModel>(parts_.vocabulary, std::move(rules), options);
  }

  std::vector<MergeRule> merge_rules() {
    const Vocabulary& vocabulary = *parts_.vocabulary;
    std::vector<MergeRule> rules;
    rules.reserve(file_.merges.size());
    for (const auto& [left, right] : file_.merges) {
      const MergeRule rule{vocabulary.find_text(left), vocabulary.find_text(right), vocabulary.find_text(left + right)};
      for (const auto& [id, text] : {std::pair(rule.left, left), std::pair(rule.right, right), std::pair(rule.result, left + right)}) {
        if (id == Vocabulary::kNone) {
          refuse(ErrorCode::kFormat,
                 "model.merges: merge " + std::to_string(rules.size()) + " names token " + quote(text) + ", which is not in model.vocab");
        }
      }
      rules.push_back(rule);
    }
    file_.merges = {};
    return rules;
  }

  void check_around(const std::vector<std::int32_t>& ids) const {
    for (const std::int32_t id : ids) {
      if (id >= parts_.size)
        refuse(ErrorCode::kFormat,
               "post_processor writes token id " + std::to_string(id) + ", but there are only " + std::to_string(parts_.size));
    }
  }

  std::optional<std::int32_t> find_token(const std::string& content) const {
    for (const AddedToken& token : parts_.added) {
      if (token.content == content) return token.id;
    }
    const std::int32_t id = parts_.vocabulary->find_text(content);
    return id == Vocabulary::kNone ? std::nullopt : std::optional(id);
  }

  void write_settings() {
    json settings = {{"kind", "tokenizer.json"}, {"model", model_object()}, {"merges", merges_digest_}};
    for (const char* name : {"normalizer", "pre_tokenizer", "decoder"}) settings[name] = part(name);
    parts_.settings = dump_json(settings);
  }

  TokenizerJsonFile file_;
  const formats::TokenizerSource& source_;
  JsonFields root_, model_fields_;
  TokenizerParts parts_;
  bool byte_level_ = false;
  std::optional<std::string> bos_, eos_;
  std::vector<std::string> named_;
  std::string merges_digest_;
};

}  // namespace

std::unique_ptr<Tokenizer> tokenizer_from_json(const formats::TokenizerSource& source) {
  if (source.tokenizer_json.empty()) throw Error(ErrorCode::kNotFound, "there is no tokenizer.json", source.where);
  return Builder(read_tokenizer_json(source.tokenizer_json, source.where), source).build();
}

}  // namespace qbench::text
