#include "base/buffers.h"

#include <utility>

namespace gatehouse {

Buffer::Buffer(Buffer&& other) noexcept
    : pool_(other.pool_), memory_(std::move(other.memory_)), size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  if (this == &other) return *this;
  reset();
  pool_ = other.pool_;
  memory_ = std::move(other.memory_);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void Buffer::reset() {
  if (memory_) pool_->give_back(std::move(memory_), std::exchange(size_, 0));
}

Buffer Buffers::take(std::size_t size) {
  if (size <= large) size = size <= small ? small : large;
  auto& free = size == small ? small_ : large_;
  if (size > large || free.empty()) return Buffer(this, std::make_unique_for_overwrite<char[]>(size), size);
  auto memory = std::move(free.back());
  free.pop_back();
  return Buffer(this, std::move(memory), size);
}

void Buffers::give_back(std::unique_ptr<char[]> memory, std::size_t size) {
  if (size > large) return;
  auto& free = size == small ? small_ : large_;
  if (free.size() < kept) free.push_back(std::move(memory));
}

}  // namespace gatehouse
