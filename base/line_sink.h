// LineSink: where log lines go. Writing one costs the caller a short lock and a copy, never a wait: a thread of the
// sink's own writes them out, and when the disk or the pipe does not keep up, new lines are dropped and counted, so
// logging never blocks traffic.
#pragma once

#include "base/file_descriptor.h"
#include "base/result.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace gatehouse {

class LineSink {
 public:
  struct Settings {
    std::size_t capacity_bytes = 4 * 1024 * 1024;  // waiting lines beyond this are dropped
    std::chrono::milliseconds gather{0};           // wait this long for more lines before writing a batch
  };

  // Appends to `path`, created with mode 0640. Fails with bad_configuration naming the path.
  static Result<std::unique_ptr<LineSink>> open_file(const std::string& path, Settings settings);
  // Writes to a descriptor that stays the caller's, such as standard error.
  static std::unique_ptr<LineSink> on_descriptor(int fd, Settings settings);

  // Writes what is waiting, unless the reader of a pipe has stopped reading.
  ~LineSink();
  LineSink(const LineSink&) = delete;
  LineSink& operator=(const LineSink&) = delete;

  // One line without its line end, already free of control bytes (base/escape.h). Any thread.
  void write(std::string_view line);

  // Opens the path anew, after a rotation moved the file away; on failure the old file stays in use. Lines still
  // waiting go to the new file. May wait for the disk: not for a worker's thread. Nothing to do on a descriptor.
  Result<void> reopen();

  // Lines that were dropped or could not be written whole, since the start.
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  LineSink(std::string path, FileDescriptor owned, int fd, Settings settings);
  void run();
  void write_batch(std::string_view batch);
  void count_lost(std::string_view unwritten);
  bool wait_writable();

  const std::string path_;
  const Settings settings_;
  std::atomic<std::uint64_t> dropped_{0};
  std::atomic<bool> stopping_{false};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;       // guarded by mutex_
  FileDescriptor reopened_;   // guarded by mutex_; replaces owned_ before the next batch

  // The writing thread's own.
  FileDescriptor owned_;
  int fd_;
  bool cut_line_ = false;  // the last batch ended within a line

  std::thread thread_;
};

}  // namespace gatehouse
