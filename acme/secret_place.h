// Secrets of a namespace as a Place: the replica that leads writes, all of them look. It is fed by a watch of the
// Secrets with label gatehouse.dev/record; without one everything is read again now and then.
//
// An operator asks by an annotation, on the Secret of the certificate (or of its order):
//
//   kubectl annotate secret NAME gatehouse.dev/renew=now        or gatehouse.dev/revoke=now
//
// On another of our Secrets the annotation's value is the name of the record that is meant: for certificates that have
// no Secret yet. The leader takes the annotation off and obeys.
#pragma once

#include "acme/place.h"
#include "acme/secret_storage.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace gatehouse::acme {

class SecretPlace final : public Place {
 public:
  struct Ports {
    kubernetes::ApiCall call;
    Clock& clock;  // outlives the coroutines that read and write
    std::function<bool()> leading;
  };
  struct Options {
    Duration read_again = std::chrono::minutes(10);
    Duration spread = std::chrono::seconds(2);  // acme/kept_answers
  };

  SecretPlace(SecretOwner owner, Ports ports, Options options);

  // From the watch: one that is there (new, changed or not), and one that is gone. What is not seen between the two
  // ends of a list is gone as well.
  void seen(const RawSecret& secret);
  void gone(const RawSecret& secret);
  void list_began();
  void list_complete();
  // `leading` says something else now, or has in between.
  void leadership_changed();

  // What the command line asks for: renew and revoke. Any replica or person may.
  Awaitable<Result<void>> leave(OperatorRequest request);

  const std::string& name() const override { return name_; }
  bool is_at_hand() const override { return false; }
  bool may_write() const override { return ports_.leading(); }
  Result<std::unique_ptr<Storage>> open(Mode mode) override;
  void on_news(std::function<void()> woken) override { woken_ = std::move(woken); }
  std::vector<RecordChange> take_changes() override;
  Duration read_again() const override { return read_now_ ? Duration::zero() : options_.read_again; }
  Duration spread() const override { return options_.spread; }
  std::vector<OperatorRequest> requests() const override;
  Awaitable<Result<void>> begin(OperatorRequest request) override;
  Result<void> end(const OperatorRequest&) override { return {}; }

 private:
  struct Event {
    std::optional<SeenSecret> secret;  // none: it is gone
    std::string version;
  };
  struct Wish {
    OperatorRequest request;
    std::string version;  // that was seen with it
  };

  void note_wish(const SeenSecret& secret);
  void tell();

  const SecretOwner owner_;
  const std::string name_;
  const Ports ports_;
  const Options options_;
  std::function<void()> woken_;
  std::shared_ptr<SecretStorage> storage_;  // the last one opened
  Mode mode_ = Mode::reading;
  unsigned term_ = 0;  // of leading or not
  std::map<std::string, Event> events_;  // since then, by Secret
  std::optional<std::set<std::string>> listing_;  // the Secrets of a list that comes in
  bool read_now_ = false;  // something may be gone
  std::map<std::string, Wish> wishes_;  // by Secret
  std::map<std::string, std::string> obeyed_;  // versions without the annotation, by Secret
};

}  // namespace gatehouse::acme
