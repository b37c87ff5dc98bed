#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "catalog/resolve.h"
#include "record/records.h"
#include "run/device_factory.h"
#include "run/plan.h"
#include "workload/suite.h"

namespace qbench::run {

/// What a request took, of its first sequence.
struct AnswerCost {
  std::int64_t prompt_tokens = 0, answer_tokens = 0;
  std::optional<std::int64_t> thinking_tokens = {};  ///< of answer_tokens
  std::optional<std::string> thinking_end = {};      ///< record::SequenceRecord
  double generation_s = 0;
};

/// What the model answered in one turn, one entry per sequence: the history of the turns after it.
struct Answer {
  std::vector<std::string> texts;
  std::vector<std::vector<std::int32_t>> ids;
  AnswerCost cost = {};
};

/// A cell as the worker gets it.
struct JobCell {
  record::CellKey key;  ///< of turn 1
  workload::Pass pass = workload::Pass::kSpeed;
  workload::Prompt prompt;
  workload::EffectiveSettings settings;
  std::int64_t repetitions = 1;       ///< 0: by the settings' stopping rule
  std::int64_t warmup = 0;            ///< below 0: until stable
  std::int64_t first_repetition = 0;  ///< repetitions of this session that an interrupted run has already
  std::vector<double> earlier_s;      ///< (first_repetition) how long they took
  std::vector<Answer> answers;        ///< text pass: turns that an interrupted run has already
};

/// Tokens that the cell's request of that turn generates at most.
std::int64_t most_tokens(const JobCell& cell, std::int64_t turn);

struct ScoreJob;

/// Everything that a worker process does: one model and cells of it.
struct Job {
  catalog::ModelRef model;  ///< the catalogue's entry travels as its name
  DeviceRequest device;
  workload::EffectiveSettings engine;
  std::int64_t context = 0;
  bool stream = false;  ///< send the text while it is written
  bool breakdown = false;           ///< as in RunOptions
  std::vector<std::string> ablate;  ///< as in RunOptions
  std::vector<JobCell> cells;
  std::shared_ptr<const ScoreJob> score;  ///< after the cells; nullptr: nothing
};

/// What a worker needs of a prompt: its texts, what tells it from others, its task.
nlohmann::ordered_json to_json(const workload::Prompt& prompt);
/// Inverse; nlohmann's exceptions and Error.
workload::Prompt prompt_from_json(const nlohmann::json& object);
nlohmann::ordered_json to_json(const Answer& answer);
/// Inverse; nlohmann's exceptions.
Answer answer_from_json(const nlohmann::json& object);
nlohmann::ordered_json to_json(const JobCell& cell);
/// Inverse; nlohmann's exceptions and Error.
JobCell job_cell_from_json(const nlohmann::json& object);

/// One JSON document.
std::string to_json(const Job& job);
/// Inverse; Error{kFormat}. The catalogue is read again for the entry's shape.
Job parse_job(std::string_view text);

}  // namespace qbench::run
