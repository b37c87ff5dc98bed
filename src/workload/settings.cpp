#include "workload/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

#include "base/error.h"
#include "base/units.h"
#include "workload/names.h"
#include "workload/thinking.h"

namespace qbench::workload {
namespace {

using nlohmann::json;

using Member = std::variant<std::optional<double> Settings::*, std::optional<std::int64_t> Settings::*, std::optional<bool> Settings::*,
                            std::optional<std::string> Settings::*, std::optional<PassChoice> Settings::*,
                            std::optional<std::vector<std::string>> Settings::*, std::optional<std::vector<ThinkingStage>> Settings::*>;

/// One key: where it lives, which places may hold it, and its range (numbers only).
struct Field {
  std::string_view key;
  Member member;
  SettingsScope scope;  ///< the narrowest place that may hold it: kPrompt keys may stand everywhere, kAll keys in profiles only
  double low = 0.0;
  double high = 0.0;
  bool low_excluded = false;
};

constexpr double kMaxTokens = 1 << 22;           // four times the longest context of any checkpoint in the catalogue
constexpr double kMaxSeed = 9007199254740992.0;  // 2^53: survives every JSON reader

constexpr std::array kFields{
    Field{"temperature", &Settings::temperature, SettingsScope::kPrompt, 0, 10},
    Field{"top_k", &Settings::top_k, SettingsScope::kPrompt, 0, 1e6},
    Field{"top_p", &Settings::top_p, SettingsScope::kPrompt, 0, 1, true},
    Field{"min_p", &Settings::min_p, SettingsScope::kPrompt, 0, 1},
    Field{"repetition_penalty", &Settings::repetition_penalty, SettingsScope::kPrompt, 0, 10, true},
    Field{"presence_penalty", &Settings::presence_penalty, SettingsScope::kPrompt, -10, 10},
    Field{"frequency_penalty", &Settings::frequency_penalty, SettingsScope::kPrompt, -10, 10},
    Field{"no_repeat_ngram", &Settings::no_repeat_ngram, SettingsScope::kPrompt, 0, 64},
    Field{"seed", &Settings::seed, SettingsScope::kPrompt, 0, kMaxSeed},
    Field{"max_new_tokens", &Settings::max_new_tokens, SettingsScope::kPrompt, 1, kMaxTokens},
    Field{"ignore_eos", &Settings::ignore_eos, SettingsScope::kPrompt},
    Field{"stop", &Settings::stop, SettingsScope::kPrompt},
    Field{"enable_thinking", &Settings::enable_thinking, SettingsScope::kPrompt},
    Field{"max_thinking_tokens", &Settings::max_thinking_tokens, SettingsScope::kPrompt, 1, kMaxTokens},
    Field{"thinking_timeout", &Settings::thinking_timeout, SettingsScope::kPrompt, 0, 1e6, true},
    Field{"thinking_temperature", &Settings::thinking_temperature, SettingsScope::kPrompt, 0, 10},
    Field{"output_temperature", &Settings::output_temperature, SettingsScope::kPrompt, 0, 10},
    Field{"stages", &Settings::stages, SettingsScope::kSuite},
    Field{"thinking_stages", &Settings::thinking_stages, SettingsScope::kAll},
    Field{"gen_tokens", &Settings::gen_tokens, SettingsScope::kPrompt, 1, kMaxTokens},
    Field{"repetitions", &Settings::repetitions, SettingsScope::kSuite, 1, 10000},
    Field{"min_reps", &Settings::min_reps, SettingsScope::kSuite, 2, 10000},
    Field{"max_reps", &Settings::max_reps, SettingsScope::kSuite, 2, 10000},
    Field{"max_time", &Settings::max_time, SettingsScope::kSuite, 0, 1e6, true},
    Field{"target_ci", &Settings::target_ci, SettingsScope::kSuite},
    Field{"warmup", &Settings::warmup, SettingsScope::kSuite, 0, 1000},
    Field{"sessions", &Settings::sessions, SettingsScope::kAll, 1, 100},
    Field{"pass", &Settings::pass, SettingsScope::kSuite},
    Field{"context", &Settings::context, SettingsScope::kAll, 1, kMaxTokens},
    Field{"batch", &Settings::batch, SettingsScope::kAll, 1, 1024},
    Field{"threads", &Settings::threads, SettingsScope::kAll, 1, 1024},
    Field{"kv_type", &Settings::kv_type, SettingsScope::kAll},
    Field{"kv_window", &Settings::kv_window, SettingsScope::kAll, 1, kMaxTokens},
    Field{"kv_sinks", &Settings::kv_sinks, SettingsScope::kAll, 1, kMaxTokens},
    Field{"prefix_cache", &Settings::prefix_cache, SettingsScope::kAll},
    Field{"vram_limit", &Settings::vram_limit, SettingsScope::kAll},
    Field{"vram_headroom", &Settings::vram_headroom, SettingsScope::kAll},
    Field{"precision", &Settings::precision, SettingsScope::kAll},
    Field{"mmap", &Settings::mmap, SettingsScope::kAll},
    Field{"mlock", &Settings::mlock, SettingsScope::kAll},
};

constexpr std::array<std::string_view, 5> kKvTypes{"f32", "bf16", "f16", "fp8", "q8_0"};
constexpr std::array<std::string_view, 3> kPrefixCaches{"off", "text", "speed"};
constexpr std::array<std::string_view, 13> kPrecisions{"auto",   "f32",    "f16",    "bf16", "q8_0", "q4_0", "q4_k_s",
                                                     "q4_k_m", "q5_k_m", "q6_k", "int8", "fp8",  "int4"};
constexpr std::size_t kMaxStopStrings = 16;
constexpr std::size_t kMaxStopBytes = 256;

template <std::size_t N>
std::string joined(const std::array<std::string_view, N>& words) {
  std::string text;
  for (const std::string_view word : words) text += (text.empty() ? "" : ", ") + std::string(word);
  return text;
}

/// 0.05 of "5%"; below 1.
std::optional<double> parse_share(std::string_view text) {
  double percent = 0.0;
  const bool has_digit = !text.empty() && text.front() >= '0' && text.front() <= '9';
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent, std::chars_format::fixed);
  const bool whole = error == std::errc() && std::string_view(end, static_cast<std::size_t>(text.data() + text.size() - end)) == "%";
  if (!has_digit || !whole || !(percent < 100.0)) return std::nullopt;
  return percent / 100.0;
}

const Field* find_field(std::string_view key) noexcept {
  const auto at = std::find_if(kFields.begin(), kFields.end(), [&](const Field& field) { return field.key == key; });
  return at == kFields.end() ? nullptr : &*at;
}

bool allowed(const Field& field, SettingsScope scope) noexcept { return static_cast<int>(field.scope) >= static_cast<int>(scope); }

/// What is wrong with an amount of memory; empty: nothing.
std::string memory_problem(const std::string& text, bool is_headroom) {
  const bool fine = is_headroom ? parse_share(text).has_value() || parse_bytes(text).has_value() : parse_bytes(text).value_or(0) > 0;
  if (fine) return {};
  return std::string(is_headroom ? "expected a share below 100% or bytes, as in 5%, 1GiB or 0" : "expected bytes above 0, as in 12GiB, 500MB or 4096") +
         ", got '" + printable(text) + "'";
}

/// The keys that make the stopping rule, which a fixed number of repetitions excludes.
bool has_rule(const Settings& s) { return s.min_reps || s.max_reps || s.max_time || s.target_ci; }

/// What is wrong with how often a cell is measured; empty: nothing.
std::string rule_problem(const Settings& settings) {
  if (settings.repetitions && has_rule(settings))
    return "a fixed number excludes --min-reps, --max-reps, --max-time and --target-ci: give one or the other";
  if (settings.min_reps && settings.max_reps && *settings.min_reps > *settings.max_reps)
    return "no rule: --min-reps is above --max-reps";
  return {};
}

/// What is wrong with the policy of the KV cache; empty: nothing.
std::string policy_problem(const Settings& settings) {
  if (!settings.kv_sinks) return {};
  const std::string sinks = std::to_string(*settings.kv_sinks);
  if (!settings.kv_window) return "positions are kept beside a window: give --kv-window too";
  if (*settings.kv_sinks < *settings.kv_window) return {};
  return "must be below --kv-window (" + std::to_string(*settings.kv_window) + "), not " + sinks;
}

/// What is wrong with a value; empty: nothing.
struct RangeCheck {
  const Field& field;

  std::string number(double value) const {
    const bool below = field.low_excluded ? value <= field.low : value < field.low;
    if (std::isfinite(value) && !below && value <= field.high) return {};
    return "expected " + std::string(field.low_excluded ? "more than " : "") + json(field.low).dump() + " to " + json(field.high).dump() +
           ", got " + (std::isfinite(value) ? json(value).dump() : std::to_string(value));
  }
  std::string operator()(const std::optional<double>& value) const { return number(*value); }
  std::string operator()(const std::optional<std::int64_t>& value) const {
    if (static_cast<double>(*value) >= field.low && static_cast<double>(*value) <= field.high) return {};
    return "expected a whole number from " + std::to_string(static_cast<std::int64_t>(field.low)) + " to " +
           std::to_string(static_cast<std::int64_t>(field.high)) + ", got " + std::to_string(*value);
  }
  std::string operator()(const std::optional<bool>&) const { return {}; }
  std::string operator()(const std::optional<PassChoice>&) const { return {}; }
  std::string operator()(const std::optional<std::string>& value) const {
    const auto one_of = [&](const auto& words) -> std::string {
      if (std::find(words.begin(), words.end(), *value) != words.end()) return {};
      return "expected one of " + joined(words) + ", got '" + printable(*value) + "'";
    };
    if (field.key == "target_ci") {
      const auto share = parse_share(*value);
      if (share && *share > 0.0) return {};
      return "expected a share of the median above 0%, as in 1% or 0.5%, got '" + printable(*value) + "'";
    }
    if (field.key == "vram_limit") return memory_problem(*value, false);
    if (field.key == "vram_headroom") return memory_problem(*value, true);
    if (field.key == "prefix_cache") return one_of(kPrefixCaches);
    return field.key == "kv_type" ? one_of(kKvTypes) : one_of(kPrecisions);
  }
  std::string operator()(const std::optional<std::vector<std::string>>& value) const {
    if (value->size() > kMaxStopStrings) {
      return "expected at most " + std::to_string(kMaxStopStrings) + " strings, got " + std::to_string(value->size());
    }
    for (const std::string& text : *value) {
      if (text.empty() || text.size() > kMaxStopBytes || !is_clean_text(text)) {
        return "expected strings of 1 to " + std::to_string(kMaxStopBytes) + " bytes of UTF-8";
      }
    }
    return {};
  }
  std::string operator()(const std::optional<std::vector<ThinkingStage>>& value) const { return stages_problem(*value); }
};

/// Empty when the key is absent or fine.
std::string problem_of(const Settings& settings, const Field& field) {
  return std::visit(
      [&](auto member) {
        const auto& value = settings.*member;
        return value ? RangeCheck{field}(value) : std::string();
      },
      field.member);
}

/// Puts a JSON value into one member. Returns what was expected when the type is wrong; empty otherwise.
struct JsonReader {
  const json& value;

  std::string operator()(std::optional<double>& out) const {
    if (!value.is_number()) return "a number";
    out = value.get<double>();
    return {};
  }
  std::string operator()(std::optional<std::int64_t>& out) const {
    if (!value.is_number_integer()) return "a whole number";
    // Beyond int64 an unsigned number would wrap; every range ends far below.
    out = value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX ? INT64_MAX : value.get<std::int64_t>();
    return {};
  }
  std::string operator()(std::optional<bool>& out) const {
    if (!value.is_boolean()) return "true or false";
    out = value.get<bool>();
    return {};
  }
  std::string operator()(std::optional<std::string>& out) const {
    if (!value.is_string()) return "a string";
    out = value.get<std::string>();
    return {};
  }
  std::string operator()(std::optional<PassChoice>& out) const {
    if (value.is_string()) out = pass_choice_from_name(value.get_ref<const std::string&>());
    return out && value.is_string() ? "" : "\"both\", \"speed\" or \"text\"";
  }
  std::string operator()(std::optional<std::vector<std::string>>& out) const {
    if (!value.is_array() || !std::all_of(value.begin(), value.end(), [](const json& item) { return item.is_string(); })) {
      return "a list of strings";
    }
    out = value.get<std::vector<std::string>>();
    return {};
  }
  std::string operator()(std::optional<std::vector<ThinkingStage>>& out) const {
    out.emplace();
    return read_stages(value, *out);
  }
};

/// `top_p` as the option is written: `--top-p`.
std::string option_of(std::string_view key) {
  std::string option = "--" + std::string(key);
  std::replace(option.begin(), option.end(), '_', '-');
  return option;
}

}  // namespace

std::string_view name_of(Pass pass) noexcept { return pass == Pass::kSpeed ? "speed" : "text"; }

std::string_view name_of(PassChoice choice) noexcept {
  return choice == PassChoice::kBoth ? "both" : choice == PassChoice::kSpeed ? "speed" : "text";
}

std::optional<PassChoice> pass_choice_from_name(std::string_view name) noexcept {
  for (const PassChoice choice : {PassChoice::kBoth, PassChoice::kSpeed, PassChoice::kText}) {
    if (name_of(choice) == name) return choice;
  }
  return std::nullopt;
}

bool is_setting(std::string_view key) noexcept { return find_field(key) != nullptr; }

std::vector<std::string> setting_names(SettingsScope scope) {
  std::vector<std::string> names;
  for (const Field& field : kFields) {
    if (allowed(field, scope)) names.emplace_back(field.key);
  }
  return names;
}

bool read_setting(Settings& settings, std::string_view key, const json& value, SettingsScope scope, std::string_view where) {
  const Field* field = find_field(key);
  if (field == nullptr || !allowed(*field, scope)) return false;
  const std::string expected = std::visit([&](auto member) { return JsonReader{value}(settings.*member); }, field->member);
  if (!expected.empty()) {
    throw Error(ErrorCode::kConfig, "'" + std::string(key) + "': expected " + expected + ", got " + describe_value(value),
                std::string(where));
  }
  if (const std::string problem = problem_of(settings, *field); !problem.empty()) {
    throw Error(ErrorCode::kConfig, "'" + std::string(key) + "': " + problem, std::string(where));
  }
  return true;
}

Settings settings_from_json(const json& object, std::string_view where, SettingsScope scope) {
  if (!object.is_object()) {
    throw Error(ErrorCode::kConfig, "expected an object with settings, got " + describe_value(object), std::string(where));
  }
  Settings settings;
  for (const auto& [key, value] : object.items()) {
    if (read_setting(settings, key, value, scope, where)) continue;
    if (is_setting(key)) throw Error(ErrorCode::kConfig, "'" + key + "' cannot be set here; it may stand in a profile", std::string(where));
    fail_unknown_key(key, setting_names(scope), where);
  }
  return settings;
}

nlohmann::ordered_json to_json(const Settings& settings) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  for (const Field& field : kFields) {
    std::visit(
        [&](auto member) {
          const auto& value = settings.*member;
          if (!value) return;
          if constexpr (std::is_same_v<std::decay_t<decltype(*value)>, PassChoice>) {
            object[std::string(field.key)] = std::string(name_of(*value));
          } else if constexpr (std::is_same_v<std::decay_t<decltype(*value)>, std::vector<ThinkingStage>>) {
            object[std::string(field.key)] = stages_json(*value);
          } else {
            object[std::string(field.key)] = *value;
          }
        },
        field.member);
  }
  return object;
}

void validate(const Settings& settings) {
  for (const Field& field : kFields) {
    if (const std::string problem = problem_of(settings, field); !problem.empty()) {
      throw Error(ErrorCode::kUsage, option_of(field.key) + ": " + problem);
    }
  }
  if (const std::string problem = policy_problem(settings); !problem.empty()) throw Error(ErrorCode::kUsage, "--kv-sinks: " + problem);
  if (const std::string problem = rule_problem(settings); !problem.empty()) throw Error(ErrorCode::kUsage, "--repetitions: " + problem);
}

Settings overlay(const Settings& base, const Settings& top) {
  Settings result = base;
  if (has_rule(top) && result.repetitions) {
    result.repetitions.reset();
    result.warmup.reset();  // it was meant for the fixed number
  }
  if (top.repetitions) {
    result.min_reps.reset();
    result.max_reps.reset();
    result.max_time.reset();
    result.target_ci.reset();
  }
  for (const Field& field : kFields) {
    std::visit(
        [&](auto member) {
          if (top.*member) result.*member = top.*member;
        },
        field.member);
  }
  return result;
}

MemoryBudget memory_budget(const EffectiveSettings& settings, std::uint64_t free_bytes) {
  MemoryBudget budget;
  budget.free_bytes = free_bytes;
  const auto share = parse_share(settings.vram_headroom);
  const std::uint64_t headroom =
      share ? static_cast<std::uint64_t>(*share * static_cast<double>(free_bytes)) : parse_bytes(settings.vram_headroom).value_or(0);
  budget.headroom_bytes = std::min(headroom, free_bytes);
  if (!settings.vram_limit.empty()) budget.limit_bytes = parse_bytes(settings.vram_limit);
  budget.available_bytes = free_bytes - budget.headroom_bytes;
  if (budget.limit_bytes) budget.available_bytes = std::min(budget.available_bytes, *budget.limit_bytes);
  return budget;
}

double EffectiveSettings::target_ci_ratio() const { return parse_share(target_ci).value_or(0.01); }

EffectiveSettings effective(const Settings& settings) {
  EffectiveSettings result;
  const auto take = [](auto& value, const auto& setting) {
    if (setting) value = *setting;
  };
  take(result.temperature, settings.temperature);
  take(result.top_k, settings.top_k);
  take(result.top_p, settings.top_p);
  take(result.min_p, settings.min_p);
  take(result.repetition_penalty, settings.repetition_penalty);
  take(result.presence_penalty, settings.presence_penalty);
  take(result.frequency_penalty, settings.frequency_penalty);
  take(result.no_repeat_ngram, settings.no_repeat_ngram);
  take(result.seed, settings.seed);
  take(result.max_new_tokens, settings.max_new_tokens);
  take(result.ignore_eos, settings.ignore_eos);
  take(result.stop, settings.stop);
  take(result.enable_thinking, settings.enable_thinking);
  result.max_thinking_tokens = settings.max_thinking_tokens;
  result.thinking_timeout = settings.thinking_timeout;
  result.thinking_temperature = settings.thinking_temperature;
  result.output_temperature = settings.output_temperature;
  take(result.thinking_stages, settings.thinking_stages);
  result.stages = settings.stages.value_or(!result.thinking_stages.empty());
  take(result.gen_tokens, settings.gen_tokens);
  take(result.repetitions, settings.repetitions);
  take(result.min_reps, settings.min_reps);
  take(result.max_reps, settings.max_reps);
  // One that is given moves the other one's built-in value.
  if (!settings.min_reps) result.min_reps = std::min(result.min_reps, result.max_reps);
  if (!settings.max_reps) result.max_reps = std::max(result.min_reps, result.max_reps);
  take(result.max_time, settings.max_time);
  take(result.target_ci, settings.target_ci);
  if (settings.repetitions) result.warmup = 1;
  take(result.warmup, settings.warmup);
  take(result.sessions, settings.sessions);
  take(result.pass, settings.pass);
  take(result.context, settings.context);
  take(result.batch, settings.batch);
  take(result.threads, settings.threads);
  take(result.kv_type, settings.kv_type);
  take(result.kv_window, settings.kv_window);
  take(result.kv_sinks, settings.kv_sinks);
  take(result.prefix_cache, settings.prefix_cache);
  take(result.vram_limit, settings.vram_limit);
  take(result.vram_headroom, settings.vram_headroom);
  take(result.precision, settings.precision);
  take(result.mmap, settings.mmap);
  take(result.mlock, settings.mlock);
  return result;
}

}  // namespace qbench::workload
