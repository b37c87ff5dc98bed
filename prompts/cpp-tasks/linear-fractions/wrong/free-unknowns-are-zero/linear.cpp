#include "linear.h"

#include <algorithm>
#include <limits>
#include <stdexcept>
#include <utility>

namespace {

// Products of two 64-bit numbers, and sums of two such products, fit 128 bits: only the reduced result can be too large.
__extension__ typedef __int128 Wide;

Wide gcd(Wide a, Wide b) {
  if (a < 0) a = -a;
  if (b < 0) b = -b;
  while (b != 0) a = std::exchange(b, a % b);
  return a;
}

std::int64_t narrow(Wide value) {
  if (value < std::numeric_limits<std::int64_t>::min() || value > std::numeric_limits<std::int64_t>::max())
    throw std::overflow_error("a fraction does not fit 64 bits");
  return static_cast<std::int64_t>(value);
}

Fraction reduced(Wide numerator, Wide denominator) {
  const Wide common = gcd(numerator, denominator);
  const Wide sign = denominator < 0 ? -1 : 1;
  return {narrow(sign * numerator / common), narrow(sign * denominator / common)};
}

Fraction multiply(const Fraction& a, const Fraction& b) {
  return reduced(Wide{a.numerator} * b.numerator, Wide{a.denominator} * b.denominator);
}

Fraction divide(const Fraction& a, const Fraction& b) {
  return reduced(Wide{a.numerator} * b.denominator, Wide{a.denominator} * b.numerator);
}

Fraction subtract(const Fraction& a, const Fraction& b) {
  return reduced(Wide{a.numerator} * b.denominator - Wide{b.numerator} * a.denominator, Wide{a.denominator} * b.denominator);
}

bool is_zero(const Fraction& value) { return value.numerator == 0; }

void check_rectangular(const Matrix& matrix) {
  for (const auto& row : matrix) {
    if (row.size() != matrix.front().size()) throw std::invalid_argument("rows of unequal length");
  }
}

/// row -= factor * pivot
void subtract_multiple(std::vector<Fraction>& row, const Fraction& factor, const std::vector<Fraction>& pivot) {
  for (std::size_t column = 0; column < row.size(); ++column) row[column] = subtract(row[column], multiply(factor, pivot[column]));
}

/// The first row from `start` on whose element in this column is not 0; the number of rows when there is none.
std::size_t find_pivot(const Matrix& matrix, std::size_t start, std::size_t column) {
  const auto at = std::find_if(matrix.begin() + static_cast<std::ptrdiff_t>(start), matrix.end(),
                               [&](const auto& row) { return !is_zero(row[column]); });
  return static_cast<std::size_t>(at - matrix.begin());
}

Wide parse_digits(std::string_view digits) {
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) throw std::invalid_argument("not a fraction");
  constexpr Wide kFarTooLarge = Wide{1} << 100;
  Wide value = 0;
  for (const char digit : digits) {
    value = value * 10 + (digit - '0');
    if (value > kFarTooLarge) throw std::overflow_error("a number does not fit 64 bits");
  }
  return value;
}

}  // namespace

Fraction parse_fraction(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const std::size_t slash = text.find('/');
  const Wide numerator = parse_digits(text.substr(0, slash));
  const Wide denominator = slash == std::string_view::npos ? 1 : parse_digits(text.substr(slash + 1));
  if (denominator == 0) throw std::invalid_argument("a denominator of 0");
  return reduced(negative ? -numerator : numerator, denominator);
}

std::string to_string(const Fraction& value) {
  const std::string numerator = std::to_string(value.numerator);
  return value.denominator == 1 ? numerator : numerator + "/" + std::to_string(value.denominator);
}

std::size_t row_reduce(Matrix& matrix) {
  check_rectangular(matrix);
  const std::size_t columns = matrix.empty() ? 0 : matrix.front().size();
  std::size_t rank = 0;
  for (std::size_t column = 0; column < columns && rank < matrix.size(); ++column) {
    const std::size_t pivot = find_pivot(matrix, rank, column);
    if (pivot == matrix.size()) continue;
    std::swap(matrix[rank], matrix[pivot]);
    const Fraction leading = matrix[rank][column];
    for (Fraction& value : matrix[rank]) value = divide(value, leading);
    for (std::size_t row = 0; row < matrix.size(); ++row) {
      const Fraction factor = matrix[row][column];
      if (row != rank && !is_zero(factor)) subtract_multiple(matrix[row], factor, matrix[rank]);
    }
    ++rank;
  }
  return rank;
}

std::optional<std::vector<Fraction>> solve(const Matrix& coefficients, const std::vector<Fraction>& right) {
  check_rectangular(coefficients);
  if (right.size() != coefficients.size()) throw std::invalid_argument("one right side per row is needed");
  const std::size_t unknowns = coefficients.empty() ? 0 : coefficients.front().size();
  Matrix augmented = coefficients;
  for (std::size_t row = 0; row < augmented.size(); ++row) augmented[row].push_back(right[row]);
  row_reduce(augmented);
  std::vector<Fraction> solution(unknowns);
  for (const auto& row : augmented) {
    std::size_t leading = 0;
    while (leading <= unknowns && is_zero(row[leading])) ++leading;
    if (leading == unknowns) return std::nullopt;
    if (leading < unknowns) solution[leading] = row.back();
  }
  return solution;
}

Fraction determinant(const Matrix& matrix) {
  check_rectangular(matrix);
  if (!matrix.empty() && matrix.front().size() != matrix.size()) throw std::invalid_argument("the matrix is not square");
  Matrix rest = matrix;
  Fraction result{1, 1};
  for (std::size_t column = 0; column < rest.size(); ++column) {
    const std::size_t pivot = find_pivot(rest, column, column);
    if (pivot == rest.size()) return Fraction{};
    if (pivot != column) {
      std::swap(rest[column], rest[pivot]);
      result = multiply(result, Fraction{-1, 1});
    }
    result = multiply(result, rest[column][column]);
    for (std::size_t row = column + 1; row < rest.size(); ++row) {
      subtract_multiple(rest[row], divide(rest[row][column], rest[column][column]), rest[column]);
    }
  }
  return result;
}
