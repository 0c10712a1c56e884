#include "acme/private_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace gatehouse::acme {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view leftover_start = ".new-";

Failure failed(const fs::path& path, const std::string& what, int error) {
  return Failure(FailureKind::bad_configuration, path.string() + ": " + what + ": " + std::strerror(error));
}

Failure refused(std::string words) { return Failure(FailureKind::bad_configuration, std::move(words)); }

std::string octal(mode_t mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode & 07777));
  return text.data();
}

std::optional<std::string> check_mode(int descriptor, const fs::path& path, mode_t mode, mode_t wanted, bool repair) {
  if ((mode & 077) == 0) return std::nullopt;
  std::string sentence = path.string() + " was open to others (mode " + octal(mode) + ")";
  if (!repair) return sentence;
  if (::fchmod(descriptor, wanted) == 0) return sentence + "; it is " + octal(wanted) + " now";
  return sentence + " and cannot be closed to them: " + std::strerror(errno);
}

bool write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(descriptor, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return ::fsync(descriptor) == 0;
}

Result<std::string> read_all(int descriptor, std::size_t expected) {
  std::string text(expected + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(descriptor, text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return refused(std::string("cannot be read: ") + std::strerror(errno));
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  if (size > expected) return refused("grew while it was read");
  text.resize(size);
  return text;
}

std::string holder(int descriptor) {
  std::array<char, 128> text{};
  const ssize_t n = ::pread(descriptor, text.data(), text.size() - 1, 0);
  std::string words(text.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  const auto odd = words.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .-");
  return words.substr(0, odd);
}

std::string own_name() {
  std::array<char, 65> host{};
  ::gethostname(host.data(), host.size() - 1);
  return std::to_string(::getpid()) + " on " + host.data() + "\n";
}

}  // namespace

Result<void> make_private_directory(const fs::path& directory) {
  std::error_code error;
  if (directory.has_parent_path()) fs::create_directories(directory.parent_path(), error);
  if (error) return refused(directory.string() + ": cannot make its parent directory: " + error.message());
  if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return failed(directory, "cannot make it", errno);
}

Result<std::string> read_private_file(const fs::path& path, std::size_t max_bytes, bool repair,
                                      std::optional<std::string>& sentence) {
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file && errno == ELOOP) return refused("is a symbolic link");
  if (!file && errno == ENXIO) return refused("is not a regular file");
  if (!file) return refused(std::string("cannot be read: ") + std::strerror(errno));
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return refused(std::string("cannot be read: ") + std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return refused("is not a regular file");
  if (static_cast<std::uintmax_t>(status.st_size) > max_bytes)
    return refused("is larger than " + std::to_string(max_bytes) + " bytes");
  sentence = check_mode(file.number(), path, status.st_mode, 0600, repair);
  return read_all(file.number(), static_cast<std::size_t>(status.st_size));
}

std::optional<std::string> check_directory_mode(const fs::path& directory, bool repair) {
  const FileDescriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  struct stat status {};
  if (!opened || ::fstat(opened.number(), &status) != 0) return std::nullopt;
  return check_mode(opened.number(), directory, status.st_mode, 0700, repair);
}

Result<fs::path> write_beside(const fs::path& path, std::string_view text) {
  std::string name = (path.parent_path() / leftover_start).string() + "XXXXXX";
  const FileDescriptor file(::mkostemp(name.data(), O_CLOEXEC));  // mode 0600
  if (!file) return failed(path, "cannot write beside it", errno);
  if (write_all(file.number(), text)) return fs::path(name);
  const int error = errno;
  ::unlink(name.c_str());
  return failed(path, "cannot write it", error);
}

bool is_leftover(std::string_view file_name) { return file_name.starts_with(leftover_start); }

Result<void> keep_as(const fs::path& path, const fs::path& kept) {
  const fs::path linked = path.parent_path() / (std::string(leftover_start) + "kept");
  ::unlink(linked.c_str());
  if (::link(path.c_str(), linked.c_str()) == 0) return rename_file(linked, kept);
  if (errno == ENOENT) return {};
  return rename_file(path, kept);
}

Result<void> rename_file(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  return failed(to, "cannot put it in place", errno);
}

Result<void> remove_file(const fs::path& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return failed(path, "cannot remove it", errno);
}

Result<void> sync_directory(const fs::path& directory) {
  const FileDescriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.number()) != 0) return failed(directory, "cannot sync it", errno);
  return {};
}

Result<FileDescriptor> lock_file(const fs::path& path) {
  FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!file) return failed(path, "cannot open it", errno);
  if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      return refused(path.parent_path().string() + " is in use by process " + holder(file.number()));
    return failed(path, "cannot lock it", errno);
  }
  // On a full disk the certificates are still to be read, so an unnamed holder is better than none.
  const std::string name = own_name();
  const bool named = ::ftruncate(file.number(), 0) == 0 && ::pwrite(file.number(), name.data(), name.size(), 0) > 0;
  (void)named;
  return file;
}

}  // namespace gatehouse::acme
