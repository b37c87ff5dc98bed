#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

enum class TokenKind { kNumber, kName, kOperator, kOpen, kClose, kComma };

struct Token {
  TokenKind kind;
  std::string text;
  std::size_t position;
};

/// What cannot be a token, and where it begins.
struct TokenError : std::invalid_argument {
  TokenError(const std::string& message, std::size_t at) : std::invalid_argument(message), position(at) {}
  std::size_t position;
};

namespace {

// Not <cctype>: its answers depend on the locale.
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool begins_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

class Scanner {
 public:
  explicit Scanner(std::string_view input) : input_(input) {}

  std::vector<Token> scan() {
    std::vector<Token> tokens;
    while (at_ < input_.size()) {
      if (is_space(input_[at_])) {
        ++at_;
      } else {
        tokens.push_back(next());
      }
    }
    return tokens;
  }

 private:
  /// The character `ahead` places from here; NUL past the end.
  char peek(std::size_t ahead = 0) const { return at_ + ahead < input_.size() ? input_[at_ + ahead] : '\0'; }

  Token next() {
    const std::size_t start = at_;
    const TokenKind kind = skip_token();
    return {kind, std::string(input_.substr(start, at_ - start)), start};
  }

  TokenKind skip_token() {
    const char c = peek();
    if (is_digit(c) || (c == '.' && is_digit(peek(1)))) {
      skip_number();
      return TokenKind::kNumber;
    }
    if (begins_name(c)) {
      while (begins_name(peek()) || is_digit(peek())) ++at_;
      return TokenKind::kName;
    }
    const std::size_t length = operator_length();
    if (length > 0) {
      at_ += length;
      return TokenKind::kOperator;
    }
    ++at_;
    if (c == '(') return TokenKind::kOpen;
    if (c == ')') return TokenKind::kClose;
    if (c == ',') return TokenKind::kComma;
    throw TokenError(std::string("unexpected '") + c + "'", at_ - 1);
  }

  void skip_digits() {
    while (is_digit(peek())) ++at_;
  }

  void skip_number() {
    skip_digits();
    if (peek() == '.' && is_digit(peek(1))) {
      ++at_;
      skip_digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      const std::size_t sign = peek(1) == '+' || peek(1) == '-' ? 1 : 0;
      if (is_digit(peek(1 + sign))) {
        at_ += 1 + sign;
        skip_digits();
      }
    }
    if (begins_name(peek()) || peek() == '.') throw TokenError("malformed number", at_);
  }

  std::size_t operator_length() const {
    constexpr std::array<std::string_view, 6> kPairs{"==", "!=", "<=", ">=", "&&", "||"};
    constexpr std::string_view kSingles = "+-*/%^<>!";
    const std::string_view rest = input_.substr(at_);
    for (const std::string_view pair : kPairs) {
      if (rest.starts_with(pair)) return 2;
    }
    return kSingles.find(rest.front()) == std::string_view::npos ? 0 : 1;
  }

  std::string_view input_;
  std::size_t at_ = 0;
};

}  // namespace

/// Cuts a formula into tokens. Throws TokenError.
std::vector<Token> tokenize(std::string_view input) { return Scanner(input).scan(); }
