#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "history/history.h"
#include "history/utc.h"
#include "result_examples.h"
#include "test_support.h"

/// Histories made by hand.
namespace qbench::test {

inline constexpr std::int64_t kFirstNight = 1790000000;

inline std::string run_of(int night) { return "night" + std::to_string(night); }

/// Night number `night`, a day after the one before, with one row whose decode rate is `rate`.
inline record::ResultSet night_set(int night, double rate, const std::function<void(record::ResultRow&)>& change = {}) {
  record::ResultRow row = example_row();
  set(row, record::MetricId::kDecodeTokPerS, {rate, rate, rate});
  set(row, record::MetricId::kTtftMs, {1000 / rate, 1000 / rate, 1000 / rate});
  set(row, record::MetricId::kPeakBytes, {1e9});
  set_fact(row, "kv_bytes", "4096");
  if (change) change(row);
  return example_set({row}, run_of(night), history::format_utc(kFirstNight + night * 86400));
}

/// Another run of that night, `minutes` later.
inline record::ResultSet rerun_set(int night, int minutes, double rate, const std::function<void(record::ResultRow&)>& change = {}) {
  record::ResultSet set = night_set(night, rate, change);
  set.run_id += "+" + std::to_string(minutes);
  set.started_utc = history::format_utc(kFirstNight + night * 86400 + minutes * 60);
  return set;
}

struct Place {
  TempDir folder;
  std::filesystem::path file = folder.path() / "history.sqlite";
  history::History open(history::Database::Mode mode = history::Database::Mode::kWrite) const { return history::History(file, mode); }
};

/// Twenty accepted nights about 100 tok/s.
inline void fill(history::History& history, int nights = 20) {
  for (int i = 0; i < nights; ++i) history.add(history::night_of(night_set(i, 100 + 0.1 * (i % 5))));
}

inline const compare::Judgement& judgement(const compare::Comparison& comparison, std::string_view metric) {
  for (const auto& cell : comparison.cells) {
    for (const auto& one : cell.judgements) {
      if (one.metric == metric) return one;
    }
  }
  FAIL("no judgement of " << metric);
  throw;
}

inline void check(const compare::Judgement& one, compare::Verdict verdict, compare::Reason reason) {
  CAPTURE(one.sentence);
  CHECK(name_of(one.verdict) == name_of(verdict));
  CHECK(name_of(one.reason) == name_of(reason));
  CHECK_FALSE(one.sentence.empty());
}

inline compare::NightState state_of(const history::History& history, int night, const std::string& rerun = {}) {
  for (const auto& point : history.trend(history.series("").front(), "decode_tok_per_s", 0)) {
    if (point.run_id == run_of(night) + rerun) return point.state;
  }
  FAIL("no such night");
  throw;
}

inline std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace qbench::test
