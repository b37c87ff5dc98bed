#include "compare/across.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "compare/compare.h"

namespace qbench::compare {
namespace {

using record::MetricId;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

template <class T, class Same>
std::size_t find_or_add(std::vector<T>& all, const T& one, Same same) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const T& other) { return same(one, other); });
  if (found != all.end()) return static_cast<std::size_t>(found - all.begin());
  all.push_back(one);
  return all.size() - 1;
}

const Price* price_of(const std::string& device, const std::vector<Price>& prices) {
  for (const Price& price : prices) {
    if (lower(device).find(lower(price.device)) != std::string::npos) return &price;
  }
  return nullptr;
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

void fill_ratios(AcrossLine& line) {
  const auto first = std::find_if(line.values.begin(), line.values.end(), [](const AcrossValue& v) { return v.tok_per_s.value_or(0) > 0; });
  if (first == line.values.end()) return;
  for (AcrossValue& value : line.values) {
    if (value.tok_per_s) value.ratio = *value.tok_per_s / *first->tok_per_s;
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
      AcrossLine& line =
          table.lines[find_or_add(table.lines, AcrossLine{cell.model, cell.precision, cell.prompt, cell.settings, {}}, same_line)];
      line.values.resize(std::max(line.values.size(), column + 1), absent);
      if (line.values[column].state != "absent") {
        table.notes.push_back(fmt::format("{} {} on {}: the row of {} counts", cell.model, cell.prompt, device, set.path.string()));
      }
      line.values[column] = value_of(row, cell, price_of(device, prices));
    }
  }
  for (AcrossLine& line : table.lines) {
    line.values.resize(table.devices.size(), absent);
    fill_ratios(line);
  }
  for (const Price& price : prices) {
    if (std::none_of(table.devices.begin(), table.devices.end(),
                     [&](const std::string& device) { return price_of(device, {price}) != nullptr; })) {
      throw Error(ErrorCode::kUsage,
                  fmt::format("'{}' is in no device's name; there are: {}", price.device, fmt::join(table.devices, "; ")), "--price");
    }
  }
  return table;
}

}  // namespace qbench::compare
