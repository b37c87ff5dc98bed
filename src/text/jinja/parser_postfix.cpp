#include <algorithm>
#include <utility>

#include "text/jinja/fault.h"
#include "text/jinja/parser_state.h"

namespace qbench::text::jinja {
namespace {

ExpressionPtr make(ExpressionKind kind, int line, ExpressionPtr child) {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  node->children.push_back(std::move(child));
  return node;
}

}  // namespace

ExpressionPtr ExpressionParser::postfix(ExpressionPtr node) {
  for (;;) {
    if (stream_.is_operator(".") || stream_.is_operator("[")) {
      node = subscript(std::move(node));
    } else if (stream_.is_operator("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPtr ExpressionParser::filters_and_tests(ExpressionPtr node) {
  for (;;) {
    if (stream_.is_operator("|")) {
      node = filters(std::move(node));
    } else if (stream_.is_name("is")) {
      node = test(std::move(node));
    } else if (stream_.is_operator("(")) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPtr ExpressionParser::subscript(ExpressionPtr node) {
  const Token token = stream_.next();
  if (token.text == "[") return bracket(std::move(node), token.line);
  const Token part = stream_.next();
  if (part.kind == TokenKind::kName) {
    node = make(ExpressionKind::kGetAttribute, token.line, std::move(node));
    node->name = part.text;
    return checked(std::move(node));
  }
  if (part.kind != TokenKind::kInteger) raise("expected name or number", part.line);
  auto index = std::make_unique<Expression>();
  index->line = part.line;
  index->constant = part.number;
  node = make(ExpressionKind::kGetItem, token.line, std::move(node));
  node->children.push_back(std::move(index));
  return checked(std::move(node));
}

/// value[index], value[start:stop:step] or value[a, b], which subscribes by a tuple.
ExpressionPtr ExpressionParser::bracket(ExpressionPtr node, int line) {
  if (stream_.is_operator("]")) unsupported("an empty subscript", line);
  const auto part = [&]() -> ExpressionPtr {
    if (stream_.is_operator(":") || stream_.is_operator("]") || stream_.is_operator(",")) return nullptr;
    return expression();
  };
  ExpressionPtr first = part();
  if (stream_.skip_operator(":")) {
    node = make(ExpressionKind::kSlice, line, std::move(node));
    node->children.push_back(std::move(first));
    node->children.push_back(part());
    node->children.push_back(stream_.skip_operator(":") ? part() : nullptr);
  } else {
    if (first == nullptr) raise("unexpected '" + describe(stream_.current()) + "'", stream_.line());
    node = make(ExpressionKind::kGetItem, line, std::move(node));
    node->children.push_back(std::move(first));
  }
  if (stream_.is_operator(",")) unsupported("a subscript with a comma", line);
  stream_.expect_operator("]");
  return checked(std::move(node));
}

ExpressionPtr ExpressionParser::call(ExpressionPtr node) {
  node = make(ExpressionKind::kCall, stream_.line(), std::move(node));
  node->arguments = call_arguments();
  return checked(std::move(node));
}

CallArguments ExpressionParser::call_arguments() {
  const int line = stream_.line();
  stream_.expect_operator("(");
  CallArguments args;
  const auto ensure = [&](bool holds) {
    if (!holds) raise("invalid syntax for function call expression", line);
  };
  bool require_comma = false;
  while (!stream_.is_operator(")")) {
    if (require_comma) {
      stream_.expect_operator(",");
      if (stream_.is_operator(")")) break;
    }
    require_comma = true;
    if (stream_.skip_operator("*")) {
      ensure(!args.star && !args.double_star);
      args.star = expression();
    } else if (stream_.skip_operator("**")) {
      ensure(!args.double_star);
      args.double_star = expression();
    } else if (stream_.is(TokenKind::kName) && stream_.look().kind == TokenKind::kOperator && stream_.look().text == "=") {
      ensure(!args.double_star);
      std::string name = stream_.expect_name();
      stream_.expect_operator("=");
      const bool repeated = std::any_of(args.keyword.begin(), args.keyword.end(), [&](const auto& entry) { return entry.first == name; });
      if (repeated) raise("keyword argument repeated: " + name, line);
      args.keyword.emplace_back(std::move(name), expression());
    } else {
      ensure(!args.star && !args.double_star && args.keyword.empty());
      args.positional.push_back(expression());
    }
  }
  stream_.expect_operator(")");
  return args;
}

ExpressionPtr ExpressionParser::filters(ExpressionPtr node, bool start_inline) {
  while (stream_.is_operator("|") || start_inline) {
    if (!start_inline) stream_.next();
    start_inline = false;
    const int line = stream_.line();
    std::string name = stream_.expect_name();
    while (stream_.skip_operator(".")) name += "." + stream_.expect_name();
    node = make(ExpressionKind::kFilter, line, std::move(node));
    node->name = std::move(name);
    if (stream_.is_operator("(")) node->arguments = call_arguments();
    node = checked(std::move(node));
  }
  return node;
}

ExpressionPtr ExpressionParser::test(ExpressionPtr node) {
  const int line = stream_.next().line;
  const bool negated = stream_.skip_name("not");
  node = make(ExpressionKind::kTest, line, std::move(node));
  node->name = stream_.expect_name();
  while (stream_.skip_operator(".")) node->name += "." + stream_.expect_name();
  const Token& token = stream_.current();
  const bool literal = token.kind == TokenKind::kString || token.kind == TokenKind::kInteger || token.kind == TokenKind::kFloat;
  const bool name = token.kind == TokenKind::kName && token.text != "else" && token.text != "or" && token.text != "and";
  if (stream_.is_operator("(")) {
    node->arguments = call_arguments();
  } else if (literal || name || stream_.is_operator("[") || stream_.is_operator("{")) {
    if (stream_.is_name("is")) raise("You cannot chain multiple tests with is", token.line);
    node->arguments.positional.push_back(postfix(primary()));
  }
  node = checked(std::move(node));
  return negated ? checked(make(ExpressionKind::kNot, line, std::move(node))) : std::move(node);
}

}  // namespace qbench::text::jinja
