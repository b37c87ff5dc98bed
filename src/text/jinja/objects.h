#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "text/jinja/value.h"

namespace qbench::text::jinja {

class Runtime;

/// A Python iterator: lazy, and used up by its first reader.
class Iterator {
 public:
  virtual ~Iterator() = default;
  virtual bool next(Runtime& runtime, Value& item) = 0;  ///< false at the end
};
using IteratorPtr = std::shared_ptr<Iterator>;

struct Namespace final : Object {
  std::string_view type_name() const override { return "Namespace"; }
  Dict attributes;
};

struct Range final : Object {
  std::string_view type_name() const override { return "range"; }
  std::int64_t start = 0, stop = 0, step = 1;
  std::int64_t length() const;
  std::int64_t at(std::int64_t index) const { return start + index * step; }
};

/// What |map, |select, |batch, ... give: printing it shows an address in Python, so that is unsupported here.
struct Generator final : Object {
  std::string_view type_name() const override { return "generator"; }
  IteratorPtr iterator;
};

struct DictView final : Object {
  enum class Kind { kKeys, kValues, kItems };
  std::string_view type_name() const override;
  Kind kind = Kind::kKeys;
  DictPtr dict;
};

/// The variable `loop`.
struct Loop final : Object {
  std::string_view type_name() const override { return "LoopContext"; }
  Value iterable;
  IteratorPtr iterator;
  std::int64_t index0 = -1;
  std::optional<std::int64_t> known_length;
  Value after, current, before;  ///< kMissing when there is none
  std::optional<std::vector<Value>> last_changed;
  bool ended = false;

  bool advance(Runtime& runtime, Value& item);
  const Value& peek(Runtime& runtime);  ///< the next item, kMissing at the end
  std::int64_t length(Runtime& runtime);
};

/// A function of the environment, or a method bound to its object.
struct Builtin final : Object {
  using Function = Value (*)(Runtime&, const Value& self, Args&);
  std::string_view type_name() const override { return "builtin_function_or_method"; }
  Builtin(std::string n, Value s, Function f) : name(std::move(n)), self(std::move(s)), function(f) { depth = 1 + self.depth(); }
  std::string name;
  Value self;
  Function function;
};

struct Cycler final : Object {
  std::string_view type_name() const override { return "Cycler"; }
  std::vector<Value> items;
  std::size_t position = 0;
};

struct Joiner final : Object {
  std::string_view type_name() const override { return "Joiner"; }
  std::string separator;
  bool used = false;
};

/// iter(value); raises the TypeError of what is not iterable. iterable() says whether it would.
IteratorPtr iterate(Runtime& runtime, const Value& value);
bool iterable(const Value& value);

/// list(value).
std::vector<Value> to_vector(Runtime& runtime, const Value& value);

/// A generator over an iterator; depth: of the value it draws from.
Value make_generator(IteratorPtr iterator, int depth);

}  // namespace qbench::text::jinja
