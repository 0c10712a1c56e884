// Blocks of memory for bytes in flight: taken when there is something to read, given back when idle. One pool per
// worker; the last block given back is the first taken, so it is still in the cache.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace gatehouse {

class Buffers;

// A block, or nothing. Returns to its pool when destroyed.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer() { reset(); }

  char* data() const { return memory_.get(); }
  std::size_t size() const { return size_; }
  explicit operator bool() const { return memory_ != nullptr; }
  void reset();

 private:
  friend class Buffers;
  Buffer(Buffers* pool, std::unique_ptr<char[]> memory, std::size_t size)
      : pool_(pool), memory_(std::move(memory)), size_(size) {}

  Buffers* pool_ = nullptr;
  std::unique_ptr<char[]> memory_;
  std::size_t size_ = 0;
};

class Buffers {
 public:
  static constexpr std::size_t small = 16 * 1024;  // a head, an ordinary answer
  static constexpr std::size_t large = 64 * 1024;  // a body on its way

  // A block of at least `size` bytes.
  Buffer take(std::size_t size);

 private:
  friend class Buffer;
  static constexpr std::size_t kept = 64;  // idle blocks of each size
  void give_back(std::unique_ptr<char[]> memory, std::size_t size);

  std::vector<std::unique_ptr<char[]>> small_, large_;
};

}  // namespace gatehouse
