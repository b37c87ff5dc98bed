#include "run/live_feed.h"

#include <chrono>

#include "base/check.h"
#include "base/clock.h"

namespace qbench::run {
namespace {

constexpr auto kInterval = std::chrono::milliseconds(200);

}  // namespace

LiveFeed::LiveFeed(MessageWriter& writer, const text::Tokenizer* tokenizer) : writer_(&writer), tokenizer_(tokenizer) {
  thread_ = std::thread([this] { watch(); });
}

LiveFeed::~LiveFeed() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void LiveFeed::begin(const Progress& request, bool stream) {
  {
    const std::lock_guard lock(mutex_);
    QB_CHECK(!running_);
    progress_ = request;
    ids_.assign(static_cast<std::size_t>(request.most_tokens), 0);
    count_ = 0;
    first_ns_ = first_count_ = sent_ = 0;
    stream_ = stream && tokenizer_ != nullptr;
    decoder_ = stream_ ? std::make_unique<text::StreamDecoder>(*tokenizer_) : nullptr;
    running_ = true;
  }
  wake_.notify_all();
}

void LiveFeed::push(std::int32_t id) noexcept {
  const std::int64_t n = count_.load(std::memory_order_relaxed);
  QB_CHECK(n < static_cast<std::int64_t>(ids_.size()));
  ids_[static_cast<std::size_t>(n)] = id;
  count_.store(n + 1, std::memory_order_release);
}

void LiveFeed::end() {
  const std::unique_lock lock(mutex_);
  QB_CHECK(running_);
  running_ = false;
  if (!stream_) return;
  report(lock);
  if (const std::string rest = decoder_->finish(); !rest.empty()) writer_->send(StreamedText{rest});
  writer_->send(StreamedText{"\n"});
}

void LiveFeed::watch() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (!running_) {
      wake_.wait(lock, [&] { return running_ || stopping_; });
    } else if (!wake_.wait_for(lock, kInterval, [&] { return !running_ || stopping_; })) {
      report(lock);
    }
  }
}

void LiveFeed::report(const std::unique_lock<std::mutex>& held) {
  QB_CHECK(held.owns_lock());
  const std::int64_t count = count_.load(std::memory_order_acquire);
  const std::int64_t now = now_ns();
  progress_.tokens = count;
  if (count > 0 && first_ns_ == 0) {
    first_ns_ = now;
    first_count_ = count;
  }
  progress_.tok_per_s = count > first_count_ ? static_cast<double>(count - first_count_) * 1e9 / static_cast<double>(now - first_ns_) : 0.0;
  writer_->send(progress_);
  if (!stream_) return;
  std::string text;
  for (; sent_ < count; ++sent_) text += decoder_->push(ids_[static_cast<std::size_t>(sent_)]);
  if (!text.empty()) writer_->send(StreamedText{text});
}

}  // namespace qbench::run
