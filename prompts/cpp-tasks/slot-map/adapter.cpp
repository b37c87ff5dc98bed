#include <map>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace adapter {

std::string text_of(Handle handle) { return std::to_string(handle.index) + ":" + std::to_string(handle.generation); }

/// Can only be moved and has no default constructor, as the task allows; counts those that are alive.
struct Element {
  Element(std::string value, int& alive) : text(std::make_unique<std::string>(std::move(value))), count(&alive, [](int* n) { --*n; }) {
    ++alive;
  }
  std::unique_ptr<std::string> text;
  std::unique_ptr<int, void (*)(int*)> count;
};

}  // namespace adapter

/// Runs commands such as "insert apple a" (the handle is kept as a), "get a", "erase a", "handle 3 1 b", "size", "slots", "alive", "clear".
std::vector<std::string> run_slot_map(std::vector<std::string> commands) {
  int alive = 0;
  SlotMap<adapter::Element> map;
  std::map<std::string, Handle> handles;
  handles["default"] = Handle{};
  std::vector<std::string> out;
  for (const std::string& command : commands) {
    std::istringstream words(command);
    std::string verb, first, second;
    words >> verb >> first >> second;
    if (verb == "insert") {
      handles[second] = map.insert(adapter::Element(first, alive));
      out.push_back(adapter::text_of(handles[second]));
    } else if (verb == "get") {
      const adapter::Element* found = std::as_const(map).get(handles.at(first));
      if (found != map.get(handles.at(first))) throw std::logic_error("get and get const differ");
      out.push_back(found ? *found->text : "none");
    } else if (verb == "erase") {
      out.push_back(map.erase(handles.at(first)) ? "erased" : "stale");
    } else if (verb == "handle") {
      std::string name;
      words >> name;
      handles[name] = Handle{static_cast<std::uint32_t>(std::stoul(first)), static_cast<std::uint32_t>(std::stoul(second))};
    } else if (verb == "size") {
      out.push_back(std::to_string(map.size()));
    } else if (verb == "slots") {
      out.push_back(std::to_string(map.slots()));
    } else if (verb == "alive") {
      out.push_back(std::to_string(alive));
    } else if (verb == "clear") {
      map.clear();
    } else {
      throw std::logic_error("unknown command " + verb);
    }
  }
  return out;
}

/// Inserts and erases `rounds` times, keeping `kept` elements at most; returns the number of slots at the end.
std::size_t churn(int kept, int rounds) {
  SlotMap<std::string> map;
  std::vector<Handle> handles;
  for (int i = 0; i < rounds; ++i) {
    handles.push_back(map.insert(std::to_string(i)));
    if (handles.size() > static_cast<std::size_t>(kept)) {
      if (!map.erase(handles[handles.size() / 2])) throw std::logic_error("a live handle is stale");
      handles.erase(handles.begin() + static_cast<std::ptrdiff_t>(handles.size() / 2));
    }
  }
  return map.slots();
}

QB_FUNCTION(run_slot_map)
QB_FUNCTION(churn)
