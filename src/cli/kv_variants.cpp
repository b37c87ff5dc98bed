#include "cli/kv_variants.h"

#include <charconv>
#include <optional>

#include "base/error.h"
#include "base/split.h"
#include "run/opened_model.h"
#include "workload/names.h"

namespace qbench::cli {
namespace {

constexpr std::int64_t kMostPositions = 1 << 22;

[[noreturn]] void fail(std::string_view entry, const std::string& what) {
  throw Error(ErrorCode::kUsage, what + ", got '" + workload::printable(entry) + "'", "--compare-kv");
}

std::int64_t positions(std::string_view digits, std::string_view entry) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  if (!whole || value < 1 || value > kMostPositions) fail(entry, "expected positions from 1 to " + std::to_string(kMostPositions));
  return value;
}

void apply(std::string_view part, std::string_view entry, workload::EffectiveSettings& settings) {
  constexpr std::string_view kWindow = "window:", kSinks = "sinks:";
  if (part.starts_with(kWindow)) {
    settings.kv_window = positions(part.substr(kWindow.size()), entry);
    return;
  }
  if (part.starts_with(kSinks)) {
    const auto numbers = split(part.substr(kSinks.size()), '+');
    if (numbers.size() != 2) fail(entry, "expected sinks:S+N, first positions and window");
    settings.kv_sinks = positions(numbers[0], entry);
    settings.kv_window = positions(numbers[1], entry);
    if (settings.kv_sinks >= settings.kv_window) fail(entry, "expected fewer sinks than the window has positions");
    return;
  }
  try {
    run::kv_dtype(std::string(part));
  } catch (const Error&) {
    fail(entry, "expected f32, bf16, f16, fp8, q8_0, window:N or sinks:S+N");
  }
  settings.kv_type = part;
}

}  // namespace

std::vector<KvVariant> parse_kv_variants(std::string_view list, const workload::EffectiveSettings& base) {
  std::vector<KvVariant> variants;
  for (const std::string_view entry : split(list, ',')) {
    KvVariant variant{std::string(entry), base};
    const auto parts = split(entry, '/');
    const auto is_policy = [](std::string_view part) { return part.find(':') != std::string_view::npos; };
    if (parts.size() > 2 || (parts.size() == 2 && (is_policy(parts[0]) || !is_policy(parts[1]))))
      fail(entry, "expected a type, a policy or type/policy");
    for (const std::string_view part : parts) apply(part, entry, variant.settings);
    variants.push_back(std::move(variant));
  }
  return variants;
}

}  // namespace qbench::cli
