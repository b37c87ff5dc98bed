#include "text/jinja/interpreter.h"

#include "text/jinja/fault.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"

namespace qbench::text::jinja {

Interpreter::Interpreter(const Program& program, const Dict& variables, std::int64_t wall_ns, const Limits& limits)
    : Runtime(limits, wall_ns), program_(program), variables_(variables) {}

Interpreter::~Interpreter() {
  for (const auto& space : namespaces_) space->attributes = Dict();
  for (const auto& activation : captured_) activation->slots.clear();
}

std::string Interpreter::render() {
  std::string out;
  const ActivationPtr here = activate(program_.function, nullptr);
  enter(program_.scope, *here);
  run(program_.body, here, out);
  return out;
}

void Interpreter::write(std::string& out, std::string_view text) {
  charge(text.size());
  if (out.size() + text.size() > limits().output_bytes) {
    raise("the rendered text is longer than " + std::to_string(limits().output_bytes) + " bytes");
  }
  out += text;
}

/// What filter and call blocks give: the compiled template joins it as it is, so only text will do.
void Interpreter::write_text(std::string& out, const Value& value) {
  if (!value.is(Type::kString)) raise("a filter or call block gives text, not " + std::string(value.type_name()));
  write(out, value.bytes());
}

Interpreter::Flow Interpreter::run(const Block& block, const ActivationPtr& here, std::string& out) {
  for (const StatementPtr& node : block) {
    const Flow flow = run(*node, here, out);
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::run(const Statement& node, const ActivationPtr& here, std::string& out) {
  const Deeper deeper(*this);
  step();
  line_ = node.line;
  switch (node.kind) {
    case StatementKind::kOutput:
      output(node, here, out);
      break;
    case StatementKind::kSet:
      set(node, here);
      break;
    case StatementKind::kIf:
      return if_statement(node, here, out);
    case StatementKind::kFor:
      return for_loop(node, here, out);
    case StatementKind::kMacro:
      slot(node.variable, *here) = define(node, here);
      break;
    case StatementKind::kCallBlock:
      call_block(node, here, out);
      break;
    case StatementKind::kSetBlock:
    case StatementKind::kFilterBlock:
    case StatementKind::kWith:
      return framed_block(node, here, out);
    case StatementKind::kBreak:
      return Flow::kBreak;
    case StatementKind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNormal;
}

void Interpreter::output(const Statement& node, const ActivationPtr& here, std::string& out) {
  for (const ExpressionPtr& child : node.outputs) {
    if (child->kind == ExpressionKind::kConstant && child->constant.is(Type::kString)) {
      write(out, child->constant.bytes());
      continue;
    }
    const Value value = evaluate(*child, here);
    line_ = child->line;
    if (value.is(Type::kString)) {
      write(out, value.bytes());
    } else {
      write(out, to_str(*this, value));
    }
  }
}

void Interpreter::set(const Statement& node, const ActivationPtr& here) {
  check_namespaces(*node.target, *here);
  const Value value = evaluate(*node.value, here);
  line_ = node.line;
  assign(*node.target, value, *here);
}

Interpreter::Flow Interpreter::if_statement(const Statement& node, const ActivationPtr& here, std::string& out) {
  if (truth(*this, evaluate(*node.value, here))) return run(node.body, here, out);
  for (const StatementPtr& elif : node.elifs) {
    line_ = elif->line;
    if (truth(*this, evaluate(*elif->value, here))) return run(elif->body, here, out);
  }
  return run(node.otherwise, here, out);
}

/// The items of a loop that its `if` lets through. Lazy, as the body may change what the test reads.
class Interpreter::TestedIterator final : public Iterator {
 public:
  TestedIterator(Interpreter& interpreter, const Statement& node, IteratorPtr items, ActivationPtr parent)
      : interpreter_(interpreter), node_(node), items_(std::move(items)), parent_(std::move(parent)) {}

  bool next(Runtime&, Value& item) override {
    if (!here_) {
      here_ = interpreter_.activate(node_.function, parent_);
      interpreter_.enter(node_.test_scope, *here_);
    }
    for (Value candidate; items_->next(interpreter_, candidate);) {
      interpreter_.assign(*node_.test_target, candidate, *here_);
      if (truth(interpreter_, interpreter_.evaluate(*node_.test, here_))) {
        item = interpreter_.read_target(*node_.test_target, *here_);
        return true;
      }
    }
    return false;
  }

 private:
  Interpreter& interpreter_;
  const Statement& node_;
  IteratorPtr items_;
  ActivationPtr parent_;
  ActivationPtr here_;
};

namespace {

/// However the loop ends, it must not go on holding what was given to loop.changed(), which may be itself.
struct LoopEnd {
  Loop& loop;
  ~LoopEnd() {
    loop.ended = true;
    loop.last_changed.reset();
  }
};

}  // namespace

Interpreter::Flow Interpreter::for_loop(const Statement& node, const ActivationPtr& here, std::string& out) {
  auto loop = std::make_shared<Loop>();
  loop->iterable = evaluate(*node.value, here);
  line_ = node.line;
  loop->iterator = iterate(*this, loop->iterable);
  loop->depth = 1 + loop->iterable.depth();
  const LoopEnd end{*loop};
  if (node.test) {
    captured_.push_back(here);  // whose slot for `loop` would keep the iterator that keeps it
    loop->iterator = std::make_shared<TestedIterator>(*this, node, loop->iterator, here);
    loop->iterable = Value::none();  // its length is that of what passes the test
  }
  bool reached_end = false;  // of the body: where break and continue never let it, the else branch runs, as in the compiled template
  Value item;
  while (loop->advance(*this, item)) {
    if (node.uses_loop) slot(node.variable, *here) = Value::object(loop);
    line_ = node.line;
    assign(*node.target, item, *here);
    enter(node.scope, *here);
    const Flow flow = run(node.body, here, out);
    if (flow == Flow::kBreak) break;
    if (flow == Flow::kNormal) reached_end = true;
  }
  leave(node.scope, *here);
  if (reached_end || node.otherwise.empty()) return Flow::kNormal;
  enter(node.otherwise_scope, *here);
  const Flow flow = run(node.otherwise, here, out);
  leave(node.otherwise_scope, *here);
  return flow;
}

Interpreter::Flow Interpreter::framed_block(const Statement& node, const ActivationPtr& here, std::string& out) {
  enter(node.scope, *here);
  Flow flow = Flow::kNormal;
  if (node.kind == StatementKind::kWith) {
    for (std::size_t i = 0; i < node.parameters.size(); ++i) assign(*node.parameters[i], evaluate(*node.outputs[i], here), *here);
    flow = run(node.body, here, out);
  } else {
    std::string text;
    flow = run(node.body, here, text);
    if (flow == Flow::kNormal) {
      Value result = make_text(std::move(text));
      line_ = node.line;
      if (node.value) result = evaluate_filter(*node.value, here, &result);
      if (node.kind == StatementKind::kSetBlock) {
        assign(*node.target, result, *here);
      } else {
        write_text(out, result);
      }
    }
  }
  leave(node.scope, *here);
  return flow;
}

void Interpreter::call_block(const Statement& node, const ActivationPtr& here, std::string& out) {
  const Value caller = define(node, here);
  if (!node.value) {  // {% generation %}: the body as it is, in a scope of its own
    const Value text = call(caller, {});
    return write(out, text.bytes());
  }
  const Value callee = evaluate(*node.value->children[0], here);
  Args args = evaluate(node.value->arguments, here);
  for (const auto& [name, value] : args.keyword) {
    if (name == "caller") raise("a call block's macro got two values for 'caller'");
  }
  args.keyword.emplace_back("caller", caller);
  line_ = node.line;
  write_text(out, call(callee, std::move(args)));
}

}  // namespace qbench::text::jinja
