#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/limits.h"
#include "text/jinja/value.h"

namespace qbench::text::jinja {

struct Namespace;

/// What filters, tests and methods need from a rendering: its budgets, its clock and a way to call back into the template.
class Runtime {
 public:
  Runtime(const Limits& limits, std::int64_t wall_ns) : limits_(limits), wall_ns_(wall_ns) {}
  virtual ~Runtime() = default;

  virtual Value call(const Value& callee, Args args) = 0;
  virtual Value call_filter(std::string_view name, const Value& input, Args args) = 0;
  virtual bool call_test(std::string_view name, const Value& input, Args args) = 0;
  /// Namespaces can hold themselves; the rendering empties all of them when it ends.
  virtual Value make_namespace(Dict attributes) = 0;

  void step(std::uint64_t count = 1);  ///< raises beyond the budget, as the next does
  void charge(std::uint64_t bytes);
  void charge_text(std::uint64_t bytes);  ///< for one text, which may also not be longer than the output may
  void charge_items(std::uint64_t count) {
    charge(count * sizeof(Value));
    step(count);
  }
  Value make_text(std::string bytes, bool markup = false);  ///< Value::text, charged
  Value make_list(std::vector<Value> items);

  const Limits& limits() const { return limits_; }
  std::int64_t wall_ns() const { return wall_ns_; }

  /// Holds one level of nesting while it lives.
  class Deeper {
   public:
    explicit Deeper(Runtime& runtime);
    ~Deeper() { --runtime_.depth_; }
    Deeper(const Deeper&) = delete;
    Deeper& operator=(const Deeper&) = delete;

   private:
    Runtime& runtime_;
  };

 private:
  Limits limits_;
  std::int64_t wall_ns_;
  std::uint64_t steps_ = 0;
  std::uint64_t bytes_ = 0;
  int depth_ = 0;
};

}  // namespace qbench::text::jinja
