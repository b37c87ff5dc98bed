#pragma once

#include <cstddef>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace qbench::cli {

/// Thrown when whoever read standard output has gone (`| head`): nothing is left to do, and that is no failure.
struct OutputClosed {};

/// Writes bytes to standard output now, unbuffered. Throws OutputClosed on a closed pipe, Error{kUsage} on any other failure (a full disk).
void write_output(std::string_view bytes);

/// The same, but returns errno where write_output throws, and 0 where it does not.
int try_write_output(std::string_view bytes);

/// Writes bytes to standard error; where nobody reads it they are lost.
void write_stderr(std::string_view bytes);

/// One JSON document and a newline.
void write_output_json(const nlohmann::ordered_json& document);

/// True when standard output is a terminal.
bool output_is_terminal();

/// Columns of the terminal that `fd` is; `otherwise` where it is none, or has fewer than `fewest`.
std::size_t terminal_columns(int fd, std::size_t fewest, std::size_t otherwise);

}  // namespace qbench::cli
