#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "text/jinja/ast.h"

namespace qbench::text::jinja {

/// What a frame knows of its names: jinja2.idtracking.Symbols. An identifier is a name with the level of the frame that owns it.
class Symbols {
 public:
  enum class Load { kParameter, kResolve, kAlias, kMissing };
  struct Entry {
    Load load = Load::kMissing;
    std::string source;  ///< kResolve: the name; kAlias: the outer identifier
  };

  explicit Symbols(const Symbols* parent = nullptr) : parent_(parent), level_(parent == nullptr ? 0 : parent->level_ + 1) {}

  // What the frame's own statements do to it, in order; frames inside are not entered.
  void visit(const Block& block);
  void visit(const Statement& statement);
  void visit(const Expression* expression);  ///< reads; null is fine
  void visit_target(const Expression& target, bool as_parameter);

  void declare_parameter(const std::string& name);
  const std::string* find(const std::string& name) const;  ///< the identifier, here or further out
  const std::map<std::string, Entry>& loads() const { return loads_; }
  bool is_parameter(const std::string& identifier) const;  ///< of this frame or an outer one

 private:
  void store(const std::string& name);
  void load(const std::string& name);
  void visit_if(const Statement& statement);
  void merge_branches(const std::vector<Symbols>& branches);
  std::string define(const std::string& name, Load load, std::string source);

  const Symbols* parent_;
  int level_;
  std::map<std::string, std::string> refs_;  ///< name to identifier
  std::map<std::string, Entry> loads_;       ///< by identifier
  std::set<std::string> stores_;
};

/// Whether a body reads `name` before anything in it sets it, functions inside included: how loops and macros find out that they need
/// `loop`, `caller`, `kwargs` or `varargs`.
bool reads_undeclared(const Block& body, const std::string& name);

}  // namespace qbench::text::jinja
