#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <iterator>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

/// A queue of limited length between threads. After close() nothing gets in, and what is in can still be taken.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(std::size_t capacity) : capacity_(capacity) {
    if (capacity == 0) throw std::invalid_argument("BoundedQueue: the capacity must be at least 1");
  }

  /// Waits for room. False when the queue is closed, also while waiting.
  bool push(T value) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return closed_ || values_.size() < capacity_; });
    return add(std::move(value));
  }

  bool try_push(T value) {
    const std::lock_guard lock(mutex_);
    return values_.size() < capacity_ && add(std::move(value));
  }

  /// Makes room by dropping the oldest element.
  bool push_evicting(T value) {
    const std::lock_guard lock(mutex_);
    if (!closed_ && values_.size() == capacity_) values_.pop_front();
    return add(std::move(value));
  }

  /// Waits for an element. Nothing when the queue is closed and empty.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [this] { return closed_ || !values_.empty(); });
    return take();
  }

  std::optional<T> try_pop() {
    const std::lock_guard lock(mutex_);
    return take();
  }

  /// The oldest elements, `most` at most.
  std::vector<T> drain(std::size_t most) {
    const std::lock_guard lock(mutex_);
    const auto end = values_.begin() + static_cast<std::ptrdiff_t>(std::min(most, values_.size()));
    std::vector<T> out(std::make_move_iterator(values_.begin()), std::make_move_iterator(end));
    values_.erase(values_.begin(), end);
    room_.notify_all();
    return out;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    values_.clear();
    room_.notify_all();
    filled_.notify_all();
  }

  bool closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
  }

  std::size_t size() const {
    const std::lock_guard lock(mutex_);
    return values_.size();
  }

 private:
  // Both are called with the mutex held.
  bool add(T value) {
    if (closed_) return false;
    values_.push_back(std::move(value));
    filled_.notify_one();
    return true;
  }

  std::optional<T> take() {
    if (values_.empty()) return std::nullopt;
    std::optional<T> value(std::move(values_.front()));
    values_.pop_front();
    room_.notify_one();
    return value;
  }

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable room_;    // waited for by push
  std::condition_variable filled_;  // waited for by pop
  std::deque<T> values_;
  bool closed_ = false;
};
