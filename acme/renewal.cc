#include "acme/renewal.h"

#include "acme/private_files.h"
#include "acme/record_coding.h"
#include "acme/revocation.h"
#include "acme/time_limit.h"
#include "acme/time_text.h"
#include "base/escape.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace gatehouse::acme {
namespace {

constexpr Duration longest_pause = std::chrono::hours(1);  // of a CA that does not answer, unless it says so itself

// Storage in files waits for nothing, so this returns its result at once.
template <class T>
T at_once(Awaitable<T> work) {
  asio::io_context io;
  std::optional<T> result;
  asio::co_spawn(io, std::move(work), [&](std::exception_ptr thrown, T value) {
    if (thrown) std::rethrow_exception(thrown);
    result.emplace(std::move(value));
  });
  io.run();
  return std::move(*result);
}

bool share_a_host(const std::vector<HostName>& a, const std::vector<HostName>& b) {
  return std::any_of(a.begin(), a.end(),
                     [&](const auto& name) { return std::find(b.begin(), b.end(), name) != b.end(); });
}

}  // namespace

Renewal::Renewal(asio::any_io_executor executor, std::shared_ptr<Place> place, Ports ports)
    : executor_(std::move(executor)),
      place_(std::move(place)),
      ports_(std::move(ports)),
      clock_(ports_.clock),
      wake_(executor_, TimePoint::max()) {
  status_.storage = place_->name();
}

void Renewal::load() {
  if (!place_->is_at_hand()) return;
  if (!at_once(open(Place::Mode::writing))) at_once(open(Place::Mode::reading));
}

Awaitable<bool> Renewal::open(Place::Mode mode) {
  const bool writing = mode == Place::Mode::writing;
  following_ = false;
  auto storage = place_->open(mode);
  if (!storage) {
    if (writing) trouble(printable(storage.error().detail));
    co_return false;
  }
  auto holdings = std::make_shared<Holdings>(std::move(*storage));
  auto sentences = co_await holdings->load();
  if (!sentences) {
    trouble(printable(sentences.error().detail));
    co_return false;
  }
  if (writing && !holdings->writable()) co_return false;
  if (writing || !holdings_)
    for (const auto& sentence : *sentences) ports_.log->warn("{}: {}", place_->name(), printable(sentence));
  holdings_ = std::move(holdings);
  writing_ = writing;
  following_ = !writing;
  read_at_ = clock_.now();
  if (writing || place_->spread() > Duration::zero()) trouble("");
  co_return true;
}

// Ours when it may be, else what others have made of it.
Awaitable<void> Renewal::settle_storage() {
  if (writing_ && !holdings_->writable()) end_term();
  if (writing_) co_return;
  bool opened = false;
  if (place_->may_write()) opened = co_await open(Place::Mode::writing);
  if (writing_) co_await drop_lost_answers();
  const bool is_old = !place_->is_at_hand() && (!following_ || clock_.now() >= read_at_ + place_->read_again());
  if (!opened && (!holdings_ || is_old)) opened = co_await open(Place::Mode::reading);
  if (opened) {
    ports_.changed();
    ports_.answers_changed();
  } else if (following_) {
    follow_changes();
  }
}

void Renewal::follow_changes() {
  bool certificates = false, answers = false;
  for (RecordChange& change : place_->take_changes()) {
    certificates = certificates || change.kind == RecordKind::certificate;
    answers = answers || change.kind == RecordKind::challenge;
    if (!change.record) {
      holdings_->forget(change.kind, change.name);
      continue;
    }
    auto taken = holdings_->take(*change.record);
    if (!taken) ports_.log->warn("{}: record {}: {}", place_->name(), change.name, printable(taken.error().detail));
  }
  if (certificates) ports_.changed();
  if (answers) ports_.answers_changed();
}

// Of orders that are no more: whoever showed them ended in between.
Awaitable<void> Renewal::drop_lost_answers() {
  const auto answers = holdings_->answers();
  for (const auto& [record, answer] : answers) {
    if (holdings_->order(answer.order) != nullptr) continue;
    auto dropped = co_await holdings_->drop_answer(answer);
    if (!dropped) ports_.log->warn("{}: {}", place_->name(), printable(dropped.error().detail));
  }
}

// What is under way sees it by its holdings, and ends.
void Renewal::end_term() {
  writing_ = false;
  ports_.log->info("{}: others write there now; {} orders are left to them", place_->name(), under_way_.size());
  under_way_.clear();
  opening_.clear();
  accounts_.clear();
  ask_again_.clear();
  illness_.clear();
  asking_ = false;
  plan_ = {};
  status_.certificates.clear();
}

void Renewal::trouble(const std::string& words) {
  if (!words.empty() && words != trouble_)
    ports_.log->error("certificates in {} are neither obtained nor renewed: {}", place_->name(), words);
  if (words.empty() && !trouble_.empty()) ports_.log->info("solved: {}: {}", place_->name(), trouble_);
  trouble_ = words;
}

void Renewal::use(std::map<std::string, std::shared_ptr<Resolver>> resolvers) {
  // Accounts have other settings now, perhaps: those the CA has refused are tried again.
  for (const auto& [name, resolver] : resolvers) {
    if (!holdings_ || !resolvers_.contains(name)) continue;
    for (const CaRules& ca : resolver->rules().cas)
      forgive_account(holdings_->ledger(ca.url), resolver->rules().account);
  }
  resolvers_ = std::move(resolvers);
  accounts_.clear();
  wake();
}

void Renewal::want(std::vector<CertificateRequest> requests) {
  std::erase_if(requests, [this](const auto& request) { return !resolvers_.contains(request.resolver); });
  if (wanted_ && requests == requests_) return;
  wanted_ = true;
  requests_ = std::move(requests);
  wake();
}

void Renewal::stop() {
  stopped_ = true;
  wake();
}

void Renewal::wake() {
  woken_ = true;
  wake_.cancel();
}

std::vector<ObtainedCertificate> Renewal::certificates() const {
  std::vector<ObtainedCertificate> all;
  if (!holdings_) return all;
  for (const auto& [record, kept] : holdings_->certificates()) all.push_back({kept.stored.resolver, kept.certificate});
  return all;
}

std::vector<PendingAnswer> Renewal::answers() const {
  std::vector<PendingAnswer> all;
  if (!holdings_) return all;
  for (const auto& [record, answer] : holdings_->answers()) all.push_back(answer);
  return all;
}

Awaitable<void> Renewal::run() {
  place_->on_news([self = weak_from_this()] {
    if (const auto renewal = self.lock()) renewal->wake();
  });
  while (!stopped_) {
    co_await settle_storage();
    if (writing_) co_await work();
    tell();
    co_await sleep();
  }
}

Awaitable<void> Renewal::work() {
  co_await obey_requests();
  if (!wanted_) co_return;
  make_plan();
  auto changed = co_await change_records();
  if (changed) make_plan();
  start_due();
  start_asking();
}

void Renewal::make_plan() {
  PlanInput input = holdings_->plan_input();
  input.requests = requests_;
  for (const auto& [name, resolver] : resolvers_) input.resolvers[name] = resolver->rules();
  plan_ = plan(input, clock_.wall_now());
  status_.certificates = certificate_statuses(plan_, input);
}

// Whether any was changed. What cannot be saved is tried again with the next plan.
Awaitable<bool> Renewal::change_records() {
  const Plan now = plan_;
  for (const auto& record : now.now_unwanted) co_await mark(record, now.made);
  for (const auto& record : now.wanted_again) co_await mark(record, std::nullopt);
  bool dropped_any = false;
  for (const auto& record : now.to_prune) {
    auto dropped = co_await holdings_->drop_certificate(record);
    if (dropped) ports_.log->info("certificate {} is removed: nobody asks for it any more", record);
    dropped_any = dropped_any || dropped;
  }
  if (dropped_any) ports_.changed();
  bool changed = dropped_any || !now.now_unwanted.empty() || !now.wanted_again.empty();
  for (const auto& record : now.to_abandon) {
    if (under_way_.contains(record) || !holdings_->writable()) continue;
    auto dropped = co_await holdings_->drop_order(record);
    changed = changed || dropped;
  }
  co_return changed;
}

Awaitable<void> Renewal::mark(std::string record, std::optional<WallTime> unwanted_since) {
  const KeptCertificate* kept = holdings_->certificate(record);
  if (kept == nullptr) co_return;
  StoredCertificate stored = kept->stored;
  stored.unwanted_since = unwanted_since;
  if (unwanted_since) stored.unwanted_since = std::chrono::floor<std::chrono::seconds>(*unwanted_since);
  auto saved = co_await holdings_->keep(std::move(stored));
  if (!saved) ports_.log->error("{}", printable(describe(saved.error())));
}

void Renewal::start_due() {
  for (const PlannedCertificate& planned : plan_.certificates) {
    if (planned.state != PlanState::due) break;
    if (!may_start(planned)) continue;
    const AccountPlace place{planned.resolver, planned.ca};
    if (resting_.contains(place)) continue;
    if (accounts_.contains(place))
      start_order(planned);
    else if (opening_.insert(place).second)
      asio::co_spawn(executor_, open_account(shared_from_this(), place), asio::detached);
  }
}

// Two orders for one host would answer one TLS-ALPN-01 challenge with the other's answer.
bool Renewal::may_start(const PlannedCertificate& planned) const {
  std::size_t at_this_ca = 0;
  for (const auto& [record, under_way] : under_way_) {
    if (record == planned.record || share_a_host(under_way.names, planned.names)) return false;
    if (under_way.ca == planned.ca) ++at_this_ca;
  }
  return at_this_ca < ports_.options.most_orders && resolvers_.contains(planned.resolver);
}

void Renewal::start_order(const PlannedCertificate& planned) {
  under_way_[planned.record] = {planned.resolver, planned.ca, planned.names};
  Issuance work{resolvers_.at(planned.resolver), holdings_, accounts_.at({planned.resolver, planned.ca}), planned,
                place_->spread()};
  asio::co_spawn(executor_, carry_out(shared_from_this(), std::move(work)), asio::detached);
}

Awaitable<void> Renewal::open_account(std::shared_ptr<Renewal> self, AccountPlace place) {
  const auto resolver = self->resolvers_.at(place.resolver);
  const auto holdings = self->holdings_;
  Answer<Account> account = trouble_of(Failure(FailureKind::internal));
  try {
    account = co_await acme::open_account(self->clock_, resolver, holdings, place.ca);
  } catch (const std::exception& unexpected) {
    account = trouble_of(Failure(FailureKind::internal, unexpected.what()));
  }
  if (!self->is_of_term(holdings) || !holdings->writable()) co_return self->wake();
  self->opening_.erase(place);
  if (account) {
    self->illness_.erase(place.ca);
    forgive_account(holdings->ledger(place.ca), resolver->rules().account);
    // Settings may have changed meanwhile.
    const auto now = self->resolvers_.find(place.resolver);
    if (now != self->resolvers_.end() && now->second == resolver) self->accounts_[place] = *account;
  } else {
    const Trouble trouble = account.error();
    if (is_illness(trouble))
      co_await self->leave_alone(place.ca, describe(trouble.failure), trouble.not_before);
    else
      co_await self->leave_account_alone(place, resolver->rules().account, trouble);
  }
  self->wake();
}

Awaitable<void> Renewal::carry_out(std::shared_ptr<Renewal> self, Issuance work) {
  const PlannedCertificate planned = work.planned;
  const auto holdings = work.holdings;
  IssueOutcome outcome;
  try {
    outcome = co_await issue(self->clock_, std::move(work));
  } catch (const std::exception& unexpected) {
    outcome.words = printable(unexpected.what());
    note_failure(holdings->ledger(planned.ca), planned.names, unexpected.what(), {}, planned.expires,
                 self->clock_.wall_now());
  }
  if (!self->is_of_term(holdings) || (!outcome.issued && !holdings->writable())) co_return self->wake();
  self->under_way_.erase(planned.record);
  self->ports_.answers_changed();
  if (outcome.account_is_gone) self->accounts_.erase({planned.resolver, planned.ca});
  if (outcome.ca_is_ill) co_await self->leave_alone(planned.ca, outcome.words, outcome.ca_asks_until);
  self->report(planned, outcome);
  self->wake();
}

void Renewal::report(const PlannedCertificate& planned, const IssueOutcome& outcome) {
  const std::string& name = planned.names.front().text();
  if (!outcome.issued) {
    ++status_.failed[planned.resolver];
    const std::string next = outcome.next_try ? time_text(*outcome.next_try) : "in a minute";
    ports_.log->error("certificate for {} from {}: {}; next try {}", name, printable(planned.ca), outcome.words, next);
    return tell_askers(planned, false, name + ": " + outcome.words + "; next try " + next);
  }
  ++status_.issued[planned.resolver];
  illness_.erase(planned.ca);
  ask_again_.erase(planned.record);
  const KeptCertificate* kept = holdings_->certificate(planned.record);
  ports_.log->info("certificate for {} obtained from {}, ends {}", name, printable(planned.ca),
                   kept == nullptr ? "" : time_text(kept->held.validity.not_after));
  if (!outcome.words.empty()) ports_.log->warn("certificate for {}: {}", name, printable(outcome.words));
  ports_.changed();
  tell_askers(planned, true, name + ": obtained from " + planned.ca);
}

void Renewal::tell_askers(const PlannedCertificate& planned, bool issued, const std::string& words) const {
  if (ports_.reported) ports_.reported({planned.asked_by, issued, printable(words)});
}

// The other resolvers go on with the CA.
Awaitable<void> Renewal::leave_account_alone(AccountPlace place, std::string account, Trouble trouble) {
  const WallTime now = clock_.wall_now();
  std::optional<Duration> retry_after;
  if (trouble.not_before && *trouble.not_before > now) retry_after = *trouble.not_before - now;
  const std::string words = describe(trouble.failure);
  const WallTime next = note_account_failure(holdings_->ledger(place.ca), account, words, retry_after, now);
  ports_.log->error("resolver {}: account at {}: {}; next try {}", printable(place.resolver), printable(place.ca),
                    printable(words), time_text(next));
  auto saved = co_await holdings_->keep_ledger(place.ca, now);
  if (!saved) ports_.log->error("{}", printable(describe(saved.error())));
}

// The CA as a whole: it cannot be reached, or takes no orders. Several that were under way fail by one outage.
Awaitable<void> Renewal::leave_alone(std::string ca, std::string words, std::optional<WallTime> until) {
  const WallTime now = clock_.wall_now();
  const bool anew = holdings_->ledger(ca).paused_until <= now;
  if (!anew && !until) co_return;
  if (anew) ++illness_[ca];
  const Duration wait = std::min(retry_wait(illness_[ca], ca, {}, {}, now), longest_pause);
  const WallTime by_us = now + std::chrono::duration_cast<WallTime::duration>(wait);
  const WallTime end = std::max(by_us, until.value_or(by_us));
  pause(holdings_->ledger(ca), end, words, now);
  ports_.log->error("{} is left alone until {}: {}", printable(ca), time_text(end), printable(words));
  auto saved = co_await holdings_->keep_ledger(ca, now);
  if (!saved) ports_.log->error("{}", printable(describe(saved.error())));
}

Awaitable<void> Renewal::obey_requests() {
  resting_.clear();
  const auto requests = place_->requests();
  for (const OperatorRequest& request : requests) {
    if (stopped_ || !holdings_->writable()) co_return;
    if (!may_obey(request)) continue;
    auto begun = co_await place_->begin(request);
    if (begun) co_await obey(request);
    auto ended = begun ? place_->end(request) : begun;
    if (!ended) ports_.log->error("{}", printable(ended.error().detail));
  }
}

// False: later, when the orders under way have ended.
bool Renewal::may_obey(const OperatorRequest& request) {
  if (request.kind != OperatorRequest::Kind::roll_key) return true;
  const auto place = place_of_account(resolvers_, request.subject);
  if (!place) return true;
  const bool at_work =
      opening_.contains(*place) || std::any_of(under_way_.begin(), under_way_.end(), [&](const auto& order) {
        return order.second.resolver == place->resolver && order.second.ca == place->ca;
      });
  if (at_work) resting_.insert(*place);
  return !at_work;
}

// What is held, or what has failed so far.
Awaitable<Result<std::string>> Renewal::renew(std::string record) {
  if (wanted_) make_plan();
  for (const PlannedCertificate& planned : plan_.certificates) {
    if (planned.record != record || holdings_->certificate(record) != nullptr) continue;
    auto forgiven = co_await try_again(*holdings_, planned.names, clock_.wall_now());
    co_return forgiven;
  }
  auto marked = co_await mark_for_renewal(*holdings_, std::move(record), RenewalCause::asked_for, clock_.wall_now());
  co_return marked;
}

Awaitable<void> Renewal::obey(OperatorRequest request) {
  Result<std::string> done = std::string();
  switch (request.kind) {
    case OperatorRequest::Kind::renew: done = co_await renew(request.subject); break;
    case OperatorRequest::Kind::prune: {
      if (wanted_) make_plan();
      auto unwanted = unwanted_records(plan_);
      done = co_await prune(*holdings_, std::move(unwanted));
      break;
    }
    case OperatorRequest::Kind::import: {
      std::optional<std::string> sentence;
      auto text = read_private_file(request.file, max_acme_json_bytes, true, sentence);
      if (text) {
        auto cas = cas_of(resolvers_);
        done = co_await import_acme_json(*holdings_, std::move(*text), std::move(cas), clock_.wall_now());
      } else {
        done = text.error();
      }
      break;
    }
    case OperatorRequest::Kind::roll_key:
      done = co_await roll_over(resolvers_, holdings_, request.subject);
      accounts_.clear();
      break;
    case OperatorRequest::Kind::revoke: done = co_await revoke(clock_, resolvers_, holdings_, request.subject); break;
  }
  if (done)
    ports_.log->info("as asked for: {}", printable(*done));
  else
    ports_.log->error("asked for {}: {}", file_name(request), printable(done.error().detail));
  if (done) ports_.changed();
}

void Renewal::tell() {
  status_.trouble = trouble_;
  status_log_.tell(status_, clock_.wall_now(), *ports_.log);
  ports_.status_changed(status_);
}

Awaitable<void> Renewal::wait_until_woken() {
  while (!woken_) {
    error_code cancelled;
    co_await wake_.async_wait(asio::redirect_error(asio::use_awaitable, cancelled));
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none) co_return;
  }
}

Duration Renewal::longest_sleep() const {
  if (!writing_ && !place_->is_at_hand() && (!holdings_ || place_->may_write())) return ports_.options.load_again;
  if (!writing_) return std::min(ports_.options.open_again, place_->read_again());
  Duration longest = ports_.options.plan_again;
  const WallTime now = clock_.wall_now();
  const auto consider = [&](WallTime at) {
    longest = std::min(longest, std::max<Duration>(at - now, ports_.options.rest));
  };
  if (const auto next = next_change(plan_)) consider(*next);
  if (const auto next = next_question(); next && !asking_) consider(*next);
  return longest;
}

Awaitable<void> Renewal::sleep() {
  const TimePoint begun = clock_.now();
  const TimePoint end = begun + longest_sleep();
  while (!woken_ && clock_.now() < end) {
    const TimePoint look = std::min(end, clock_.now() + ports_.options.look_for_requests);
    auto woken = co_await ends_before(clock_, look, wait_until_woken());
    if (woken || (writing_ && !place_->requests().empty())) break;
  }
  // What changes at the same time makes one plan.
  const Duration rest = writing_ ? ports_.options.rest : ports_.options.follow;
  if (!stopped_) co_await clock_.sleep_until((writing_ ? begun : clock_.now()) + rest);
  woken_ = false;
}

}  // namespace gatehouse::acme
