#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/units.h"
#include "report/row_choice.h"
#include "report/run_page.h"
#include "report/study_sections.h"
#include "stats/bootstrap.h"
#include "stats/summary.h"

namespace qbench::report {
namespace {

using Json = nlohmann::ordered_json;
using record::CellRecord;
using record::MetricId;
using record::MetricInfo;
using record::SampleRecord;
using record::Statistic;
using Samples = std::vector<const SampleRecord*>;
using Point = std::pair<double, double>;

constexpr std::size_t kMostPoints = 300;  // of one curve: more than a screen resolves

Json number(const std::optional<double>& value) { return value && std::isfinite(*value) ? Json(*value) : Json(nullptr); }

/// Six digits: more than a chart shows, and a third of the bytes.
double rounded(double value) {
  if (value == 0 || !std::isfinite(value)) return value;
  const double scale = std::pow(10.0, 5 - std::floor(std::log10(std::abs(value))));
  return std::round(value * scale) / scale;
}

Json points_json(const std::vector<Point>& points) {
  Json out = Json::array();
  for (const auto& [x, y] : points) out.push_back({rounded(x), rounded(y)});
  return out;
}

/// First, last and evenly spaced ones between them.
std::vector<Point> thinned(const std::vector<Point>& points) {
  if (points.size() <= kMostPoints) return points;
  std::vector<Point> kept;
  for (std::size_t i = 0; i < kMostPoints; ++i) kept.push_back(points[i * (points.size() - 1) / (kMostPoints - 1)]);
  return kept;
}

/// The largest point of each stretch, so that no peak is lost.
std::vector<Point> peaks_kept(const std::vector<Point>& points) {
  if (points.size() <= kMostPoints) return points;
  std::vector<Point> kept;
  for (std::size_t i = 0; i < kMostPoints; ++i) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(i * points.size() / kMostPoints);
    const auto end = points.begin() + static_cast<std::ptrdiff_t>((i + 1) * points.size() / kMostPoints);
    kept.push_back(*std::max_element(begin, end, [](const Point& a, const Point& b) { return a.second < b.second; }));
  }
  return kept;
}

/// Stamps come from files: their difference is taken where it cannot overflow, and 2^53 ns are more than a hundred days.
double ns_between(std::int64_t from, std::int64_t to) { return static_cast<double>(to) - static_cast<double>(from); }

/// When the last sequence of the batch has its first token: gaps count from there (results/README.md).
std::int64_t first_tokens_end(const SampleRecord& sample) {
  std::int64_t end = 0;
  for (const auto& sequence : sample.sequences) {
    if (!sequence.token_ns.empty()) end = std::max(end, sequence.token_ns.front());
  }
  return end;
}

/// Share of the gaps between tokens that are at most so long: (ms, share).
std::vector<Point> gap_shares(const Samples& timed) {
  std::vector<double> gaps;
  for (const SampleRecord* sample : timed) {
    const std::int64_t from = first_tokens_end(*sample);
    for (const auto& sequence : sample->sequences) {
      for (std::size_t i = 1; i < sequence.token_ns.size(); ++i) {
        if (sequence.token_ns[i - 1] >= from) gaps.push_back(ms_from_ns(ns_between(sequence.token_ns[i - 1], sequence.token_ns[i])));
      }
    }
  }
  std::sort(gaps.begin(), gaps.end());
  std::vector<Point> shares;
  for (std::size_t i = 0; i < gaps.size(); ++i) shares.emplace_back(gaps[i], static_cast<double>(i + 1) / static_cast<double>(gaps.size()));
  return thinned(shares);
}

/// Tokens of all sequences known after so many seconds.
std::vector<Point> tokens_over_time(const SampleRecord& sample) {
  std::vector<std::int64_t> stamps;
  for (const auto& sequence : sample.sequences) stamps.insert(stamps.end(), sequence.token_ns.begin(), sequence.token_ns.end());
  std::sort(stamps.begin(), stamps.end());
  std::vector<Point> points;
  for (std::size_t i = 0; i < stamps.size(); ++i) points.emplace_back(s_from_ns(static_cast<double>(stamps[i])), static_cast<double>(i + 1));
  return thinned(points);
}

/// How steady the only session was: below six values no interval of a median covers 95 %, so their range stands in its place.
void add_interval(Json& out, const Samples& timed, const MetricInfo& info) {
  if (info.scope != record::MetricScope::kRepetition || info.main_statistic() != Statistic::kMedian) return;
  std::vector<double> values;
  for (const SampleRecord* sample : timed) {
    if (const auto& value = sample->metrics[info.id]) values.push_back(*value);
  }
  if (values.size() < 2) return;
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  const auto interval = values.size() < 6 ? std::nullopt : stats::bootstrap_median_interval(values);
  out["interval"] = interval ? Json{interval->low, interval->high} : Json{*least, *most};
  out["interval_is"] = interval ? "95 % bootstrap interval of the median of " + std::to_string(values.size()) + " repetitions"
                                : "from the smallest to the largest of " + std::to_string(values.size()) + " repetitions";
}

Json statistics_json(const CellRecord& cell, const MetricInfo& info, const Samples& timed) {
  Json out = Json::object();
  if (const auto& value = row_value(cell, info.id)) out["value"] = number(value);
  for (const Statistic statistic : info.statistics) {
    if (statistic == info.main_statistic()) continue;
    if (const auto& value = cell.metrics.at(info.id, statistic)) out[std::string(name_of(statistic))] = number(value);
  }
  if (out.empty()) return out;
  if (cell.n_sessions <= 1) add_interval(out, timed, info);
  if (!info.by_session) return out;
  for (const record::MetricValues& session : cell.sessions) out["sessions"].push_back(number(session[info.id]));
  return out;
}

Json metrics_json(const CellRecord& cell, const Samples& timed) {
  Json out = Json::object();
  for (const MetricInfo& info : record::metric_catalog()) {
    Json values = statistics_json(cell, info, timed);
    if (!values.empty()) out[std::string(info.name)] = std::move(values);
  }
  return out;
}

/// Models by label, in the order in which they first appear: the same colour in every chart.
class ModelIndex {
 public:
  std::size_t of(const std::string& label) { return index_.emplace(label, index_.size()).first->second; }

 private:
  std::map<std::string, std::size_t> index_;
};

Json row_json(const CellRecord& cell, const std::vector<CellRecord>& cells, const Samples& samples, ModelIndex& models) {
  const Samples timed = timed_samples(cell, samples);
  Json row{{"label", cell.cell.model + row_difference(cell, cells)}, {"model_index", models.of(cell.cell.model)}, {"metrics", metrics_json(cell, timed)}};
  row["read_gbps"] = number(cell.roofline.read_limit_gb_per_s);
  row["matmul_tflops"] = number(cell.roofline.matmul_limit_tflop_per_s);
  row["gaps"] = points_json(gap_shares(timed));
  if (const SampleRecord* middle = middle_repetition(timed)) {
    row["tokens"] = points_json(tokens_over_time(*middle));
    Json phases = Json::object();
    for (const PhaseTime& phase : phase_times(*middle)) phases[std::string(phase.name)] = rounded(phase.ms);
    row["phases"] = std::move(phases);
  }
  return row;
}

Json groups_json(const std::vector<CellRecord>& cells) {
  struct Group {
    const CellRecord* first;
    std::vector<std::size_t> rows;
    bool measured = false;
  };
  std::vector<Group> groups;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    auto found = std::find_if(groups.begin(), groups.end(), [&](const Group& group) { return same_request(group.first->cell, cells[i].cell); });
    if (found == groups.end()) found = groups.insert(groups.end(), Group{&cells[i], {}});
    found->rows.push_back(i);
    found->measured = found->measured || cells[i].status == record::Status::kOk;
  }
  const auto chosen = std::find_if(groups.begin(), groups.end(), [](const Group& group) { return group.measured && group.first->cell.pass == record::Pass::kSpeed; });
  Json out = Json::array();
  for (const Group& group : groups) {
    const record::CellKey& key = group.first->cell;
    const std::string label = key.suite + " / " + prompt_name(key) + " (" + std::string(name_of(key.pass)) + ")";
    const bool fallback = chosen == groups.end() && &group == &groups.front();
    out.push_back({{"label", label}, {"rows", group.rows}, {"chosen", fallback || (chosen != groups.end() && &group == &*chosen)}});
  }
  return out;
}

void append_telemetry(std::vector<Point>& memory, std::vector<Point>& gpu, const record::TelemetrySeries& series, double offset_ns) {
  for (std::size_t i = 0; i < series.time_ns.size(); ++i) {
    const double s = s_from_ns(static_cast<double>(series.time_ns[i]) + offset_ns);
    memory.emplace_back(s, static_cast<double>(series.rss_bytes[i]));
    if (series.gpu && series.gpu->used_bytes[i]) gpu.emplace_back(s, static_cast<double>(*series.gpu->used_bytes[i]));
  }
}

/// Loading, then every repetition of the model's worker process on the clock of its first request.
Json memory_json(const record::SampleFileContent& content, ModelIndex& models) {
  Json out = Json::array();
  for (auto load = content.loads.begin(); load != content.loads.end(); ++load) {
    const auto same_model = [&](const record::LoadRecord& other) { return other.model.label == load->model.label; };
    if (load->status != record::Status::kOk || std::any_of(content.loads.begin(), load, same_model)) continue;
    std::vector<Point> memory, gpu;
    std::optional<std::int64_t> origin_ns, last_ns;
    for (const SampleRecord& sample : content.samples) {
      if (sample.cell.model != load->model.label || sample.session != load->session || sample.telemetry.time_ns.empty()) continue;
      if (!origin_ns) {
        origin_ns = sample.t0_ns;
        const auto& loading = load->telemetry.time_ns;
        if (!loading.empty()) append_telemetry(memory, gpu, load->telemetry, ns_between(loading.back(), std::min<std::int64_t>(sample.telemetry.time_ns.front(), 0)));
      }
      if (last_ns && sample.t0_ns < *last_ns) break;  // another boot: a run that was resumed
      last_ns = sample.t0_ns;
      append_telemetry(memory, gpu, sample.telemetry, ns_between(*origin_ns, sample.t0_ns));
    }
    const std::size_t index = models.of(load->model.label);
    if (!memory.empty()) out.push_back({{"label", load->model.label}, {"model_index", index}, {"gpu", false}, {"points", points_json(peaks_kept(memory))}});
    if (!gpu.empty()) out.push_back({{"label", load->model.label + " (GPU)"}, {"model_index", index}, {"gpu", true}, {"points", points_json(peaks_kept(gpu))}});
  }
  return out;
}

Json phase_json(const record::BreakdownPhase& phase) {
  const double passes = static_cast<double>(std::max<std::int64_t>(phase.passes, 1));
  const auto ms = [&](const std::optional<std::int64_t>& ns) { return ns ? Json(rounded(ms_from_ns(static_cast<double>(*ns)) / passes)) : Json(nullptr); };
  Json steps = Json::array();
  double bytes = 0, flops = 0;
  for (const record::StepRecord& step : phase.steps) {
    steps.push_back({{"step", step.step}, {"ms", ms(step.time_ns)}, {"bytes", static_cast<double>(step.bytes) / passes}, {"flops", static_cast<double>(step.flops) / passes}});
    bytes += static_cast<double>(step.bytes) / passes;
    flops += static_cast<double>(step.flops) / passes;
  }
  steps.push_back({{"step", "not attributed"}, {"ms", ms(phase.rest_ns())}, {"bytes", 0}, {"flops", 0}});
  return {{"phase", phase.phase}, {"fused", phase.fused}, {"total_ms", ms(phase.total_ns())}, {"bytes", bytes}, {"flops", flops}, {"steps", steps}};
}

Json breakdowns_json(const std::vector<CellRecord>& cells, const record::SampleFileContent& content, ModelIndex& models) {
  Json out = Json::array();
  for (const record::BreakdownRecord& breakdown : latest_breakdowns(content.breakdowns)) {
    const auto row = std::find_if(cells.begin(), cells.end(), [&](const CellRecord& cell) { return cell.cell == breakdown.cell; });
    if (row == cells.end() || breakdown.status != record::Status::kOk) continue;
    for (const record::BreakdownPhase& phase : breakdown.phases) {
      Json one = phase_json(phase);
      one["row"] = row - cells.begin();
      one["label"] = row->cell.model + row_difference(*row, cells);
      one["model_index"] = models.of(row->cell.model);
      one["read_gbps"] = number(breakdown.limits.read_gbps);
      one["matmul_tflops"] = number(breakdown.limits.matmul_tflops);
      out.push_back(std::move(one));
    }
  }
  return out;
}

/// Median over the model's rows that have a value.
std::optional<double> model_value(const std::vector<CellRecord>& cells, const std::string& model, MetricId id, std::optional<record::Pass> pass) {
  std::vector<double> values;
  for (const CellRecord& cell : cells) {
    if (cell.cell.model != model || (pass && cell.cell.pass != *pass)) continue;
    if (const auto& value = row_value(cell, id)) values.push_back(*value);
  }
  return stats::median(values);
}

Json quality_json(const std::vector<CellRecord>& cells, ModelIndex& models) {
  for (const char* name : {"quality_score", "success_ratio"}) {
    const auto id = record::metric_from_name(name);
    if (!id) continue;
    Json out = Json::array();
    std::vector<std::string> seen;
    for (const CellRecord& cell : cells) {
      const std::string& model = cell.cell.model;
      if (std::find(seen.begin(), seen.end(), model) != seen.end()) continue;
      seen.push_back(model);
      const auto quality = model_value(cells, model, *id, std::nullopt);
      const auto speed = model_value(cells, model, MetricId::kDecodeTokPerS, record::Pass::kSpeed);
      if (quality && speed) out.push_back({{"label", model}, {"model_index", models.of(model)}, {"metric", name}, {"speed", *speed}, {"quality", *quality}});
    }
    if (!out.empty()) return out;
  }
  return Json::array();
}

Json history_json(const std::vector<HistorySeries>& history) {
  Json out = Json::array();
  for (const HistorySeries& series : history) {
    Json points = Json::array();
    for (const auto& [when, value] : series.points) points.push_back({when, number(std::optional(value))});
    out.push_back({{"label", series.label}, {"metric", series.metric}, {"unit", series.unit}, {"points", points}, {"changes", series.changes}});
  }
  return out;
}

}  // namespace

Json run_page_data(const std::vector<CellRecord>& cells, const record::SampleFileContent& content, const std::vector<HistorySeries>& history) {
  ModelIndex models;
  Samples samples;
  for (const SampleRecord& sample : content.samples) samples.push_back(&sample);
  Json metrics = Json::array();
  for (const MetricId id : metric_order().ids) {
    const MetricInfo& info = record::info_of(id);
    metrics.push_back({{"name", info.name}, {"unit", info.unit}, {"better", name_of(info.better)}, {"formula", info.formula}});
  }
  Json rows = Json::array();
  for (const CellRecord& cell : cells) {
    rows.push_back(row_json(cell, cells, samples, models));
    rows.back()["index"] = rows.size() - 1;
  }
  return {{"metrics", metrics},
          {"rows", rows},
          {"groups", groups_json(cells)},
          {"memory", memory_json(content, models)},
          {"breakdowns", breakdowns_json(cells, content, models)},
          {"quality", quality_json(cells, models)},
          {"history", history_json(history)}};
}

}  // namespace qbench::report
