// Texts that are not UTF-8 travel as hexadecimal digits.
namespace adapter {

std::string bytes_of(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) out.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  return out;
}

std::string hex_of(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char byte : bytes) {
    out.push_back(kDigits[static_cast<unsigned char>(byte) >> 4]);
    out.push_back(kDigits[static_cast<unsigned char>(byte) & 15]);
  }
  return out;
}

}  // namespace adapter

std::optional<std::size_t> first_invalid_hex(std::string hex) { return first_invalid(adapter::bytes_of(hex)); }

std::string repair_hex(std::string hex) { return adapter::hex_of(repair(adapter::bytes_of(hex))); }

std::vector<long long> code_points_hex(std::string hex) {
  std::vector<long long> out;
  for (const char32_t point : code_points(adapter::bytes_of(hex))) out.push_back(static_cast<long long>(point));
  return out;
}

std::string truncate_hex(std::string hex, std::size_t max_bytes) { return adapter::hex_of(truncate(adapter::bytes_of(hex), max_bytes)); }

QB_FUNCTION(first_invalid_hex)
QB_FUNCTION(repair_hex)
QB_FUNCTION(code_points_hex)
QB_FUNCTION(truncate_hex)
