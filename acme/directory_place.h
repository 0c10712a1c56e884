// A folder as a Place.
#pragma once

#include "acme/place.h"

#include <filesystem>

namespace gatehouse::acme {

class DirectoryPlace final : public Place {
 public:
  // `look_again`: for the lock of another process.
  DirectoryPlace(std::filesystem::path directory, Duration look_again);

  const std::string& name() const override { return name_; }
  bool is_at_hand() const override { return true; }
  bool may_write() const override { return true; }
  Result<std::unique_ptr<Storage>> open(Mode mode) override;
  // Files are not watched: requests() is asked every few seconds.
  void on_news(std::function<void()>) override {}
  std::vector<RecordChange> take_changes() override { return {}; }
  Duration read_again() const override { return look_again_; }
  Duration spread() const override { return Duration::zero(); }
  std::vector<OperatorRequest> requests() const override { return waiting_requests(directory_); }
  Awaitable<Result<void>> begin(OperatorRequest) override { co_return Result<void>(); }
  Result<void> end(const OperatorRequest& request) override;

 private:
  const std::filesystem::path directory_;
  const std::string name_;
  const Duration look_again_;
};

}  // namespace gatehouse::acme
