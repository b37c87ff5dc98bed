#include "kernels/cuda/emulation/shared_arena.h"

#include <algorithm>
#include <cstring>

#include "kernels/cuda/emulation/block.h"
#include "kernels/cuda/emulation/machine.h"
#include "kernels/cuda/emulation/poison.h"
#include "kernels/cuda/emulation/races.h"
#include "kernels/cuda/runtime.h"

namespace qbench::kernels::cuda_emulated::emulation {
namespace {

constexpr std::size_t kZoneBytes = 64;
constexpr std::size_t kArrays = 256;  // at most, each with its two zones
constexpr std::size_t round_up_16(std::size_t bytes) { return (bytes + 15) / 16 * 16; }

int next_key_index() {
  static std::atomic<int> count{0};
  return count.fetch_add(1);
}

}  // namespace

SharedArena::SharedArena() : memory_(kBlockBytes + kArrays * 2 * kZoneBytes + 32) {}

SharedArena::~SharedArena() { allow_access(memory_.data(), memory_.size()); }

void SharedArena::start(std::size_t dynamic_bytes) {
  allow_access(memory_.data(), memory_.size());
  ++block_;
  placed_.clear();
  static_bytes_ = 0;
  used_ = 16 - reinterpret_cast<std::uintptr_t>(memory_.data()) % 16;
  dynamic_ = nullptr;
  dynamic_slot_ = {.block = block_, .data = nullptr, .bytes = dynamic_bytes, .name = "dynamic shared memory"};
  if (dynamic_bytes > 0) dynamic_slot_.data = dynamic_ = place(dynamic_bytes);
}

std::byte* SharedArena::place(std::size_t bytes) {
  const std::size_t whole = kZoneBytes + round_up_16(bytes) + kZoneBytes;
  if (used_ + whole > memory_.size()) return nullptr;
  std::byte* const zone = memory_.data() + used_;
  std::byte* const data = zone + kZoneBytes;
  used_ += whole;
  const races::Unwatched poison;
  fill_zone(zone, kZoneBytes);
  std::memset(data, kPoisonByte, bytes);
  fill_zone(data + bytes, whole - kZoneBytes - bytes);
  return data;
}

void* SharedArena::place_array(SharedKey& key, std::size_t bytes) {
  const races::Unwatched bookkeeping;
  int index = key.index.load();
  if (index < 0) {
    const int fresh = next_key_index();
    if (key.index.compare_exchange_strong(index, fresh)) index = fresh;
  }
  if (slots_.size() <= static_cast<std::size_t>(index)) slots_.resize(static_cast<std::size_t>(index) + 1);
  static_bytes_ += round_up_16(bytes);
  const std::size_t most = dynamic_slot_.bytes > kSharedBytesWithoutOptIn ? machine().settings.shared_bytes_per_block : kStaticBytes;
  if (static_bytes_ > kStaticBytes || static_bytes_ + dynamic_slot_.bytes > most || placed_.size() == kArrays - 1) return nullptr;
  std::byte* const data = place(bytes);
  if (data == nullptr) return nullptr;
  slots_[static_cast<std::size_t>(index)] = {.block = block_, .data = data, .bytes = bytes, .name = key.name};
  placed_.push_back(index);
  return data;
}

bool SharedArena::contains(const void* address, std::size_t bytes) const noexcept {
  const auto* const first = static_cast<const std::byte*>(address);
  const auto inside = [&](const Slot& slot) {
    return slot.data != nullptr && first >= slot.data && first + bytes <= slot.data + slot.bytes;
  };
  return inside(dynamic_slot_) ||
         std::any_of(placed_.begin(), placed_.end(), [&](int i) { return inside(slots_[static_cast<std::size_t>(i)]); });
}

std::string SharedArena::damage() const {
  const auto damaged = [](const Slot& slot) {
    return slot.data != nullptr && (!zone_intact(slot.data - kZoneBytes, kZoneBytes) ||
                                    !zone_intact(slot.data + slot.bytes, round_up_16(slot.bytes) - slot.bytes + kZoneBytes));
  };
  if (damaged(dynamic_slot_)) return dynamic_slot_.name;
  for (const int index : placed_) {
    if (damaged(slots_[static_cast<std::size_t>(index)])) return slots_[static_cast<std::size_t>(index)].name;
  }
  return {};
}

void* shared_array(SharedKey& key, std::size_t bytes) {
  Lane& self = *current_lane;
  void* const data = self.block->shared.array(key, bytes);
  if (data == nullptr) {
    self.block->report(self, Site::current(),
                       std::string("no room for the shared array '") + key.name + "' of " + std::to_string(bytes) + " bytes");
    self.block->stop(self);
  }
  return data;
}

void* shared_dynamic() {
  Lane& self = *current_lane;
  void* const data = self.block->shared.dynamic();
  if (data == nullptr) {
    self.block->report(self, Site::current(), "uses dynamic shared memory, but the launch asks for none");
    self.block->stop(self);
  }
  return data;
}

}  // namespace qbench::kernels::cuda_emulated::emulation
