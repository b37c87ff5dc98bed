#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "history/history.h"

/// What earlier nights had and the judged one has not.
namespace qbench::history {
namespace {

/// Nights of one place share it: host and suite. In a container, whose host has a new name each time, the device stands for the host.
std::pair<std::string, std::string> place_of(const SeriesKey& key) {
  const std::string_view host = key.fact("host_hash").empty() ? key.fact("device_description") : key.fact("host_hash");
  return {std::string(host), std::string(key.fact("suite"))};
}

struct Known {
  SeriesKey key;
  std::string label;
};

bool names_row(const compare::CellOutcome& cell, const SeriesKey& key) {
  const bool same_prompt = cell.prompt.ends_with("/" + std::string(key.fact("prompt_id"))) ||
                           cell.prompt.find("/" + std::string(key.fact("prompt_id")) + " turn ") != std::string::npos;
  return cell.model == key.fact("model") && same_prompt && cell.pass == key.fact("pass");
}

compare::CellOutcome absent_cell(const SeriesKey& key) {
  compare::CellOutcome cell;
  cell.model = key.fact("model");
  cell.precision = key.fact("precision").empty() ? key.fact("precision_requested") : key.fact("precision");
  cell.prompt = std::string(key.fact("suite")) + "/" + std::string(key.fact("prompt_id"));
  cell.device = key.fact("device_effective");
  cell.device_description = key.fact("device_description");
  cell.pass = key.fact("pass");
  cell.base_state = compare::RowState::kMeasured;
  compare::Judgement missing;
  missing.metric = "row";
  missing.reason = compare::Reason::kNoPartner;
  missing.sentence = "the night before has this row, this one has not";
  cell.judgements.push_back(std::move(missing));
  return cell;
}

}  // namespace

/// A model that vanishes must not pass as a run without regressions. The night before is the last one that has a series of the same host
/// and suite, measured or failed. A series that goes on under a new key (another driver, other weights) has a row of the same name here.
void History::note_absent(compare::Comparison& comparison, const NightInput& input, std::int64_t night) const {
  std::set<std::pair<std::string, std::string>> places;
  std::set<std::string> hosts, labels;
  const auto take = [&](const SeriesKey& key) {
    places.insert(place_of(key));
    hosts.insert(place_of(key).first);
  };
  for (const NightRow& row : input.rows) {
    take(row.key);
    labels.insert(row.key.label());
  }
  for (const SeriesKey& key : input.failed) take(key);

  std::map<std::int64_t, Known> series;
  Statement all(database_, "SELECT id, key, label FROM series");
  while (all.step()) series.emplace(all.integer(0), Known{parse_key(all.text(1)), all.text(2)});
  std::pair<std::int64_t, std::int64_t> previous{-1, -1};
  Statement last(database_,
                 "SELECT started_s, night FROM member WHERE series = ? AND (started_s, night) < (?, ?) ORDER BY started_s DESC, "
                 "night DESC LIMIT 1");
  for (const auto& [id, known] : series) {
    if (!places.contains(place_of(known.key)) || !last.bind(1, id).bind(2, input.started_s).bind(3, night).step()) continue;
    previous = std::max(previous, std::pair(last.integer(0), last.integer(1)));
    while (last.step()) {
    }
  }
  if (previous.second == -1) {
    Statement any(database_, "SELECT 1 FROM night WHERE (started_s, id) < (?, ?) LIMIT 1");
    comparison.notes.emplace_back(any.bind(1, input.started_s).bind(2, night).step()
                                      ? "a new series begins: the history has no earlier night of this host and suite"
                                      : "the history is empty before this night: nothing can be judged yet");
    return;
  }
  Statement gone(
      database_,
      "SELECT m.series, EXISTS(SELECT 1 FROM value v WHERE v.series = m.series AND v.started_s = ?3 AND v.night = ?1) FROM member m "
      "JOIN series s ON s.id = m.series WHERE m.night = ?1 AND NOT EXISTS(SELECT 1 FROM member n WHERE n.night = ?2 AND n.series = "
      "m.series) ORDER BY s.label");
  gone.bind(1, previous.second).bind(2, night).bind(3, previous.first);
  std::vector<compare::CellOutcome> absent;
  while (gone.step()) {
    const auto& [key, label] = series.at(gone.integer(0));
    const bool was_measured = gone.integer(1) != 0;
    if (!hosts.contains(place_of(key).first)) continue;
    if (was_measured && labels.contains(label)) {
      comparison.notes.push_back(label +
                                 ": a new series begins: weights, prompt, settings, hardware or driver are not those of the night before");
      continue;
    }
    // It failed, and is there as such; or it failed before (perhaps too early to know its weights) and is there again.
    const bool already = std::any_of(comparison.cells.begin(), comparison.cells.end(), [&](const compare::CellOutcome& cell) {
      const bool failed = cell.new_state == compare::RowState::kFailed || cell.new_state == compare::RowState::kSkipped;
      return names_row(cell, key) && (failed || !was_measured);
    });
    if (!already) absent.push_back(absent_cell(key));
  }
  for (compare::CellOutcome& cell : absent) comparison.cells.push_back(std::move(cell));
}

}  // namespace qbench::history
