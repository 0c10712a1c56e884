#include "acme/secret_place.h"

#include "acme/record_file.h"

namespace gatehouse::acme {
namespace {

// The storage belongs to who opened it, and to the place, which tells it what the watch sees.
class Lent final : public Storage {
 public:
  explicit Lent(std::shared_ptr<SecretStorage> storage) : storage_(std::move(storage)) {}
  Awaitable<Result<Contents>> load() override { return storage_->load(); }
  Awaitable<Result<void>> save(Record record) override { return storage_->save(std::move(record)); }
  Awaitable<Result<void>> remove(RecordKind kind, std::string name) override {
    return storage_->remove(kind, std::move(name));
  }
  bool writable() const override { return storage_->writable(); }

 private:
  const std::shared_ptr<SecretStorage> storage_;
};

}  // namespace

SecretPlace::SecretPlace(SecretOwner owner, Ports ports, Options options)
    : owner_(std::move(owner)),
      name_("Secrets of " + owner_.name_space + "/" + owner_.instance),
      ports_(std::move(ports)),
      options_(options) {}

void SecretPlace::tell() {
  if (woken_) woken_();
}

void SecretPlace::leadership_changed() {
  ++term_;
  tell();
}

Result<std::unique_ptr<Storage>> SecretPlace::open(Mode mode) {
  mode_ = mode;
  const auto may_write = [this, mode, term = term_] {
    return mode == Mode::writing && term == term_ && ports_.leading();
  };
  storage_ = std::make_shared<SecretStorage>(
      owner_, SecretStorage::Ports{ports_.call, ports_.clock, may_write,
                                   [this](const SeenSecret& secret) { note_wish(secret); }});
  wishes_.clear();
  events_.clear();
  read_now_ = false;
  return std::unique_ptr<Storage>(std::make_unique<Lent>(storage_));
}

void SecretPlace::seen(const RawSecret& raw) {
  if (listing_) listing_->insert(raw.name);
  auto secret = parse_secret(owner_, raw);
  if (!secret) return;  // told by the next load
  note_wish(*secret);
  if (storage_ && mode_ == Mode::writing) {
    storage_->notice(*secret);
  } else {
    std::string version = secret->resource_version;
    events_[raw.name] = {std::move(*secret), std::move(version)};
  }
  tell();
}

void SecretPlace::gone(const RawSecret& raw) {
  wishes_.erase(raw.name);
  if (storage_ && mode_ == Mode::writing)
    storage_->notice_removal(raw.name, raw.resource_version);
  else
    events_[raw.name] = {std::nullopt, raw.resource_version};
  tell();
}

void SecretPlace::list_began() { listing_.emplace(); }

// A list may be some seconds old, so what it lacks is not gone for sure: what is there is read again.
void SecretPlace::list_complete() {
  const auto listed = std::exchange(listing_, std::nullopt);
  if (!listed || !storage_) return;
  if (!storage_->knows_only(*listed)) {
    read_now_ = true;
    tell();
  }
}

std::vector<RecordChange> SecretPlace::take_changes() {
  std::vector<RecordChange> changes;
  if (!storage_) return changes;
  const auto events = std::exchange(events_, {});
  for (const auto& [name, event] : events) {
    auto change = event.secret ? storage_->follow(*event.secret) : storage_->follow_removal(name, event.version);
    if (change) changes.push_back(std::move(*change));
  }
  return changes;
}

void SecretPlace::note_wish(const SeenSecret& secret) {
  if (const auto obeyed = obeyed_.find(secret.name); obeyed != obeyed_.end()) {
    if (is_older_version(secret.resource_version, obeyed->second)) return;
    obeyed_.erase(obeyed);
  }
  wishes_.erase(secret.name);
  if (secret.renew.empty() && secret.revoke.empty()) return;
  const auto kind = secret.revoke.empty() ? OperatorRequest::Kind::renew : OperatorRequest::Kind::revoke;
  const bool means_itself = secret.record.kind == RecordKind::certificate || secret.record.kind == RecordKind::order;
  const std::string& named = secret.revoke.empty() ? secret.renew : secret.revoke;
  const std::string& record = means_itself ? secret.record.name : named;
  if (is_record_name(record)) wishes_[secret.name] = {{kind, record, secret.name}, secret.resource_version};
}

std::vector<OperatorRequest> SecretPlace::requests() const {
  std::vector<OperatorRequest> all;
  for (const auto& [secret, wish] : wishes_) all.push_back(wish.request);
  return all;
}

// Taken off first: a wish that could not be taken off would be carried out again and again.
Awaitable<Result<void>> SecretPlace::begin(OperatorRequest request) {
  const std::string secret = request.file.string();
  SecretStorage::Annotations gone;
  gone[std::string(renew_annotation)] = gone[std::string(revoke_annotation)] = std::nullopt;
  auto version = co_await storage_->annotate(secret, std::move(gone));
  if (!version) co_return version.error();
  wishes_.erase(secret);
  obeyed_[secret] = *version;
  co_return Result<void>();
}

Awaitable<Result<void>> SecretPlace::leave(OperatorRequest request) {
  const bool renew = request.kind == OperatorRequest::Kind::renew;
  if (!renew && request.kind != OperatorRequest::Kind::revoke)
    co_return Failure(FailureKind::bad_configuration,
                      "in a cluster only renewing and revoking can be asked for; to remove a certificate, delete its "
                      "Secret");
  const std::string annotation(renew ? renew_annotation : revoke_annotation);
  const auto any = std::make_shared<std::string>();
  const auto find_ledger = [any](const SeenSecret& secret) {
    if (secret.record.kind == RecordKind::ledger) *any = secret.name;
  };
  SecretStorage storage(owner_, SecretStorage::Ports{ports_.call, ports_.clock, [] { return true; }, find_ledger});
  constexpr std::array kinds{RecordKind::certificate, RecordKind::order};
  for (const RecordKind kind : kinds) {
    const std::string secret = secret_name(owner_, kind, request.subject);
    SecretStorage::Annotations now;
    now[annotation] = "now";
    auto done = co_await storage.annotate(secret, std::move(now));
    if (!done) co_return done.error();
    if (!done->empty()) co_return Result<void>();
  }
  auto loaded = co_await storage.load();
  if (!loaded) co_return loaded.error();
  if (any->empty()) co_return Failure(FailureKind::bad_configuration, "there is no Secret of ours to ask by");
  SecretStorage::Annotations named;
  named[annotation] = request.subject;
  auto done = co_await storage.annotate(*any, std::move(named));
  if (!done) co_return done.error();
  co_return Result<void>();
}

}  // namespace gatehouse::acme
