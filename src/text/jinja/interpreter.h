#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/macro.h"
#include "text/jinja/objects.h"
#include "text/jinja/runtime.h"

namespace qbench::text::jinja {

/// Runs one rendering of a program. Throws Fault; line() is then where it was.
class Interpreter final : public Runtime {
 public:
  Interpreter(const Program& program, const Dict& variables, std::int64_t wall_ns, const Limits& limits);
  ~Interpreter() override;

  std::string render();
  int line() const { return line_; }

  Value call(const Value& callee, Args args) override;
  Value call_filter(std::string_view name, const Value& input, Args args) override;
  bool call_test(std::string_view name, const Value& input, Args args) override;
  Value make_namespace(Dict attributes) override;

 private:
  using ActivationPtr = std::shared_ptr<Activation>;
  enum class Flow { kNormal, kBreak, kContinue };
  class TestedIterator;

  // interpreter.cpp: statements
  Flow run(const Block& block, const ActivationPtr& here, std::string& out);
  Flow run(const Statement& node, const ActivationPtr& here, std::string& out);
  void output(const Statement& node, const ActivationPtr& here, std::string& out);
  Flow if_statement(const Statement& node, const ActivationPtr& here, std::string& out);
  Flow for_loop(const Statement& node, const ActivationPtr& here, std::string& out);
  Flow framed_block(const Statement& node, const ActivationPtr& here, std::string& out);
  void set(const Statement& node, const ActivationPtr& here);
  void call_block(const Statement& node, const ActivationPtr& here, std::string& out);
  void write(std::string& out, std::string_view text);
  void write_text(std::string& out, const Value& value);

  // variables.cpp: scopes, names, targets
  ActivationPtr activate(const FunctionInfo& function, ActivationPtr parent);
  void enter(const std::vector<ScopeStep>& scope, Activation& here);
  void leave(const std::vector<ScopeStep>& scope, Activation& here);
  Value& slot(const VariableRef& variable, Activation& here);
  Value look_up(const std::string& name);
  void assign(const Expression& target, const Value& value, Activation& here);
  void set_namespace(const Expression& target, const Value& value, Activation& here);
  void check_namespaces(const Expression& target, Activation& here);
  Value read_target(const Expression& target, Activation& here);

  // macros.cpp
  Value define(const Statement& node, const ActivationPtr& here);
  Value call_macro(const Macro& macro, Args args);
  Args evaluate(const CallArguments& arguments, const ActivationPtr& here);

  // evaluate.cpp: expressions
  Value evaluate(const Expression& node, const ActivationPtr& here);
  Value evaluate_operator(const Expression& node, const ActivationPtr& here);
  Value evaluate_collection(const Expression& node, const ActivationPtr& here);
  Value evaluate_compare(const Expression& node, const ActivationPtr& here);
  Value evaluate_concat(const Expression& node, const ActivationPtr& here);
  Value evaluate_call(const Expression& node, const ActivationPtr& here);
  /// A filter chain whose innermost input is `body` where it has none of its own.
  Value evaluate_filter(const Expression& node, const ActivationPtr& here, const Value* body);
  bool evaluate_test(const Expression& node, const ActivationPtr& here);

  const Program& program_;
  const Dict& variables_;
  int line_ = 0;
  /// Held until the end and emptied then: what can hold itself.
  std::vector<std::shared_ptr<Namespace>> namespaces_;
  std::vector<ActivationPtr> captured_;
};

}  // namespace qbench::text::jinja
