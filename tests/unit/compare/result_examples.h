#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "record/result_set.h"
#include "stats/summary.h"

/// Result sets made by hand.
namespace qbench::test {

/// A row of the speed pass on the CPU; give it metrics with set().
inline record::ResultRow example_row(const std::string& model = "smol", const std::string& prompt = "fizzbuzz") {
  record::ResultRow row;
  row.facts = {{"model", model},
               {"model_name", model + "-Instruct"},
               {"suite", "smoke"},
               {"prompt_id", prompt},
               {"turn", "1"},
               {"pass", "speed"},
               {"batch", "1"},
               {"context", "4096"},
               {"kv_type", "f16"},
               {"kv_policy", "full"},
               {"threads", "4"},
               {"device_effective", "cpu"},
               {"precision_requested", "auto"},
               {"precision", "q4_1"},
               {"device_description", "Some CPU"},
               {"cpu_model", "Some CPU"},
               {"cores_usable", "4"},
               {"model_fingerprint", "sha256:" + model},
               {"prompt_fingerprint", "sha256:" + prompt},
               {"settings_digest", "abc"},
               {"output_digest", "0123456789abcdef"},
               {"output_digests", "1"},
               {"container", "none"},
               {"host_hash", "feed"},
               {"build_git_sha", "c0ffee"}};
  return row;
}

inline void set_fact(record::ResultRow& row, const std::string& column, const std::string& text) {
  for (auto& [name, value] : row.facts) {
    if (name != column) continue;
    value = text;
    return;
  }
  row.facts.emplace_back(column, text);
}

/// The sessions' values of a metric and their median as the row's.
inline void set(record::ResultRow& row, record::MetricId id, const std::vector<double>& sessions) {
  record::MetricResult& metric = row.metric(id);
  metric.value = stats::median(sessions);
  metric.sessions.clear();
  for (const double value : sessions) metric.sessions.emplace_back(value);
  row.n_sessions = static_cast<std::int64_t>(sessions.size());
}

inline record::ResultSet example_set(std::vector<record::ResultRow> rows, const std::string& run_id = "20261121_032200-nightly",
                                     const std::string& started = "2026-11-21T03:22:00Z") {
  record::ResultSet set;
  set.path = "results/" + run_id;
  set.run_id = run_id;
  set.started_utc = started;
  set.rows = std::move(rows);
  set.machine = {{"cpu_model", "Some CPU"}};
  return set;
}

}  // namespace qbench::test
