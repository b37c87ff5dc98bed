#include "recommend/constraints.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/units.h"

namespace qbench::recommend {
namespace {

enum class Unit { kTime, kBytes, kRate, kRatio, kPoints, kPlain };

struct QuantityInfo {
  Quantity quantity;
  std::string_view name;
  Unit unit;
};
constexpr std::array<QuantityInfo, 8> kQuantities{{{Quantity::kTtftMs, "ttft", Unit::kTime},
                                                   {Quantity::kE2eMs, "time", Unit::kTime},
                                                   {Quantity::kDecodeTokPerS, "tok_per_s", Unit::kRate},
                                                   {Quantity::kVramBytes, "vram", Unit::kBytes},
                                                   {Quantity::kContextTokens, "context", Unit::kPlain},
                                                   {Quantity::kSuccessRatio, "success", Unit::kRatio},
                                                   {Quantity::kQualityScore, "quality", Unit::kPoints},
                                                   {Quantity::kOutputTokens, "tokens", Unit::kPlain}}};

const QuantityInfo& info_of(Quantity quantity) { return kQuantities[static_cast<std::size_t>(quantity)]; }

[[noreturn]] void fail(std::string_view part, const std::string& message) {
  throw Error(ErrorCode::kUsage, fmt::format("'{}': {}", part, message), "--constraints");
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// A number and the word after it; nothing unless the number is finite and not negative.
std::optional<std::pair<double, std::string_view>> number_and_unit(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !std::isfinite(value) || value < 0) return std::nullopt;
  return std::pair(value, trimmed(text.substr(static_cast<std::size_t>(end - text.data()))));
}

double parse_limit(std::string_view part, std::string_view text, Unit unit) {
  if (unit == Unit::kBytes) {
    const auto bytes = parse_bytes(text);
    const bool has_unit = !text.empty() && std::isalpha(static_cast<unsigned char>(text.back())) != 0;
    if (bytes && has_unit) return static_cast<double>(*bytes);
    fail(part, "expected bytes with their unit, such as 24GB or 16GiB");
  }
  const auto parsed = number_and_unit(text);
  if (!parsed) fail(part, "expected a number from 0 on after the sign");
  const auto [value, word] = *parsed;
  switch (unit) {
    case Unit::kTime:
      if (word == "ms") return value;
      if (word == "s") return value * 1e3;
      if (word == "min") return value * 6e4;
      fail(part, "expected a time with its unit: 500ms, 2s or 1min");
    case Unit::kRatio: {
      const double ratio = word == "%" ? value / 100 : value;
      if ((word.empty() || word == "%") && ratio <= 1) return ratio;
      fail(part, "expected a ratio from 0 to 1 or a percentage: 0.8 or 80%");
    }
    case Unit::kPoints:
      if (word.empty() && value <= 10) return value;
      fail(part, "expected points from 0 to 10");
    default:
      if (!word.empty()) fail(part, fmt::format("expected a plain number, not the unit '{}'", word));
      return value;
  }
}

Constraint parse_one(std::string_view part) {
  const std::size_t sign = part.find_first_of("<>=");
  if (sign == std::string_view::npos || part[sign] == '=') fail(part, "expected NAME<LIMIT or NAME>LIMIT, such as ttft<500ms");
  const std::string_view name = trimmed(part.substr(0, sign));
  std::string_view limit = part.substr(sign + 1);
  if (!limit.empty() && limit.front() == '=') limit.remove_prefix(1);
  std::string known;
  for (const QuantityInfo& info : kQuantities) {
    if (info.name == name) return {info.quantity, part[sign] == '<', parse_limit(part, trimmed(limit), info.unit), std::string(part)};
    known += (known.empty() ? "" : ", ") + std::string(info.name);
  }
  fail(part, fmt::format("no quantity '{}'; there are {}", name, known));
}

void refuse_contradictions(const std::vector<Constraint>& constraints) {
  for (const Constraint& most : constraints) {
    for (const Constraint& least : constraints) {
      if (most.quantity == least.quantity && most.below && !least.below && most.limit < least.limit)
        fail(most.text, fmt::format("contradicts '{}': nothing can hold both", least.text));
    }
  }
}

}  // namespace

std::string_view name_of(Quantity quantity) noexcept { return info_of(quantity).name; }

std::vector<Constraint> parse_constraints(std::string_view text) {
  std::vector<Constraint> constraints;
  const std::string_view whole = text;
  while (true) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view part = trimmed(text.substr(0, comma));
    if (part.empty()) fail(whole, "an empty part; expected constraints such as ttft<500ms with a comma between two");
    constraints.push_back(parse_one(part));
    if (comma == text.size()) break;
    text.remove_prefix(comma + 1);
  }
  refuse_contradictions(constraints);
  return constraints;
}

std::string quantity_text(Quantity quantity, double value) {
  switch (info_of(quantity).unit) {
    case Unit::kTime:
      return value < 10 ? fmt::format("{:.2f} ms", value) : value < 1000 ? fmt::format("{:.0f} ms", value) : format_seconds(value / 1e3);
    case Unit::kBytes:
      return format_bytes(static_cast<std::uint64_t>(value));
    case Unit::kRate:
      return fmt::format("{:.1f} tok/s", value);
    case Unit::kRatio:
      return fmt::format("{:.0f} %", value * 100);
    case Unit::kPoints:
      return fmt::format("{:.1f} of 10", value);
    case Unit::kPlain:
      break;
  }
  return fmt::format("{:.0f} tokens", value);
}

}  // namespace qbench::recommend
