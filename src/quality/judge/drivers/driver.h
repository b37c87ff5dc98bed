// Runs the answer's functions and sends values back as data. It judges nothing and knows nothing of what is expected.
// Included before the answer; adapter.cpp, after it, says QB_FUNCTION(name) for each function that is called.
#pragma once
#include <cxxabi.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <new>
#include <typeinfo>

#include "driver_values.h"

namespace qb {

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
