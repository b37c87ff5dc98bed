#include "text/pretokenizer_table.h"

#include <algorithm>
#include <array>

namespace qbench::text {
namespace {

using Patterns = std::span<const std::string_view>;

constexpr std::string_view kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3Text =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::array kGpt2Only = {kGpt2};
constexpr std::array<std::string_view, 2> kDigitsThenGpt2 = {R"(\p{N})", kGpt2};
constexpr std::array kLlama3 = {kLlama3Text};
constexpr std::array<std::string_view, 1> kQwen2 = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kQwen35 = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 5> kDeepseekCoder = {R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)",
                                                            R"([\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+)", R"(\p{N})"};
constexpr std::array<std::string_view, 3> kDeepseek3 = {
    R"(\p{N}{1,3})", R"([\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+)",
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 3> kFalcon = {R"([\p{P}\$\+<=>\^~\|`]+)", kGpt2, R"([0-9][0-9][0-9])"};
constexpr std::array<std::string_view, 1> kGpt4o = {
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kTekken = {
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kSeedCoder = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 4> kDefault = {R"([\p{P}\$\+<=>\^~\|]+)", kGpt2, R"(\p{N}+)", R"([0-9][0-9][0-9])"};

constexpr NamedPreTokenizer named(std::string_view name, Patterns patterns) { return {name, patterns, false, false, false}; }
constexpr NamedPreTokenizer llama3(std::string_view name) { return {name, kLlama3, false, true, true}; }

constexpr std::array kTable = {
    NamedPreTokenizer{"qwen2", kQwen2, true, false, false},
    named("qwen35", kQwen35),
    named("deepseek-r1-qwen", kQwen2),
    named("megrez", kQwen2),
    named("stablelm2", kQwen2),
    llama3("llama-bpe"),
    llama3("llama3"),
    llama3("llama-v3"),
    llama3("falcon3"),
    named("dbrx", kLlama3),
    named("smaug-bpe", kLlama3),
    named("chatglm-bpe", kLlama3),
    NamedPreTokenizer{"glm4", kLlama3, false, true, false},
    named("gpt-2", kGpt2Only),
    named("phi-2", kGpt2Only),
    named("mpt", kGpt2Only),
    named("olmo", kGpt2Only),
    named("mellum", kGpt2Only),
    named("smollm", kDigitsThenGpt2),
    named("starcoder", kDigitsThenGpt2),
    named("refact", kDigitsThenGpt2),
    named("command-r", kDigitsThenGpt2),
    named("codeshell", kDigitsThenGpt2),
    named("exaone", kDigitsThenGpt2),
    named("deepseek-coder", kDeepseekCoder),
    named("deepseek-v3", kDeepseek3),
    named("falcon", kFalcon),
    named("gpt-4o", kGpt4o),
    NamedPreTokenizer{"tekken", kTekken, false, true, true},
    named("seed-coder", kSeedCoder),
    named("default", kDefault),
};

}  // namespace

const NamedPreTokenizer* find_pre_tokenizer(std::string_view name) noexcept {
  const auto found = std::find_if(kTable.begin(), kTable.end(), [&](const NamedPreTokenizer& entry) { return entry.name == name; });
  return found == kTable.end() ? nullptr : &*found;
}

std::span<const NamedPreTokenizer> known_pre_tokenizers() noexcept { return kTable; }

}  // namespace qbench::text
