#include "run/task_json.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

namespace qbench::run {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

ordered_json files_json(const std::vector<workload::CodeFile>& files) {
  ordered_json array = ordered_json::array();
  for (const workload::CodeFile& file : files) array.push_back({{"path", file.path}, {"text", file.text}});
  return array;
}

std::vector<workload::CodeFile> files_of(const json& array) {
  std::vector<workload::CodeFile> files;
  for (const json& file : array) files.push_back({file.at("path").get<std::string>(), file.at("text").get<std::string>()});
  return files;
}

}  // namespace

ordered_json to_json(const workload::Task& task) {
  return {{"id", task.id},
          {"language", task.language},
          {"kind", static_cast<int>(task.kind)},
          {"entry_point", task.entry_point},
          {"paths", task.paths},
          {"cases", task.cases},
          {"tolerance", task.tolerance},
          {"harness", files_json(task.harness)},
          {"prefix", task.prefix},
          {"test", task.test},
          {"checks", task.checks},
          {"reference", files_json(task.reference)},
          {"digest", task.digest}};
}

workload::Task task_from_json(const json& object) {
  workload::Task task;
  object.at("id").get_to(task.id);
  object.at("language").get_to(task.language);
  const int kind = object.at("kind").get<int>();
  if (kind < 0 || kind > static_cast<int>(workload::TaskKind::kChecks)) throw Error(ErrorCode::kFormat, "unknown kind of task", "job");
  task.kind = static_cast<workload::TaskKind>(kind);
  object.at("entry_point").get_to(task.entry_point);
  object.at("paths").get_to(task.paths);
  object.at("cases").get_to(task.cases);
  object.at("tolerance").get_to(task.tolerance);
  task.harness = files_of(object.at("harness"));
  object.at("prefix").get_to(task.prefix);
  object.at("test").get_to(task.test);
  object.at("checks").get_to(task.checks);
  task.reference = files_of(object.at("reference"));
  object.at("digest").get_to(task.digest);
  return task;
}

}  // namespace qbench::run
