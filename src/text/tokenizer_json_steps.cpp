#include "text/tokenizer_json_steps.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "formats/json_fields.h"
#include "formats/quote.h"
#include "text/regex_dialect.h"

namespace qbench::text {

using formats::JsonFields;
using nlohmann::json;

const std::string_view kGpt2Pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& where) {
  throw Error(ErrorCode::kUnsupported, what + " is not supported", where);
}

std::string type_of(const JsonFields& fields, const json& value) {
  const auto type = fields.string("type");
  if (!type) fields.fail("type", "the name of a kind", value);
  return *type;
}

const json& list_of(const JsonFields& fields, const char* name, const json& value) {
  const json* list = fields.find(name);
  if (list == nullptr || !list->is_array()) fields.fail(name, "a list", list == nullptr ? value : *list);
  return *list;
}

/// {"Regex": "..."} or {"String": "..."}.
SplitRegex pattern_of(const JsonFields& fields, const json& value) {
  const json* pattern = fields.find("pattern");
  if (pattern == nullptr || !pattern->is_object())
    fields.fail("pattern", "{\"Regex\": ...} or {\"String\": ...}", pattern == nullptr ? value : *pattern);
  const JsonFields kinds(*pattern, fields.where(), "pattern.");
  if (const auto regex = kinds.string("Regex")) return SplitRegex(pcre2_from_oniguruma(*regex, fields.where()), fields.where());
  const auto text = kinds.string("String");
  if (!text || text->empty()) fields.fail("pattern", "a Regex or a String that is not empty", *pattern);
  return SplitRegex::literal(*text, fields.where());
}

void add_normalizer(Normalizer& normalizer, const json& value, const std::string& where) {
  const JsonFields fields(value, where, "normalizer.");
  const std::string type = type_of(fields, value);
  if (type == "NFC") {
    normalizer.add(Normalizer::Nfc{});
  } else if (type == "Prepend") {
    const auto text = fields.string("prepend");
    if (!text) fields.fail("prepend", "a text", value);
    normalizer.add(Normalizer::Prepend{*text});
  } else if (type == "Replace") {
    normalizer.add(Normalizer::Replace{pattern_of(fields, value), fields.string("content").value_or("")});
  } else if (type == "Sequence") {
    for (const json& step : list_of(fields, "normalizers", value)) add_normalizer(normalizer, step, where);
  } else {
    refuse("normalizer " + formats::quote(type), where);
  }
}

PreTokenizer::Behavior behavior_of(const JsonFields& fields, const json& value) {
  using Behavior = PreTokenizer::Behavior;
  const std::string name = fields.string("behavior").value_or("");
  if (name == "Removed") return Behavior::kRemoved;
  if (name == "Isolated") return Behavior::kIsolated;
  if (name == "MergedWithPrevious") return Behavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return Behavior::kMergedWithNext;
  if (name == "Contiguous") return Behavior::kContiguous;
  fields.fail("behavior", "Removed, Isolated, MergedWithPrevious, MergedWithNext or Contiguous", value);
}

PreTokenizer::Metaspace metaspace_of(const JsonFields& fields, const json& value) {
  PreTokenizer::Metaspace step;
  step.replacement = fields.string("replacement").value_or("");
  if (step.replacement.empty()) fields.fail("replacement", "a character", value);
  const std::string scheme = fields.string("prepend_scheme").value_or("always");
  if (scheme != "always" && scheme != "first" && scheme != "never") fields.fail("prepend_scheme", "always, first or never", value);
  step.prepend = scheme == "always"  ? PreTokenizer::Prepend::kAlways
                 : scheme == "first" ? PreTokenizer::Prepend::kFirst
                                     : PreTokenizer::Prepend::kNever;
  if (!fields.boolean("add_prefix_space").value_or(true)) step.prepend = PreTokenizer::Prepend::kNever;
  step.split = fields.boolean("split").value_or(true);
  return step;
}

void add_pre_tokenizer(PreTokenizerPart& part, const json& value, const std::string& where) {
  using Behavior = PreTokenizer::Behavior;
  const JsonFields fields(value, where, "pre_tokenizer.");
  const std::string type = type_of(fields, value);
  if (part.byte_level && type != "Sequence") refuse("pre_tokenizer " + formats::quote(type) + " after ByteLevel", where);
  const auto pattern = [&](const std::string& pcre2) { return SplitRegex(pcre2, where); };
  if (type == "Sequence") {
    for (const json& step : list_of(fields, "pretokenizers", value)) add_pre_tokenizer(part, step, where);
  } else if (type == "Split") {
    part.steps.add(PreTokenizer::Split{pattern_of(fields, value), behavior_of(fields, value), fields.boolean("invert").value_or(false)});
  } else if (type == "ByteLevel") {
    if (fields.boolean("add_prefix_space").value_or(true)) part.steps.add(PreTokenizer::PrefixSpace{});
    if (fields.boolean("use_regex").value_or(true)) part.steps.add(PreTokenizer::Split{pattern(pcre2_from_oniguruma(kGpt2Pattern, where))});
    part.byte_level = true;
  } else if (type == "Digits") {
    const bool each = fields.boolean("individual_digits").value_or(false);
    part.steps.add(PreTokenizer::Split{pattern("\\p{N}"), each ? Behavior::kIsolated : Behavior::kContiguous});
  } else if (type == "Metaspace") {
    part.steps.add(metaspace_of(fields, value));
  } else if (type == "WhitespaceSplit") {
    part.steps.add(PreTokenizer::Split{pattern("[" + std::string(kWhiteSpaceClass) + "]"), Behavior::kRemoved});
  } else if (type == "Whitespace") {
    const std::string word(kRustWordClass);
    part.steps.add(
        PreTokenizer::Split{pattern("[" + word + "]+|[^" + word + std::string(kWhiteSpaceClass) + "]+"), Behavior::kRemoved, true});
  } else {
    refuse("pre_tokenizer " + formats::quote(type), where);
  }
}

struct DecoderReader {
  TokenDecoder decoder;
  bool fused = false;

  void add(const json& value, const std::string& where) {
    const JsonFields fields(value, where, "decoder.");
    const std::string type = type_of(fields, value);
    if (type == "Sequence") {
      for (const json& step : list_of(fields, "decoders", value)) add(step, where);
      return;
    }
    // The steps are run token by token; what would need the library's own order of lists is refused.
    const bool in_order = !decoder.byte_level &&
                          (type == "Fuse" || (fused ? type == "Strip" : type != "Strip" && !(type == "Replace" && decoder.byte_fallback)));
    if (!in_order) refuse("decoder " + formats::quote(type) + " in this place of the sequence", where);
    if (type == "ByteLevel") {
      if (!decoder.replacements.empty() || decoder.byte_fallback) refuse("decoder 'ByteLevel' behind others", where);
      decoder.byte_level = true;
    } else if (type == "Replace") {
      add_replace(fields, value);
    } else if (type == "ByteFallback") {
      decoder.byte_fallback = true;
    } else if (type == "Fuse") {
      fused = true;
    } else if (type == "Strip") {
      const auto start = fields.integer("start", 0, 1 << 20).value_or(0);
      const bool one_blank =
          fields.string("content").value_or("") == " " && start <= 1 && fields.integer("stop", 0, 1 << 20).value_or(0) == 0;
      if (!one_blank || decoder.strip_leading) refuse("decoder 'Strip' of anything but one leading blank", where);
      decoder.strip_leading = start == 1;
    } else {
      refuse("decoder " + formats::quote(type), where);
    }
  }

 private:
  void add_replace(const JsonFields& fields, const json& value) {
    const json* pattern = fields.find("pattern");
    if (pattern == nullptr || !pattern->is_object()) fields.fail("pattern", "{\"String\": ...}", pattern == nullptr ? value : *pattern);
    const auto from = JsonFields(*pattern, fields.where(), "decoder.pattern.").string("String");
    if (!from || from->empty()) refuse("decoder 'Replace' with anything but a text as its pattern", fields.where());
    decoder.replacements.emplace_back(*from, fields.string("content").value_or(""));
  }
};

/// Ids of a special token that the template names.
std::vector<std::int32_t> template_ids(const JsonFields& fields, const json& value, const std::string& name) {
  const json* tokens = fields.find("special_tokens");
  if (tokens == nullptr || !tokens->is_object() || !tokens->contains(name))
    fields.fail("special_tokens", "an entry for " + formats::quote(name), value);
  const JsonFields entry(tokens->at(name), fields.where(), "post_processor.special_tokens.");
  std::vector<std::int32_t> ids;
  for (const std::int64_t id : entry.integers("ids", 0, std::numeric_limits<std::int32_t>::max()))
    ids.push_back(static_cast<std::int32_t>(id));
  return ids;
}

PostProcessorPart template_of(const JsonFields& fields, const json& value) {
  PostProcessorPart part;
  bool text_seen = false;
  for (const json& piece : list_of(fields, "single", value)) {
    const JsonFields kinds(piece, fields.where(), "post_processor.single.");
    if (const json* special = kinds.find("SpecialToken")) {
      const auto name = JsonFields(*special, fields.where(), "post_processor.single.SpecialToken.").string("id");
      if (!name) fields.fail("single", "the name of a special token", *special);
      const std::vector<std::int32_t> ids = template_ids(fields, value, *name);
      auto& side = text_seen ? part.suffix : part.prefix;
      side.insert(side.end(), ids.begin(), ids.end());
    } else {
      if (kinds.find("Sequence") == nullptr) fields.fail("single", "a SpecialToken or a Sequence", piece);
      if (text_seen) refuse("a post_processor that writes the text twice", fields.where());
      text_seen = true;
    }
  }
  if (!text_seen) refuse("a post_processor that leaves the text out", fields.where());
  return part;
}

void add_post_processor(PostProcessorPart& part, const json& value, const std::string& where) {
  const JsonFields fields(value, where, "post_processor.");
  const std::string type = type_of(fields, value);
  if (type == "ByteLevel") return;  // moves offsets only
  if (type == "Sequence") {
    for (const json& step : list_of(fields, "processors", value)) add_post_processor(part, step, where);
  } else if (type == "TemplateProcessing") {
    // The library takes what a first template wrote for a pair of texts when it comes to a second.
    if (!part.prefix.empty() || !part.suffix.empty()) refuse("more than one TemplateProcessing", where);
    part = template_of(fields, value);
  } else {
    refuse("post_processor " + formats::quote(type), where);
  }
}

}  // namespace

Normalizer normalizer_from_json(const json& value, const std::string& where) {
  Normalizer normalizer;
  if (!value.is_null()) add_normalizer(normalizer, value, where);
  return normalizer;
}

PreTokenizerPart pre_tokenizer_from_json(const json& value, const std::string& where) {
  PreTokenizerPart part;
  if (!value.is_null()) add_pre_tokenizer(part, value, where);
  return part;
}

TokenDecoder decoder_from_json(const json& value, const std::string& where) {
  if (value.is_null()) refuse("a tokenizer.json without a decoder", where);
  DecoderReader reader;
  reader.add(value, where);
  return std::move(reader.decoder);
}

PostProcessorPart post_processor_from_json(const json& value, const std::string& where) {
  PostProcessorPart part;
  if (!value.is_null()) add_post_processor(part, value, where);
  return part;
}

}  // namespace qbench::text
