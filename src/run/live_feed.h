#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "run/messages.h"
#include "text/tokenizer.h"

namespace qbench::run {

/// Tells the parent how far a request is, from a thread of its own: the thread that computes only stores the id and counts, so that a timed
/// pass is not disturbed by clocks, text or pipes.
class LiveFeed {
 public:
  /// `tokenizer`: to send the text too (--stream); nullptr: only counts.
  LiveFeed(MessageWriter& writer, const text::Tokenizer* tokenizer);
  ~LiveFeed();
  LiveFeed(const LiveFeed&) = delete;
  LiveFeed& operator=(const LiveFeed&) = delete;

  /// A request begins; `most_tokens` is the most that it can bring. `stream`: send its text.
  void begin(const Progress& request, bool stream);
  /// One token is there. Only between begin and end, from one thread.
  void push(std::int32_t id) noexcept;
  /// The request is over; what is left is sent before this returns.
  void end();

 private:
  void watch();
  void report(const std::unique_lock<std::mutex>& held);

  MessageWriter* writer_;
  const text::Tokenizer* tokenizer_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool running_ = false, stopping_ = false, stream_ = false;
  Progress progress_;
  std::vector<std::int32_t> ids_;  // (most_tokens), written by push up to count_
  std::atomic<std::int64_t> count_{0};
  std::int64_t first_ns_ = 0;  // when the first token was seen here, with how many there were
  std::int64_t first_count_ = 0;
  std::int64_t sent_ = 0;  // ids whose text has been sent
  std::unique_ptr<text::StreamDecoder> decoder_;
  std::thread thread_;
};

}  // namespace qbench::run
