#include "recommend/prediction_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/descriptor.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text_file.h"
#include "recommend/prediction_json.h"

namespace qbench::recommend {
namespace {

constexpr int kVersion = 1;
constexpr std::size_t kMostBytes = std::size_t{256} << 20;
constexpr std::string_view kLineStart = R"({"version":)";

/// The members of a prediction that have intervals.
struct EstimateField {
  const char* name;
  std::optional<Estimate> Prediction::*member;
};
constexpr EstimateField kEstimates[] = {{"output_tokens", &Prediction::output_tokens},       {"ttft_ms", &Prediction::ttft_ms},
                                        {"decode_tok_per_s", &Prediction::decode_tok_per_s}, {"e2e_ms", &Prediction::e2e_ms},
                                        {"success_ratio", &Prediction::success_ratio},       {"quality_score", &Prediction::quality_score}};

class Reader {
 public:
  Reader(const nlohmann::json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) fail("expected an object");
  }

  std::string text(const char* key) const {
    const nlohmann::json& value = member(key);
    if (!value.is_string()) fail(std::string(key) + ": expected a string");
    return value.get<std::string>();
  }
  bool truth(const char* key) const {
    const nlohmann::json& value = member(key);
    if (!value.is_boolean()) fail(std::string(key) + ": expected true or false");
    return value.get<bool>();
  }
  double number(const char* key) const {
    const nlohmann::json& value = member(key);
    if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() < 0)
      fail(std::string(key) + ": expected a number from 0 on");
    return value.get<double>();
  }
  std::optional<double> maybe_number(const char* key) const { return object_.contains(key) ? std::optional(number(key)) : std::nullopt; }
  const nlohmann::json& member(const char* key) const {
    const auto at = object_.find(key);
    if (at == object_.end()) fail(std::string(key) + ": missing");
    return *at;
  }
  bool has(const char* key) const { return object_.contains(key); }
  [[noreturn]] void fail(const std::string& message) const { throw Error(ErrorCode::kFormat, message, where_); }
  const std::string& where() const { return where_; }

 private:
  const nlohmann::json& object_;
  std::string where_;
};

Prediction prediction_from(const Reader& reader) {
  Prediction prediction;
  prediction.prompt_tokens = reader.number("prompt_tokens");
  prediction.memory_bytes = reader.maybe_number("memory_bytes");
  prediction.context_tokens = reader.maybe_number("context_tokens");
  for (const EstimateField& field : kEstimates) {
    if (!reader.has(field.name)) continue;
    const Reader one(reader.member(field.name), reader.where() + ": " + field.name);
    const double n = one.number("n");
    if (n > 1e15) one.fail("n: too large");
    if (one.has("low") != one.has("high")) one.fail("low and high: expected both or none");
    prediction.*field.member =
        Estimate{one.number("value"), one.maybe_number("low"), one.maybe_number("high"), static_cast<std::int64_t>(n)};
  }
  return prediction;
}

StoredPrediction stored_from(const nlohmann::json& line, const std::string& where) {
  const Reader reader(line, where);
  if (reader.number("version") != kVersion) reader.fail("version: expected " + std::to_string(kVersion));
  StoredPrediction stored;
  stored.created_utc = reader.text("created_utc");
  stored.task = reader.text("task");
  stored.digest = reader.text("prompt_digest");
  stored.complexity = reader.number("complexity");
  stored.preference = reader.text("preference");
  if (reader.has("chosen")) stored.chosen = reader.text("chosen");
  if (!reader.member("candidates").is_array()) reader.fail("candidates: expected an array");
  for (const nlohmann::json& one : reader.member("candidates")) {
    const Reader candidate(one, where + ": candidates");
    stored.candidates.push_back({candidate.text("key"), candidate.text("name"), !candidate.has("can_win") || candidate.truth("can_win"),
                                 prediction_from(Reader(candidate.member("prediction"), where + ": prediction"))});
  }
  return stored;
}

[[noreturn]] void fail_to_write(const std::filesystem::path& path, int error) {
  throw Error(ErrorCode::kIo,
              fmt::format("cannot be written: {}; --predictions names another file, --no-save keeps no prediction", std::strerror(error)),
              path.string());
}

std::string line_name(const std::filesystem::path& path, std::string_view text_before) {
  return path.string() + ", line " + std::to_string(1 + std::count(text_before.begin(), text_before.end(), '\n'));
}

/// Whether the last line, which has no newline, is what a killed process wrote of a prediction.
bool is_half_line(std::string_view last) {
  return (last.starts_with(kLineStart) || kLineStart.starts_with(last)) && find_json_problem(last, {.one_line = true});
}

/// Makes the file end with a whole line; says which half one was cut off.
std::optional<std::string> end_last_line(int file, const std::filesystem::path& path) {
  const std::string text = read_text_file(path, kMostBytes);
  const std::size_t begin = text.rfind('\n') + 1;  // 0 without a newline
  const std::string_view last = std::string_view(text).substr(begin);
  if (last.empty()) return std::nullopt;
  const std::string where = line_name(path, std::string_view(text).substr(0, begin));
  if (is_half_line(last)) {
    if (::ftruncate(file, static_cast<off_t>(begin)) != 0) fail_to_write(path, errno);
    return where;
  }
  if (find_json_problem(last, {.one_line = true}))
    throw Error(ErrorCode::kFormat, "expected a prediction or the beginning of one; name another file with --predictions", where);
  if (::write(file, "\n", 1) != 1) fail_to_write(path, errno);  // an editor's file: only the newline is missing
  return std::nullopt;
}

}  // namespace

nlohmann::ordered_json to_json(const Prediction& prediction) {
  nlohmann::ordered_json out{{"prompt_tokens", prediction.prompt_tokens}};
  if (prediction.context_tokens) out["context_tokens"] = *prediction.context_tokens;
  if (prediction.memory_bytes) out["memory_bytes"] = *prediction.memory_bytes;
  for (const EstimateField& field : kEstimates) {
    const auto& estimate = prediction.*field.member;
    if (!estimate) continue;
    out[field.name] = {{"value", estimate->value}};
    if (estimate->low) {
      out[field.name]["low"] = *estimate->low;
      out[field.name]["high"] = *estimate->high;
    }
    out[field.name]["n"] = estimate->n;
  }
  return out;
}

std::optional<std::string> append_prediction(const std::filesystem::path& path, const StoredPrediction& stored) {
  nlohmann::ordered_json line{{"version", kVersion},
                              {"created_utc", stored.created_utc},
                              {"task", stored.task},
                              {"prompt_digest", stored.digest},
                              {"complexity", stored.complexity},
                              {"preference", stored.preference}};
  if (stored.chosen) line["chosen"] = *stored.chosen;
  line["candidates"] = nlohmann::ordered_json::array();
  for (const StoredCandidate& candidate : stored.candidates)
    line["candidates"].push_back(
        {{"key", candidate.key}, {"name", candidate.name}, {"can_win", candidate.can_win}, {"prediction", to_json(candidate.prediction)}});
  std::error_code failed;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), failed);
  const std::string text = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  // The lock keeps another process from taking a line for half that is being written; it goes with the descriptor.
  if (!file || ::flock(file.get(), LOCK_EX) != 0) fail_to_write(path, errno);
  struct stat status {};
  std::optional<std::string> half_line;
  if (::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode)) half_line = end_last_line(file.get(), path);
  errno = ENOSPC;  // of a write that stops short
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) fail_to_write(path, errno);
  return half_line;
}

StoredPredictions read_predictions(const std::filesystem::path& path) {
  const std::string text = read_text_file(path, kMostBytes);
  StoredPredictions stored;
  std::size_t number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    if (line.empty()) continue;
    const std::string where = path.string() + ", line " + std::to_string(number);
    if (end == text.size() && is_half_line(line)) {
      stored.half_line = where;
      break;
    }
    stored.predictions.push_back(stored_from(parse_json(line, where, {.one_line = true}), where));
  }
  return stored;
}

}  // namespace qbench::recommend
