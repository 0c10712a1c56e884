#include "base/departures.h"

#include <sys/epoll.h>
#include <unistd.h>

namespace gatehouse {
namespace {

constexpr int most_at_once = 64;  // then others run

}  // namespace

// Not inline: the io_context may be made later.
Departures::Departures(asio::io_context& io) : io_(io) {}

// The connections' own epoll (Asio's) says only that a socket is readable: for one with unread bytes, always.
bool Departures::open() {
  if (set_) return true;
  const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
  if (descriptor < 0) return false;
  error_code error;
  set_.emplace(io_);
  set_->assign(descriptor, error);
  if (error) {
    ::close(descriptor);
    set_.reset();
    return false;
  }
  await_next();
  return true;
}

void Departures::await_next() {
  set_->async_wait(asio::posix::stream_descriptor::wait_read, [this](const error_code& error) {
    if (!error) tell();
  });
}

// One by one: what one is told may end another.
void Departures::tell() {
  epoll_event event{};
  for (int told = 0; told < most_at_once && set_ && ::epoll_wait(set_->native_handle(), &event, 1, 0) == 1; ++told)
    static_cast<Watch*>(event.data.ptr)->stirred();
  if (set_) await_next();
}

bool Departures::Watch::start(bool layered) {
  if (started_) return true;
  if (!stream_.socket().is_open() || !departures_.open()) return false;
  epoll_event wanted{};
  wanted.events = EPOLLRDHUP | EPOLLET | (layered ? EPOLLIN : 0u);
  wanted.data.ptr = this;
  const int set = departures_.set_->native_handle();
  started_ = ::epoll_ctl(set, EPOLL_CTL_ADD, stream_.socket().native_handle(), &wanted) == 0;
  return started_;
}

// A closed socket has left the set by itself, and its number may be another's.
void Departures::Watch::stop() {
  if (!std::exchange(started_, false) || !departures_.set_ || !stream_.socket().is_open()) return;
  ::epoll_ctl(departures_.set_->native_handle(), EPOLL_CTL_DEL, stream_.socket().native_handle(), nullptr);
}

}  // namespace gatehouse
