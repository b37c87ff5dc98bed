#include "record/record_json.h"

#include <fmt/format.h>

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/check.h"
#include "base/error.h"
#include "base/json.h"
#include "base/text_file.h"
#include "record/json_fields.h"
#include "record/json_fields_run.h"
#include "record/json_fields_study.h"

namespace qbench::record {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

template <class T>
concept Scalar = std::is_arithmetic_v<T> || std::same_as<T, std::string>;

/// Builds the JSON object of a record.
class Writer {
 public:
  template <class T>
  void operator()(const char* name, const T& value) {
    object_[name] = to(value);
  }
  template <class T>
  static ordered_json object_of(const T& record) {
    Writer writer;
    fields(writer, record);
    return std::move(writer.object_);
  }

 private:
  template <Scalar T>
  static ordered_json to(const T& value) {
    return value;
  }
  template <class T>
  static ordered_json to(const std::optional<T>& value) {
    return value ? to(*value) : ordered_json(nullptr);
  }
  template <class T>
  static ordered_json to(const std::vector<T>& values) {
    ordered_json array = ordered_json::array();
    for (const T& value : values) array.push_back(to(value));
    return array;
  }
  template <class E, class P>
  static ordered_json to(const Word<E, P>& word) {
    return std::string(name_of(word.value));
  }
  template <class S>
  static ordered_json to(const JsonText<S>& json_text) {
    return json_text.text.empty() ? ordered_json::object() : ordered_json::parse(canonical_json(json_text.text));
  }
  template <class T>
  static ordered_json to(const SinceVersion3<T>& field) {
    return to(field.value);
  }
  template <class T>
  static ordered_json to(const SinceVersion4<T>& field) {
    return to(field.value);
  }
  template <class V>
  static ordered_json to(const SessionValues<V>& values) {
    ordered_json array = ordered_json::array();
    for (const MetricValues& session : values.sessions) {
      ordered_json object = ordered_json::object();
      for (const MetricInfo& info : metric_catalog()) {
        if (info.by_session) object[std::string(info.name)] = number(session[info.id]);
      }
      array.push_back(std::move(object));
    }
    return array;
  }
  static ordered_json to(const MetricValues& metrics) {
    ordered_json object = ordered_json::object();
    for (const MetricInfo& info : metric_catalog()) {
      if (info.scope == MetricScope::kRepetition) object[std::string(info.name)] = number(metrics[info.id]);
    }
    return object;
  }
  static ordered_json to(const MetricSummary& metrics) {
    ordered_json object = ordered_json::object();
    for (const MetricInfo& info : metric_catalog()) {
      for (const Statistic s : info.statistics) object[column_name(info.id, s)] = number(metrics.at(info.id, s));
    }
    return object;
  }
  template <class T>
  static ordered_json to(const T& record) {
    return object_of(record);
  }
  static ordered_json number(const std::optional<double>& value) {
    if (!value || !std::isfinite(*value)) return nullptr;
    // Whole numbers without ".0", as in the CSV.
    if (std::abs(*value) <= 9007199254740992.0 && *value == std::trunc(*value)) return static_cast<std::int64_t>(*value);
    return *value;
  }

  ordered_json object_ = ordered_json::object();
};

/// Fills a record from a JSON object; errors name the field by its path.
class Reader {
 public:
  Reader(const json& object, std::string path, std::string_view where) : object_(object), path_(std::move(path)), where_(where) {
    if (!object.is_object()) fail(path_, "expected an object, found " + kind_of(object));
  }
  template <class T>
  void operator()(const char* name, T&& value) {
    const auto found = object_.find(name);
    const std::string path = path_.empty() ? name : path_ + "." + name;
    if (found == object_.end()) {
      if (may_be_missing(value)) return;
      fail(path, "is missing");
    }
    from(*found, path, value);
  }

 private:
  [[noreturn]] void fail(const std::string& path, const std::string& message) const {
    throw Error(ErrorCode::kFormat, "'" + (path.empty() ? "record" : path) + "': " + message, std::string(where_));
  }
  static std::string kind_of(const json& value) {
    // Spelled out for numbers: nlohmann calls all of them "number".
    return value.is_number_float() ? "a number with decimals" : std::string(value.type_name());
  }
  template <class T>
  static bool may_be_missing(const T&) {
    return false;
  }
  template <class T>
  static bool may_be_missing(const std::optional<T>&) {
    return true;
  }
  template <class T>
  static bool may_be_missing(const SinceVersion3<T>&) {
    return true;
  }
  template <class T>
  static bool may_be_missing(const SinceVersion4<T>&) {
    return true;
  }
  template <class V>
  static bool may_be_missing(const SessionValues<V>&) {
    return true;
  }

  void from(const json& value, const std::string& path, std::string& out) const {
    if (!value.is_string()) fail(path, "expected a string, found " + kind_of(value));
    out = value.get<std::string>();
  }
  void from(const json& value, const std::string& path, bool& out) const {
    if (!value.is_boolean()) fail(path, "expected true or false, found " + kind_of(value));
    out = value.get<bool>();
  }
  template <std::signed_integral T>
  void from(const json& value, const std::string& path, T& out) const {
    if (!value.is_number_integer()) fail(path, "expected an integer, found " + kind_of(value));
    if (value.is_number_unsigned() ? value.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<T>::max())
                                   : value.get<std::int64_t>() < std::int64_t{std::numeric_limits<T>::min()}) {
      fail(path, "is out of range");
    }
    out = value.get<T>();
  }
  void from(const json& value, const std::string& path, double& out) const {
    if (!value.is_number()) fail(path, "expected a number, found " + kind_of(value));
    out = value.get<double>();
  }
  template <class T>
  void from(const json& value, const std::string& path, std::optional<T>& out) const {
    out.reset();
    if (value.is_null()) return;
    out.emplace();
    from(value, path, *out);
  }
  template <class T>
  void from(const json& value, const std::string& path, std::vector<T>& out) const {
    if (!value.is_array()) fail(path, "expected an array, found " + kind_of(value));
    out.clear();
    out.resize(value.size());
    for (std::size_t i = 0; i < value.size(); ++i) from(value[i], path + "[" + std::to_string(i) + "]", out[i]);
  }
  template <class E, class P>
  void from(const json& value, const std::string& path, Word<E, P>& word) const {
    std::string name;
    from(value, path, name);
    try {
      word.value = word.parse(name);
    } catch (const Error& error) {
      fail(path, error.what());
    }
  }
  template <class S>
  void from(const json& value, const std::string& path, JsonText<S>& json_text) const {
    if (!value.is_object()) fail(path, "expected an object, found " + kind_of(value));
    json_text.text = value.empty() ? std::string() : dump_json(value);
  }
  template <class T>
  void from(const json& value, const std::string& path, SinceVersion3<T>& field) const {
    from(value, path, field.value);
  }
  template <class T>
  void from(const json& value, const std::string& path, SinceVersion4<T>& field) const {
    from(value, path, field.value);
  }
  template <class V>
  void from(const json& value, const std::string& path, SessionValues<V>& values) const {
    from(value, path, values.sessions);
  }
  void from(const json& value, const std::string& path, MetricValues& metrics) const {
    Reader reader(value, path, where_);
    for (const MetricInfo& info : metric_catalog()) reader(info.name.data(), metrics[info.id]);
  }
  void from(const json& value, const std::string& path, MetricSummary& metrics) const {
    Reader reader(value, path, where_);
    for (const MetricInfo& info : metric_catalog()) {
      for (const Statistic s : info.statistics) {
        std::optional<double> number;
        reader(column_name(info.id, s).c_str(), number);
        metrics.set(info.id, s, number);
      }
    }
  }
  void from(const json& value, const std::string& path, TelemetrySeries& series) const {
    Reader reader(value, path, where_);
    fields(reader, series);
    if (series.rss_bytes.size() != series.time_ns.size() || series.cpu_time_ns.size() != series.time_ns.size()) {
      fail(path, fmt::format("columns of different lengths: {} times, {} rss_bytes, {} cpu_time_ns", series.time_ns.size(),
                             series.rss_bytes.size(), series.cpu_time_ns.size()));
    }
    if (!series.gpu) return;
    const GpuSeries& gpu = *series.gpu;
    for (const GpuSeries::Column* column : {&gpu.utilization_percent, &gpu.sm_clock_mhz, &gpu.memory_clock_mhz, &gpu.power_mw,
                                            &gpu.temperature_c, &gpu.used_bytes, &gpu.clock_reasons}) {
      if (column->size() != series.time_ns.size())
        fail(path + ".gpu", fmt::format("a column of {} entries, {} times", column->size(), series.time_ns.size()));
    }
  }
  template <class T>
  void from(const json& value, const std::string& path, T& record) const {
    Reader reader(value, path, where_);
    fields(reader, record);
  }

  const json& object_;
  std::string path_;
  std::string_view where_;
};

std::string dump(const ordered_json& value, int indent = -1) {
  return value.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

template <class T>
ordered_json versioned(const char* kind, const T& record) {
  ordered_json object = ordered_json::object();
  object["kind"] = kind;
  object["schema_version"] = kSchemaVersion;
  object.update(Writer::object_of(record));
  return object;
}

void check_version(const json& object, std::string_view where) {
  if (!object.is_object()) throw Error(ErrorCode::kFormat, "expected a JSON object", std::string(where));
  const auto found = object.find("schema_version");
  if (found == object.end() || !found->is_number_integer()) throw Error(ErrorCode::kFormat, "has no schema_version", std::string(where));
  if (*found < kOldestSchemaVersion || *found > kSchemaVersion) {
    throw Error(ErrorCode::kFormat,
                fmt::format("schema_version {}, this build reads versions {} to {}: use the qbench that wrote it", found->dump(),
                            kOldestSchemaVersion, kSchemaVersion),
                std::string(where));
  }
}

template <class T>
T read_record(const json& object, std::string_view where) {
  T record;
  Reader reader(object, "", where);
  fields(reader, record);
  return record;
}

}  // namespace

std::string canonical_json(std::string_view text) {
  if (text.empty()) return {};
  const json value = json::parse(text, nullptr, false);
  QB_CHECK(!value.is_discarded());
  return dump_json(value);
}

std::string to_json_line(const LoadRecord& record) { return dump(versioned("load", record)); }
std::string to_json_line(const SampleRecord& record) { return dump(versioned("sample", record)); }
std::string to_json_line(const CellRecord& record) { return dump(versioned("cell", record)); }
std::string to_json_line(const TaskRecord& record) { return dump(versioned("task", record)); }
std::string to_json_line(const QualityRecord& record) { return dump(versioned("quality", record)); }
std::string to_json_line(const BreakdownRecord& record) { return dump(versioned("breakdown", record)); }
std::string to_json_line(const AblationRecord& record) { return dump(versioned("ablation", record)); }

Line parse_json_line(std::string_view text, std::string_view where) {
  const json object = parse_json(text, where, {.one_line = true});
  check_version(object, where);
  const auto kind = object.find("kind");
  if (kind != object.end() && *kind == "load") return read_record<LoadRecord>(object, where);
  if (kind != object.end() && *kind == "sample") return read_record<SampleRecord>(object, where);
  if (kind != object.end() && *kind == "cell") return read_record<CellRecord>(object, where);
  if (kind != object.end() && *kind == "task") return read_record<TaskRecord>(object, where);
  if (kind != object.end() && *kind == "quality") return read_record<QualityRecord>(object, where);
  if (kind != object.end() && *kind == "breakdown") return read_record<BreakdownRecord>(object, where);
  if (kind != object.end() && *kind == "ablation") return read_record<AblationRecord>(object, where);
  throw Error(ErrorCode::kFormat,
              "kind is " + (kind == object.end() ? "missing" : kind->dump()) +
                  ", expected \"load\", \"sample\", \"cell\", \"task\", \"quality\", \"breakdown\" or \"ablation\"",
              std::string(where));
}

std::string to_json(const RunRecord& record) { return dump(versioned("run", record), 2) + "\n"; }

RunRecord parse_run_json(std::string_view text, std::string_view where) {
  const json object = parse_json(text, where);
  check_version(object, where);
  if (const auto kind = object.find("kind"); kind == object.end() || *kind != "run") {
    throw Error(ErrorCode::kFormat, "kind is not \"run\": no run.json of qbench", std::string(where));
  }
  RunRecord record = read_record<RunRecord>(object, where);
  record.schema_version = object["schema_version"].get<int>();
  return record;
}

void write_run_json(const std::filesystem::path& path, const RunRecord& record) { write_text_file_atomic(path, to_json(record)); }

RunRecord read_run_json(const std::filesystem::path& path) { return parse_run_json(read_text_file(path), path.string()); }

}  // namespace qbench::record
