#include "compare/across.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/ascii.h"
#include "base/error.h"
#include "compare/compare.h"
#include "compare/find_or_add.h"
#include "compare/pairing.h"

namespace qbench::compare {
namespace {

using record::MetricId;

/// Whether `words` stand in `text` as whole words: "L4" in "NVIDIA L4", not in "NVIDIA L40S".
bool has_words(const std::string& text, const std::string& words) {
  const auto is_letter = [&](std::size_t at) { return at < text.size() && std::isalnum(static_cast<unsigned char>(text[at])) != 0; };
  for (std::size_t at = text.find(words); at != std::string::npos; at = text.find(words, at + 1)) {
    const std::size_t end = at + words.size();
    if ((at == 0 || !is_letter(at - 1) || !is_letter(at)) && (!is_letter(end) || !is_letter(end - 1))) return true;
  }
  return false;
}

/// The longest name that fits counts: "H100 NVL" before "H100".
const Price* price_of(const std::string& device, const std::vector<Price>& prices) {
  const Price* best = nullptr;
  for (const Price& price : prices) {
    if (!has_words(ascii_lower(device), ascii_lower(price.device))) continue;
    if (best == nullptr || price.device.size() > best->device.size()) best = &price;
  }
  return best;
}

void check_prices(const std::vector<Price>& prices, const std::vector<std::string>& devices) {
  for (std::size_t i = 0; i < prices.size(); ++i) {
    const std::string& name = prices[i].device;
    if (std::any_of(prices.begin(), prices.begin() + static_cast<std::ptrdiff_t>(i),
                    [&](const Price& other) { return ascii_lower(other.device) == ascii_lower(name); })) {
      throw Error(ErrorCode::kUsage, fmt::format("'{}' has two prices", name), "--price");
    }
    if (std::none_of(devices.begin(), devices.end(),
                     [&](const std::string& device) { return has_words(ascii_lower(device), ascii_lower(name)); })) {
      throw Error(ErrorCode::kUsage, fmt::format("'{}' is in no device's name; there are: {}", name, fmt::join(devices, "; ")), "--price");
    }
  }
}

/// What the rows of two devices did not do alike; empty where their rates can be set side by side.
std::string unlike_work(const record::ResultRow& first, const record::ResultRow& other) {
  std::vector<std::string> found = differences(first, other, work_columns());
  for (std::string& line : differences(first, other, {"weights", "build_type"})) found.push_back(std::move(line));
  for (const MetricId id : {MetricId::kPromptTokens, MetricId::kOutputTokens}) {
    if (first.pass != record::Pass::kSpeed) continue;  // the text pass ends where the model ends
    const auto &a = first.metric(id).value, &b = other.metric(id).value;
    if (a && b && *a != *b) found.push_back(fmt::format("{}: {} against {}", record::info_of(id).name, *a, *b));
  }
  return fmt::format("{}", fmt::join(found, "; "));
}

AcrossValue value_of(const record::ResultRow& row, const CellOutcome& cell, const Price* price) {
  AcrossValue value;
  if (cell.new_state != RowState::kMeasured) value.state = name_of(cell.new_state);
  const bool speed = row.pass == record::Pass::kSpeed;
  const record::MetricResult& decode = row.metric(speed ? MetricId::kDecodeTokPerS : MetricId::kE2eTokPerS);
  value.tok_per_s = decode.value;
  if (!value.tok_per_s) return value;
  for (const auto& session : decode.sessions) {
    if (!session) continue;
    ++value.n_sessions;
    value.low = std::min(value.low.value_or(*session), *session);
    value.high = std::max(value.high.value_or(*session), *session);
  }
  const auto& power_w = row.metric(MetricId::kGpuPowerW).value;
  if (power_w && *power_w > 0) value.tok_per_s_per_watt = *value.tok_per_s / *power_w;
  if (price != nullptr) value.tok_per_money = *value.tok_per_s * 3600 / price->per_hour;
  return value;
}

using Rows = std::vector<const record::ResultRow*>;  ///< one per device, as AcrossLine::values

void fill_ratios(AcrossTable& table, AcrossLine& line, const Rows& rows) {
  const auto first = std::find_if(line.values.begin(), line.values.end(), [](const AcrossValue& v) { return v.tok_per_s.value_or(0) > 0; });
  if (first == line.values.end()) return;
  const auto at_first = static_cast<std::size_t>(first - line.values.begin());
  for (std::size_t i = 0; i < line.values.size(); ++i) {
    AcrossValue& value = line.values[i];
    if (!value.tok_per_s) continue;
    const std::string unlike = unlike_work(*rows[at_first], *rows[i]);
    if (unlike.empty()) {
      value.ratio = *value.tok_per_s / *first->tok_per_s;
    } else {
      table.notes.push_back(fmt::format("{} {} on {}: no ratio, not the same work: {}", line.model, line.prompt, table.devices[i], unlike));
    }
  }
}

}  // namespace

Price parse_price(const std::string& text) {
  const std::size_t equals = text.rfind('=');
  Price price;
  if (equals != std::string::npos) {
    price.device = text.substr(0, equals);
    const char* const begin = text.data() + equals + 1;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(begin, end, price.per_hour);
    if (error != std::errc() || stop != end) price.per_hour = 0;
  }
  if (price.device.empty() || !(price.per_hour > 0) || !std::isfinite(price.per_hour)) {
    throw Error(ErrorCode::kUsage, fmt::format("'{}': expected a device and what an hour of it costs, such as \"H100=2.5\"", text),
                "--price");
  }
  return price;
}

AcrossTable across_devices(const std::vector<record::ResultSet>& results, const std::vector<Price>& prices) {
  AcrossTable table;
  std::vector<Rows> rows;  // per line
  AcrossValue absent;
  absent.state = "absent";
  const auto same_line = [](const AcrossLine& a, const AcrossLine& b) {
    return a.model == b.model && a.precision == b.precision && a.prompt == b.prompt && a.settings == b.settings;
  };
  const auto has_speed = [](const record::ResultSet& set) {
    return std::any_of(set.rows.begin(), set.rows.end(), [](const auto& row) { return row.pass == record::Pass::kSpeed; });
  };
  const bool show_text = !std::all_of(results.begin(), results.end(), has_speed);
  for (const record::ResultSet& set : results) {
    for (const record::ResultRow& row : set.rows) {
      const bool speed = row.pass == record::Pass::kSpeed;
      if (!speed && !show_text) continue;
      CellOutcome cell = describe_cell(nullptr, &row);
      if (!speed) cell.settings += std::string(cell.settings.empty() ? "" : ", ") + "text pass: e2e_tok_per_s";
      const std::string device = cell.device_description.empty() ? cell.device : cell.device_description;
      const std::size_t column = find_or_add(table.devices, device, std::equal_to<>());
      const std::size_t at = find_or_add(table.lines, AcrossLine{cell.model, cell.precision, cell.prompt, cell.settings, {}}, same_line);
      AcrossLine& line = table.lines[at];
      rows.resize(table.lines.size());
      rows[at].resize(std::max(rows[at].size(), column + 1), nullptr);
      rows[at][column] = &row;
      line.values.resize(std::max(line.values.size(), column + 1), absent);
      if (line.values[column].state != "absent") {
        table.notes.push_back(fmt::format("{} {} on {}: the row of {} counts", cell.model, cell.prompt, device, set.path.string()));
      }
      line.values[column] = value_of(row, cell, price_of(device, prices));
    }
  }
  for (std::size_t i = 0; i < table.lines.size(); ++i) {
    table.lines[i].values.resize(table.devices.size(), absent);
    rows[i].resize(table.devices.size(), nullptr);
    fill_ratios(table, table.lines[i], rows[i]);
  }
  check_prices(prices, table.devices);
  return table;
}

}  // namespace qbench::compare
