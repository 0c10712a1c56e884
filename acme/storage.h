// Storage: where records live. The directory store is in directory_storage; a store of Kubernetes Secrets fits the
// same interface. One coroutine at a time uses it.
#pragma once

#include "acme/records.h"
#include "base/asio.h"
#include "base/result.h"

#include <string>
#include <vector>

namespace gatehouse::acme {

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
};

}  // namespace gatehouse::acme
