#include "base/regular_file.h"

#include "base/file_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace gatehouse {
namespace {

Failure refused(std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); }

Failure refused_by_system(int error) {
  if (error == ELOOP) return refused("is a symbolic link that leads back to itself");
  return refused(std::string("cannot be read: ") + std::strerror(error));
}

std::int64_t nanoseconds(const timespec& time) { return time.tv_sec * 1'000'000'000LL + time.tv_nsec; }

Result<FileSignature> accepted(const struct stat& status, std::size_t max_bytes) {
  if (S_ISDIR(status.st_mode)) return refused("is a directory, not a file");
  if (!S_ISREG(status.st_mode)) return refused("is not a regular file (a pipe, socket or device is never read)");
  if (static_cast<std::uintmax_t>(status.st_size) > max_bytes)
    return refused("has " + std::to_string(status.st_size) + " bytes; " + std::to_string(max_bytes) +
                   " are the most that is read");
  return FileSignature{status.st_dev, status.st_ino, status.st_size, nanoseconds(status.st_mtim),
                       nanoseconds(status.st_ctim)};
}

// Reads to the end, which may have moved since the size was asked for.
Result<std::string> read_all(int descriptor, std::size_t expected, std::size_t max_bytes) {
  std::string text(expected + 1, '\0');
  std::size_t filled = 0;
  for (;;) {
    if (filled == text.size()) text.resize(text.size() * 2);
    ssize_t count = ::read(descriptor, text.data() + filled, text.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refused_by_system(errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
    if (filled > max_bytes) return refused("grew beyond " + std::to_string(max_bytes) + " bytes while it was read");
  }
  text.resize(filled);
  return text;
}

}  // namespace

Result<FileSignature> regular_file_signature(const std::filesystem::path& path, std::size_t max_bytes) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return accepted(status, max_bytes);
  if (errno != ENOENT) return refused_by_system(errno);
  if (::lstat(path.c_str(), &status) == 0) return refused("is a symbolic link that leads nowhere");
  return refused("does not exist");
}

Result<RegularFile> read_regular_file(const std::filesystem::path& path, std::size_t max_bytes) {
  // Asked before opening, because opening a device can already do something; asked again of what was opened.
  if (auto before = regular_file_signature(path, max_bytes); !before) return before.error();
  FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file) return refused_by_system(errno);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return refused_by_system(errno);
  auto signature = accepted(status, max_bytes);
  if (!signature) return signature.error();
  auto text = read_all(file.number(), static_cast<std::size_t>(status.st_size), max_bytes);
  if (!text) return text.error();
  return RegularFile{*signature, std::move(*text)};
}

}  // namespace gatehouse
