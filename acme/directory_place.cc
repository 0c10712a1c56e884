#include "acme/directory_place.h"

#include "acme/directory_storage.h"
#include "acme/private_files.h"

namespace gatehouse::acme {

DirectoryPlace::DirectoryPlace(std::filesystem::path directory, Duration look_again)
    : directory_(std::move(directory)), name_(directory_.string()), look_again_(look_again) {}

Result<std::unique_ptr<Storage>> DirectoryPlace::open(Mode mode) {
  const bool writing = mode == Mode::writing;
  auto storage =
      DirectoryStorage::open(directory_, writing ? DirectoryStorage::Mode::writing : DirectoryStorage::Mode::reading);
  if (!storage) return storage.error();
  if (writing)
    if (auto made = make_private_directory(requests_in(directory_)); !made) return made.error();
  return std::unique_ptr<Storage>(std::move(*storage));
}

Result<void> DirectoryPlace::end(const OperatorRequest& request) { return remove_file(request.file); }

}  // namespace gatehouse::acme
