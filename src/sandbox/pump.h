#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/cgroup.h"
#include "sandbox/descriptor.h"
#include "sandbox/keeper_protocol.h"
#include "sandbox/sandbox.h"
#include "sandbox/spawn.h"
#include "sandbox/task_folder.h"
#include "sandbox/text_queue.h"

namespace qbench::sandbox {

/// A job that is ready to be started: what differs between levels.
struct Prepared {
  SpawnPlan plan;                       ///< descriptors 0 to 3 are the pump's to fill in
  std::vector<Descriptor> kept;         ///< files that the plan's numbers mean
  std::unique_ptr<ControlGroup> group;  ///< or nullptr: then the process tree is watched
  std::unique_ptr<TaskFolder> folder;   ///< outside namespaces: where its files are
};

/// Starts a job, feeds it, reads it, watches its limits and ends it: one loop, that never waits for one stream only. Whoever calls loop()
/// must be the thread that lives as long as the program (it is the program's parent); all else may be called from another one.
class Pump {
 public:
  Pump(Prepared prepared, const Limits& limits, std::string input, bool close_input);
  ~Pump();
  Pump(const Pump&) = delete;
  Pump& operator=(const Pump&) = delete;

  /// From start to end.
  void loop();

  bool send(std::string_view line);
  std::optional<std::string> receive(std::size_t max_bytes);
  void close_input();
  void kill();
  /// After loop() has returned.
  Outcome take_outcome();
  void wait_until_done();

 private:
  struct Stream {
    Descriptor end;
    TextQueue text;  ///< read and not taken yet
    std::uint64_t total = 0;
    bool closed = false;
  };

  bool start();
  void run_until_gone();
  void poll_once();
  void read_stream(Stream& stream, std::uint64_t limit, const char* name);
  void write_input();
  void read_reports();
  void check_limits();
  std::uint64_t count_scratch_files() const;
  void stop(End end, std::string detail);
  void kill_all();
  void reap();
  void conclude();
  void conclude_from_report();
  void wake();

  const Limits limits_;
  Prepared prepared_;
  Descriptor report_, wake_read_, wake_write_;
  std::vector<Descriptor> theirs_;  ///< the ends of the program, until it has them
  pid_t child_ = -1, keeper_ = -1;
  std::int64_t started_ns_ = 0, killed_ns_ = 0, next_look_ns_ = 0;
  Usage usage_;
  std::uint64_t peak_bytes_ = 0;
  bool gone_ = false, program_started_ = false;
  std::optional<Report> failure_, ending_;
  std::unique_ptr<class ProcessTree> tree_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  Descriptor input_end_;
  Stream output_, error_;
  TextQueue input_;
  bool close_input_, input_refused_ = false, done_ = false;
  std::optional<std::pair<End, std::string>> asked_;  ///< to be stopped, and why: by another thread
  std::optional<End> stopped_;
  Outcome outcome_;
};

}  // namespace qbench::sandbox
