// Values of a case from qbench's JSON and back, by the type that a function's signature says. For driver.h.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace qb {

/// A JSON value of qbench's, which is well-formed.
struct Value {
  enum Kind { kNull, kBool, kNumber, kString, kArray, kObject } kind = kNull;
  bool truth = false;
  std::string text;  // of a string, and of a number as written
  std::vector<Value> items;
  std::vector<std::string> keys;  // of an object, beside items
  const Value* tag(const char* name) const { return kind == kObject && keys.size() == 1 && keys[0] == name ? &items[0] : nullptr; }
};

struct Mismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Reader {
 public:
  explicit Reader(const std::string& line) : at_(line.c_str()) {}
  Value read() {
    skip();
    Value value;
    if (*at_ == '{' || *at_ == '[') {
      const bool object = *at_++ == '{';
      value.kind = object ? Value::kObject : Value::kArray;
      for (skip(); *at_ != '}' && *at_ != ']'; skip()) {
        if (object) value.keys.push_back(string());
        value.items.push_back(read());
        skip();
        if (*at_ == ',') ++at_;
      }
      ++at_;
    } else if (*at_ == '"') {
      value.kind = Value::kString;
      value.text = string();
    } else {
      const char* start = at_;
      while (*at_ && !std::strchr(",]} \t", *at_)) ++at_;
      value.text.assign(start, at_);
      value.kind = value.text == "null" ? Value::kNull : value.text == "true" || value.text == "false" ? Value::kBool : Value::kNumber;
      value.truth = value.text == "true";
    }
    return value;
  }

 private:
  void skip() {
    while (*at_ == ' ' || *at_ == ':') ++at_;
  }
  std::string string() {
    std::string out;
    for (++at_; *at_ != '"'; ++at_) {
      if (*at_ != '\\') {
        out += *at_;
        continue;
      }
      switch (*++at_) {
        case 'n': out += '\n'; break;
        case 't': out += '\t'; break;
        case 'r': out += '\r'; break;
        case 'b': out += '\b'; break;
        case 'f': out += '\f'; break;
        case 'u': out += static_cast<char>(std::strtol(std::string(at_ + 1, 4).c_str(), nullptr, 16)), at_ += 4; break;  // control characters only
        default: out += *at_;
      }
    }
    ++at_;
    return out;
  }
  const char* at_;
};

// What a parameter's type is kept as while the function runs.
template <class T>
struct Kept {
  using type = std::remove_cv_t<std::remove_reference_t<T>>;
};
template <>
struct Kept<std::string_view> {
  using type = std::string;
};
template <>
struct Kept<const std::string_view&> {
  using type = std::string;
};

template <class T>
struct Codec;

inline std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    char code[8];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      std::snprintf(code, sizeof code, "\\u%04x", c);
      out += code;
    } else {
      out += c;
    }
  }
  return out + "\"";
}

inline bool is_utf8(const std::string& text) {
  for (std::size_t i = 0; i < text.size();) {
    const unsigned char lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3 : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    i += length;
  }
  return true;
}

template <class T>
std::string encode(const T& value) {
  return Codec<std::remove_cv_t<T>>::encode(value);
}
template <class T>
T decode(const Value& value) {
  return Codec<T>::decode(value);
}

template <>
struct Codec<bool> {
  static std::string encode(bool value) { return value ? "true" : "false"; }
  static bool decode(const Value& value) {
    if (value.kind != Value::kBool) throw Mismatch("a bool is wanted");
    return value.truth;
  }
};

template <class T>
  requires(std::is_integral_v<T> && !std::is_same_v<T, bool>)
struct Codec<T> {
  static std::string encode(T value) {
    if constexpr (std::is_same_v<T, char>) return qb::encode(std::string(1, value));
    const std::string digits = std::to_string(value);
    const bool large = std::is_signed_v<T> ? (static_cast<long long>(value) > (1LL << 53) || static_cast<long long>(value) < -(1LL << 53))
                                           : static_cast<unsigned long long>(value) > (1ULL << 53);
    return large ? "{\"$int\":\"" + digits + "\"}" : digits;
  }
  static T decode(const Value& value) {
    if constexpr (std::is_same_v<T, char>) {
      if (value.kind != Value::kString || value.text.size() != 1) throw Mismatch("one character is wanted");
      return value.text[0];
    }
    const Value* tagged = value.tag("$int");
    const Value& digits = tagged ? *tagged : value;
    if (!tagged && value.kind != Value::kNumber) throw Mismatch("an integer is wanted");
    if constexpr (std::is_signed_v<T>) return static_cast<T>(std::strtoll(digits.text.c_str(), nullptr, 10));
    return static_cast<T>(std::strtoull(digits.text.c_str(), nullptr, 10));
  }
};

template <class T>
  requires std::is_floating_point_v<T>
struct Codec<T> {
  static std::string encode(T value) {
    if (value != value) return "{\"$float\":\"nan\"}";
    if (value > 1.7976931348623157e308L || value < -1.7976931348623157e308L) return value > 0 ? "{\"$float\":\"inf\"}" : "{\"$float\":\"-inf\"}";
    char text[64];
    std::snprintf(text, sizeof text, std::is_same_v<T, float> ? "%.9g" : "%.17g", static_cast<double>(value));
    return std::strpbrk(text, ".e") ? text : std::string(text) + ".0";
  }
  static T decode(const Value& value) {
    const Value* tagged = value.tag("$float");
    if (!tagged && value.kind != Value::kNumber) throw Mismatch("a number is wanted");
    return static_cast<T>(std::strtod((tagged ? *tagged : value).text.c_str(), nullptr));
  }
};

template <>
struct Codec<std::string> {
  static std::string encode(const std::string& value) {
    if (is_utf8(value)) return quoted(value);
    std::string hex;
    for (const char c : value) {
      char digits[4];
      std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
      hex += digits;
    }
    return "{\"$bytes\":\"" + hex + "\"}";
  }
  static std::string decode(const Value& value) {
    if (const Value* hex = value.tag("$bytes")) {
      std::string out;
      for (std::size_t i = 0; i + 1 < hex->text.size(); i += 2) out += static_cast<char>(std::strtol(hex->text.substr(i, 2).c_str(), nullptr, 16));
      return out;
    }
    if (value.kind != Value::kString) throw Mismatch("a string is wanted");
    return value.text;
  }
};
template <>
struct Codec<std::string_view> {
  static std::string encode(std::string_view value) { return qb::encode(std::string(value)); }
};
template <>
struct Codec<const char*> {
  static std::string encode(const char* value) { return qb::encode(std::string(value)); }
};

template <class T>
struct Codec<std::optional<T>> {
  static std::string encode(const std::optional<T>& value) { return value ? qb::encode(*value) : "null"; }
  static std::optional<T> decode(const Value& value) {
    if (value.kind == Value::kNull) return std::nullopt;
    return qb::decode<T>(value);
  }
};

template <class Range>
std::string encode_range(const Range& range) {
  std::string out;
  for (const auto& item : range) out += (out.empty() ? "" : ",") + qb::encode<typename Range::value_type>(item);
  return "[" + out + "]";
}
inline const std::vector<Value>& items_of(const Value& value, const char* tag) {
  const Value* tagged = value.tag(tag);
  if (!tagged && value.kind != Value::kArray) throw Mismatch("a list is wanted");
  return (tagged ? *tagged : value).items;
}

template <class T>
struct Codec<std::vector<T>> {
  static std::string encode(const std::vector<T>& value) { return encode_range(value); }
  static std::vector<T> decode(const Value& value) {
    std::vector<T> out;
    for (const Value& item : items_of(value, "$tuple")) out.push_back(qb::decode<T>(item));
    return out;
  }
};

template <class... T>
struct Codec<std::tuple<T...>> {
  static std::string encode(const std::tuple<T...>& value) {
    std::string out;
    std::apply([&](const T&... item) { ((out += (out.empty() ? "" : ",") + qb::encode(item)), ...); }, value);
    return "{\"$tuple\":[" + out + "]}";
  }
  static std::tuple<T...> decode(const Value& value) { return decode_at(items_of(value, "$tuple"), std::index_sequence_for<T...>()); }
  template <std::size_t... i>
  static std::tuple<T...> decode_at(const std::vector<Value>& items, std::index_sequence<i...>) {
    if (items.size() != sizeof...(T)) throw Mismatch("a list of another length is wanted");
    return std::tuple<T...>(qb::decode<T>(items[i])...);
  }
};
template <class A, class B>
struct Codec<std::pair<A, B>> {
  static std::string encode(const std::pair<A, B>& value) { return qb::encode(std::tuple<A, B>(value.first, value.second)); }
  static std::pair<A, B> decode(const Value& value) {
    auto both = qb::decode<std::tuple<A, B>>(value);
    return {std::move(std::get<0>(both)), std::move(std::get<1>(both))};
  }
};

template <class Set>
struct SetCodec {
  static std::string encode(const Set& value) { return "{\"$set\":" + encode_range(value) + "}"; }
  static Set decode(const Value& value) {
    Set out;
    for (const Value& item : items_of(value, "$set")) out.insert(qb::decode<typename Set::value_type>(item));
    return out;
  }
};
template <class T>
struct Codec<std::set<T>> : SetCodec<std::set<T>> {};
template <class T>
struct Codec<std::unordered_set<T>> : SetCodec<std::unordered_set<T>> {};

template <class Map>
struct MapCodec {
  using Key = typename Map::key_type;
  using Item = typename Map::mapped_type;
  static std::string encode(const Map& value) {
    std::string out;
    for (const auto& [key, item] : value) out += (out.empty() ? "[" : ",[") + qb::encode(key) + "," + qb::encode(item) + "]";
    return "{\"$dict\":[" + out + "]}";
  }
  static Map decode(const Value& value) {
    Map out;
    if (const Value* pairs = value.tag("$dict")) {
      for (const Value& pair : pairs->items) out.emplace(qb::decode<Key>(pair.items[0]), qb::decode<Item>(pair.items[1]));
      return out;
    }
    if constexpr (std::is_same_v<Key, std::string>) {
      if (value.kind != Value::kObject) throw Mismatch("an object is wanted");
      for (std::size_t i = 0; i < value.keys.size(); ++i) out.emplace(value.keys[i], qb::decode<Item>(value.items[i]));
      return out;
    }
    throw Mismatch("a $dict is wanted");
  }
};
template <class K, class T>
struct Codec<std::map<K, T>> : MapCodec<std::map<K, T>> {};
template <class K, class T>
struct Codec<std::unordered_map<K, T>> : MapCodec<std::unordered_map<K, T>> {};

}  // namespace qb
