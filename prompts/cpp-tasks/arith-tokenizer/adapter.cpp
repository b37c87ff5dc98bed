/// Each token as "kind text@position".
std::vector<std::string> tokens_of(std::string input) {
  constexpr const char* kKinds[] = {"number", "name", "operator", "open", "close", "comma"};
  std::vector<std::string> out;
  for (const Token& token : tokenize(input)) {
    out.push_back(std::string(kKinds[static_cast<int>(token.kind)]) + " " + token.text + "@" + std::to_string(token.position));
  }
  return out;
}

/// Position of the error, or -1 when there is none.
long long error_position(std::string input) {
  try {
    tokenize(input);
    return -1;
  } catch (const TokenError& error) {
    return static_cast<long long>(error.position);
  }
}

QB_FUNCTION(tokens_of)
QB_FUNCTION(error_position)
