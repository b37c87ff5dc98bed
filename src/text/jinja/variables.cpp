#include "text/jinja/fault.h"
#include "text/jinja/globals.h"
#include "text/jinja/interpreter.h"

namespace qbench::text::jinja {

Interpreter::ActivationPtr Interpreter::activate(const FunctionInfo& function, ActivationPtr parent) {
  auto made = std::make_shared<Activation>();
  charge(sizeof(Activation) + static_cast<std::size_t>(function.slots) * sizeof(Value));
  made->slots.resize(static_cast<std::size_t>(function.slots));
  made->parent = std::move(parent);
  return made;
}

void Interpreter::enter(const std::vector<ScopeStep>& scope, Activation& here) {
  for (const ScopeStep& step : scope) {
    Value& target = here.slots[static_cast<std::size_t>(step.slot)];
    switch (step.action) {
      case ScopeStep::Action::kParameter:
        break;
      case ScopeStep::Action::kMissing:
        target = Value();
        break;
      case ScopeStep::Action::kResolve:
        target = look_up(step.name);
        break;
      case ScopeStep::Action::kAlias:
        target = Value(slot(step.source, here));
        break;
    }
  }
}

void Interpreter::leave(const std::vector<ScopeStep>& scope, Activation& here) {
  for (const ScopeStep& step : scope) {
    here.slots[static_cast<std::size_t>(step.slot)] = step.action == ScopeStep::Action::kParameter ? Value::expired() : Value();
  }
}

Value& Interpreter::slot(const VariableRef& variable, Activation& here) {
  Activation* activation = &here;
  for (int i = 0; i < variable.up; ++i) activation = activation->parent.get();
  return activation->slots[static_cast<std::size_t>(variable.slot)];
}

Value Interpreter::look_up(const std::string& name) {
  if (const Value* found = variables_.find(std::string_view(name))) return *found;
  if (auto found = find_global(name)) return *found;
  if (name == "lipsum") unsupported("the function lipsum");
  return {};
}

void Interpreter::assign(const Expression& target, const Value& value, Activation& here) {
  if (target.kind == ExpressionKind::kName) {
    slot(target.variable, here) = value;
    return;
  }
  if (target.kind == ExpressionKind::kNamespaceRef) return set_namespace(target, value, here);
  const std::vector<Value> items = to_vector(*this, value);
  if (items.size() != target.children.size()) {
    raise("cannot unpack " + std::to_string(items.size()) + " values into " + std::to_string(target.children.size()));
  }
  for (std::size_t i = 0; i < items.size(); ++i) assign(*target.children[i], items[i], here);
}

void Interpreter::check_namespaces(const Expression& target, Activation& here) {
  for (const ExpressionPtr& child : target.children) check_namespaces(*child, here);
  if (target.kind != ExpressionKind::kNamespaceRef) return;
  if (slot(target.variable, here).object_if<Namespace>() == nullptr) raise("cannot assign attribute on non-namespace object");
}

void Interpreter::set_namespace(const Expression& target, const Value& value, Activation& here) {
  auto* space = slot(target.variable, here).object_if<Namespace>();
  if (space == nullptr) unsupported("assigning to an attribute of what is no namespace");
  if (target.attribute.starts_with('_')) raise("a namespace cannot store the underscore-prefixed attribute '" + target.attribute + "'");
  space->attributes.set(Value::text(target.attribute), value);
}

/// The value that a loop's test function hands on: what the target's names hold, as a tuple where the target is one.
Value Interpreter::read_target(const Expression& target, Activation& here) {
  if (target.kind == ExpressionKind::kName) return slot(target.variable, here);
  std::vector<Value> items;
  for (const ExpressionPtr& child : target.children) items.push_back(read_target(*child, here));
  return Value::tuple(std::move(items));
}

Value Interpreter::make_namespace(Dict attributes) {
  auto space = std::make_shared<Namespace>();
  charge(sizeof(Namespace));
  space->attributes = std::move(attributes);
  namespaces_.push_back(space);
  return Value::object(space);
}

}  // namespace qbench::text::jinja
