#pragma once

#include <string>
#include <string_view>

namespace qbench::text {

/// Normalization Form C of valid UTF-8 (Unicode Standard Annex 15) by Unicode 9's tables: marks and compositions that later versions
/// brought are left as they stand. That is what the `tokenizers` library does, with which the checkpoints were trained and which is the
/// reference here.
std::string normalize_nfc(std::string_view text);

/// True when normalize_nfc would change nothing, told without building anything; may say false for a text that is already in the form.
bool is_surely_nfc(std::string_view text) noexcept;

}  // namespace qbench::text
