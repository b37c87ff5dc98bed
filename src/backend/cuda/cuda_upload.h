#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <future>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "backend/backend.h"
#include "kernels/cuda/runtime.h"
#include "kernels/cuda/weight_layout.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {

namespace kernels = qbench::kernels::QB_CUDA_NAMESPACE;

/// Brings weights to the device: several host threads read and repack rows into pinned memory, each into two buffers in turn, so that
/// reading and packing overlap the copies. Lives while a model loads.
class Uploader {
 public:
  /// `threads`: that read and pack, the caller's included; 0: as many as there are processors for this process.
  Uploader(int device, int threads);
  ~Uploader();
  Uploader(const Uploader&) = delete;
  Uploader& operator=(const Uploader&) = delete;

  /// Reads all rows of the part and starts their copies to `to`, in the device's form; `part` is not needed any more afterwards. What
  /// read_rows throws, Error{kMemory} when there is no pinned memory.
  void upload(const tensor::RowSource& part, const kernels::WeightLayout& layout, unsigned char* to);
  /// Waits until everything is on the device.
  void finish();

  /// Rows that a thread packs at a time, of a part of so many.
  static std::int64_t chunk_rows(std::int64_t rows, std::int64_t row_bytes, int threads);

 private:
  /// Pinned memory, and the copy out of it that may still run.
  struct Staging {
    kernels::HostMapped memory;
    kernels::Event copied;
    bool in_flight = false;
  };
  /// What a thread works with.
  struct Lane {
    kernels::Stream stream;
    std::array<Staging, 2> staging;
    std::size_t next = 0;
    std::vector<std::byte> file;  ///< rows in the file's form, where the device's differs
  };
  struct Job {
    const tensor::RowSource& part;
    const kernels::WeightLayout& layout;
    unsigned char* to;
    std::int64_t chunk;
    std::atomic<std::int64_t> next_row{0};
  };

  void make_lanes(int count, std::size_t staging_bytes);
  void run(Job& job, Lane& lane) const;
  static void pack_chunk(const Job& job, std::int64_t first, std::int64_t count, Lane& lane, std::byte* to);
  void serve();

  int device_;
  int most_threads_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::packaged_task<void()>> tasks_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
