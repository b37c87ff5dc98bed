#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace qbench::text::jinja {

class Value;

/// A Python str: valid UTF-8, counted and indexed in code points.
struct Text {
  std::string bytes;
  std::int64_t length = 0;  ///< code points; equals bytes.size() where all are ASCII
  bool markup = false;      ///< markupsafe.Markup, what |safe and |escape return: + escapes its other side
  bool ascii() const { return length == static_cast<std::int64_t>(bytes.size()); }
};

struct Items;  // of a list or tuple; immutable, as the sandbox forbids changing them
class Dict;
struct Object;
using TextPtr = std::shared_ptr<const Text>;
using ItemsPtr = std::shared_ptr<const Items>;
using DictPtr = std::shared_ptr<const Dict>;
using ObjectPtr = std::shared_ptr<Object>;

enum class Type : std::uint8_t {
  kMissing,  ///< a variable that was never set; never seen by a template
  kExpired,  ///< a loop's variable after its loop
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kTuple,
  kDict,
  kObject,
};

/// A Python value as a template sees it.
class Value {
 public:
  Value() = default;  ///< kMissing
  static Value expired();
  static Value undefined(std::string message);  ///< message: what using it raises
  static Value none();
  static Value boolean(bool b);
  static Value integer(std::int64_t i);
  static Value real(double d);
  static Value text(std::string bytes, bool markup = false);
  static Value list(std::vector<Value> items);  ///< raises where the nesting passes kMaxValueDepth; so do tuple and dict
  static Value tuple(std::vector<Value> items);
  static Value dict(Dict entries);
  static Value object(ObjectPtr object);

  Type type() const { return type_; }
  bool is(Type t) const { return type_ == t; }
  bool is_number() const { return type_ == Type::kBool || type_ == Type::kInt || type_ == Type::kFloat; }
  bool is_integral() const { return type_ == Type::kBool || type_ == Type::kInt; }
  bool is_sequence() const { return type_ == Type::kList || type_ == Type::kTuple; }

  bool as_bool() const { return integer_ != 0; }
  std::int64_t as_int() const { return integer_; }  ///< kInt, or kBool as 0 and 1
  double as_float() const { return std::bit_cast<double>(integer_); }
  const Text& as_text() const { return *static_cast<const Text*>(held_.get()); }
  const std::string& bytes() const { return as_text().bytes; }
  const std::vector<Value>& items() const;  ///< kList and kTuple
  const Dict& as_dict() const { return *static_cast<const Dict*>(held_.get()); }
  const std::string& undefined_message() const { return *static_cast<const std::string*>(held_.get()); }
  TextPtr text_ptr() const { return std::static_pointer_cast<const Text>(held_); }
  ItemsPtr items_ptr() const { return std::static_pointer_cast<const Items>(held_); }
  DictPtr dict_ptr() const { return std::static_pointer_cast<const Dict>(held_); }
  ObjectPtr as_object() const { return std::static_pointer_cast<Object>(std::const_pointer_cast<void>(held_)); }
  template <class T>
  T* object_if() const {
    return is(Type::kObject) ? dynamic_cast<T*>(static_cast<Object*>(const_cast<void*>(held_.get()))) : nullptr;
  }
  /// Whether both are the same list, dict or object, not only equal ones.
  bool same_as(const Value& other) const { return type_ == other.type_ && held_ != nullptr && held_ == other.held_; }

  int depth() const;                   ///< 0 for scalars, 1 + the deepest item otherwise
  std::string_view type_name() const;  ///< Python's, for messages: "str", "NoneType", ...

 private:
  Value(Type type, std::int64_t integer, std::shared_ptr<const void> held = nullptr)
      : integer_(integer), held_(std::move(held)), type_(type) {}

  // One holder for every kind, by type_: a std::variant says the same in more bytes, and g++ 12 warns about it without cause.
  std::int64_t integer_ = 0;          ///< kBool, kInt; the bits of a kFloat
  std::shared_ptr<const void> held_;  ///< Text, Items, Dict, Object, or the std::string of a kUndefined
  Type type_ = Type::kMissing;
};

struct Items {
  std::vector<Value> values;
  int depth = 1;
};

/// An ordered dict. Keys are scalars or tuples of them; 1, 1.0 and True are one key, as in Python.
class Dict {
 public:
  using Entry = std::pair<Value, Value>;
  const std::vector<Entry>& entries() const { return entries_; }
  std::size_t size() const { return entries_.size(); }
  const Value* find(const Value& key) const;  ///< raises on a key that cannot be hashed
  const Value* find(std::string_view key) const;
  void set(Value key, Value value);  ///< keeps the place of a key that is there
  int depth() const { return depth_; }

 private:
  std::ptrdiff_t index_of(const Value& key) const;
  std::vector<Entry> entries_;
  std::unordered_map<std::string, std::size_t> text_keys_;
  std::vector<std::size_t> other_keys_;
  int depth_ = 1;
};

/// Values with behaviour: namespaces, loops, macros, generators (objects.h).
struct Object {
  virtual ~Object() = default;
  virtual std::string_view type_name() const = 0;
  int depth = 1;
};

/// A shape of call: positional arguments, then keywords in their order.
struct Args {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> keyword;
};

/// `depth` if it is within kMaxValueDepth; raises otherwise.
int checked_depth(int depth);

/// Whether a value can be a key; raises for objects, which Python would tell apart by their address.
bool hashable(const Value& value);

}  // namespace qbench::text::jinja
