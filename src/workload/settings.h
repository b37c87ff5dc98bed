#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qbench::workload {

/// The two passes of a cell. Speed: greedy, fixed length, EOS ignored, repeated: these rows are compared. Text: what the model really
/// writes.
enum class Pass { kSpeed, kText };
std::string_view name_of(Pass pass) noexcept;  ///< "speed", "text"

/// What --pass takes.
enum class PassChoice { kBoth, kSpeed, kText };
std::string_view name_of(PassChoice choice) noexcept;  ///< "both", "speed", "text"
std::optional<PassChoice> pass_choice_from_name(std::string_view name) noexcept;

/// One stage of the thinking pipeline: requests of their own in the text pass.
struct ThinkingStage {
  std::string stage;                  ///< its instruction stands under this name in configs/thinking.json
  std::int64_t max_tokens = 4096;     ///< that one of its requests generates at most
  double temperature = 0.7;
  std::int64_t branching_factor = 1;  ///< requests; none of them sees the others' answers, the stages after it see all
  bool operator==(const ThinkingStage&) const = default;
};

/// Every key that a profile, a suite, a prompt or the command line may set; absent means "whoever comes before decides".
/// The member names are the keys of the JSON files. The ranges stand in settings.cpp and are checked on reading and by validate().
struct Settings {
  // Sampling of the text pass.
  std::optional<double> temperature;            ///< 0 (greedy) to 10
  std::optional<std::int64_t> top_k;            ///< 0: off
  std::optional<double> top_p;                  ///< (0, 1]
  std::optional<double> min_p;                  ///< [0, 1)
  std::optional<double> repetition_penalty;     ///< (0, 10], 1: off
  std::optional<double> presence_penalty;       ///< -10 to 10
  std::optional<double> frequency_penalty;      ///< -10 to 10
  std::optional<std::int64_t> no_repeat_ngram;  ///< 0: off
  std::optional<std::int64_t> seed;             ///< >= 0
  // Length and end of the text pass.
  std::optional<std::int64_t> max_new_tokens;  ///< tokens
  std::optional<bool> ignore_eos;
  std::optional<std::vector<std::string>> stop;  ///< at most 16 strings
  std::optional<bool> enable_thinking;           ///< handed to the chat template; absent: the template's own default
  // Thoughts of the text pass.
  std::optional<std::int64_t> max_thinking_tokens;  ///< tokens of a thought after which it is closed
  std::optional<double> thinking_timeout;           ///< seconds after which it is closed
  std::optional<double> thinking_temperature;       ///< 0 to 10; absent: temperature
  std::optional<double> output_temperature;         ///< 0 to 10, from the end of the thought on; absent: temperature
  std::optional<bool> stages;                       ///< the pipeline below; absent: where a profile has one
  std::optional<std::vector<ThinkingStage>> thinking_stages;
  // Speed pass.
  std::optional<std::int64_t> gen_tokens;   ///< tokens generated, EOS ignored
  std::optional<std::int64_t> repetitions;  ///< measured ones, after the warm-up: the fixed rule; excludes the four below
  std::optional<std::int64_t> min_reps;     ///< fewest measured ones before the interval counts
  std::optional<std::int64_t> max_reps;     ///< most measured ones
  std::optional<double> max_time;           ///< seconds of a cell's measured ones
  std::optional<std::string> target_ci;     ///< "1%": half-width of the median's 95 % interval over the median
  std::optional<std::int64_t> warmup;       ///< requests before the measured ones; 0: none; absent: until they are stable, 1 with `repetitions`
  std::optional<std::int64_t> sessions;     ///< fresh worker processes per model, each of which measures its speed cells
  std::optional<PassChoice> pass;
  // Engine.
  std::optional<std::int64_t> context;  ///< positions per sequence
  std::optional<std::int64_t> batch;    ///< sequences at once
  std::optional<std::int64_t> threads;
  std::optional<std::string> kv_type;      ///< "f32", "bf16", "f16", "fp8", "q8_0"
  std::optional<std::int64_t> kv_window;   ///< latest positions that a sequence keeps
  std::optional<std::int64_t> kv_sinks;    ///< first positions that it keeps beside the window; below kv_window
  std::optional<std::string> prefix_cache;  ///< "off", "text", "speed": passes that reuse the KV cache of a common prefix
  std::optional<std::string> vram_limit;   ///< "12GiB", "500MB", bytes: most of the device's memory that may be used
  std::optional<std::string> vram_headroom;  ///< "5%", "1GiB", bytes: of the free memory, left alone
  std::optional<std::string> precision;  ///< "auto", "f32", ..., "q6_k" as --precision
  std::optional<bool> mmap;
  std::optional<bool> mlock;

  bool operator==(const Settings&) const = default;
};

/// Which keys a place may hold.
enum class SettingsScope {
  kAll,     ///< profile, command line
  kSuite,   ///< `defaults` of a suite: sampling, lengths, stop, thinking, repetitions, warmup, pass
  kPrompt,  ///< a prompt: sampling, lengths, stop, thinking
};

/// Reads one key of a JSON object. Returns false when `key` names no setting of the scope (the caller knows what else it may be).
/// Error{kConfig} with `where`, key, expected and actual when the value has the wrong type or is out of range.
bool read_setting(Settings& settings, std::string_view key, const nlohmann::json& value, SettingsScope scope, std::string_view where);

/// Reads an object that holds settings and nothing else; an unknown key is Error{kConfig} naming file and key, with the nearest known one.
Settings settings_from_json(const nlohmann::json& object, std::string_view where, SettingsScope scope = SettingsScope::kAll);

/// The keys that are set, in a fixed order: for run.json, for the worker process, for digests.
nlohmann::ordered_json to_json(const Settings& settings);

/// Checks the ranges of what is set (values that came from the command line). Error{kUsage} naming the option (`--top-p`), range and value.
void validate(const Settings& settings);

/// `top` over `base`: every key that `top` sets replaces the one of `base`; `repetitions` replaces the keys of the stopping rule too, and one of
/// these replaces `repetitions`.
Settings overlay(const Settings& base, const Settings& top);

/// True when the name is a key that acts today.
bool is_setting(std::string_view key) noexcept;

/// Names of the keys that a place may hold, in a fixed order.
std::vector<std::string> setting_names(SettingsScope scope = SettingsScope::kAll);

/// All settings with their values: what a cell runs with. Member for member as in Settings.
struct EffectiveSettings {
  double temperature = 0.7;  // the owner's sampling of the standard task: 0.7, 0.9, 4096 new tokens
  std::int64_t top_k = 0;
  double top_p = 0.9;
  double min_p = 0.0;
  double repetition_penalty = 1.0;
  double presence_penalty = 0.0;
  double frequency_penalty = 0.0;
  std::int64_t no_repeat_ngram = 0;
  std::int64_t seed = 1;
  std::int64_t max_new_tokens = 4096;
  bool ignore_eos = false;
  std::vector<std::string> stop;
  std::optional<bool> enable_thinking;  ///< absent: the template's own default
  std::optional<std::int64_t> max_thinking_tokens;
  std::optional<double> thinking_timeout;
  std::optional<double> thinking_temperature, output_temperature;
  bool stages = false;
  std::vector<ThinkingStage> thinking_stages;  ///< empty: those of configs/thinking.json, where `stages` is on
  std::int64_t gen_tokens = 128;
  std::int64_t repetitions = 0;  ///< 0: by the stopping rule
  std::int64_t min_reps = 6;     // with five, the widest interval of a median covers 93.75 % only
  std::int64_t max_reps = 30;
  double max_time = 120;
  std::string target_ci = "1%";
  std::int64_t warmup = -1;  ///< below 0: until stable
  std::int64_t sessions = 1;
  double target_ci_ratio() const;
  PassChoice pass = PassChoice::kBoth;
  std::int64_t context = 0;  ///< 0: chosen from the checkpoint and the cell
  std::int64_t batch = 1;
  std::int64_t threads = 0;  ///< 0: the physical cores that the process may use
  std::string kv_type = "f16";
  std::int64_t kv_window = 0;  ///< 0: all positions
  std::int64_t kv_sinks = 0;
  std::string prefix_cache = "off";
  /// Whether requests of that pass reuse what the KV cache has of their prompt.
  bool reuses_prefix(Pass of) const { return prefix_cache == "speed" || (prefix_cache == "text" && of == Pass::kText); }
  std::string vram_limit;            ///< empty: none
  std::string vram_headroom = "5%";
  std::string precision = "auto";
  bool mmap = true;
  bool mlock = false;
};

/// What a plan may use of a device's memory.
struct MemoryBudget {
  std::uint64_t free_bytes = 0;
  std::uint64_t headroom_bytes = 0;          ///< of the free ones, left alone
  std::optional<std::uint64_t> limit_bytes;  ///< --vram-limit
  std::uint64_t available_bytes = 0;         ///< min(limit, free - headroom)
};
/// `settings` have passed validate().
MemoryBudget memory_budget(const EffectiveSettings& settings, std::uint64_t free_bytes);

/// The built-in values above with `settings` over them.
EffectiveSettings effective(const Settings& settings);

}  // namespace qbench::workload
