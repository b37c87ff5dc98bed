#include <memory>
#include <sstream>
#include <string>

namespace adapter {

/// Can only be moved and has no default constructor, as the task allows.
struct Item {
  explicit Item(std::string value) : text(std::make_unique<std::string>(std::move(value))) {}
  std::unique_ptr<std::string> text;
};

std::string text_of(const std::optional<Item>& item) { return item ? *item->text : "none"; }
std::string text_of(bool value) { return value ? "true" : "false"; }

}  // namespace adapter

/// Runs commands such as "push a", "try_push a", "evict a", "pop", "try_pop", "drain 2", "close", "closed", "size" in one thread; returns the answers.
std::vector<std::string> run_queue(std::size_t capacity, std::vector<std::string> commands) {
  BoundedQueue<adapter::Item> queue(capacity);
  std::vector<std::string> out;
  for (const std::string& command : commands) {
    std::istringstream words(command);
    std::string verb, value;
    words >> verb >> value;
    if (verb == "push") {
      out.push_back(adapter::text_of(queue.push(adapter::Item(value))));
    } else if (verb == "try_push") {
      out.push_back(adapter::text_of(queue.try_push(adapter::Item(value))));
    } else if (verb == "evict") {
      out.push_back(adapter::text_of(queue.push_evicting(adapter::Item(value))));
    } else if (verb == "pop") {
      out.push_back(adapter::text_of(queue.pop()));
    } else if (verb == "try_pop") {
      out.push_back(adapter::text_of(queue.try_pop()));
    } else if (verb == "drain") {
      std::string all;
      for (const adapter::Item& item : queue.drain(std::stoul(value))) all += *item.text;
      out.push_back(all);
    } else if (verb == "close") {
      queue.close();
    } else if (verb == "closed") {
      out.push_back(adapter::text_of(queue.closed()));
    } else if (verb == "size") {
      out.push_back(std::to_string(std::as_const(queue).size()));
    } else {
      throw std::logic_error("unknown command " + verb);
    }
  }
  return out;
}

QB_FUNCTION(run_queue)
