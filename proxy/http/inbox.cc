#include "proxy/http/inbox.h"

#include <algorithm>
#include <cstring>

namespace gatehouse {

Awaitable<IoResult<std::size_t>> Inbox::gather(std::size_t limit) {
  while (true) {
    auto read = gather_now(limit);
    if (read || !would_block(read.error())) co_return read;
    const error_code error = co_await stream_->wait_readable();
    if (error) co_return error;
  }
}

Awaitable<IoResult<std::size_t>> Inbox::refill(std::uint64_t expected) {
  while (true) {
    auto read = refill_now(expected);
    if (read || !would_block(read.error())) co_return read;
    const error_code error = co_await stream_->wait_readable();
    if (error) co_return error;
  }
}

IoResult<std::size_t> Inbox::gather_now(std::size_t limit) {
  const std::size_t size = end_ - begin_;
  if (size >= limit) return std::size_t{0};
  if (!head_ || data_ != head_.data() || end_ == head_.size()) {  // elsewhere, or no room left behind them
    Buffer block = buffers_.take(std::min(limit, std::max(Buffers::small, size * 4)));
    if (size > 0) std::memcpy(block.data(), data_ + begin_, size);
    head_ = std::move(block);
    bulk_.reset();
    data_ = head_.data();
    begin_ = 0;
    end_ = size;
  }
  auto read = stream_->read_now(asio::buffer(head_.data() + end_, std::min(head_.size() - end_, limit - size)));
  if (read) end_ += *read;
  return read;
}

void Inbox::keep_head(std::size_t n) {
  begin_ += n;
  floor_ = begin_;
}

IoResult<std::size_t> Inbox::refill_now(std::uint64_t expected) {
  const std::size_t left = end_ - begin_;
  const bool behind_head = head_ && (data_ == head_.data() || left == 0) && left + expected <= head_.size() - floor_;
  Buffer block;
  if (!behind_head && (!bulk_ || bulk_.size() - left < Buffers::small / 2))
    block = buffers_.take(left + expected > Buffers::small ? Buffers::large : Buffers::small);
  char* const target = behind_head ? head_.data() + floor_ : block ? block.data() : bulk_.data();
  const std::size_t room = behind_head ? head_.size() - floor_ : block ? block.size() : bulk_.size();
  if (left > 0) std::memmove(target, data_ + begin_, left);
  if (block) bulk_ = std::move(block);
  data_ = target;
  begin_ = 0;
  end_ = left;
  auto read = stream_->read_now(asio::buffer(data_ + end_, room - end_));
  if (read) end_ += *read;
  return read;
}

void Inbox::release_head() {
  floor_ = 0;
  if (begin_ == end_) begin_ = end_ = 0;
}

void Inbox::release_if_empty() {
  if (begin_ != end_) return;
  head_.reset();
  bulk_.reset();
  data_ = nullptr;
  begin_ = end_ = floor_ = 0;
}

}  // namespace gatehouse
