#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace {

/// A number as sign and digits, the lowest digit first and without leading zeros: zero has no digits and is not negative.
struct Number {
  bool negative = false;
  std::vector<int> digits;
};

void normalise(Number& number) {
  while (!number.digits.empty() && number.digits.back() == 0) number.digits.pop_back();
  if (number.digits.empty()) number.negative = false;
}

Number parse(std::string_view text) {
  Number number;
  number.negative = text.starts_with('-');
  if (number.negative) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos) throw std::invalid_argument("not a number");
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit) number.digits.push_back(*digit - '0');
  normalise(number);
  return number;
}

std::string print(const Number& number) {
  if (number.digits.empty()) return "0";
  std::string text = number.negative ? "-" : "";
  for (auto digit = number.digits.rbegin(); digit != number.digits.rend(); ++digit) text.push_back(static_cast<char>('0' + *digit));
  return text;
}

int compare_magnitudes(const Number& a, const Number& b) {
  if (a.digits.size() != b.digits.size()) return a.digits.size() < b.digits.size() ? -1 : 1;
  const auto [x, y] = std::mismatch(a.digits.rbegin(), a.digits.rend(), b.digits.rbegin());
  if (x == a.digits.rend()) return 0;
  return *x < *y ? -1 : 1;
}

/// |a| + |b|, with the sign of a.
Number add_magnitudes(Number a, const Number& b) {
  a.digits.resize(std::max(a.digits.size(), b.digits.size()) + 1);
  int carry = 0;
  for (std::size_t i = 0; i < a.digits.size(); ++i) {
    const int sum = a.digits[i] + (i < b.digits.size() ? b.digits[i] : 0) + carry;
    a.digits[i] = sum % 10;
    carry = sum / 10;
  }
  normalise(a);
  return a;
}

/// |a| - |b| where that is not negative, with the sign of a.
Number subtract_magnitudes(Number a, const Number& b) {
  int borrow = 0;
  for (std::size_t i = 0; i < a.digits.size(); ++i) {
    const int difference = a.digits[i] - (i < b.digits.size() ? b.digits[i] : 0) - borrow;
    borrow = difference < 0 ? 1 : 0;
    a.digits[i] = difference + 10 * borrow;
  }
  normalise(a);
  return a;
}

Number add_numbers(const Number& a, const Number& b) {
  if (a.negative == b.negative) return add_magnitudes(a, b);
  return compare_magnitudes(a, b) >= 0 ? subtract_magnitudes(a, b) : subtract_magnitudes(b, a);
}

Number multiply_numbers(const Number& a, const Number& b) {
  Number product;
  product.negative = a.negative != b.negative;
  product.digits.assign(a.digits.size() + b.digits.size(), 0);
  for (std::size_t i = 0; i < a.digits.size(); ++i) {
    int carry = 0;
    for (std::size_t j = 0; j < b.digits.size(); ++j) {
      const int value = product.digits[i + j] + a.digits[i] * b.digits[j] + carry;
      product.digits[i + j] = value % 10;
      carry = value / 10;
    }
  }
  normalise(product);
  return product;
}

}  // namespace

std::string add(std::string_view a, std::string_view b) { return print(add_numbers(parse(a), parse(b))); }

std::string subtract(std::string_view a, std::string_view b) {
  Number negated = parse(b);
  negated.negative = !negated.negative;
  return print(add_numbers(parse(a), negated));
}

std::string multiply(std::string_view a, std::string_view b) { return print(multiply_numbers(parse(a), parse(b))); }

std::string power(std::string_view base, unsigned exponent) {
  Number result = parse("1");
  Number square = parse(base);
  for (; exponent > 0; exponent /= 2) {
    if (exponent % 2 == 1) result = multiply_numbers(result, square);
    if (exponent > 1) square = multiply_numbers(square, square);
  }
  return print(result);
}

int compare(std::string_view a, std::string_view b) {
  const Number x = parse(a);
  const Number y = parse(b);
  if (x.negative != y.negative) return x.negative ? -1 : 1;
  return x.negative ? compare_magnitudes(y, x) : compare_magnitudes(x, y);
}

std::uint32_t remainder(std::string_view a, std::uint32_t modulus) {
  const Number number = parse(a);
  if (modulus == 0) throw std::invalid_argument("the modulus is 0");
  std::uint64_t rest = 0;
  for (auto digit = number.digits.rbegin(); digit != number.digits.rend(); ++digit) {
    rest = (rest * 10 + static_cast<std::uint64_t>(*digit)) % modulus;
  }
  if (number.negative && rest > 0) rest = modulus - rest;
  return static_cast<std::uint32_t>(rest);
}
