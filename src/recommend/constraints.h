#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace qbench::recommend {

/// What a prediction can be held against.
enum class Quantity { kTtftMs, kE2eMs, kDecodeTokPerS, kVramBytes, kContextTokens, kSuccessRatio, kQualityScore, kOutputTokens };
std::string_view name_of(
    Quantity quantity) noexcept;  ///< as in a constraint: "ttft", "time", "tok_per_s", "vram", "context", "success", "quality", "tokens"

/// "ttft<500ms": value in the quantity's own unit (ms, bytes, tokens/s, tokens, 0 to 1, 0 to 10).
struct Constraint {
  Quantity quantity = Quantity::kTtftMs;
  bool below = true;  ///< the value may be at most the limit; else at least
  double limit = 0;
  std::string text;  ///< as written

  bool holds(double value) const { return below ? value <= limit : value >= limit; }
};

/// A comma-separated list: NAME<LIMIT, NAME<=LIMIT, NAME>LIMIT, NAME>=LIMIT (the equal sign changes nothing). Times take ms, s or min; vram
/// what parse_bytes takes, with a unit; success a ratio or a percentage; quality 0 to 10. Error{kUsage} naming the part that is wrong and
/// what was expected, or two parts that nothing can hold both.
std::vector<Constraint> parse_constraints(std::string_view text);

/// A value of the quantity for people: "812 ms", "15.2 GB", "85 %".
std::string quantity_text(Quantity quantity, double value);

}  // namespace qbench::recommend
