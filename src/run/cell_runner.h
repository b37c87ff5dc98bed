#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "engine/session.h"
#include "measure/telemetry.h"
#include "record/records.h"
#include "run/job.h"
#include "run/live_feed.h"
#include "run/messages.h"
#include "run/opened_model.h"
#include "run/prompt_source.h"
#include "run/score_pass.h"
#include "run/stop_words.h"
#include "run/study.h"

namespace qbench::run {

/// Measures cells of one loaded model, one repetition after the other, and sends a record of each as soon as it is there.
class CellRunner {
 public:
  struct Context {
    OpenedModel* opened;
    engine::Session* session;
    MessageWriter* writer;
    LiveFeed* feed;
    const std::atomic<bool>* cancel;
    bool stream;
    const DeviceFactory* devices = nullptr;  ///< for copies of the model that --ablate needs
  };
  CellRunner(const Context& context, const Job& job);

  /// Cold request (before the first cell only), warm-up, measured repetitions; in the text pass each turn once. Sends samples, and for each
  /// row a CellRecord without summary. A failure ends the cell and stands in its rows. False when it was cancelled.
  bool run(std::size_t index);
  /// One request of the scoring pass, made as the text pass makes its own; nothing is sent.
  ScoreReply ask(const ScoreRequest& request);
  /// What this process has written in answer to a cell of the text pass; nullptr where it has not, or not all of it.
  const WrittenAnswer* written(std::size_t cell) const;
  /// Whether the last cell failed by its device, which then is of no more use to this process.
  bool device_failed() const;

 private:
  bool run_speed(std::size_t index, const JobCell& cell);
  bool run_text(std::size_t index, const JobCell& cell);
  /// Requests before the measured ones: as many as were asked for, or until they are stable. False as in repeat.
  bool warm_up(Progress at, const JobCell& cell, const Conversation& conversation);
  /// The measured ones, until the cell's rule ends them.
  bool measure_repetitions(Progress at, const JobCell& cell, const Conversation& conversation);
  /// One request, measured, kept in last_ and sent. False when it failed or was cancelled.
  bool repeat(Progress at, const JobCell& cell, const Conversation& conversation, bool keep_text, Answer* answer);
  record::SampleRecord measure(const Progress& at, const JobCell& cell, const Conversation& conversation, bool keep_text, Answer* answer);
  StopWords stop_words(const JobCell& cell, bool speed) const;
  engine::GenerateRequest make_request(const workload::EffectiveSettings& settings, const StopWords& stops, bool speed, std::int64_t most_tokens);
  /// What the request of a turn runs with.
  workload::EffectiveSettings turn_settings(const JobCell& cell, std::int64_t turn) const;
  /// Notes what of the prompts came from the KV cache, and what that saved.
  void add_prefix_facts(const std::vector<engine::Generation>& generations, bool reuses, bool cold, record::SampleRecord& sample);
  void send_cell(const JobCell& cell, std::int64_t turn);
  /// Where the cell's time goes and what its paths are worth, where the job asks for it; the cell's row has been sent, and stays as it is.
  void measure_studies(const JobCell& cell);
  void measure_roofline(const JobCell& cell);

  Context context_;
  const Job* job_;
  PromptSource prompts_;
  measure::Telemetry telemetry_;
  record::SampleRecord last_;
  record::RooflineFacts roofline_;  ///< of the cell that runs
  std::optional<backend::MachineLimits> limits_;
  std::string closing_;                          ///< ends a thought; empty where no cell asks for that
  std::optional<double> prefill_ns_per_token_;   ///< of the latest prompt that was prefilled whole
  std::string stop_rule_;  ///< of the cell that runs
  std::map<std::size_t, WrittenAnswer> written_;  ///< only when there is a scoring pass
  bool cold_done_ = false;
  bool cancelled_ = false;
  bool study_lost_device_ = false;
  std::optional<record::Failure> failure_;  // of the cell that runs
  std::string cell_started_utc_;
};

}  // namespace qbench::run
