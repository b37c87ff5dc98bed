#include "backend/cuda/cuda_blas_tuner.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "base/log.h"
#include "base/split.h"

namespace qbench::backend::QB_CUDA_NAMESPACE {
namespace {

constexpr std::string_view kHead = "qbench matrix products, version 1";
constexpr int kMostCandidates = 8;
constexpr std::size_t kMostFileBytes = std::size_t{4} << 20;  // thousands of shapes

template <class T, class... Base>
bool read_number(std::string_view text, T& value, Base... base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base...);
  return error == std::errc() && end == text.data() + text.size();
}

/// Tabs and line ends separate; a device's name has none.
std::string clean(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

/// Whether a process that dies in between leaves the old file or the new one. Nothing is thrown: what is lost are timings.
bool write_file(const std::filesystem::path& path, const std::string& text) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  std::filesystem::path partial = path;
  partial += fmt::format(".{}.partial", getpid());
  {
    std::ofstream out(partial, std::ios::binary | std::ios::trunc);
    out << text;
    if (!out.flush()) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) std::filesystem::rename(partial, path, error);
  if (!error) return true;
  std::error_code ignored;
  std::filesystem::remove(partial, ignored);
  return false;
}

}  // namespace

BlasTuner::BlasTuner(kernels::Blas& blas, std::string device, std::filesystem::path file, std::uint64_t workspace_bytes)
    : blas_(blas),
      device_(clean(std::move(device))),
      library_(clean(blas.version())),
      file_(std::move(file)),
      workspace_bytes_(workspace_bytes),
      known_(read_file()) {}

std::string BlasTuner::key_of(const kernels::BlasShape& s) const {
  const auto tokens = std::bit_ceil(static_cast<std::uint32_t>(s.tokens));
  return fmt::format("{}\t{}\t{} {} {} {} {} {} {} {} {}", device_, library_, s.dtype == tensor::DType::kF16 ? "f16" : "bf16", s.rows,
                     tokens, s.cols, s.w_stride, s.h_stride, s.y_stride, s.accumulate ? 1 : 0, s.bias ? 1 : 0);
}

std::map<std::string, BlasTuner::Entry> BlasTuner::read_file() const {
  std::map<std::string, Entry> entries;
  std::error_code missing;
  if (file_.empty() || !std::filesystem::is_regular_file(file_, missing)) return entries;
  std::ifstream in(file_, std::ios::binary);
  std::string text(kMostFileBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  const std::vector<std::string_view> lines = split(text, '\n');
  if (text.size() > kMostFileBytes || lines[0] != kHead) {
    log_info(fmt::format("{}: not a file of timed matrix products of this version; it will be replaced", file_.string()));
    return entries;
  }
  std::size_t left_out = 0;
  for (std::size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    const std::vector<std::string_view> fields = split(lines[i], '\t');
    Entry entry;
    bool good = fields.size() == 6 && read_number(fields[3], entry.algorithm.workspace_bytes) && read_number(fields[5], entry.ms) &&
                std::isfinite(entry.ms) && entry.ms > 0.0;
    if (good) {
      const std::vector<std::string_view> words = split(fields[4], ' ');
      good = words.size() == entry.algorithm.words.size();
      for (std::size_t w = 0; good && w < words.size(); ++w) good = read_number(words[w], entry.algorithm.words[w], 16);
    }
    if (!good) {
      ++left_out;
      continue;
    }
    entries[fmt::format("{}\t{}\t{}", fields[0], fields[1], fields[2])] = entry;
  }
  if (left_out > 0) log_info(fmt::format("{}: {} of its lines are no timed matrix products and are left out", file_.string(), left_out));
  return entries;
}

/// Together with what another process may have written meanwhile.
void BlasTuner::save() const {
  if (file_.empty()) return;
  std::map<std::string, Entry> all = read_file();
  for (const auto& [key, entry] : known_) all[key] = entry;
  std::string text = fmt::format("{}\n", kHead);
  for (const auto& [key, entry] : all) {
    text += fmt::format("{}\t{}\t{:x}\t{:.6g}\n", key, entry.algorithm.workspace_bytes, fmt::join(entry.algorithm.words, " "), entry.ms);
  }
  if (!write_file(file_, text)) log_info(fmt::format("{}: cannot be written; matrix products are timed anew next time", file_.string()));
}

std::optional<kernels::BlasAlgorithm> BlasTuner::algorithm_for(const kernels::BlasShape& shape, const TimeProduct& time) {
  const std::string key = key_of(shape);
  if (const auto at = chosen_.find(key); at != chosen_.end()) {
    if (!at->second || blas_.does(shape, *at->second, workspace_bytes_)) return at->second;
  }
  if (const auto at = known_.find(key); at != known_.end() && blas_.does(shape, at->second.algorithm, workspace_bytes_)) {
    return chosen_[key] = at->second.algorithm;
  }
  const std::vector<kernels::BlasAlgorithm> candidates = blas_.candidates(shape, workspace_bytes_, kMostCandidates);
  if (candidates.empty()) return chosen_[key] = std::nullopt;
  if (candidates.size() == 1) return chosen_[key] = candidates.front();
  std::optional<Entry> best;
  for (const kernels::BlasAlgorithm& candidate : candidates) {
    const std::optional<double> ms = time(shape, candidate);
    if (ms && std::isfinite(*ms) && *ms > 0.0 && (!best || *ms < best->ms)) best = Entry{candidate, *ms};
  }
  if (!best) return chosen_[key] = candidates.front();  // no clock: the library's favourite
  known_[key] = *best;
  save();
  return chosen_[key] = best->algorithm;
}

}  // namespace qbench::backend::QB_CUDA_NAMESPACE
