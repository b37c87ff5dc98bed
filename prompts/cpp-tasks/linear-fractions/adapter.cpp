namespace adapter {

using Texts = std::vector<std::vector<std::string>>;

std::vector<Fraction> fractions_of(const std::vector<std::string>& texts) {
  std::vector<Fraction> out;
  for (const std::string& text : texts) out.push_back(parse_fraction(text));
  return out;
}

Matrix matrix_of(const Texts& texts) {
  Matrix out;
  for (const auto& row : texts) out.push_back(fractions_of(row));
  return out;
}

std::vector<std::string> texts_of(const std::vector<Fraction>& values) {
  std::vector<std::string> out;
  for (const Fraction& value : values) out.push_back(to_string(value));
  return out;
}

}  // namespace adapter

std::vector<std::int64_t> parts_of(std::string text) {
  const Fraction value = parse_fraction(text);
  return {value.numerator, value.denominator};
}

std::string normalised(std::string text) { return to_string(parse_fraction(text)); }

std::vector<std::vector<std::string>> reduced_rows(std::vector<std::vector<std::string>> rows) {
  Matrix matrix = adapter::matrix_of(rows);
  row_reduce(matrix);
  adapter::Texts out;
  for (const auto& row : matrix) out.push_back(adapter::texts_of(row));
  return out;
}

std::size_t rank_of(std::vector<std::vector<std::string>> rows) {
  Matrix matrix = adapter::matrix_of(rows);
  return row_reduce(matrix);
}

std::optional<std::vector<std::string>> solution_of(std::vector<std::vector<std::string>> rows, std::vector<std::string> right) {
  const auto solution = solve(adapter::matrix_of(rows), adapter::fractions_of(right));
  if (!solution) return std::nullopt;
  return adapter::texts_of(*solution);
}

std::string determinant_of(std::vector<std::vector<std::string>> rows) { return to_string(determinant(adapter::matrix_of(rows))); }

QB_FUNCTION(parts_of)
QB_FUNCTION(normalised)
QB_FUNCTION(reduced_rows)
QB_FUNCTION(rank_of)
QB_FUNCTION(solution_of)
QB_FUNCTION(determinant_of)
