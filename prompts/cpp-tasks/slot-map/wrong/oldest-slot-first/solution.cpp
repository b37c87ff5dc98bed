#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

/// Names an element of a SlotMap. Generations start at 1, so a default handle names nothing.
struct Handle {
  std::uint32_t index = 0;
  std::uint32_t generation = 0;
  bool operator==(const Handle&) const = default;
};

/// A container whose handles notice that their element is gone, even when its slot has a new one.
template <class T>
class SlotMap {
 public:
  Handle insert(T value) {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(slots_.size()));
      slots_.emplace_back();
    }
    const std::uint32_t index = free_.front();
    Slot& slot = slots_[index];
    slot.value.emplace(std::move(value));
    ++slot.generation;
    free_.erase(free_.begin());
    return {index, slot.generation};
  }

  bool erase(Handle handle) {
    if (get(handle) == nullptr) return false;
    free_.push_back(handle.index);
    slots_[handle.index].value.reset();
    return true;
  }

  T* get(Handle handle) { return const_cast<T*>(std::as_const(*this).get(handle)); }

  const T* get(Handle handle) const {
    if (handle.index >= slots_.size()) return nullptr;
    const Slot& slot = slots_[handle.index];
    return slot.generation == handle.generation && slot.value ? &*slot.value : nullptr;
  }

  std::size_t size() const { return slots_.size() - free_.size(); }
  std::size_t slots() const { return slots_.size(); }

  void clear() {
    free_.clear();
    // The last of the list is taken first.
    for (std::size_t i = slots_.size(); i-- > 0;) {
      slots_[i].value.reset();
      free_.push_back(static_cast<std::uint32_t>(i));
    }
  }

 private:
  struct Slot {
    std::optional<T> value;        // empty while the slot is free
    std::uint32_t generation = 0;  // of its present or last element
  };

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
};
