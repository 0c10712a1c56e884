// Storage: where records live: in a directory (directory_storage) or in Kubernetes Secrets (secret_storage). One
// coroutine at a time uses it.
#pragma once

#include "acme/records.h"
#include "base/asio.h"
#include "base/result.h"

#include <optional>
#include <string>
#include <vector>

namespace gatehouse::acme {

// A record as another has written it; none: it is gone.
struct RecordChange {
  RecordKind kind{};
  std::string name;
  std::optional<Record> record;
};

class Storage {
 public:
  virtual ~Storage() = default;

  struct Contents {
    std::vector<Record> records;
    std::vector<std::string> damage;  // what could not be read, or was repaired: sentences for log and `certs list`
  };

  // Everything there is. A damaged record falls back to its last good copy, and is told in `damage`.
  virtual Awaitable<Result<Contents>> load() = 0;
  // Adds or replaces. When it returns well, the record survives a power failure; when it fails, the old one is intact.
  virtual Awaitable<Result<void>> save(Record record) = 0;
  virtual Awaitable<Result<void>> remove(RecordKind kind, std::string name) = 0;
  // False: another writes now, or may; what this has loaded may be old, and it will never write again.
  virtual bool writable() const = 0;
};

}  // namespace gatehouse::acme
