// Storage in Kubernetes Secrets of one namespace, one a record (acme/secret_record). Several replicas see the same
// Secrets and one of them, the leader, writes. No lock guards that: each write says which version it replaces, and is
// refused (409) when another has written since. Then the Secret is read again: what others have put beside the record
// (an annotation) is no matter, another record is. Nothing is written any more then; `writable` says no, and whoever
// writes loads afresh (acme/place).
//
// Each writer draws a number and signs with it, so that even a write of what is there already makes a new version: a
// replica that believes it still leads hears of the next leader at its next write.
//
// A Secret that cannot be read is told and left alone. Control thread.
#pragma once

#include "acme/secret_record.h"
#include "acme/storage.h"
#include "base/clock.h"
#include "config/kubernetes/api.h"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace gatehouse::acme {

class SecretStorage final : public Storage {
 public:
  static constexpr unsigned most_tries = 4;  // of one write whose answer is lost, or that is told to wait

  struct Ports {
    kubernetes::ApiCall call;
    Clock& clock;  // outlives it
    std::function<bool()> may_write;  // false: nothing is written, nor will be
    std::function<void(const SeenSecret&)> loaded;  // told by load() of each
  };

  SecretStorage(SecretOwner owner, Ports ports);

  Awaitable<Result<Contents>> load() override;
  Awaitable<Result<void>> save(Record record) override;
  Awaitable<Result<void>> remove(RecordKind kind, std::string name) override;
  bool writable() const override { return !overtaken_ && ports_.may_write(); }

  // Whether all that is known is among these.
  bool knows_only(const std::set<std::string>& secrets) const;
  // For who only reads: a change somebody has seen, unless it is older than what is known.
  std::optional<RecordChange> follow(const SeenSecret& secret);
  std::optional<RecordChange> follow_removal(const std::string& secret, const std::string& version);
  // For who writes: what this has not written itself overtakes it, unless the record is the same.
  void notice(const SeenSecret& secret);
  void notice_removal(const std::string& secret, const std::string& version);

  // Puts annotations on a Secret, or takes them off. Returns the new version; empty: there is no such Secret.
  using Annotations = std::map<std::string, std::optional<std::string>>;
  Awaitable<Result<std::string>> annotate(std::string secret, Annotations annotations);

 private:
  // What is there, as far as we know.
  struct Known {
    std::string version;
    std::string digest;
    std::set<std::string> fields;
    RecordKind kind{};
    std::string record;
  };
  using Answer = Result<kubernetes::ApiAnswer>;

  std::string path_of(const std::string& secret) const;
  Awaitable<Answer> call(kubernetes::ApiRequest request);
  Awaitable<Answer> write(kubernetes::ApiRequest request);
  Awaitable<Result<bool>> save_once(Record record);
  Awaitable<Result<bool>> remove_once(std::string secret);
  Awaitable<Result<bool>> look_again(std::string secret, std::string wanted);
  Result<void> take_page(const std::string& body, Contents& contents, std::string& next);
  void remember(const SeenSecret& secret);
  Failure overtaken(const std::string& secret);

  const SecretOwner owner_;
  const Ports ports_;
  const std::string writer_;
  std::map<std::string, Known> known_;  // by the Secret's name
  std::map<std::string, std::set<std::string>> attempted_;  // digests of writes whose answer has not come
  std::set<std::string> removing_;
  std::map<std::string, std::string> removed_;  // by us: their last version
  bool overtaken_ = false;
};

}  // namespace gatehouse::acme
