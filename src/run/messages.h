#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "record/record_json.h"

namespace qbench::run {

/// What a worker tells its parent, one JSON line each. Records travel as the lines of samples.jsonl that they will become.

/// The model can run: what the start-up lines show.
struct ModelReady {
  std::string device_description, instruction_sets, attention_path, precision;
  std::int64_t threads = 0, weight_bytes = 0, kv_bytes = 0, context = 0;
};

/// The worker is at this cell from now on.
struct CellStart {
  std::size_t cell = 0;  ///< into Job::cells
};

/// How far a request is; sent a few times a second.
struct Progress {
  std::size_t cell = 0;
  record::Phase phase = record::Phase::kTimed;
  std::int64_t repetition = 0, turn = 1;
  std::int64_t tokens = 0, most_tokens = 0;  ///< of sequence 0
  double tok_per_s = 0.0;                    ///< of sequence 0 since its first token; 0: not known yet
};

/// Text of sequence 0 that became complete (--stream).
struct StreamedText {
  std::string text;
};

/// All cells are done, or the worker was told to stop.
struct WorkerDone {
  bool interrupted = false;
};

using Message =
    std::variant<ModelReady, CellStart, Progress, StreamedText, WorkerDone, record::LoadRecord, record::SampleRecord, record::CellRecord,
                 record::TaskRecord, record::QualityRecord, record::BreakdownRecord, record::AblationRecord>;

/// Inverse of what MessageWriter writes; Error{kFormat}.
Message parse_message(std::string_view line);

/// Writes messages to a descriptor, each as one whole line, from any thread. When nobody reads any more the process ends: its parent is
/// gone.
class MessageWriter {
 public:
  explicit MessageWriter(int fd) : fd_(fd) {}
  void send(const ModelReady& message);
  void send(const CellStart& message);
  void send(const Progress& message);
  void send(const StreamedText& message);
  void send(const WorkerDone& message);
  void send(const record::LoadRecord& record) { write_line(record::to_json_line(record)); }
  void send(const record::SampleRecord& record) { write_line(record::to_json_line(record)); }
  void send(const record::CellRecord& record) { write_line(record::to_json_line(record)); }
  void send(const record::TaskRecord& record) { write_line(record::to_json_line(record)); }
  void send(const record::QualityRecord& record) { write_line(record::to_json_line(record)); }
  void send(const record::BreakdownRecord& record) { write_line(record::to_json_line(record)); }
  void send(const record::AblationRecord& record) { write_line(record::to_json_line(record)); }

 private:
  void write_line(std::string line);
  int fd_;
  std::mutex mutex_;
};

}  // namespace qbench::run
