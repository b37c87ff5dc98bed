#include "base/special_numbers.h"

namespace qbench {

std::string null_special_numbers(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_string = false;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t taken = in_string && text[i] == '\\' ? 2 : 1;
    std::string_view piece = text.substr(i, taken);
    if (piece == "\"") in_string = !in_string;
    for (const std::string_view word : {"NaN", "Infinity", "-Infinity"}) {
      if (in_string || !text.substr(i).starts_with(word)) continue;
      taken = word.size();
      piece = "null";
    }
    out += piece;
    i += taken;
  }
  return out;
}

}  // namespace qbench
