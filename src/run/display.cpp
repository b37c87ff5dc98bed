#include "run/display.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/plural.h"
#include "base/units.h"
#include "report/terminal_table.h"

namespace qbench::run {
namespace {

using record::MetricId;
using record::Statistic;

constexpr std::string_view kClearLine = "\r\x1b[K";
constexpr std::string_view kRed = "\x1b[31m", kPlain = "\x1b[0m";

std::string name_of_cell(const record::CellKey& key) {
  const std::string turn = key.turn > 1 ? fmt::format(" turn {}", key.turn) : std::string();
  return fmt::format("{}{} ({})", key.prompt_id, turn, record::name_of(key.pass));
}

std::string rate(const record::CellRecord& cell, MetricId id) {
  const auto& value = cell.metrics.at(id, Statistic::kMedian);
  return value ? fmt::format("{:.1f}", *value) : std::string("-");
}

}  // namespace

Display::Display(const DisplayOptions& options, std::function<void(std::string_view)> write)
    : options_(options), write_(std::move(write)) {}

Display::~Display() { hide_progress(); }

void Display::hide_progress() {
  if (progress_shown_) write_(kClearLine);
  progress_shown_ = false;
}

void Display::show_progress(std::string text) {
  text = report::fit_width(text, options_.width > 1 ? options_.width - 1 : 1);
  write_(std::string(kClearLine) + text);
  progress_shown_ = true;
}

void Display::line(std::string_view text) {
  if (options_.quiet) return;
  hide_progress();
  write_(fmt::format("{}\n", text));
}

void Display::error(std::string_view text) {
  hide_progress();
  std::string one_line(text);
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  write_(options_.color ? fmt::format("{}error:{} {}\n", kRed, kPlain, one_line) : fmt::format("error: {}\n", one_line));
}

void Display::worker_says(std::string_view text) {
  if (text.empty()) return;
  hide_progress();
  write_(fmt::format("{}\n", text));
}

void Display::model_begins(const ModelPlan& model, std::int64_t tokens_planned) {
  tokens_planned_ = tokens_planned;
  tokens_done_ = 0;
  line(fmt::format("{}: loading ({}, {}{})", model.label, model.facts.architecture, model.facts.format,
                   model.memory ? ", needs " + format_bytes(model.memory->needed_bytes) : std::string()));
  for (const std::string& note : model.notes) line(fmt::format("  note: {}", note));
}

void Display::model_ready(const ModelPlan& model, const ModelReady& ready, const record::LoadRecord& load) {
  ready_ns_ = now_ns();
  line(fmt::format("  device {} ({}), {}, instruction sets {}", model.cells.empty() ? "" : model.cells.front().key.device,
                   ready.device_description, plural(ready.threads, "thread"), ready.instruction_sets));
  line(fmt::format("  attention {}", ready.attention_path));
  line(fmt::format("  precision {}, weights {}, KV cache {} for a context of {} x {}, loaded in {}", ready.precision,
                   format_bytes(static_cast<std::uint64_t>(ready.weight_bytes)), format_bytes(static_cast<std::uint64_t>(ready.kv_bytes)),
                   ready.context, model.engine.batch, format_seconds(s_from_ns(static_cast<double>(load.load_ns)))));
}

void Display::progress(const ModelPlan& model, const record::CellKey& key, std::int64_t repetitions, const Progress& progress) {
  if (options_.quiet || !options_.terminal) return;
  std::string what = progress.phase == record::Phase::kTimed
                         ? fmt::format("{}/{}", progress.repetition + 1, repetitions)
                         : std::string(progress.phase == record::Phase::kCold ? "first request" : "warm-up");
  std::string text = fmt::format("{} | {} {} | {}/{} tokens", model.label, name_of_cell(key), what, progress.tokens, progress.most_tokens);
  if (progress.tok_per_s > 0) text += fmt::format(" | {:.1f} tok/s", progress.tok_per_s);
  const double elapsed_s = s_from_ns(static_cast<double>(now_ns() - ready_ns_));
  const auto done = static_cast<double>(tokens_done_ + progress.tokens);
  const double left = static_cast<double>(tokens_planned_) - done;
  if (done > 0 && left > 0 && elapsed_s > 1.0) text += fmt::format(" | at most {} left", format_seconds(left * elapsed_s / done));
  show_progress(std::move(text));
}

void Display::request_done(std::int64_t most_tokens) { tokens_done_ += most_tokens; }

void Display::cell_done(const record::CellRecord& cell) {
  if (cell.status != record::Status::kOk) {
    error(fmt::format("{} {}: {}", cell.cell.model, name_of_cell(cell.cell), cell.failure.message));
    return;
  }
  line(fmt::format("  {}: prefill {} tok/s, decode {} tok/s, first token after {} ms, {:.0f} tokens, n={}, {}", name_of_cell(cell.cell),
                   rate(cell, MetricId::kPrefillTokPerS), rate(cell, MetricId::kDecodeTokPerS), rate(cell, MetricId::kTtftMs),
                   cell.metrics.at(MetricId::kOutputTokens, Statistic::kMedian).value_or(0), cell.n_samples, cell.stop_reason));
}

}  // namespace qbench::run
