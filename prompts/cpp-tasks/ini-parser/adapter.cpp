#include <vector>

namespace adapter {

/// A section with keys as rows [section, key, value], one without as [section].
std::vector<std::vector<std::string>> rows_of(const Ini& ini) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, section] : ini) {
    if (section.empty()) rows.push_back({name});
    for (const auto& [key, value] : section) rows.push_back({name, key, value});
  }
  return rows;
}

}  // namespace adapter

std::vector<std::vector<std::string>> rows_of(std::string text) { return adapter::rows_of(parse_ini(text)); }

/// Line of the error, 0 when there is none.
std::size_t error_line(std::string text) {
  try {
    parse_ini(text);
    return 0;
  } catch (const IniError& error) {
    return error.line();
  }
}

/// What parse_ini makes of what write_ini wrote.
std::vector<std::vector<std::string>> round_trip(std::vector<std::vector<std::string>> rows) {
  Ini ini;
  for (const auto& row : rows) {
    Section& section = ini[row.at(0)];
    if (row.size() > 1) section[row.at(1)] = row.at(2);
  }
  return adapter::rows_of(parse_ini(write_ini(ini)));
}

QB_FUNCTION(rows_of)
QB_FUNCTION(error_line)
QB_FUNCTION(round_trip)
