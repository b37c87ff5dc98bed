#include "workload/settings.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "workload_test_support.h"

namespace qbench::workload {
namespace {

Settings parse(std::string_view text, SettingsScope scope = SettingsScope::kAll) {
  return settings_from_json(parse_json(text, "t"), "t.json", scope);
}

/// One valid value, different from the built-in one, for every key.
constexpr std::string_view kEverything = R"({
  "temperature": 0.25, "top_k": 7, "top_p": 0.5, "min_p": 0.125, "repetition_penalty": 1.5, "presence_penalty": -1.0, "frequency_penalty": 2.0,
  "no_repeat_ngram": 3, "seed": 99, "max_new_tokens": 17, "ignore_eos": true, "stop": ["a", "\n\n"], "enable_thinking": false, "gen_tokens": 9,
  "max_thinking_tokens": 50, "thinking_timeout": 1.5, "thinking_temperature": 0.875, "output_temperature": 0.125, "stages": true, "prefix_cache": "speed",
  "thinking_stages": [{"stage": "draft", "max_tokens": 5, "temperature": 0.5, "branching_factor": 2}, {"stage": "answer", "max_tokens": 6, "temperature": 0.25}],
  "repetitions": 4, "min_reps": 8, "max_reps": 9, "max_time": 2.5, "target_ci": "0.5%", "warmup": 0, "sessions": 3, "pass": "text", "context": 2048, "batch": 3, "threads": 2, "kv_type": "q8_0", "kv_window": 512,
  "kv_sinks": 4, "vram_limit": "12GiB", "vram_headroom": "10%", "precision": "q4_k_m",
  "mmap": false, "mlock": true})";

}  // namespace

TEST_CASE("every setting survives the way through JSON") {
  const Settings settings = parse(kEverything);
  const nlohmann::ordered_json written = to_json(settings);
  CHECK(written.size() == setting_names().size());
  CHECK(nlohmann::json(written) == parse_json(kEverything, "t"));
  CHECK(settings_from_json(nlohmann::json(written), "again") == settings);
  CHECK(to_json(Settings{}).empty());
}

TEST_CASE("memory that may be used is the smaller of the limit and what the headroom leaves") {
  EffectiveSettings settings;
  CHECK(memory_budget(settings, 1000).available_bytes == 950);
  settings.vram_headroom = "0";
  CHECK(memory_budget(settings, 1000).available_bytes == 1000);
  settings.vram_headroom = "300";
  CHECK(memory_budget(settings, 1000).available_bytes == 700);
  settings.vram_limit = "650";
  CHECK(memory_budget(settings, 1000).available_bytes == 650);
  CHECK(memory_budget(settings, 1000).limit_bytes == 650);
  CHECK(memory_budget(settings, 500).available_bytes == 200);
  settings.vram_headroom = "2GiB";
  CHECK(memory_budget(settings, 1000).available_bytes == 0);
}

TEST_CASE("amounts of memory and cache policies that cannot be are refused, naming the option") {
  const auto problem = [](const Settings& settings) {
    try {
      validate(settings);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  for (const char* limit : {"", "0", "-1", "-4GiB", "12GiBs", "12 Gi", "much", "nan", "inf", "1e30", "0x10", "5%", "99999999999999999999", "0.1"}) {
    CAPTURE(limit);
    Settings settings;
    settings.vram_limit = limit;
    CHECK(problem(settings).find("--vram-limit: expected bytes above 0") != std::string::npos);
  }
  for (const char* headroom : {"", "-5%", "100%", "150%", "5 percent", "%", "5%%", "-1GiB", "5%1GiB"}) {
    CAPTURE(headroom);
    Settings settings;
    settings.vram_headroom = headroom;
    CHECK(problem(settings).find("--vram-headroom: expected a share below 100% or bytes") != std::string::npos);
  }
  for (const char* limit : {"1", "4096", "12GiB", "12 GiB", "1.5gb", "500MB", "7kB"}) {
    CAPTURE(limit);
    Settings settings;
    settings.vram_limit = limit;
    CHECK(problem(settings) == "accepted");
  }
  Settings window;
  window.kv_window = 0;
  CHECK(problem(window).find("--kv-window: expected a whole number from 1") != std::string::npos);
  window.kv_window = -3;
  CHECK(problem(window).find("--kv-window: expected a whole number from 1") != std::string::npos);
  Settings sinks;
  sinks.kv_sinks = 4;
  CHECK(problem(sinks).find("--kv-sinks: positions are kept beside a window: give --kv-window too") != std::string::npos);
  sinks.kv_window = 4;
  CHECK(problem(sinks).find("--kv-sinks: must be below --kv-window (4), not 4") != std::string::npos);
  sinks.kv_window = 5;
  CHECK(problem(sinks) == "accepted");
}

TEST_CASE("every setting reaches the effective settings") {
  const EffectiveSettings e = effective(parse(kEverything));
  CHECK(e.temperature == 0.25);
  CHECK(e.top_k == 7);
  CHECK(e.top_p == 0.5);
  CHECK(e.min_p == 0.125);
  CHECK(e.repetition_penalty == 1.5);
  CHECK(e.presence_penalty == -1.0);
  CHECK(e.frequency_penalty == 2.0);
  CHECK(e.no_repeat_ngram == 3);
  CHECK(e.seed == 99);
  CHECK(e.max_new_tokens == 17);
  CHECK(e.ignore_eos);
  CHECK(e.stop == std::vector<std::string>{"a", "\n\n"});
  CHECK(e.enable_thinking == std::optional(false));
  CHECK(e.gen_tokens == 9);
  CHECK(e.repetitions == 4);
  CHECK(e.min_reps == 8);
  CHECK(e.max_reps == 9);
  CHECK(e.max_time == 2.5);
  CHECK(e.target_ci == "0.5%");
  CHECK(e.target_ci_ratio() == doctest::Approx(0.005));
  CHECK(e.sessions == 3);
  CHECK(e.warmup == 0);
  CHECK(e.pass == PassChoice::kText);
  CHECK(e.context == 2048);
  CHECK(e.batch == 3);
  CHECK(e.threads == 2);
  CHECK(e.kv_type == "q8_0");
  CHECK(e.kv_window == 512);
  CHECK(e.kv_sinks == 4);
  CHECK(e.vram_limit == "12GiB");
  CHECK(e.vram_headroom == "10%");
  CHECK(e.precision == "q4_k_m");
  CHECK_FALSE(e.mmap);
  CHECK(e.mlock);
}

TEST_CASE("a fixed number of repetitions and the stopping rule exclude each other; what lies above decides") {
  const auto refused = [](const Settings& settings, const char* why) {
    CHECK_THROWS_WITH_AS(validate(settings), doctest::Contains(why), Error);
  };
  Settings fixed, rule;
  fixed.repetitions = 5;
  rule.max_reps = 9;
  CHECK_FALSE(overlay(fixed, rule).repetitions.has_value());
  CHECK_FALSE(overlay(rule, fixed).max_reps.has_value());
  CHECK(overlay(rule, fixed).repetitions == 5);
  CHECK(overlay(fixed, {}).repetitions == 5);
  CHECK(effective(fixed).warmup == 1);
  Settings warmed = fixed;
  warmed.warmup = 4;
  CHECK_FALSE(overlay(warmed, rule).warmup.has_value());
  CHECK(overlay(warmed, fixed).warmup == 4);
  CHECK(effective(rule).warmup < 0);
  CHECK(effective({}).repetitions == 0);
  CHECK(effective({}).min_reps == 6);
  CHECK(effective({}).max_reps == 30);
  Settings both = fixed;
  both.target_ci = "2%";
  refused(both, "--repetitions: a fixed number excludes --min-reps");
  Settings crossed;
  crossed.min_reps = 9;
  crossed.max_reps = 8;
  refused(crossed, "--min-reps is above --max-reps");
  crossed.max_reps.reset();
  crossed.min_reps = 40;
  CHECK(effective(crossed).max_reps == 40);
  rule.max_reps = 3;
  CHECK(effective(rule).min_reps == 3);
  for (const char* share : {"0%", "1", "0.01", "-1%", "100%", "one"}) {
    CAPTURE(share);
    Settings wrong;
    wrong.target_ci = share;
    refused(wrong, "--target-ci: expected a share of the median above 0%");
  }
}

TEST_CASE("the built-in text pass is the owner's sampling") {
  const EffectiveSettings e = effective({});
  CHECK(e.temperature == 0.7);
  CHECK(e.top_p == 0.9);
  CHECK(e.max_new_tokens == 4096);
  CHECK(e.pass == PassChoice::kBoth);
  CHECK_FALSE(e.enable_thinking.has_value());
}

TEST_CASE("an overlay replaces what it sets and keeps the rest") {
  const Settings base = parse(R"({"temperature": 0.1, "top_k": 5, "stop": ["x"], "mlock": true})");
  const Settings top = parse(R"({"temperature": 0.0, "stop": [], "pass": "speed"})");
  const Settings both = overlay(base, top);
  CHECK(both == parse(R"({"temperature": 0.0, "top_k": 5, "stop": [], "mlock": true, "pass": "speed"})"));
  CHECK(overlay(base, {}) == base);
  CHECK(overlay({}, top) == top);
  const Settings everything = parse(kEverything);
  CHECK(overlay({}, everything) == everything);
}

TEST_CASE("a wrong value names place, key, what was expected and what was found") {
  struct Case {
    std::string_view json, key, expected;
  };
  for (const Case& c : {Case{R"({"temperature": "hot"})", "temperature", "a number"},
                        Case{R"({"temperature": -0.1})", "temperature", "got -0.1"},
                        Case{R"({"temperature": 11})", "temperature", "10"},
                        Case{R"({"temperature": null})", "temperature", "null"},
                        Case{R"({"top_p": 0})", "top_p", "more than 0"},
                        Case{R"({"top_p": 1.01})", "top_p", "1.01"},
                        Case{R"({"top_k": 1.5})", "top_k", "whole number"},
                        Case{R"({"top_k": -1})", "top_k", "-1"},
                        Case{R"({"top_k": 18446744073709551615})", "top_k", "whole number"},
                        Case{R"({"min_p": 1.5})", "min_p", "1.5"},
                        Case{R"({"repetition_penalty": 0})", "repetition_penalty", "more than 0"},
                        Case{R"({"no_repeat_ngram": 65})", "no_repeat_ngram", "64"},
                        Case{R"({"seed": -1})", "seed", "-1"},
                        Case{R"({"max_new_tokens": 0})", "max_new_tokens", "from 1"},
                        Case{R"({"gen_tokens": 4194305})", "gen_tokens", "4194304"},
                        Case{R"({"ignore_eos": 1})", "ignore_eos", "true or false"},
                        Case{R"({"stop": "x"})", "stop", "a list of strings"},
                        Case{R"({"stop": [1]})", "stop", "a list of strings"},
                        Case{R"({"stop": [""]})", "stop", "1 to 256 bytes"},
                        Case{R"({"stop": ["a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a","a"]})", "stop", "at most 16"},
                        Case{R"({"repetitions": 0})", "repetitions", "from 1"},
                        Case{R"({"warmup": -1})", "warmup", "from 0"},
                        Case{R"({"pass": "fast"})", "pass", "\"both\""},
                        Case{R"({"pass": 1})", "pass", "\"both\""},
                        Case{R"({"context": 0})", "context", "from 1"},
                        Case{R"({"batch": 1025})", "batch", "1024"},
                        Case{R"({"threads": 0})", "threads", "from 1"},
                        Case{R"({"kv_type": "q4_0"})", "kv_type", "f32, bf16, f16, fp8, q8_0"},
                        Case{R"({"precision": "int3"})", "precision", "q4_k_m"},
                        Case{R"({"mlock": "yes"})", "mlock", "true or false"}}) {
    CAPTURE(c.json);
    const std::string message = test::message_of(ErrorCode::kConfig, [&] { parse(c.json); });
    test::check_mentions(message, {"t.json: '", c.key, "': expected ", c.expected});
  }
}

TEST_CASE("an unknown key is an error with the nearest known one") {
  test::check_mentions(test::message_of(ErrorCode::kConfig, [] { parse(R"({"temperatur": 0.5})"); }),
                       {"t.json", "unknown key 'temperatur'", "did you mean 'temperature'?"});
  const std::string far = test::message_of(ErrorCode::kConfig, [] { parse(R"({"beam_search_width": 4})"); });
  test::check_mentions(far, {"unknown key 'beam_search_width'"});
  test::check_mentions(test::message_of(ErrorCode::kConfig, [] { parse("[]"); }), {"t.json", "an object", "a list"});
}

TEST_CASE("a key stands only where it can act") {
  CHECK_NOTHROW(parse(R"({"repetitions": 2, "temperature": 0})", SettingsScope::kSuite));
  test::check_mentions(test::message_of(ErrorCode::kConfig, [] { parse(R"({"threads": 2})", SettingsScope::kSuite); }),
                       {"'threads'", "profile"});
  test::check_mentions(test::message_of(ErrorCode::kConfig, [] { parse(R"({"repetitions": 2})", SettingsScope::kPrompt); }),
                       {"'repetitions'"});
}

TEST_CASE("values of the command line are judged by the same ranges and named as options") {
  Settings settings;
  settings.top_p = 1.5;
  test::check_mentions(test::message_of(ErrorCode::kUsage, [&] { validate(settings); }), {"--top-p", "1.5"});
  settings = {};
  settings.kv_type = "int4";
  test::check_mentions(test::message_of(ErrorCode::kUsage, [&] { validate(settings); }), {"--kv-type", "int4"});
  settings = {};
  settings.temperature = std::numeric_limits<double>::quiet_NaN();
  test::check_mentions(test::message_of(ErrorCode::kUsage, [&] { validate(settings); }), {"--temperature"});
  settings = {};
  settings.max_new_tokens = 0;
  test::check_mentions(test::message_of(ErrorCode::kUsage, [&] { validate(settings); }), {"--max-new-tokens"});
  Settings all = parse(kEverything);
  all.repetitions.reset();  // excluded by the rule beside it
  CHECK_NOTHROW(validate(all));
  CHECK_NOTHROW(validate({}));
}

TEST_CASE("passes have their names") {
  CHECK(name_of(Pass::kSpeed) == "speed");
  CHECK(name_of(Pass::kText) == "text");
  for (const PassChoice choice : {PassChoice::kBoth, PassChoice::kSpeed, PassChoice::kText})
    CHECK(pass_choice_from_name(name_of(choice)) == choice);
  CHECK_FALSE(pass_choice_from_name("none").has_value());
}

}  // namespace qbench::workload
