#include "tls/internal_ca.h"

#include "tls/new_certificate.h"

#include <openssl/x509v3.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace gatehouse::tls {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_file_bytes = 64 * 1024;

Failure bad_file(const fs::path& path, std::string_view words) {
  return Failure(FailureKind::bad_configuration, path.string() + ": " + std::string(words));
}

Failure system_failure(const fs::path& path, std::string_view what) {
  return bad_file(path, std::string(what) + ": " + std::strerror(errno));
}

class File {
 public:
  explicit File(int descriptor) : descriptor_(descriptor) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// Nothing when the file is not there.
Result<std::optional<std::string>> read_file(const fs::path& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.descriptor() < 0 && errno == ENOENT) return std::optional<std::string>();
  if (file.descriptor() < 0) return system_failure(path, "cannot open");
  std::string text(max_file_bytes + 1, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t n = ::read(file.descriptor(), text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_failure(path, "cannot read");
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  if (size > max_file_bytes) return bad_file(path, "larger than 64 KiB");
  text.resize(size);
  return std::optional<std::string>(std::move(text));
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

Result<void> make_directory(const fs::path& directory) {
  std::error_code error;
  if (directory.has_parent_path()) fs::create_directories(directory.parent_path(), error);
  if (error) return bad_file(directory, "cannot make its parent directory: " + error.message());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return system_failure(directory, "cannot make it");
  return {};
}

// Makes `path` with this text, whole and on disk, unless another process was faster: both are success.
Result<void> create_file(const fs::path& path, std::string_view text) {
  std::string temporary = path.string() + ".XXXXXX";
  const File file(::mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600
  if (file.descriptor() < 0) return system_failure(temporary, "cannot create");
  const bool made =
      write_all(file.descriptor(), text) && (::link(temporary.c_str(), path.c_str()) == 0 || errno == EEXIST);
  const int error = errno;
  ::unlink(temporary.c_str());
  errno = error;
  if (!made) return system_failure(path, "cannot write");
  const File directory(::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.descriptor() >= 0) ::fsync(directory.descriptor());
  return {};
}

Result<CertificatePtr> make_root(WallTime now) {
  const NewCertificate root{.common_name = "Gatehouse internal CA",
                            .names = {},
                            .not_before = now - InternalCa::clock_skew,
                            .not_after = now + InternalCa::root_lifetime,
                            .authority = true};
  return make_certificate(root, nullptr);
}

Result<std::shared_ptr<const InternalCa>> parse(const fs::path& path, const std::string& text, WallTime now) {
  auto root = Certificate::from_pem(text, text);
  if (!root) return bad_file(path, root.error().detail);
  if (X509_check_ca((*root)->leaf()) != 1) return bad_file(path, "the certificate is not a certificate authority's");
  if (now >= (*root)->not_after())
    return bad_file(path, "the root certificate has expired; move the file away to have a new one made");
  return std::make_shared<const InternalCa>(*std::move(root));
}

}  // namespace

InternalCa::InternalCa(CertificatePtr root) : root_(std::move(root)), root_pem_(root_->pem()) {}

Result<std::shared_ptr<const InternalCa>> InternalCa::load_or_create(const fs::path& directory, WallTime now) {
  const fs::path path = directory / file_name;
  auto text = read_file(path);
  if (!text) return text.error();
  if (!*text) {
    auto root = make_root(now);
    if (!root) return root.error();
    if (auto made = make_directory(directory); !made) return made.error();
    if (auto made = create_file(path, (*root)->key_pem() + (*root)->pem()); !made) return made.error();
    text = read_file(path);
    if (!text) return text.error();
    if (!*text) return bad_file(path, "vanished while it was made");
  }
  return parse(path, **text, now);
}

Result<CertificatePtr> InternalCa::issue(const HostName& host, WallTime now) const {
  const NewCertificate leaf{.common_name = host.text(),
                            .names = {host},
                            .not_before = std::max(now - clock_skew, root_->not_before()),
                            .not_after = std::min<WallTime>(now + leaf_lifetime, root_->not_after()),
                            .authority = false};
  return make_certificate(leaf, root_.get());
}

Result<CertificatePtr> make_self_signed(const std::vector<HostName>& names, WallTime now) {
  const NewCertificate wanted{.common_name = "gatehouse default certificate",
                              .names = names,
                              .not_before = now - InternalCa::clock_skew,
                              .not_after = now + std::chrono::hours(24 * 365),
                              .authority = false};
  return make_certificate(wanted, nullptr);
}

}  // namespace gatehouse::tls
