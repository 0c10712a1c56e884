#include "base/line_sink.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <climits>

namespace gatehouse {
namespace {

constexpr mode_t log_file_mode = 0640;
constexpr std::size_t batch_bytes = 64 * 1024;  // enough waiting to stop gathering
constexpr int poll_ms = 100;

Result<FileDescriptor> open_for_append(const std::string& path) {
  FileDescriptor file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, log_file_mode));
  if (!file)
    return Failure(FailureKind::bad_configuration, "cannot open log file " + path + ": " +
                                                       error_code(errno, boost::system::system_category()).message());
  return file;
}

// Pipes, sockets and terminals may stop taking bytes for good; a regular file never does.
bool may_stall(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode);
}

}  // namespace

Result<std::unique_ptr<LineSink>> LineSink::open_file(const std::string& path, Settings settings) {
  auto file = open_for_append(path);
  if (!file) return file.error();
  const int fd = file->number();
  return std::unique_ptr<LineSink>(new LineSink(path, std::move(*file), fd, settings));
}

std::unique_ptr<LineSink> LineSink::on_descriptor(int fd, Settings settings) {
  return std::unique_ptr<LineSink>(new LineSink({}, FileDescriptor(), fd, settings));
}

LineSink::LineSink(std::string path, FileDescriptor owned, int fd, Settings settings)
    : path_(std::move(path)), settings_(settings), owned_(std::move(owned)), fd_(fd), thread_([this] { run(); }) {}

LineSink::~LineSink() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void LineSink::write(std::string_view line) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    const std::size_t before = waiting_.size();
    if (before + line.size() + 1 > settings_.capacity_bytes) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    waiting_.append(line).push_back('\n');
    // The thread sleeps on "nothing waiting" or, while gathering, on "a batch is full".
    wake = before == 0 || (before < batch_bytes && waiting_.size() >= batch_bytes);
  }
  if (wake) wake_.notify_one();
}

Result<void> LineSink::reopen() {
  if (path_.empty()) return {};
  auto file = open_for_append(path_);
  if (!file) return file.error();
  const std::lock_guard lock(mutex_);
  reopened_ = std::move(*file);
  return {};
}

void LineSink::run() {
  std::string batch;
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    if (settings_.gather.count() > 0)
      wake_.wait_for(lock, settings_.gather, [&] { return stopping_ || waiting_.size() >= batch_bytes; });
    batch.clear();
    batch.swap(waiting_);
    if (reopened_) {
      owned_ = std::move(reopened_);
      fd_ = owned_.number();
      cut_line_ = false;
    }
    lock.unlock();
    write_batch(batch);
    lock.lock();
  }
}

void LineSink::write_batch(std::string_view batch) {
  const bool stalls = may_stall(fd_);
  std::string first;
  if (cut_line_) batch = first.append("\n").append(batch);
  while (!batch.empty()) {
    if (stalls && !wait_writable()) break;
    // A pipe that polls writable takes PIPE_BUF bytes without blocking, not more.
    const ssize_t n = ::write(fd_, batch.data(), stalls ? std::min<std::size_t>(batch.size(), PIPE_BUF) : batch.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) break;
    cut_line_ = batch[static_cast<std::size_t>(n) - 1] != '\n';
    batch.remove_prefix(static_cast<std::size_t>(n));
  }
  count_lost(batch);
}

void LineSink::count_lost(std::string_view unwritten) {
  dropped_.fetch_add(static_cast<std::uint64_t>(std::count(unwritten.begin(), unwritten.end(), '\n')),
                     std::memory_order_relaxed);
}

bool LineSink::wait_writable() {
  for (;;) {
    pollfd entry{fd_, POLLOUT, 0};
    const int ready = ::poll(&entry, 1, poll_ms);
    if (ready > 0) return true;
    if (ready == 0 && stopping_) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

}  // namespace gatehouse
