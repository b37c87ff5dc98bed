#include <algorithm>

#include "text/jinja/fault.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"

namespace qbench::text::jinja {

Value Interpreter::define(const Statement& node, const ActivationPtr& here) {
  auto macro = std::make_shared<Macro>();
  macro->definition = &node;
  if (node.kind == StatementKind::kMacro) macro->name = node.name;
  macro->closure = here;
  charge(sizeof(Macro));
  // The variable that will hold the macro is one of those that the macro holds: emptied at the end.
  if (captured_.empty() || captured_.back() != here) captured_.push_back(here);
  return Value::object(std::move(macro));
}

Args Interpreter::evaluate(const CallArguments& arguments, const ActivationPtr& here) {
  Args args;
  for (const ExpressionPtr& argument : arguments.positional) args.positional.push_back(evaluate(*argument, here));
  for (const auto& [name, argument] : arguments.keyword) args.keyword.emplace_back(name, evaluate(*argument, here));
  if (arguments.star) {
    for (Value& item : to_vector(*this, evaluate(*arguments.star, here))) args.positional.push_back(std::move(item));
  }
  if (arguments.double_star) {
    const Value more = evaluate(*arguments.double_star, here);
    if (!more.is(Type::kDict)) raise("the argument after ** must be a mapping, not " + std::string(more.type_name()));
    for (const auto& [key, value] : more.as_dict().entries()) {
      if (!key.is(Type::kString)) raise("keywords must be strings");
      const std::string& word = key.bytes();
      const bool twice = std::any_of(args.keyword.begin(), args.keyword.end(), [&word](const auto& entry) { return entry.first == word; });
      if (twice) raise("got multiple values for keyword argument '" + word + "'");
      args.keyword.emplace_back(word, value);
    }
  }
  step(args.positional.size() + args.keyword.size());
  return args;
}

namespace {

/// Takes a keyword out of a call; kMissing where it was not given.
Value take(Args& args, std::string_view name) {
  const auto found = std::find_if(args.keyword.begin(), args.keyword.end(), [&](const auto& entry) { return entry.first == name; });
  if (found == args.keyword.end()) return {};
  Value value = std::move(found->second);
  args.keyword.erase(found);
  return value;
}

}  // namespace

Value Interpreter::call_macro(const Macro& macro, Args args) {
  const Statement& node = *macro.definition;
  const std::string name = macro.name ? "'" + *macro.name + "'" : "None";
  const ActivationPtr here = activate(node.function, macro.closure);
  const auto put = [&](int index, Value value) { here->slots[static_cast<std::size_t>(index)] = std::move(value); };
  const std::size_t count = node.parameters.size();
  for (std::size_t i = 0; i < count; ++i) {
    put(node.parameters[i]->variable.slot, i < args.positional.size() ? args.positional[i] : take(args, node.parameters[i]->name));
  }
  if (node.caller_slot >= 0) {
    const Value caller = take(args, "caller");
    const bool given = !caller.is(Type::kMissing) && !caller.is(Type::kNone);
    put(node.caller_slot, given ? caller : Value::undefined("No caller defined"));
  }
  if (node.kwargs_slot >= 0) {
    Dict rest;
    for (auto& [key, value] : args.keyword) rest.set(Value::text(key), std::move(value));
    put(node.kwargs_slot, Value::dict(std::move(rest)));
  } else if (!args.keyword.empty()) {
    raise("macro " + name + " takes no keyword argument '" + args.keyword.front().first + "'");
  }
  if (node.varargs_slot >= 0) {
    const auto from = static_cast<std::ptrdiff_t>(std::min(count, args.positional.size()));
    put(node.varargs_slot, Value::tuple({args.positional.begin() + from, args.positional.end()}));
  } else if (args.positional.size() > count) {
    raise("macro " + name + " takes not more than " + std::to_string(count) + " argument(s)");
  }
  enter(node.scope, *here);
  const std::size_t required = count - node.defaults.size();
  for (std::size_t i = 0; i < count; ++i) {
    const int index = node.parameters[i]->variable.slot;
    if (!here->slots[static_cast<std::size_t>(index)].is(Type::kMissing)) continue;
    put(index, i >= required ? evaluate(*node.defaults[i - required], here)
                             : Value::undefined("parameter '" + node.parameters[i]->name + "' was not provided"));
  }
  std::string text;
  run(node.body, here, text);
  return make_text(std::move(text));
}

Value Interpreter::call(const Value& callee, Args args) {
  const Deeper deeper(*this);
  step();
  if (callee.is(Type::kUndefined)) undefined_used(callee);
  if (const auto* macro = callee.object_if<Macro>()) {
    // Held here: the macro's own body may replace the variable that held it.
    const ObjectPtr held = callee.as_object();
    const int line = line_;
    Value result = call_macro(*macro, std::move(args));
    line_ = line;
    return result;
  }
  if (const auto* builtin = callee.object_if<Builtin>()) {
    const ObjectPtr held = callee.as_object();
    return builtin->function(*this, builtin->self, args);
  }
  if (auto* joiner = callee.object_if<Joiner>()) {
    if (!args.positional.empty() || !args.keyword.empty()) raise("a joiner takes no arguments");
    if (joiner->used) return make_text(joiner->separator);
    joiner->used = true;
    return Value::text("");
  }
  if (callee.object_if<Loop>() != nullptr) raise("The loop must have the 'recursive' marker to be called recursively.");
  raise("'" + std::string(callee.type_name()) + "' object is not callable");
}

}  // namespace qbench::text::jinja
