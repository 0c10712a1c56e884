// Place: where one storage is kept, and what else comes from there: whose turn it is to write, what another writer has
// changed, and what operators ask for. A directory (directory_place) is written by the process that has its lock;
// Secrets (secret_place) by the replica that leads. Control thread.
#pragma once

#include "acme/operator_request.h"
#include "acme/storage.h"
#include "base/clock.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse::acme {

class Place {
 public:
  enum class Mode { writing, reading };

  virtual ~Place() = default;

  // What logs and metrics call it.
  virtual const std::string& name() const = 0;
  // Opening and loading wait for nothing, so they may be done before anything else runs.
  virtual bool is_at_hand() const = 0;
  // Whether opening it for writing is to be tried. False is no trouble: another writes.
  virtual bool may_write() const = 0;
  // Opened anew each time, to be loaded. Of those opened before only the last may write.
  virtual Result<std::unique_ptr<Storage>> open(Mode mode) = 0;

  // Calls `woken` when one of the others may have something new; it may be called from within any function of this.
  virtual void on_news(std::function<void()> woken) = 0;
  // What another has written since the storage was opened for reading, in order. Empty: nothing is known of.
  virtual std::vector<RecordChange> take_changes() = 0;
  // How old what is known from reading may become before it is read again.
  virtual Duration read_again() const = 0;
  // How long after a write until the others have it; zero: there are no others.
  virtual Duration spread() const = 0;

  // What operators ask for and is not begun yet; of a storage opened for writing.
  virtual std::vector<OperatorRequest> requests() const = 0;
  // Before it is carried out, and after.
  virtual Awaitable<Result<void>> begin(OperatorRequest request) = 0;
  virtual Result<void> end(const OperatorRequest& request) = 0;
};

}  // namespace gatehouse::acme
