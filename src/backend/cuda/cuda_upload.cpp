#include "backend/cuda/cuda_upload.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {
namespace {

/// Less is not worth a thread's wake-up, more only costs pinned memory.
constexpr std::int64_t kLeastChunkBytes = std::int64_t{256} << 10;
constexpr std::int64_t kMostChunkBytes = std::int64_t{4} << 20;
/// More threads than this read no faster than a PCIe link takes.
constexpr int kMostThreads = 32;

/// Whether a row on the device is the row of the file, byte for byte.
bool keeps_rows(const tensor::RowSource& part, const kernels::WeightLayout& layout) {
  return !kernels::reads_int8(layout.dtype) && !kernels::is_fp8(layout.dtype) &&
         tensor::row_bytes(part.dtype(), part.cols()) == layout.row_bytes;
}

}  // namespace

Uploader::Uploader(int device, int threads)
    : device_(device),
      most_threads_(std::clamp(threads > 0 ? threads : static_cast<int>(std::thread::hardware_concurrency()), 1, kMostThreads)) {}

Uploader::~Uploader() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

std::int64_t Uploader::chunk_rows(std::int64_t rows, std::int64_t row_bytes, int threads) {
  const std::int64_t even =
      rows * row_bytes / (2 * threads);  // two for each thread, so that the last to come does not wait for a whole share
  const std::int64_t bytes = std::clamp(even, kLeastChunkBytes, kMostChunkBytes);
  return std::clamp<std::int64_t>(bytes / row_bytes, 1, rows);
}

void Uploader::make_lanes(int count, std::size_t staging_bytes) {
  while (lanes_.size() < static_cast<std::size_t>(count)) lanes_.push_back(std::make_unique<Lane>());
  for (int i = 0; i < count; ++i) {
    Lane& lane = *lanes_[static_cast<std::size_t>(i)];
    for (Staging& staging : lane.staging) {
      if (staging.memory.bytes() >= staging_bytes) continue;
      if (std::exchange(staging.in_flight, false)) staging.copied.synchronize();
      staging.memory = kernels::HostMapped();
      staging.memory = kernels::HostMapped(staging_bytes);
    }
  }
  // The caller's thread is the first.
  while (threads_.size() + 1 < static_cast<std::size_t>(count)) threads_.emplace_back([this] { serve(); });
}

void Uploader::serve() {
  for (;;) {
    std::packaged_task<void()> task;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stop_ || !tasks_.empty(); });
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

void Uploader::pack_chunk(const Job& job, std::int64_t first, std::int64_t count, Lane& lane, std::byte* to) {
  if (keeps_rows(job.part, job.layout)) return job.part.read_rows(first, count, to);
  const std::int64_t file_bytes = tensor::row_bytes(job.part.dtype(), job.part.cols());
  lane.file.resize(std::max(lane.file.size(), static_cast<std::size_t>(job.chunk * file_bytes)));
  job.part.read_rows(first, count, lane.file.data());
  for (std::int64_t r = 0; r < count; ++r) pack_row(job.layout, lane.file.data() + r * file_bytes, to + r * job.layout.row_bytes);
}

void Uploader::run(Job& job, Lane& lane) const {
  const kernels::Device device(device_);  // of this thread
  for (;;) {
    const std::int64_t first = job.next_row.fetch_add(job.chunk);
    if (first >= job.part.rows()) return;
    const std::int64_t count = std::min(job.chunk, job.part.rows() - first);
    Staging& staging = lane.staging[lane.next++ % lane.staging.size()];
    if (std::exchange(staging.in_flight, false)) staging.copied.synchronize();
    auto* packed = static_cast<std::byte*>(staging.memory.host());
    pack_chunk(job, first, count, lane, packed);
    copy_to_device(job.to + first * job.layout.row_bytes, packed, static_cast<std::size_t>(count * job.layout.row_bytes), lane.stream);
    staging.copied.record(lane.stream);
    staging.in_flight = true;
  }
}

void Uploader::upload(const tensor::RowSource& part, const kernels::WeightLayout& layout, unsigned char* to) {
  QB_CHECK(part.rows() > 0 && layout.cols == part.cols());
  Job job{part, layout, to, chunk_rows(part.rows(), layout.row_bytes, most_threads_)};
  const std::int64_t chunks = (part.rows() + job.chunk - 1) / job.chunk;
  const auto lanes = static_cast<int>(std::min<std::int64_t>(most_threads_, chunks));
  make_lanes(lanes, static_cast<std::size_t>(job.chunk * layout.row_bytes));
  std::vector<std::future<void>> others;
  {
    const std::lock_guard lock(mutex_);
    for (int i = 1; i < lanes; ++i) {
      Lane& lane = *lanes_[static_cast<std::size_t>(i)];
      others.push_back(tasks_.emplace_back([this, &job, &lane] { run(job, lane); }).get_future());
    }
  }
  wake_.notify_all();
  // Nobody may use the job any more when this returns, whichever of them fails.
  struct WaitForAll {
    std::vector<std::future<void>>& futures;
    ~WaitForAll() {
      for (std::future<void>& future : futures) {
        if (future.valid()) future.wait();
      }
    }
  } const wait_for_all{others};
  run(job, *lanes_[0]);
  for (std::future<void>& future : others) future.get();
}

void Uploader::finish() {
  for (const auto& lane : lanes_) lane->stream.synchronize();
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
