// Reads one JSON string a line and prints the ids, one array a line: what scripts/check_tokenizer.py compares with Python's `tokenizers`.
//   tokenize_lines SOURCE [--special] [--time REPEATS] [--decode] < lines
#include <cstdio>
#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/error.h"
#include "formats/tokenizer_source.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace {

using qbench::text::Tokenizer;

/// Processor time, so that others on the machine count for little; on one thread.
void print_speed(const Tokenizer& tokenizer, const std::vector<std::string>& texts, int repeats) {
  std::size_t bytes = 0, tokens = 0;
  for (const auto& text : texts) bytes += text.size();
  for (int repeat = 0; repeat < repeats; ++repeat) {
    tokens = 0;
    const std::clock_t begin = std::clock();
    for (const auto& text : texts) tokens += tokenizer.encode(text).size();
    const auto seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    std::printf("%.3f MB/s, %zu tokens\n", static_cast<double>(bytes) * 1e-6 / seconds, tokens);
  }
}

int run(const std::vector<std::string>& arguments) {
  bool special = false, decode = false;
  int repeats = 0;
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    if (arguments[i] == "--special") special = true;
    if (arguments[i] == "--decode") decode = true;
    if (arguments[i] == "--time") repeats = std::stoi(arguments.at(++i));
  }
  const std::clock_t begin = std::clock();
  const auto tokenizer = qbench::text::make_tokenizer(qbench::formats::load_tokenizer_source(arguments.at(1)));
  std::cerr << "loaded in " << (std::clock() - begin) * 1000 / CLOCKS_PER_SEC << " ms, " << tokenizer->vocab_size() << " ids\n";
  std::vector<std::string> texts;
  for (std::string line; std::getline(std::cin, line);) {
    const auto value = nlohmann::json::parse(line);
    if (decode) {
      std::cout << nlohmann::json(qbench::text::replace_invalid_utf8(tokenizer->decode(value.get<std::vector<std::int32_t>>()))).dump()
                << "\n";
    } else if (repeats > 0) {
      texts.push_back(value.get<std::string>());
    } else {
      std::cout << nlohmann::json(tokenizer->encode(value.get<std::string>(), {special})).dump() << "\n";
    }
  }
  if (repeats > 0) print_speed(*tokenizer, texts, repeats);
  return 0;
}

}  // namespace

int main(int argc, char** argv) try { return run({argv, argv + argc}); } catch (const qbench::Error& error) {
  std::cerr << error.what() << "\n";
  return 2;
}
