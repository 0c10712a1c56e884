// Storage in a directory of its own, readable by nobody else:
//
//   lock                                 held by the process that writes
//   certificate/NAME.pem                 account, order, ledger and challenge beside it; the format is in record_file.h
//   certificate/NAME.pem.previous        the last good copy before it
//
// A file is written whole beside its place, synced, and renamed, so that at every instant there is the old one or the
// new one. What is not ours (links, pipes, other names) is told and left alone. Blocks the calling thread for some
// milliseconds a file; not for a worker's.
#pragma once

#include "acme/storage.h"
#include "base/file_descriptor.h"

#include <filesystem>
#include <functional>
#include <memory>

namespace gatehouse::acme {

class DirectoryStorage final : public Storage {
 public:
  enum class Mode {
    writing,  // makes the directory when it is not there; takes its lock
    reading,  // changes nothing and needs no lock: what `certs list` looks with while another process works
  };
  // Told between the steps of save: `begun`, `written`, `kept`, `renamed`. For tests that break off there.
  using Step = std::function<void(std::string_view)>;

  // bad_configuration when the directory cannot be made or used; `… is in use by process 123` while another one has
  // the lock, which may be asked for again later.
  static Result<std::unique_ptr<DirectoryStorage>> open(std::filesystem::path directory, Mode mode, Step step = {});

  Awaitable<Result<Contents>> load() override;
  Awaitable<Result<void>> save(Record record) override;
  // Well also when there is no such record.
  Awaitable<Result<void>> remove(RecordKind kind, std::string name) override;
  bool writable() const override { return mode_ == Mode::writing; }

 private:
  DirectoryStorage(std::filesystem::path directory, Mode mode, FileDescriptor lock, std::vector<std::string> repairs,
                   Step step);
  void load_kind(RecordKind kind, Contents& contents);
  void load_record(RecordKind kind, const std::string& name, Contents& contents);
  Result<void> write_record(const Record& record);
  Result<void> remove_record(RecordKind kind, const std::string& name);
  std::filesystem::path file_of(RecordKind kind, const std::string& name) const;
  void at(std::string_view step) const {
    if (step_) step_(step);
  }

  const std::filesystem::path directory_;
  const Mode mode_;
  FileDescriptor lock_;
  std::vector<std::string> repairs_;  // what opening had to repair; told by the first load
  Step step_;
};

}  // namespace gatehouse::acme
