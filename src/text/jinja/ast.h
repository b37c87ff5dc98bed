#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/operators.h"
#include "text/jinja/value.h"

namespace qbench::text::jinja {

/// Where a variable lives: `up` functions out, slot `slot` of its Activation.
struct VariableRef {
  int up = 0;
  int slot = -1;
};

enum class ExpressionKind {
  kConstant,
  kName,          ///< name
  kNamespaceRef,  ///< name.attribute as a target of set
  kTuple,         ///< children
  kList,
  kDict,  ///< children: key, value, key, value, ...
  kNot,   ///< children[0]; so are the next two
  kNegate,
  kPlus,
  kBinary,  ///< children[0] op children[1]
  kAnd,
  kOr,
  kCompare,  ///< children[0] then comparisons[i] with children[i + 1]
  kConcat,
  kConditional,   ///< children: test, then, otherwise (may be null)
  kFilter,        ///< children[0] | name(arguments); children[0] is null where the body of a block is filtered
  kTest,          ///< children[0] is name(arguments)
  kGetAttribute,  ///< children[0].name
  kGetItem,       ///< children[0][children[1]]
  kSlice,         ///< children: value, start, stop, step; the last three may be null
  kCall,          ///< children[0](arguments)
};

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> keyword;
  ExpressionPtr star;         ///< *args
  ExpressionPtr double_star;  ///< **kwargs
};

struct Expression {
  ExpressionKind kind = ExpressionKind::kConstant;
  int line = 0;
  std::string name;
  std::string attribute;
  Value constant;
  BinaryOp op = BinaryOp::kAdd;
  std::vector<CompareOp> comparisons;
  std::vector<ExpressionPtr> children;
  CallArguments arguments;
  VariableRef variable;  ///< kName, kNamespaceRef; filled in by scope.cpp
  int depth = 1;         ///< of the tree below; checked() keeps it small, as every pass over it recurses
  bool soft = false;     ///< kFilter, kTest: under an if, where an unknown name is an error only when it is reached
};

/// Sets the node's depth from its children's; raises where it passes kMaxTreeDepth.
ExpressionPtr checked(ExpressionPtr node);

enum class StatementKind {
  kOutput,       ///< outputs
  kSet,          ///< target = value
  kSetBlock,     ///< target = body, through `value` (a filter chain) where there is one
  kIf,           ///< value, body, elifs, otherwise
  kFor,          ///< target in value if test: body; else: otherwise
  kMacro,        ///< name(parameters): body
  kCallBlock,    ///< value (a call; null for {% generation %}) with body as its caller
  kFilterBlock,  ///< body through value
  kWith,         ///< parameters = outputs: body
  kBreak,
  kContinue,
};

/// What runs when a scope opens, and what its variables become when it closes. Compiled templates do this with Python locals.
struct ScopeStep {
  enum class Action { kResolve, kAlias, kMissing, kParameter };
  Action action = Action::kMissing;
  int slot = -1;
  VariableRef source;  ///< kAlias
  std::string name;    ///< kResolve
};

struct Statement;
using StatementPtr = std::unique_ptr<Statement>;
using Block = std::vector<StatementPtr>;

/// A function of the compiled template.
struct FunctionInfo {
  int slots = 0;
};

struct Statement {
  StatementKind kind = StatementKind::kOutput;
  int line = 0;
  std::string name;
  ExpressionPtr target;
  ExpressionPtr value;
  ExpressionPtr test;
  std::vector<ExpressionPtr> outputs;
  std::vector<ExpressionPtr> parameters;  ///< names of a macro's parameters, or targets of {% with %}
  std::vector<ExpressionPtr> defaults;    ///< of the last parameters
  Block body;
  std::vector<StatementPtr> elifs;  ///< each a kIf with value and body
  Block otherwise;

  // Filled in by scope.cpp.
  std::vector<ScopeStep> scope;            ///< of the body
  std::vector<ScopeStep> otherwise_scope;  ///< kFor
  std::vector<ScopeStep> test_scope;       ///< kFor with a test, which is a function of its own
  ExpressionPtr test_target;               ///< the target inside that function
  FunctionInfo function;                   ///< kMacro, kCallBlock: the body's; kFor: the test's
  VariableRef variable;                    ///< kMacro: its name; kFor: `loop`
  bool uses_loop = false;
  int caller_slot = -1, kwargs_slot = -1, varargs_slot = -1;  ///< where a macro's body uses them
};

struct Program {
  Block body;
  std::vector<ScopeStep> scope;
  FunctionInfo function;
};

}  // namespace qbench::text::jinja
