#include <algorithm>
#include <utility>

#include "text/jinja/fault.h"
#include "text/jinja/parser_state.h"

namespace qbench::text::jinja {

ExpressionPtr checked(ExpressionPtr node) {
  const auto include = [&](const ExpressionPtr& child) {
    if (child) node->depth = std::max(node->depth, 1 + child->depth);
  };
  for (const ExpressionPtr& child : node->children) include(child);
  for (const ExpressionPtr& argument : node->arguments.positional) include(argument);
  for (const auto& [name, argument] : node->arguments.keyword) include(argument);
  include(node->arguments.star);
  include(node->arguments.double_star);
  if (node->depth > kMaxTreeDepth) raise("an expression is nested too deep", node->line);
  return node;
}

/// Nested expressions recurse in the parser, in scope.cpp and when they are rendered.
class ExpressionParser::Nested {
 public:
  explicit Nested(ExpressionParser& parser) : parser_(parser) {
    if (++parser_.depth_ > kMaxExpressionNesting) raise("expressions are nested too deep", parser_.stream_.line());
  }
  ~Nested() { --parser_.depth_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;

 private:
  ExpressionParser& parser_;
};

namespace {

ExpressionPtr make(ExpressionKind kind, int line) {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  return node;
}

ExpressionPtr make(ExpressionKind kind, int line, ExpressionPtr child) {
  auto node = make(kind, line);
  node->children.push_back(std::move(child));
  return node;
}

ExpressionPtr make(ExpressionKind kind, int line, ExpressionPtr left, ExpressionPtr right) {
  auto node = make(kind, line, std::move(left));
  node->children.push_back(std::move(right));
  return node;
}

ExpressionPtr constant(Value value, int line) {
  auto node = make(ExpressionKind::kConstant, line);
  node->constant = std::move(value);
  return node;
}

}  // namespace

ExpressionPtr ExpressionParser::expression(bool with_conditional) {
  const Nested nested(*this);
  return with_conditional ? conditional() : or_expression();
}

ExpressionPtr ExpressionParser::conditional() {
  int line = stream_.line();
  ExpressionPtr node = or_expression();
  while (stream_.skip_name("if")) {
    ExpressionPtr test = or_expression();
    ExpressionPtr otherwise;
    if (stream_.skip_name("else")) {
      const Nested nested(*this);
      otherwise = conditional();
    }
    auto made = make(ExpressionKind::kConditional, line, std::move(test), std::move(node));
    made->children.push_back(std::move(otherwise));
    node = checked(std::move(made));
    line = stream_.line();
  }
  return node;
}

ExpressionPtr ExpressionParser::or_expression() {
  int line = stream_.line();
  ExpressionPtr left = and_expression();
  while (stream_.skip_name("or")) {
    left = checked(make(ExpressionKind::kOr, line, std::move(left), and_expression()));
    line = stream_.line();
  }
  return left;
}

ExpressionPtr ExpressionParser::and_expression() {
  int line = stream_.line();
  ExpressionPtr left = not_expression();
  while (stream_.skip_name("and")) {
    left = checked(make(ExpressionKind::kAnd, line, std::move(left), not_expression()));
    line = stream_.line();
  }
  return left;
}

ExpressionPtr ExpressionParser::not_expression() {
  const Nested nested(*this);
  const int line = stream_.line();
  if (stream_.skip_name("not")) return checked(make(ExpressionKind::kNot, line, not_expression()));
  return comparison();
}

ExpressionPtr ExpressionParser::comparison() {
  static constexpr std::pair<std::string_view, CompareOp> kOperators[] = {{"==", CompareOp::kEq}, {"!=", CompareOp::kNe},
                                                                          {"<", CompareOp::kLt},  {"<=", CompareOp::kLe},
                                                                          {">", CompareOp::kGt},  {">=", CompareOp::kGe}};
  const int line = stream_.line();
  auto node = make(ExpressionKind::kCompare, line, sum());
  const auto add = [&](CompareOp op) {
    node->comparisons.push_back(op);
    node->children.push_back(sum());
  };
  for (;;) {
    const CompareOp* found = nullptr;
    for (const auto& [text, op] : kOperators) {
      if (stream_.is_operator(text)) found = &op;
    }
    if (found != nullptr) {
      stream_.next();
      add(*found);
    } else if (stream_.skip_name("in")) {
      add(CompareOp::kIn);
    } else if (stream_.is_name("not") && stream_.look().kind == TokenKind::kName && stream_.look().text == "in") {
      stream_.next();
      stream_.next();
      add(CompareOp::kNotIn);
    } else {
      break;
    }
  }
  return node->comparisons.empty() ? std::move(node->children[0]) : checked(std::move(node));
}

template <class Operand>
ExpressionPtr ExpressionParser::binary_chain(Operand operand, std::initializer_list<std::pair<std::string_view, BinaryOp>> operators) {
  int line = stream_.line();
  ExpressionPtr left = operand();
  for (;;) {
    const std::pair<std::string_view, BinaryOp>* found = nullptr;
    for (const auto& entry : operators) {
      if (stream_.is_operator(entry.first)) found = &entry;
    }
    if (found == nullptr) return left;
    stream_.next();
    left = checked(make(ExpressionKind::kBinary, line, std::move(left), operand()));
    left->op = found->second;
    line = stream_.line();
  }
}

ExpressionPtr ExpressionParser::sum() {
  return binary_chain([this] { return concatenation(); }, {{"+", BinaryOp::kAdd}, {"-", BinaryOp::kSub}});
}

ExpressionPtr ExpressionParser::concatenation() {
  auto node = make(ExpressionKind::kConcat, stream_.line(), product());
  while (stream_.skip_operator("~")) node->children.push_back(product());
  return node->children.size() == 1 ? std::move(node->children[0]) : checked(std::move(node));
}

ExpressionPtr ExpressionParser::product() {
  return binary_chain([this] { return power(); },
                      {{"*", BinaryOp::kMul}, {"/", BinaryOp::kDiv}, {"//", BinaryOp::kFloorDiv}, {"%", BinaryOp::kMod}});
}

ExpressionPtr ExpressionParser::power() {
  return binary_chain([this] { return unary(); }, {{"**", BinaryOp::kPow}});
}

ExpressionPtr ExpressionParser::unary(bool with_filter) {
  const Nested nested(*this);
  const int line = stream_.line();
  ExpressionPtr node;
  if (stream_.skip_operator("-")) {
    node = checked(make(ExpressionKind::kNegate, line, unary(false)));
  } else if (stream_.skip_operator("+")) {
    node = checked(make(ExpressionKind::kPlus, line, unary(false)));
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return with_filter ? filters_and_tests(std::move(node)) : std::move(node);
}

ExpressionPtr ExpressionParser::name_or_keyword(bool with_namespace) {
  const Token token = stream_.next();
  const std::string& text = token.text;
  if (text == "true" || text == "True") return constant(Value::boolean(true), token.line);
  if (text == "false" || text == "False") return constant(Value::boolean(false), token.line);
  if (text == "none" || text == "None") return constant(Value::none(), token.line);
  auto node = make(ExpressionKind::kName, token.line);
  node->name = text;
  if (with_namespace && stream_.skip_operator(".")) {
    node->kind = ExpressionKind::kNamespaceRef;
    node->attribute = stream_.expect_name();
  }
  return node;
}

ExpressionPtr ExpressionParser::primary(bool with_namespace) {
  const int line = stream_.line();
  switch (stream_.current().kind) {
    case TokenKind::kName:
      return name_or_keyword(with_namespace);
    case TokenKind::kString: {
      std::string text;
      while (stream_.is(TokenKind::kString)) text += stream_.next().text;
      return constant(Value::text(std::move(text)), line);
    }
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return constant(stream_.next().number, line);
    default:
      break;
  }
  if (stream_.skip_operator("(")) {
    ExpressionPtr node = tuple(true, {}, true);
    stream_.expect_operator(")");
    return node;
  }
  if (stream_.is_operator("[")) return list();
  if (stream_.is_operator("{")) return dict();
  raise("unexpected '" + describe(stream_.current()) + "'", line);
}

bool ExpressionParser::at_tuple_end(std::string_view end_name) const {
  return stream_.is(TokenKind::kVariableEnd) || stream_.is(TokenKind::kBlockEnd) || stream_.is_operator(")") ||
         (!end_name.empty() && stream_.is_name(end_name));
}

ExpressionPtr ExpressionParser::tuple(bool with_conditional, std::string_view end_name, bool explicit_parentheses) {
  const Nested nested(*this);
  auto node = make(ExpressionKind::kTuple, stream_.line());
  bool comma = false;
  while (!at_tuple_end(end_name)) {
    node->children.push_back(expression(with_conditional));
    if (!stream_.is_operator(",")) break;
    comma = true;
    node->line = stream_.line();
    stream_.next();
  }
  if (comma) return checked(std::move(node));
  if (!node->children.empty()) return std::move(node->children[0]);
  if (!explicit_parentheses) raise("Expected an expression, got '" + describe(stream_.current()) + "'", stream_.line());
  return node;
}

namespace {

void check_assignable(const Expression& target) {
  if (target.kind == ExpressionKind::kName || target.kind == ExpressionKind::kNamespaceRef) return;
  if (target.kind != ExpressionKind::kTuple) raise("can't assign to this expression", target.line);
  for (const ExpressionPtr& child : target.children) check_assignable(*child);
}

}  // namespace

ExpressionPtr ExpressionParser::assign_target(bool with_namespace, std::string_view end_name) {
  // As tuple(), but of names: jinja2 calls this the simplified mode.
  auto node = make(ExpressionKind::kTuple, stream_.line());
  bool comma = false;
  while (!at_tuple_end(end_name)) {
    node->children.push_back(primary(with_namespace));
    if (!stream_.skip_operator(",")) break;
    comma = true;
  }
  if (!comma) {
    if (node->children.empty()) raise("Expected an expression, got '" + describe(stream_.current()) + "'", stream_.line());
    node = std::move(node->children[0]);
  }
  check_assignable(*node);
  return checked(std::move(node));
}

ExpressionPtr ExpressionParser::name_target() {
  const int line = stream_.line();
  auto node = make(ExpressionKind::kName, line);
  node->name = stream_.expect_name();
  for (const std::string_view constant_name : {"true", "false", "none", "True", "False", "None"}) {
    if (node->name == constant_name) raise("can't assign to '" + node->name + "'", line);
  }
  return node;
}

namespace {

bool cannot_be_key(const Expression& key) {
  if (key.kind != ExpressionKind::kTuple) return key.kind == ExpressionKind::kList || key.kind == ExpressionKind::kDict;
  return std::any_of(key.children.begin(), key.children.end(), [](const ExpressionPtr& child) { return cannot_be_key(*child); });
}

}  // namespace

ExpressionPtr ExpressionParser::list() {
  auto node = make(ExpressionKind::kList, stream_.line());
  stream_.expect_operator("[");
  while (!stream_.is_operator("]")) {
    if (!node->children.empty()) stream_.expect_operator(",");
    if (stream_.is_operator("]")) break;
    node->children.push_back(expression());
  }
  stream_.expect_operator("]");
  return checked(std::move(node));
}

ExpressionPtr ExpressionParser::dict() {
  auto node = make(ExpressionKind::kDict, stream_.line());
  stream_.expect_operator("{");
  while (!stream_.is_operator("}")) {
    if (!node->children.empty()) stream_.expect_operator(",");
    if (stream_.is_operator("}")) break;
    node->children.push_back(expression());
    // jinja2 folds such a literal while it compiles, so it fails even where it is never reached.
    if (cannot_be_key(*node->children.back())) raise("unhashable type in a dict's key", node->children.back()->line);
    stream_.expect_operator(":");
    node->children.push_back(expression());
  }
  stream_.expect_operator("}");
  return checked(std::move(node));
}

}  // namespace qbench::text::jinja
