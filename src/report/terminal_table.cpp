#include "report/terminal_table.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <optional>

#include "report/text.h"
#include "stats/summary.h"

namespace qbench::report {
namespace {

using record::CellRecord;
using record::MetricId;
using record::Statistic;

struct Character {
  std::size_t bytes;
  std::size_t columns;
};

Character next_character(std::string_view text) {
  utf8proc_int32_t code_point = 0;
  const auto n =
      utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()), &code_point);
  if (n <= 0) return {1, 1};
  return {static_cast<std::size_t>(n), static_cast<std::size_t>(std::max(0, utf8proc_charwidth(code_point)))};
}

/// What is said about one pass of one model: sums over the cells that worked.
struct PassLine {
  double tokens = 0, seconds = 0;
  std::vector<double> ttft_ms, decode, prefill;
};

/// What the table says about one model.
struct ModelLine {
  std::string label, precision;
  bool flash = false;
  PassLine speed, text;
  std::optional<double> memory_bytes, free_bytes;
  std::size_t ok = 0, rows = 0;
  std::string failure;
  /// The pass that the table shows: the text pass where it worked.
  record::Pass pass() const { return text.tokens > 0 ? record::Pass::kText : record::Pass::kSpeed; }
  const PassLine& shown() const { return text.tokens > 0 ? text : speed; }
};

void keep_largest(std::optional<double>& kept, double value) { kept = std::max(kept.value_or(value), value); }
void keep_smallest(std::optional<double>& kept, double value) { kept = std::min(kept.value_or(value), value); }

void add_times(PassLine& line, const CellRecord& cell) {
  const auto tokens = cell.metrics.at(MetricId::kOutputTokens, Statistic::kMedian);
  const auto e2e = cell.metrics.at(MetricId::kE2eMs, Statistic::kMedian);
  if (tokens && e2e) {
    line.tokens += *tokens;
    line.seconds += *e2e / 1000;
  }
  if (const auto v = cell.metrics.at(MetricId::kTtftMs, Statistic::kMedian)) line.ttft_ms.push_back(*v);
  if (const auto v = cell.metrics.at(MetricId::kDecodeTokPerS, Statistic::kMedian)) line.decode.push_back(*v);
  if (const auto v = cell.metrics.at(MetricId::kPrefillTokPerS, Statistic::kMedian)) line.prefill.push_back(*v);
}

void add_cell(ModelLine& line, const CellRecord& cell) {
  ++line.rows;
  if (cell.status != record::Status::kOk) {
    if (line.failure.empty()) line.failure = fmt::format("{} ({}): {}", name_of(cell.status), cell.failure.code, cell.failure.message);
    return;
  }
  ++line.ok;
  if (line.precision.empty()) line.precision = cell.model.precision;
  line.flash = line.flash || cell.settings.attention_path.find("flash") != std::string::npos;
  add_times(cell.cell.pass == record::Pass::kText ? line.text : line.speed, cell);
  if (const auto v = cell.metrics.at(MetricId::kPeakBytes, Statistic::kMax)) keep_largest(line.memory_bytes, *v);
  if (cell.settings.memory_free_bytes) keep_smallest(line.free_bytes, static_cast<double>(*cell.settings.memory_free_bytes));
}

std::vector<ModelLine> collect(const std::vector<CellRecord>& cells) {
  std::vector<ModelLine> lines;
  for (const CellRecord& cell : cells) {
    auto found = std::find_if(lines.begin(), lines.end(), [&](const ModelLine& line) { return line.label == cell.cell.model; });
    if (found == lines.end()) {
      found = lines.insert(lines.end(), ModelLine{});
      found->label = cell.cell.model;
    }
    add_cell(*found, cell);
  }
  for (ModelLine& line : lines) line.label = one_line(line.label);
  return lines;
}

std::string gigabytes(const std::optional<double>& bytes) {
  return bytes ? fmt::format("{:.{}f}", *bytes / 1e9, *bytes < 1e10 ? 2 : 1) : "-";
}
std::string one_decimal(const std::optional<double>& value) {
  return value ? fmt::format("{:.{}f}", *value, *value >= 10000 ? 0 : 1) : "-";
}

constexpr std::size_t kNumberWidths[] = {5, 5, 6, 8, 7, 7, 7, 8};
constexpr std::size_t kNumbersWidth = 5 + 5 + 6 + 8 + 7 * 3 + 8 + 8;  // with one space before each

std::string table_line(std::string_view name, const std::vector<std::string>& numbers, std::size_t name_width) {
  std::string out(fit_width(name, name_width));
  out.append(name_width - display_width(out), ' ');
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const std::size_t used = display_width(numbers[i]);
    out += ' ';
    out.append(kNumberWidths[i] - std::min(used, kNumberWidths[i]), ' ');
    out += numbers[i];
  }
  return out;
}

/// Flash attention, pass, tokens, tokens/s, seconds, memory and free GB, ms to the first token.
std::vector<std::string> model_numbers(const ModelLine& line) {
  const PassLine& shown = line.shown();
  const bool ran = shown.tokens > 0 && shown.seconds > 0;
  return {line.ok > 0 ? (line.flash ? "yes" : "no") : "-",
          ran ? std::string(name_of(line.pass())) : "-",
          ran ? fmt::format("{:.0f}", shown.tokens) : "-",
          one_decimal(ran ? std::optional(shown.tokens / shown.seconds) : std::nullopt),
          one_decimal(ran ? std::optional(shown.seconds) : std::nullopt),
          gigabytes(line.memory_bytes),
          gigabytes(line.free_bytes),
          one_decimal(stats::median(shown.ttft_ms))};
}

std::string in_words(record::Pass pass, const PassLine& line, std::size_t width) {
  if (line.tokens <= 0 || line.seconds <= 0) return {};
  std::string text = fmt::format("pass={}: {:.0f} tokens in {:.1f} s", name_of(pass), line.tokens, line.seconds);
  if (const auto v = stats::median(line.decode)) text += fmt::format(", decode {:.1f} tok/s", *v);
  if (const auto v = stats::median(line.prefill)) text += fmt::format(", prefill {:.1f} tok/s", *v);
  if (const auto v = stats::median(line.ttft_ms)) text += fmt::format(", first token after {:.1f} ms", *v);
  return wrapped(text, "  ", width);
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  while (!text.empty()) {
    const Character c = next_character(text);
    columns += c.columns;
    text.remove_prefix(c.bytes);
  }
  return columns;
}

std::string fit_width(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t bytes = 0, columns = 0;
  while (bytes < text.size()) {
    const Character c = next_character(text.substr(bytes));
    if (columns + c.columns > width - 1) break;
    bytes += c.bytes;
    columns += c.columns;
  }
  return std::string(text.substr(0, bytes)) + "…";
}

std::string wrapped(std::string_view text, const std::string& indent, std::size_t width, const std::string& lead) {
  std::string out = lead.empty() ? indent : lead;
  std::size_t start = display_width(out), column = start;
  const std::string line = one_line(text);
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    const std::string_view word = std::string_view(line).substr(at, end - at);
    at = end + 1;
    if (column > start && column + 1 + display_width(word) > width) {
      out += "\n" + indent;
      start = column = indent.size();
    } else if (column > start) {
      out += ' ';
      ++column;
    }
    out += word;
    column += display_width(word);
  }
  return out + "\n";
}

std::string end_table(const std::vector<CellRecord>& cells, const TerminalOptions& options) {
  const std::vector<ModelLine> lines = collect(cells);
  if (lines.empty()) return {};
  const std::size_t width = std::max<std::size_t>(options.width, kNumbersWidth + 8);
  std::size_t name_width = 8;
  for (const ModelLine& line : lines) name_width = std::max(name_width, display_width(line.label));
  name_width = std::min(name_width, width - kNumbersWidth);
  const auto paint = [&](const char* code, const std::string& text) {
    return options.color ? fmt::format("\x1b[{}m{}\x1b[0m", code, text) : text;
  };

  std::string out =
      paint("1", table_line("Model", {"Flash", "Pass", "Tokens", "Tok/s", "Time s", "Mem GB", "Free GB", "TTFT ms"}, name_width)) + "\n";
  for (const ModelLine& line : lines) {
    const std::string text = table_line(line.label, model_numbers(line), name_width);
    out += (line.ok == line.rows ? text : paint("31", text)) + "\n";
  }
  out += "\n";
  for (const ModelLine& line : lines) {
    const std::string precision = line.precision.empty() ? std::string() : " (" + one_line(line.precision) + ")";
    out += fit_width(fmt::format("{}{}: {} of {} rows ok", line.label, precision, line.ok, line.rows), width) + "\n";
    out += in_words(record::Pass::kSpeed, line.speed, width);
    out += in_words(record::Pass::kText, line.text, width);
    if (!line.failure.empty()) out += paint("31", wrapped(line.failure, "  ", width));
  }
  return out;
}

std::string models_markdown(const std::vector<CellRecord>& cells, std::string_view own) {
  MarkdownTable table({"Model", "Flash Attn", "Pass", "Tokens Generated", "Tok/s", "Time (s)", "Memory (GB)", "Free (GB)", "TTFT (ms)"},
                      {false, false, false, true, true, true, true, true, true});
  for (const ModelLine& line : collect(cells)) {
    const std::string name = markdown_text(line.label);
    std::vector<std::string> row{line.label == one_line(own) ? "**" + name + "**" : name};
    for (std::string& number : model_numbers(line)) row.push_back(std::move(number));
    table.add(std::move(row));
  }
  return table.empty() ? std::string() : table.text();
}

}  // namespace qbench::report
