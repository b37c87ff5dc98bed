#include "run/job.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "run/score_job.h"
#include "run/task_json.h"

namespace qbench::run {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// Every member set, so that nothing depends on the defaults of whoever reads it.
workload::Settings as_settings(const workload::EffectiveSettings& e) {
  workload::Settings s;
  s.temperature = e.temperature;
  s.top_k = e.top_k;
  s.top_p = e.top_p;
  s.min_p = e.min_p;
  s.repetition_penalty = e.repetition_penalty;
  s.presence_penalty = e.presence_penalty;
  s.frequency_penalty = e.frequency_penalty;
  s.no_repeat_ngram = e.no_repeat_ngram;
  s.seed = e.seed;
  s.max_new_tokens = e.max_new_tokens;
  s.ignore_eos = e.ignore_eos;
  s.stop = e.stop;
  s.enable_thinking = e.enable_thinking;
  s.max_thinking_tokens = e.max_thinking_tokens;
  s.thinking_timeout = e.thinking_timeout;
  s.thinking_temperature = e.thinking_temperature;
  s.output_temperature = e.output_temperature;
  s.stages = e.stages;
  s.thinking_stages = e.thinking_stages;
  s.gen_tokens = e.gen_tokens;
  if (e.repetitions > 0) s.repetitions = e.repetitions;
  if (e.repetitions <= 0) {
    s.min_reps = e.min_reps;
    s.max_reps = e.max_reps;
    s.max_time = e.max_time;
    s.target_ci = e.target_ci;
  }
  if (e.warmup >= 0) s.warmup = e.warmup;
  s.sessions = e.sessions;
  s.pass = e.pass;
  if (e.context > 0) s.context = e.context;
  s.batch = e.batch;
  if (e.threads > 0) s.threads = e.threads;
  s.kv_type = e.kv_type;
  if (e.kv_window > 0) s.kv_window = e.kv_window;
  if (e.kv_sinks > 0) s.kv_sinks = e.kv_sinks;
  s.prefix_cache = e.prefix_cache;
  if (!e.vram_limit.empty()) s.vram_limit = e.vram_limit;
  s.vram_headroom = e.vram_headroom;
  s.precision = e.precision;
  s.mmap = e.mmap;
  s.mlock = e.mlock;
  return s;
}

workload::EffectiveSettings settings_of(const json& object) { return workload::effective(workload::settings_from_json(object, "job")); }

ordered_json to_json(const record::CellKey& key) {
  ordered_json object{{"model", key.model},        {"suite", key.suite},     {"prompt_id", key.prompt_id}, {"turn", key.turn},
          {"pass", name_of(key.pass)}, {"device", key.device},   {"precision", key.precision}, {"kv_type", key.kv_type},
          {"batch", key.batch},        {"context", key.context}, {"threads", key.threads}};
  if (key.kv_window) object["kv_window"] = *key.kv_window;
  if (key.kv_sinks) object["kv_sinks"] = *key.kv_sinks;
  return object;
}

record::CellKey key_of(const json& object) {
  record::CellKey key;
  object.at("model").get_to(key.model);
  object.at("suite").get_to(key.suite);
  object.at("prompt_id").get_to(key.prompt_id);
  object.at("turn").get_to(key.turn);
  key.pass = record::pass_from_name(object.at("pass").get<std::string>());
  object.at("device").get_to(key.device);
  object.at("precision").get_to(key.precision);
  object.at("kv_type").get_to(key.kv_type);
  object.at("batch").get_to(key.batch);
  object.at("context").get_to(key.context);
  object.at("threads").get_to(key.threads);
  if (object.contains("kv_window")) key.kv_window = object.at("kv_window").get<std::int64_t>();
  if (object.contains("kv_sinks")) key.kv_sinks = object.at("kv_sinks").get<std::int64_t>();
  return key;
}

ordered_json to_json(const catalog::ModelRef& ref) {
  ordered_json object{{"request", ref.request},    {"label", ref.label},   {"synthetic", ref.synthetic()},
                      {"path", ref.path.string()}, {"hub_id", ref.hub_id}, {"revision", ref.revision}};
  object["folder"] = ref.source == catalog::ModelSource::kDirectory;
  if (ref.entry) object["entry"] = ref.entry->name;
  return object;
}

catalog::ModelRef model_of(const json& object) {
  catalog::ModelRef ref;
  object.at("request").get_to(ref.request);
  object.at("label").get_to(ref.label);
  ref.source = object.at("synthetic").get<bool>() ? catalog::ModelSource::kSynthetic
               : object.at("folder").get<bool>()  ? catalog::ModelSource::kDirectory
                                                  : catalog::ModelSource::kFile;
  ref.path = object.at("path").get<std::string>();
  object.at("hub_id").get_to(ref.hub_id);
  object.at("revision").get_to(ref.revision);
  if (object.contains("entry")) {
    const std::string name = object.at("entry").get<std::string>();
    const catalog::Catalog catalog = catalog::Catalog::load_default();
    const catalog::CatalogEntry* entry = catalog.find(name);
    if (entry == nullptr) throw Error(ErrorCode::kConfig, "the catalogue has no entry '" + name + "' any more");
    ref.entry = *entry;
  }
  return ref;
}

}  // namespace

ordered_json to_json(const workload::Prompt& prompt) {
  ordered_json turns = ordered_json::array();
  for (const workload::Turn& turn : prompt.turns) {
    turns.push_back({{"text", turn.text}, {"prompt_tokens", turn.prompt_tokens}});
    if (!turn.stage) continue;
    turns.back()["stage"] = {{"name", turn.stage->name},
                             {"branch", turn.stage->branch},
                             {"branches", turn.stage->branches},
                             {"max_tokens", turn.stage->max_tokens},
                             {"temperature", turn.stage->temperature}};
  }
  ordered_json object{{"id", prompt.id}, {"language", prompt.language}, {"digest", prompt.digest}, {"turns", turns}};
  if (!prompt.group.empty()) object["group"] = prompt.group;
  if (prompt.system) object["system"] = *prompt.system;
  if (prompt.task) object["task"] = run::to_json(*prompt.task);
  return object;
}

workload::Prompt prompt_from_json(const json& object) {
  workload::Prompt prompt;
  object.at("id").get_to(prompt.id);
  object.at("language").get_to(prompt.language);
  object.at("digest").get_to(prompt.digest);
  for (const json& turn : object.at("turns")) {
    prompt.turns.push_back({turn.at("text").get<std::string>(), turn.at("prompt_tokens").get<std::int64_t>()});
    if (!turn.contains("stage")) continue;
    const json& stage = turn.at("stage");
    prompt.turns.back().stage = {stage.at("name").get<std::string>(), stage.at("branch").get<std::int64_t>(), stage.at("branches").get<std::int64_t>(),
                                 stage.at("max_tokens").get<std::int64_t>(), stage.at("temperature").get<double>()};
  }
  if (object.contains("group")) object.at("group").get_to(prompt.group);
  if (object.contains("system")) prompt.system = object.at("system").get<std::string>();
  if (object.contains("task")) prompt.task = task_from_json(object.at("task"));
  return prompt;
}

ordered_json to_json(const Answer& answer) {
  ordered_json object{{"texts", answer.texts},
                      {"ids", answer.ids},
                      {"prompt_tokens", answer.cost.prompt_tokens},
                      {"answer_tokens", answer.cost.answer_tokens},
                      {"generation_s", answer.cost.generation_s}};
  if (answer.cost.thinking_tokens) object["thinking_tokens"] = *answer.cost.thinking_tokens;
  if (answer.cost.thinking_end) object["thinking_end"] = *answer.cost.thinking_end;
  return object;
}

Answer answer_from_json(const json& object) {
  Answer answer;
  object.at("texts").get_to(answer.texts);
  object.at("ids").get_to(answer.ids);
  object.at("prompt_tokens").get_to(answer.cost.prompt_tokens);
  object.at("answer_tokens").get_to(answer.cost.answer_tokens);
  object.at("generation_s").get_to(answer.cost.generation_s);
  if (object.contains("thinking_tokens")) answer.cost.thinking_tokens = object.at("thinking_tokens").get<std::int64_t>();
  if (object.contains("thinking_end")) answer.cost.thinking_end = object.at("thinking_end").get<std::string>();
  return answer;
}

ordered_json to_json(const JobCell& cell) {
  ordered_json answers = ordered_json::array();
  for (const Answer& answer : cell.answers) answers.push_back(to_json(answer));
  return {{"key", to_json(cell.key)},
          {"prompt", to_json(cell.prompt)},
          {"settings", workload::to_json(as_settings(cell.settings))},
          {"repetitions", cell.repetitions},
          {"warmup", cell.warmup},
          {"first_repetition", cell.first_repetition},
          {"earlier_s", cell.earlier_s},
          {"answers", answers}};
}

JobCell job_cell_from_json(const json& object) {
  JobCell cell;
  cell.key = key_of(object.at("key"));
  cell.pass = cell.key.pass == record::Pass::kSpeed ? workload::Pass::kSpeed : workload::Pass::kText;
  cell.prompt = prompt_from_json(object.at("prompt"));
  cell.settings = settings_of(object.at("settings"));
  object.at("repetitions").get_to(cell.repetitions);
  object.at("warmup").get_to(cell.warmup);
  object.at("first_repetition").get_to(cell.first_repetition);
  object.at("earlier_s").get_to(cell.earlier_s);
  for (const json& answer : object.at("answers")) cell.answers.push_back(answer_from_json(answer));
  return cell;
}

std::int64_t most_tokens(const JobCell& cell, std::int64_t turn) {
  if (cell.pass == workload::Pass::kSpeed) return cell.settings.gen_tokens;
  const auto& stage = cell.prompt.turns[static_cast<std::size_t>(turn - 1)].stage;
  return stage ? stage->max_tokens : cell.settings.max_new_tokens;
}

std::string to_json(const Job& job) {
  ordered_json cells = ordered_json::array();
  for (const JobCell& cell : job.cells) cells.push_back(to_json(cell));
  ordered_json object{{"model", to_json(job.model)},
                            {"device", {{"name", job.device.device}, {"threads", job.device.threads}, {"isa", job.device.isa}}},
                            {"engine", workload::to_json(as_settings(job.engine))},
                            {"context", job.context},
                            {"stream", job.stream},
                            {"breakdown", job.breakdown},
                            {"ablate", job.ablate},
                            {"cells", cells}};
  if (job.score) object["score"] = to_json(*job.score);
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Job parse_job(std::string_view text) {
  const json object = parse_json(text, "job");
  try {
    Job job;
    job.model = model_of(object.at("model"));
    object.at("device").at("name").get_to(job.device.device);
    object.at("device").at("threads").get_to(job.device.threads);
    object.at("device").at("isa").get_to(job.device.isa);
    job.engine = settings_of(object.at("engine"));
    object.at("context").get_to(job.context);
    object.at("stream").get_to(job.stream);
    object.at("breakdown").get_to(job.breakdown);
    object.at("ablate").get_to(job.ablate);
    for (const json& cell : object.at("cells")) job.cells.push_back(job_cell_from_json(cell));
    if (object.contains("score")) job.score = std::make_shared<ScoreJob>(score_job_from_json(object.at("score")));
    return job;
  } catch (const json::exception& broken) {
    throw Error(ErrorCode::kFormat, std::string("not a worker's job: ") + broken.what(), "job");
  }
}

}  // namespace qbench::run
