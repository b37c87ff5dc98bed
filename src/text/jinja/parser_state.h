#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"
#include "text/jinja/limits.h"

namespace qbench::text::jinja {

/// The token stream that both halves of the parser read.
class TokenStream {
 public:
  explicit TokenStream(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  const Token& current() const { return tokens_[at_]; }
  const Token& look() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  int line() const { return current().line; }
  bool is(TokenKind kind) const { return current().kind == kind; }
  bool is_operator(std::string_view text) const { return is(TokenKind::kOperator) && current().text == text; }
  bool is_name(std::string_view text) const { return is(TokenKind::kName) && current().text == text; }
  Token next();  ///< the current token; the stream stays on the last
  bool skip_operator(std::string_view text);
  bool skip_name(std::string_view text);
  void expect_operator(std::string_view text);
  std::string expect_name();
  void expect(TokenKind kind, const char* what);
  [[noreturn]] void unexpected(std::string_view expected) const;

 private:
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

std::string describe(const Token& token);

/// The expression grammar, in jinja2's order of precedence.
class ExpressionParser {
 public:
  explicit ExpressionParser(TokenStream& stream) : stream_(stream) {}

  ExpressionPtr expression(bool with_conditional = true);
  /// A tuple where commas say so. end_name: a name that ends it, such as `in`; explicit_parentheses allows the empty tuple.
  ExpressionPtr tuple(bool with_conditional = true, std::string_view end_name = {}, bool explicit_parentheses = false);
  ExpressionPtr filters(ExpressionPtr node, bool start_inline = false);  ///< node may be null: the body of a block
  ExpressionPtr assign_target(bool with_namespace, std::string_view end_name = {});
  ExpressionPtr name_target();

 private:
  class Nested;
  ExpressionPtr conditional();
  ExpressionPtr or_expression();
  ExpressionPtr and_expression();
  ExpressionPtr not_expression();
  ExpressionPtr comparison();
  ExpressionPtr sum();
  ExpressionPtr concatenation();
  ExpressionPtr product();
  ExpressionPtr power();
  ExpressionPtr unary(bool with_filter = true);
  ExpressionPtr primary(bool with_namespace = false);
  ExpressionPtr name_or_keyword(bool with_namespace);
  ExpressionPtr postfix(ExpressionPtr node);
  ExpressionPtr filters_and_tests(ExpressionPtr node);
  ExpressionPtr subscript(ExpressionPtr node);
  ExpressionPtr bracket(ExpressionPtr node, int line);
  ExpressionPtr call(ExpressionPtr node);
  ExpressionPtr test(ExpressionPtr node);
  ExpressionPtr list();
  ExpressionPtr dict();
  CallArguments call_arguments();
  bool at_tuple_end(std::string_view end_name) const;
  template <class Operand>
  ExpressionPtr binary_chain(Operand operand, std::initializer_list<std::pair<std::string_view, BinaryOp>> operators);

  TokenStream& stream_;
  int depth_ = 0;
};

}  // namespace qbench::text::jinja
