#include "text/jinja/attributes.h"
#include "text/jinja/fault.h"
#include "text/jinja/filters.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/tests.h"

namespace qbench::text::jinja {

Value Interpreter::evaluate(const Expression& node, const ActivationPtr& here) {
  const Deeper deeper(*this);
  step();
  switch (node.kind) {
    case ExpressionKind::kConstant:
      return node.constant;
    case ExpressionKind::kName: {
      Value value = slot(node.variable, *here);
      if (value.is(Type::kExpired)) unsupported("the variable '" + node.name + "' of a loop that has ended");
      return value.is(Type::kMissing) ? Value::undefined("'" + node.name + "' is undefined") : value;
    }
    case ExpressionKind::kNamespaceRef:
      break;  // only ever a target
    case ExpressionKind::kTuple:
    case ExpressionKind::kList:
    case ExpressionKind::kDict:
      return evaluate_collection(node, here);
    case ExpressionKind::kCompare:
      return evaluate_compare(node, here);
    case ExpressionKind::kConcat:
      return evaluate_concat(node, here);
    case ExpressionKind::kConditional: {
      if (truth(*this, evaluate(*node.children[0], here))) return evaluate(*node.children[1], here);
      if (node.children[2]) return evaluate(*node.children[2], here);
      return Value::undefined("the inline if-expression on line " + std::to_string(node.line) +
                              " evaluated to false and no else section was defined.");
    }
    case ExpressionKind::kFilter:
      return evaluate_filter(node, here, nullptr);
    case ExpressionKind::kTest:
      return Value::boolean(evaluate_test(node, here));
    case ExpressionKind::kCall:
      return evaluate_call(node, here);
    default:
      return evaluate_operator(node, here);
  }
  return Value::none();
}

Value Interpreter::evaluate_operator(const Expression& node, const ActivationPtr& here) {
  Value left = evaluate(*node.children[0], here);
  line_ = node.line;
  const auto optional = [&](std::size_t index) { return node.children[index] ? evaluate(*node.children[index], here) : Value(); };
  switch (node.kind) {
    case ExpressionKind::kAnd:
      return truth(*this, left) ? evaluate(*node.children[1], here) : left;
    case ExpressionKind::kOr:
      return truth(*this, left) ? left : evaluate(*node.children[1], here);
    case ExpressionKind::kNot:
      return Value::boolean(!truth(*this, left));
    case ExpressionKind::kNegate:
      return negate(left);
    case ExpressionKind::kPlus:
      return plus(left);
    case ExpressionKind::kGetAttribute:
      return get_attribute(*this, left, node.name);
    case ExpressionKind::kGetItem: {
      const Value key = evaluate(*node.children[1], here);
      line_ = node.line;
      return get_item(*this, left, key);
    }
    case ExpressionKind::kSlice: {
      const Value start = optional(1);
      const Value stop = optional(2);
      const Value stride = optional(3);
      line_ = node.line;
      return slice(*this, left, start, stop, stride);
    }
    default: {
      const Value right = evaluate(*node.children[1], here);
      line_ = node.line;
      return binary(*this, node.op, left, right);
    }
  }
}

Value Interpreter::evaluate_collection(const Expression& node, const ActivationPtr& here) {
  charge_items(node.children.size());
  if (node.kind == ExpressionKind::kDict) {
    Dict entries;
    for (std::size_t i = 0; i + 1 < node.children.size(); i += 2) {
      Value key = evaluate(*node.children[i], here);
      entries.set(std::move(key), evaluate(*node.children[i + 1], here));
    }
    return Value::dict(std::move(entries));
  }
  std::vector<Value> items;
  items.reserve(node.children.size());
  for (const ExpressionPtr& child : node.children) items.push_back(evaluate(*child, here));
  return node.kind == ExpressionKind::kList ? Value::list(std::move(items)) : Value::tuple(std::move(items));
}

/// a < b < c: each operand once, and no further than the first that fails.
Value Interpreter::evaluate_compare(const Expression& node, const ActivationPtr& here) {
  Value left = evaluate(*node.children[0], here);
  for (std::size_t i = 0; i < node.comparisons.size(); ++i) {
    Value right = evaluate(*node.children[i + 1], here);
    line_ = node.line;
    if (!compare(*this, node.comparisons[i], left, right)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Interpreter::evaluate_concat(const Expression& node, const ActivationPtr& here) {
  std::vector<Value> parts;
  for (const ExpressionPtr& child : node.children) parts.push_back(evaluate(*child, here));
  line_ = node.line;
  std::string out;
  for (const Value& part : parts) {
    if (part.is(Type::kString)) {
      out += part.bytes();
    } else {
      out += to_str(*this, part);
    }
    if (out.size() > limits().output_bytes) raise("a text is longer than " + std::to_string(limits().output_bytes) + " bytes");
  }
  return make_text(std::move(out));
}

Value Interpreter::evaluate_call(const Expression& node, const ActivationPtr& here) {
  const Value callee = evaluate(*node.children[0], here);
  Args args = evaluate(node.arguments, here);
  line_ = node.line;
  return call(callee, std::move(args));
}

Value Interpreter::evaluate_filter(const Expression& node, const ActivationPtr& here, const Value* body) {
  const Deeper deeper(*this);
  const ExpressionPtr& inner = node.children[0];
  Value input;
  if (!inner) {
    input = *body;
  } else if (body != nullptr && inner->kind == ExpressionKind::kFilter) {
    input = evaluate_filter(*inner, here, body);
  } else {
    input = evaluate(*inner, here);
  }
  Args args = evaluate(node.arguments, here);
  line_ = node.line;
  return call_filter(node.name, input, std::move(args));
}

bool Interpreter::evaluate_test(const Expression& node, const ActivationPtr& here) {
  const Value input = evaluate(*node.children[0], here);
  Args args = evaluate(node.arguments, here);
  line_ = node.line;
  return call_test(node.name, input, std::move(args));
}

Value Interpreter::call_filter(std::string_view name, const Value& input, Args args) {
  step();
  if (const Filter filter = find_filter(name)) return filter(*this, input, args);
  if (filter_exists(name)) unsupported("filter '" + std::string(name) + "'");
  raise("No filter named '" + std::string(name) + "'");
}

bool Interpreter::call_test(std::string_view name, const Value& input, Args args) {
  step();
  const Test test = find_test(name);
  if (test == nullptr) raise("No test named '" + std::string(name) + "'");
  return test(*this, input, args);
}

}  // namespace qbench::text::jinja
