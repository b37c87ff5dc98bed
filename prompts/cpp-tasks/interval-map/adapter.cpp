#include <sstream>

namespace adapter {

std::string text_of(const std::vector<Segment>& segments) {
  std::string out;
  for (const Segment& segment : segments) {
    out += (out.empty() ? "" : " ") + ("[" + std::to_string(segment.begin)) + "," + std::to_string(segment.end) + ")" + segment.value;
  }
  return out;
}

}  // namespace adapter

/// Runs commands such as "assign 1 5 red", "erase 2 3", "at 4", "covered 0 9", "segments", "segments 2 4"; returns what they answered.
std::vector<std::string> run_intervals(std::vector<std::string> commands) {
  IntervalMap map;
  std::vector<std::string> out;
  for (const std::string& command : commands) {
    std::istringstream words(command);
    std::string verb, value;
    std::int64_t begin = 0, end = 0;
    words >> verb;
    const bool ranged = static_cast<bool>(words >> begin >> end);
    words.clear();
    words >> value;
    if (verb == "assign") {
      map.assign(begin, end, value);
    } else if (verb == "erase") {
      map.erase(begin, end);
    } else if (verb == "at") {
      out.push_back(map.at(begin).value_or("none"));
    } else if (verb == "covered") {
      out.push_back(std::to_string(map.covered(begin, end)));
    } else if (verb == "segments") {
      out.push_back(adapter::text_of(ranged ? map.segments(begin, end) : map.segments()));
    } else {
      throw std::logic_error("unknown command " + verb);
    }
  }
  return out;
}

QB_FUNCTION(run_intervals)
