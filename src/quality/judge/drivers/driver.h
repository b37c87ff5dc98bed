// Runs the answer's functions and sends values back as data. It judges nothing and knows nothing of what is expected.
// Included before the answer; adapter.cpp, after it, says QB_FUNCTION(name) for each function that is called.
#pragma once
#include <cxxabi.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <new>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
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

using Function = std::function<std::string(const std::vector<Value>&)>;
inline std::map<std::string, Function>& functions() {
  static std::map<std::string, Function> all;
  return all;
}

template <class R, class... P>
Function wrapped(R (*function)(P...)) {
  return [function](const std::vector<Value>& args) -> std::string {
    if (args.size() != sizeof...(P)) throw Mismatch("the function takes another number of arguments");
    [[maybe_unused]] std::size_t next = 0;  // braced lists are evaluated in order
    std::tuple<typename Kept<P>::type...> kept{qb::decode<typename Kept<P>::type>(args[next++])...};
    if constexpr (std::is_void_v<R>) {
      std::apply([&](auto&... item) { function(static_cast<P>(item)...); }, kept);
      return "null";
    } else {
      return qb::encode<std::remove_cv_t<std::remove_reference_t<R>>>(std::apply([&](auto&... item) -> R { return function(static_cast<P>(item)...); }, kept));
    }
  };
}

struct Registration {
  Registration(const char* name, Function function) { functions()[name] = std::move(function); }
};

/// The class that was thrown and those of the standard library that it is one of.
inline std::string classes_of(const std::exception& error) {
  int status = 0;
  char* name = abi::__cxa_demangle(typeid(error).name(), nullptr, nullptr, &status);
  std::string out = quoted(name ? name : "");
  std::free(name);
  const auto add = [&](bool is, const char* standard) {
    if (is) out += "," + quoted(standard);
  };
  add(dynamic_cast<const std::invalid_argument*>(&error), "std::invalid_argument");
  add(dynamic_cast<const std::out_of_range*>(&error), "std::out_of_range");
  add(dynamic_cast<const std::domain_error*>(&error), "std::domain_error");
  add(dynamic_cast<const std::length_error*>(&error), "std::length_error");
  add(dynamic_cast<const std::logic_error*>(&error), "std::logic_error");
  add(dynamic_cast<const std::overflow_error*>(&error), "std::overflow_error");
  add(dynamic_cast<const std::underflow_error*>(&error), "std::underflow_error");
  add(dynamic_cast<const std::range_error*>(&error), "std::range_error");
  add(dynamic_cast<const std::runtime_error*>(&error), "std::runtime_error");
  add(dynamic_cast<const std::bad_alloc*>(&error), "std::bad_alloc");
  return out + ",\"std::exception\"";
}

inline std::string run_step(const Value& step) {
  std::string name;
  const Value* args = nullptr;
  for (std::size_t i = 0; i < step.keys.size(); ++i) {
    if (step.keys[i] == "call") name = step.items[i].text;
    if (step.keys[i] == "args") args = &step.items[i];
  }
  const auto found = functions().find(name);
  if (found == functions().end()) return "{\"x\":" + quoted("no function " + name + "; adapter.cpp has no QB_FUNCTION(" + name + ")") + "}";
  try {
    const std::string value = found->second(args->items);
    if (value.size() > (std::size_t{1} << 20)) return "{\"x\":\"a value of " + std::to_string(value.size()) + " characters\"}";
    return "{\"v\":" + value + "}";
  } catch (const Mismatch& error) {
    return "{\"x\":" + quoted(std::string("arguments that its signature does not take: ") + error.what()) + "}";
  } catch (const std::exception& error) {
    std::string said = error.what();
    if (!is_utf8(said)) said = "(no text)";
    return "{\"e\":[" + classes_of(error) + "],\"m\":" + quoted(said.substr(0, 500)) + "}";
  } catch (...) {
    const std::type_info* type = abi::__cxa_current_exception_type();
    int status = 0;
    char* what = type ? abi::__cxa_demangle(type->name(), nullptr, nullptr, &status) : nullptr;
    const std::string out = "{\"e\":[" + quoted(what ? what : "") + "],\"m\":\"\"}";
    std::free(what);
    return out;
  }
}

inline void write_all(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n <= 0) std::_Exit(1);
    done += static_cast<std::size_t>(n);
  }
}

/// The case's results from a process of its own, so that each begins with the answer's globals as written.
inline std::string run_forked(const Value& steps, int answers) {
  int ends[2];
  if (::pipe(ends) != 0) std::_Exit(1);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    ::close(answers);
    std::string out;
    for (const Value& step : steps.items) out += (out.empty() ? "" : ",") + run_step(step);
    write_all(ends[1], "[" + out + "]\n");
    std::_Exit(0);
  }
  ::close(ends[1]);
  std::string received;
  char block[1 << 14];
  while (received.find('\n') == std::string::npos && received.size() < (std::size_t{4} << 20)) {
    const ssize_t n = ::read(ends[0], block, sizeof block);
    if (n <= 0) break;
    received.append(block, static_cast<std::size_t>(n));
  }
  if (!received.empty()) ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);  // a grandchild may hold the other end
  const ssize_t more = ::read(ends[0], block, sizeof block);
  if (more > 0) received.append(block, static_cast<std::size_t>(more));
  ::close(ends[0]);
  if (!received.empty() && received.find('\n') == received.size() - 1) return "\"steps\":" + received.substr(0, received.size() - 1);
  const int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  const std::string how = signal ? "by signal " + std::to_string(signal) : "with exit code " + std::to_string(WEXITSTATUS(status));
  return "\"died\":\"" + how + "\",\"signal\":" + std::to_string(signal);
}

inline bool read_line(int fd, std::string& line) {
  static std::string pending;
  for (char block[1 << 14];;) {
    const std::size_t end = pending.find('\n');
    if (end != std::string::npos) {
      line = pending.substr(0, end);
      pending.erase(0, end + 1);
      return true;
    }
    const ssize_t n = ::read(fd, block, sizeof block);
    if (n <= 0) return false;
    pending.append(block, static_cast<std::size_t>(n));
  }
}

inline int serve() {
  const int requests = ::dup(0);
  const int answers = ::dup(1);
  ::dup2(2, 1);
  ::close(0);
  for (std::string line; read_line(requests, line);) {
    const Value request = Reader(line).read();
    std::string nonce;
    const Value* steps = nullptr;
    bool bye = false;
    for (std::size_t i = 0; i < request.keys.size(); ++i) {
      if (request.keys[i] == "n") nonce = request.items[i].text;
      if (request.keys[i] == "steps") steps = &request.items[i];
      if (request.keys[i] == "bye") bye = true;
    }
    const std::string what = bye ? "\"bye\":true" : steps ? run_forked(*steps, answers) : "\"ok\":true";
    write_all(answers, "{\"n\":\"" + nonce + "\"," + what + "}\n");
    if (bye) break;
  }
  return 0;
}

}  // namespace qb

#define QB_FUNCTION(name) static const qb::Registration qb_registration_##name(#name, qb::wrapped(&name));
