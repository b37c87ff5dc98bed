#include "text/jinja/scope.h"

#include <map>

#include "base/check.h"
#include "text/jinja/fault.h"
#include "text/jinja/filters.h"
#include "text/jinja/symbols.h"
#include "text/jinja/tests.h"

namespace qbench::text::jinja {
namespace {

/// A function of the compiled template while its body is resolved: which slot each identifier has.
struct Function {
  Function* parent = nullptr;
  FunctionInfo* info = nullptr;
  std::map<std::string, int> slots = {};

  int slot(const std::string& identifier) { return slots.try_emplace(identifier, static_cast<int>(slots.size())).first->second; }
  void close() { info->slots = static_cast<int>(slots.size()); }
};

/// Where a statement stands.
struct Place {
  const Symbols& symbols;
  Function& function;
  bool in_loop = false;
  bool soft = false;
};

class Resolver {
 public:
  void program(Program& program) {
    if (reads_undeclared(program.body, "self")) unsupported("the variable 'self'");
    Symbols symbols;
    symbols.visit(program.body);
    Function function{nullptr, &program.function};
    program.scope = open(symbols, function);
    block(program.body, {symbols, function});
    function.close();
  }

 private:
  static VariableRef reference(Function& from, const std::string& identifier) {
    int up = 0;
    Function* function = &from;
    for (; function->slots.find(identifier) == function->slots.end(); function = function->parent, ++up)
      QB_CHECK(function->parent != nullptr);
    return {up, function->slots.at(identifier)};
  }

  static VariableRef variable(const Place& place, const std::string& name, int line) {
    const std::string* identifier = place.symbols.find(name);
    if (identifier == nullptr) raise("the name '" + name + "' cannot be used here", line);
    return reference(place.function, *identifier);
  }

  static std::vector<ScopeStep> open(const Symbols& symbols, Function& function) {
    std::vector<ScopeStep> steps;
    for (const auto& [identifier, entry] : symbols.loads()) {
      ScopeStep step;
      // An alias names the outer variable, which must be looked up before this function may own the identifier.
      if (entry.load == Symbols::Load::kAlias) step.source = reference(function, entry.source);
      step.slot = function.slot(identifier);
      step.name = entry.source;
      step.action = entry.load == Symbols::Load::kParameter ? ScopeStep::Action::kParameter
                    : entry.load == Symbols::Load::kResolve ? ScopeStep::Action::kResolve
                    : entry.load == Symbols::Load::kAlias   ? ScopeStep::Action::kAlias
                                                            : ScopeStep::Action::kMissing;
      steps.push_back(std::move(step));
    }
    return steps;
  }

  void expression(Expression* node, const Place& place) {
    if (node == nullptr) return;
    Place inner = place;
    if (node->kind == ExpressionKind::kName) node->variable = variable(place, node->name, node->line);
    if (node->kind == ExpressionKind::kConditional) inner.soft = true;
    if (node->kind == ExpressionKind::kFilter || node->kind == ExpressionKind::kTest) {
      node->soft = place.soft;
      const bool filter = node->kind == ExpressionKind::kFilter;
      const bool known = filter ? filter_exists(node->name) : find_test(node->name) != nullptr;
      if (!known && !place.soft) raise(std::string("No ") + (filter ? "filter" : "test") + " named '" + node->name + "'", node->line);
    }
    for (const ExpressionPtr& child : node->children) expression(child.get(), inner);
    for (const ExpressionPtr& argument : node->arguments.positional) expression(argument.get(), inner);
    for (const auto& [name, argument] : node->arguments.keyword) expression(argument.get(), inner);
    expression(node->arguments.star.get(), inner);
    expression(node->arguments.double_star.get(), inner);
  }

  void target(Expression& node, const Place& place, bool stores = true) {
    if (node.kind == ExpressionKind::kTuple) {
      for (const ExpressionPtr& child : node.children) target(*child, place, stores);
      return;
    }
    const bool name = node.kind == ExpressionKind::kName;
    if (name && stores && loops_ > 0 && node.name == "loop") raise("Can't assign to special loop variable in for-loop target", node.line);
    node.variable = variable(place, node.name, node.line);
  }

  void block(const Block& statements, const Place& place) {
    for (const StatementPtr& node : statements) statement(*node, place);
  }

  void statement(Statement& node, const Place& place) {
    switch (node.kind) {
      case StatementKind::kOutput:
        for (const ExpressionPtr& output : node.outputs) expression(output.get(), place);
        return;
      case StatementKind::kSet:
        expression(node.value.get(), place);
        return target(*node.target, place);
      case StatementKind::kIf:
        return if_statement(node, place);
      case StatementKind::kFor:
        return for_loop(node, place);
      case StatementKind::kMacro:
        macro_body(node, place);
        node.variable = variable(place, node.name, node.line);
        return;
      case StatementKind::kCallBlock:
        macro_body(node, place);
        return expression(node.value.get(), place);
      case StatementKind::kSetBlock:
      case StatementKind::kFilterBlock:
      case StatementKind::kWith:
        return inner_frame(node, place);
      case StatementKind::kBreak:
      case StatementKind::kContinue:
        if (!place.in_loop) raise("break or continue outside a loop", node.line);
        return;
    }
  }

  void if_statement(Statement& node, Place place) {
    place.soft = true;
    expression(node.value.get(), place);
    block(node.body, place);
    for (const StatementPtr& elif : node.elifs) if_statement(*elif, place);
    block(node.otherwise, place);
  }

  /// Frames that stay in their function: set blocks, filter blocks and with.
  void inner_frame(Statement& node, const Place& place) {
    Symbols symbols(&place.symbols);
    for (const ExpressionPtr& parameter : node.parameters) symbols.visit_target(*parameter, true);
    symbols.visit(node.body);
    if (node.kind == StatementKind::kFilterBlock) symbols.visit(node.value.get());
    node.scope = open(symbols, place.function);
    const Place inner{symbols, place.function, place.in_loop, false};
    for (const ExpressionPtr& output : node.outputs) expression(output.get(), place);
    for (const ExpressionPtr& parameter : node.parameters) target(*parameter, inner, false);
    block(node.body, inner);
    expression(node.value.get(), inner);
    if (node.target) target(*node.target, place);
  }

  static ExpressionPtr copy_of_target(const Expression& target) {
    auto copy = std::make_unique<Expression>();
    copy->kind = target.kind;
    copy->line = target.line;
    copy->name = target.name;
    for (const ExpressionPtr& child : target.children) copy->children.push_back(copy_of_target(*child));
    return copy;
  }

  void for_loop(Statement& node, const Place& place) {
    expression(node.value.get(), place);
    ++loops_;
    if (node.test) {
      Symbols symbols(&place.symbols);
      symbols.visit_target(*node.target, true);
      symbols.visit(node.test.get());
      Function function{&place.function, &node.function};
      node.test_scope = open(symbols, function);
      node.test_target = copy_of_target(*node.target);
      const Place inner{symbols, function};
      target(*node.test_target, inner);
      expression(node.test.get(), inner);
      function.close();
    }
    Symbols symbols(&place.symbols);
    node.uses_loop = reads_undeclared(node.body, "loop");
    if (node.uses_loop) symbols.declare_parameter("loop");
    symbols.visit_target(*node.target, true);
    symbols.visit(node.body);
    node.scope = open(symbols, place.function);
    const Place inner{symbols, place.function, true, false};
    target(*node.target, inner);
    if (node.uses_loop) node.variable = variable(inner, "loop", node.line);
    block(node.body, inner);
    Symbols otherwise(&place.symbols);
    otherwise.visit(node.otherwise);
    node.otherwise_scope = open(otherwise, place.function);
    block(node.otherwise, {otherwise, place.function, place.in_loop, false});
    --loops_;
  }

  void macro_body(Statement& node, const Place& place) {
    Symbols symbols(&place.symbols);
    const auto is_parameter = [&](const char* name) {
      for (const ExpressionPtr& parameter : node.parameters) {
        if (parameter->name == name) return true;
      }
      return false;
    };
    for (const ExpressionPtr& parameter : node.parameters) symbols.declare_parameter(parameter->name);
    for (const ExpressionPtr& value : node.defaults) symbols.visit(value.get());
    symbols.visit(node.body);
    const auto special = [&](const char* name) {
      const bool wanted = !is_parameter(name) && reads_undeclared(node.body, name);
      if (wanted) symbols.declare_parameter(name);
      return wanted;
    };
    if (is_parameter("caller") && reads_undeclared(node.body, "caller") && !has_default(node, "caller")) {
      raise("the special \"caller\" argument must be omitted or be given a default", node.line);
    }
    const bool caller = special("caller");
    const bool kwargs = special("kwargs");
    const bool varargs = special("varargs");
    Function function{&place.function, &node.function};
    node.scope = open(symbols, function);
    const Place inner{symbols, function};
    for (const ExpressionPtr& parameter : node.parameters) target(*parameter, inner, false);
    if (caller) node.caller_slot = variable(inner, "caller", node.line).slot;
    if (kwargs) node.kwargs_slot = variable(inner, "kwargs", node.line).slot;
    if (varargs) node.varargs_slot = variable(inner, "varargs", node.line).slot;
    for (const ExpressionPtr& value : node.defaults) expression(value.get(), inner);
    block(node.body, inner);
    function.close();
  }

  static bool has_default(const Statement& node, std::string_view name) {
    const std::size_t without = node.parameters.size() - node.defaults.size();
    for (std::size_t i = without; i < node.parameters.size(); ++i) {
      if (node.parameters[i]->name == name) return true;
    }
    return false;
  }

  int loops_ = 0;
};

}  // namespace

void resolve_variables(Program& program) { Resolver().program(program); }

}  // namespace qbench::text::jinja
