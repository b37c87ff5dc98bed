#include "report/model_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "report/model_sections.h"
#include "report/quality_matrix.h"
#include "report/study_sections.h"
#include "report/task_sections.h"
#include "report/terminal_table.h"
#include "report/text.h"

namespace qbench::report {
namespace {

/// Facts of the model: of its last load that worked, else of a cell, else of the run's list.
record::ModelFacts facts_of(const record::RunRecord& run, const Loads& loads, const Cells& cells, std::string_view label) {
  for (auto load = loads.rbegin(); load != loads.rend(); ++load) {
    if ((*load)->status == record::Status::kOk) return (*load)->model;
  }
  for (const record::CellRecord* cell : cells) {
    if (!cell->model.name.empty()) return cell->model;
  }
  for (const record::ModelFacts& model : run.models) {
    if (model.label == label) return model;
  }
  record::ModelFacts unknown;
  unknown.label = std::string(label);
  return unknown;
}

/// The cells by prompt, prompts in the order of their first cell, a prompt's cells in file order.
std::vector<Cells> by_prompt(const Cells& cells) {
  std::vector<Cells> groups;
  for (const record::CellRecord* cell : cells) {
    const auto same = [&](const Cells& group) {
      return group.front()->cell.suite == cell->cell.suite && group.front()->cell.prompt_id == cell->cell.prompt_id;
    };
    const auto found = std::find_if(groups.begin(), groups.end(), same);
    if (found != groups.end()) {
      found->push_back(cell);
    } else {
      groups.push_back({cell});
    }
  }
  return groups;
}

}  // namespace

std::string report_file_name(std::string_view model_name, std::string_view stamp) {
  std::string name;
  for (const char c : model_name.substr(0, 120)) {
    const bool safe = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      std::string_view("._+-").find(c) != std::string_view::npos;
    name += safe ? c : '_';
  }
  if (name.empty()) name = "model";
  if (name.front() == '.' || name.front() == '-') name.front() = '_';
  return name + "__" + std::string(stamp) + ".md";
}

std::string model_markdown(const record::RunRecord& run, const record::SampleFileContent& content, std::string_view model_label) {
  const std::vector<record::CellRecord> latest = record::latest_cells(content.cells);
  Cells cells;
  for (const auto& cell : latest) {
    if (cell.cell.model == model_label) cells.push_back(&cell);
  }
  Samples samples;
  for (const auto& sample : content.samples) {
    if (sample.cell.model == model_label) samples.push_back(&sample);
  }
  Loads loads;
  for (const auto& load : content.loads) {
    if (load.model.label == model_label) loads.push_back(&load);
  }
  const record::ModelFacts model = facts_of(run, loads, cells, model_label);
  const auto ok = std::count_if(cells.begin(), cells.end(), [](const auto* cell) { return cell->status == record::Status::kOk; });
  const std::string own_name = model.name.empty() || model.name == model_label ? std::string() : " (" + model.name + ")";
  std::string out = fmt::format("# {}\n\n", markdown_text(std::string(model_label) + own_name));
  out += fmt::format("Run `{}`, started {}{}. {} of {} rows worked.\n\n", run.run_id, run.started_utc,
                     run.finished_utc.empty() ? ", not finished" : ", finished " + run.finished_utc, ok, cells.size());
  if (!latest.empty()) out += "## The models of this run\n\n" + models_markdown(latest, model_label) + "\nTokens and seconds are sums over the prompts of the pass; tok/s is their ratio, prompts included.\n\n";
  out += results_section(cells);
  out += tasks_section(content, model_label);
  out += failures_section(cells, loads);
  out += code_quality_section(content, model_label);
  out += model_section(model);
  out += settings_section(cells, run);
  out += machine_section(run);
  out += loading_section(loads, cells);
  out += memory_section(cells);
  out += study_sections(content, model_label);
  std::string prompts;
  for (const Cells& group : by_prompt(cells)) prompts += prompt_section(group, samples);
  if (!prompts.empty()) out += "## Prompts and outputs\n\n" + prompts;
  while (out.ends_with("\n\n")) out.pop_back();
  return out;
}

}  // namespace qbench::report
