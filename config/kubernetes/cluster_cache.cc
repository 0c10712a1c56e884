#include "config/kubernetes/cluster_cache.h"

#include "base/file_descriptor.h"
#include "config/kubernetes/json_pieces.h"
#include "config/kubernetes/object_reader.h"
#include "config/kubernetes/object_writer.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>

namespace gatehouse::kubernetes {
namespace {

constexpr std::size_t write_at_once = 256 * 1024;

Failure trouble_with(const std::filesystem::path& file, const std::string& words) {
  return {FailureKind::bad_configuration, file.string() + ": " + words};
}

Failure system_trouble(const std::filesystem::path& file) {
  return trouble_with(file, std::generic_category().message(errno));
}

// Only what its owner alone could write is believed.
bool is_private(int descriptor) {
  struct stat status {};
  return ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & 022) == 0 &&
         (status.st_uid == ::geteuid() || status.st_uid == 0);
}

class Writing {
 public:
  explicit Writing(int descriptor) : descriptor_(descriptor) {}

  void add(std::string_view text) {
    buffer_ += text;
    if (buffer_.size() >= write_at_once) flush();
  }
  bool finish() {
    flush();
    return good_ && ::fsync(descriptor_) == 0;
  }

 private:
  void flush() {
    std::string_view rest = buffer_;
    while (good_ && !rest.empty()) {
      const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
      if (count >= 0)
        rest.remove_prefix(static_cast<std::size_t>(count));
      else
        good_ = errno == EINTR;
    }
    buffer_.clear();
  }

  int descriptor_;
  std::string buffer_;
  bool good_ = true;
};

}  // namespace

Result<CachedCluster> read_cluster_cache(const std::filesystem::path& file) {
  const FileDescriptor descriptor(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.number() < 0) return system_trouble(file);
  if (!is_private(descriptor.number())) return trouble_with(file, "not a file that its owner alone may write");
  CachedCluster cached;
  ParsedManifest parsed;
  ListPieces pieces([&](const ObjectText& item) {
    if (item.too_large) return;
    const Tree tree = Tree::from_json(item.text);
    read_object(tree.root(), {tree.root()["apiVersion"].text(), tree.root()["kind"].text()}, {}, parsed);
  });
  std::array<char, 64 * 1024> buffer;
  for (;;) {
    const ssize_t count = ::read(descriptor.number(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_trouble(file);
    if (count == 0) break;
    if (!pieces.feed({buffer.data(), static_cast<std::size_t>(count)})) break;
  }
  if (!pieces.whole()) return trouble_with(file, "not a whole list of objects");
  cached.objects = std::move(parsed.objects);
  cached.time = pieces.facts().resource_version;
  return cached;
}

std::vector<Object> objects_to_cache(const ClusterObjects& objects) {
  std::vector<Object> list;
  const auto add = [&](const auto& table) {
    for (const auto& [name, object] : table) list.emplace_back(object);
  };
  add(objects.classes);
  add(objects.ingresses);
  add(objects.services);
  add(objects.slices);
  add(objects.secrets);
  add(objects.tcp_routes);
  add(objects.old_tcp_routes);
  return list;
}

Result<void> write_cluster_cache(const std::filesystem::path& file, const std::vector<Object>& objects,
                                 const std::string& time) {
  const std::filesystem::path fresh = file.string() + ".new";
  ::unlink(fresh.c_str());
  FileDescriptor descriptor(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (descriptor.number() < 0) return system_trouble(fresh);
  Writing writing(descriptor.number());
  writing.add(R"({"apiVersion":"v1","kind":"List","metadata":{"resourceVersion":")" + time + R"("},"items":[)");
  bool first = true;
  for (const Object& object : objects) {
    writing.add(std::exchange(first, false) ? "\n" : ",\n");
    writing.add(write_object(object));
  }
  writing.add("\n]}\n");
  if (!writing.finish() || ::rename(fresh.c_str(), file.c_str()) != 0) {
    const Failure failure = system_trouble(fresh);
    ::unlink(fresh.c_str());
    return failure;
  }
  const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  const FileDescriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.number() >= 0) ::fsync(directory.number());
  return {};
}

}  // namespace gatehouse::kubernetes
