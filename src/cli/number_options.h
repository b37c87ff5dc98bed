#pragma once

namespace CLI {
class Validator;
}

namespace qbench::cli {

/// For CLI::Option::transform on options that are whole numbers: decimal digits with or without a sign, in the range of int64. The parser
/// alone takes a number that is too large for the largest there is, and reads 010 as 8.
CLI::Validator whole_number();

/// The same for numbers with a fraction: finite, so neither nan nor inf nor 1e400.
CLI::Validator finite_number();

}  // namespace qbench::cli
