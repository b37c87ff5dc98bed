#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// A fraction in lowest terms; the denominator is positive.
struct Fraction {
  std::int64_t numerator = 0;
  std::int64_t denominator = 1;
  bool operator==(const Fraction&) const = default;
};

using Matrix = std::vector<std::vector<Fraction>>;

/// Reads "-3/4" or "7". Throws std::invalid_argument, and std::overflow_error when a part does not fit 64 bits.
Fraction parse_fraction(std::string_view text);

/// "-3/4"; "2" where the denominator is 1.
std::string to_string(const Fraction& value);

/// Brings the matrix into reduced row echelon form and returns its rank.
std::size_t row_reduce(Matrix& matrix);

/// The solution of the equations when there is exactly one.
std::optional<std::vector<Fraction>> solve(const Matrix& coefficients, const std::vector<Fraction>& right);

/// Determinant of a square matrix; 1 without rows.
Fraction determinant(const Matrix& matrix);
