#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "run/messages.h"
#include "run/plan.h"

namespace qbench::run {

struct DisplayOptions {
  bool quiet = false;     ///< only errors
  bool terminal = false;  ///< stderr is one: a line that is written over shows how far the run is
  bool color = false;
  std::size_t width = 80;  ///< columns of the terminal
};

/// What the person sees while a run goes on, on stderr: start-up lines, a progress line on a terminal, plain lines elsewhere.
class Display {
 public:
  /// `write`: where the bytes go.
  Display(const DisplayOptions& options, std::function<void(std::string_view)> write);
  ~Display();
  Display(const Display&) = delete;
  Display& operator=(const Display&) = delete;

  void line(std::string_view text);   ///< not when quiet
  void error(std::string_view text);  ///< always
  void model_begins(const ModelPlan& model, std::int64_t tokens_planned);
  void model_ready(const ModelPlan& model, const ModelReady& ready, const record::LoadRecord& load);
  void progress(const ModelPlan& model, const record::CellKey& key, std::int64_t repetitions, const Progress& progress);
  void request_done(std::int64_t most_tokens);  ///< a request that was planned with so many tokens is over
  void cell_done(const record::CellRecord& cell);
  /// The worker's own words; kept from breaking the progress line.
  void worker_says(std::string_view text);
  void hide_progress();

 private:
  void show_progress(std::string text);

  DisplayOptions options_;
  std::function<void(std::string_view)> write_;
  bool progress_shown_ = false;
  std::int64_t tokens_planned_ = 0, tokens_done_ = 0, ready_ns_ = 0;
};

}  // namespace qbench::run
