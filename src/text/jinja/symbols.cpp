#include "text/jinja/symbols.h"

#include <algorithm>

namespace qbench::text::jinja {
namespace {

template <class Each>
void for_each_child(const Expression& node, Each each) {
  for (const ExpressionPtr& child : node.children) each(child.get());
  for (const ExpressionPtr& argument : node.arguments.positional) each(argument.get());
  for (const auto& [name, argument] : node.arguments.keyword) each(argument.get());
  each(node.arguments.star.get());
  each(node.arguments.double_star.get());
}

}  // namespace

std::string Symbols::define(const std::string& name, Load how, std::string source) {
  std::string identifier = std::to_string(level_) + ":" + name;
  refs_[name] = identifier;
  loads_[identifier] = {how, std::move(source)};
  return identifier;
}

const std::string* Symbols::find(const std::string& name) const {
  for (const Symbols* frame = this; frame != nullptr; frame = frame->parent_) {
    const auto found = frame->refs_.find(name);
    if (found != frame->refs_.end()) return &found->second;
  }
  return nullptr;
}

bool Symbols::is_parameter(const std::string& identifier) const {
  for (const Symbols* frame = this; frame != nullptr; frame = frame->parent_) {
    const auto found = frame->loads_.find(identifier);
    if (found != frame->loads_.end()) return found->second.load == Load::kParameter;
  }
  return false;
}

void Symbols::declare_parameter(const std::string& name) {
  stores_.insert(name);
  define(name, Load::kParameter, {});
}

void Symbols::store(const std::string& name) {
  stores_.insert(name);
  if (refs_.contains(name)) return;
  const std::string* outer = parent_ == nullptr ? nullptr : parent_->find(name);
  if (outer != nullptr) {
    define(name, Load::kAlias, *outer);
  } else {
    define(name, Load::kMissing, {});
  }
}

void Symbols::load(const std::string& name) {
  if (find(name) == nullptr) define(name, Load::kResolve, name);
}

void Symbols::visit(const Expression* expression) {
  if (expression == nullptr) return;
  if (expression->kind == ExpressionKind::kName) load(expression->name);
  for_each_child(*expression, [&](const Expression* child) { visit(child); });
}

void Symbols::visit_target(const Expression& target, bool as_parameter) {
  if (target.kind == ExpressionKind::kNamespaceRef) return load(target.name);
  if (target.kind == ExpressionKind::kName) return as_parameter ? declare_parameter(target.name) : store(target.name);
  for (const ExpressionPtr& child : target.children) visit_target(*child, as_parameter);
}

void Symbols::visit(const Block& block) {
  for (const StatementPtr& statement : block) visit(*statement);
}

void Symbols::visit(const Statement& statement) {
  switch (statement.kind) {
    case StatementKind::kOutput:
    case StatementKind::kWith:
      for (const ExpressionPtr& output : statement.outputs) visit(output.get());
      return;
    case StatementKind::kSet:
      visit(statement.value.get());
      return visit_target(*statement.target, false);
    case StatementKind::kSetBlock:
      return visit_target(*statement.target, false);
    case StatementKind::kIf:
      return visit_if(statement);
    case StatementKind::kFor:
    case StatementKind::kCallBlock:
    case StatementKind::kFilterBlock:
      return visit(statement.value.get());
    case StatementKind::kMacro:
      return store(statement.name);
    case StatementKind::kBreak:
    case StatementKind::kContinue:
      return;
  }
}

void Symbols::visit_if(const Statement& statement) {
  visit(statement.value.get());
  std::vector<Symbols> branches(3, *this);
  branches[0].visit(statement.body);
  for (const StatementPtr& elif : statement.elifs) branches[1].visit(*elif);
  branches[2].visit(statement.otherwise);
  merge_branches(branches);
}

void Symbols::merge_branches(const std::vector<Symbols>& branches) {
  std::set<std::string> stores;
  for (const Symbols& branch : branches) stores.insert(branch.stores_.begin(), branch.stores_.end());
  for (const std::string& name : stores_) stores.erase(name);
  for (const Symbols& branch : branches) {
    for (const auto& [name, identifier] : branch.refs_) refs_[name] = identifier;
    for (const auto& [identifier, entry] : branch.loads_) loads_[identifier] = entry;
    stores_.insert(branch.stores_.begin(), branch.stores_.end());
  }
  // A name that only some branches set keeps, on the others, the value it had outside.
  for (const std::string& name : stores) {
    const std::string* outer = parent_ == nullptr ? nullptr : parent_->find(name);
    loads_[*find(name)] = outer != nullptr ? Entry{Load::kAlias, *outer} : Entry{Load::kResolve, name};
  }
}

namespace {

/// Walks in the order of jinja2's node fields: a name that is set before it is read is declared.
class UndeclaredSearch {
 public:
  explicit UndeclaredSearch(const std::string& name) : name_(name) {}
  bool found() const { return found_; }

  void block(const Block& statements) {
    for (const StatementPtr& node : statements) statement(*node);
  }

 private:
  void read(const Expression* node) {
    if (node == nullptr) return;
    if (node->kind == ExpressionKind::kName && node->name == name_ && !declared_) found_ = true;
    for_each_child(*node, [&](const Expression* child) { read(child); });
  }

  void target(const Expression* node) {
    if (node == nullptr) return;
    if (node->kind == ExpressionKind::kName && node->name == name_ && !found_) declared_ = true;
    for (const ExpressionPtr& child : node->children) target(child.get());
  }

  void statement(const Statement& node) {
    const bool with = node.kind == StatementKind::kWith;
    const bool call = node.kind == StatementKind::kCallBlock;
    if (call) read(node.value.get());
    target(node.target.get());
    for (const ExpressionPtr& parameter : node.parameters) target(parameter.get());
    for (const ExpressionPtr& value : node.defaults) read(value.get());
    if (!call) read(node.value.get());
    if (with || node.kind == StatementKind::kOutput) {
      for (const ExpressionPtr& output : node.outputs) read(output.get());
    }
    block(node.body);
    for (const StatementPtr& elif : node.elifs) statement(*elif);
    block(node.otherwise);
    read(node.test.get());
  }

  const std::string& name_;
  bool found_ = false;
  bool declared_ = false;
};

}  // namespace

bool reads_undeclared(const Block& body, const std::string& name) {
  UndeclaredSearch search(name);
  search.block(body);
  return search.found();
}

}  // namespace qbench::text::jinja
