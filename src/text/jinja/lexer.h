#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/value.h"

namespace qbench::text::jinja {

enum class TokenKind {
  kData,
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,  ///< text holds it: "+", "==", "(", ...
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  ///< data, name, unescaped string, operator
  Value number;      ///< kInteger, kFloat
  int line = 1;
};

/// Cuts a template as jinja2's lexer does with trim_blocks and lstrip_blocks on and keep_trailing_newline off: white space control,
/// comments and raw blocks are dealt with here. The last token is kEnd. Throws Fault with the line.
std::vector<Token> tokenize(std::string_view source);

}  // namespace qbench::text::jinja
