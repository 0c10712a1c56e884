// The part of Renewal that asks CAs for suggested renewal windows (RFC 9773), one certificate after the other.
#include "acme/renewal.h"
#include "acme/time_text.h"
#include "base/escape.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>

namespace gatehouse::acme {
namespace {

constexpr auto spread = std::chrono::minutes(10);  // of certificates obtained in one minute
constexpr auto no_windows = std::chrono::hours(24);  // a CA that gives none may begin to

// Up to `spread`, the same for the same certificate.
WallTime::duration jitter(const std::string& fingerprint) {
  std::size_t number = 0;
  for (const char c : fingerprint.substr(0, 8)) number = number * 31 + static_cast<unsigned char>(c);
  return std::chrono::seconds(number % static_cast<std::size_t>(std::chrono::seconds(spread).count()));
}

}  // namespace

std::optional<WallTime> Renewal::question_at(const std::string& record, const KeptCertificate& kept) const {
  const auto resolver = resolvers_.find(kept.stored.resolver);
  if (resolver == resolvers_.end() || resolver->second->client(kept.stored.ca) == nullptr) return std::nullopt;
  if (kept.stored.unwanted_since || under_way_.contains(record)) return std::nullopt;
  if (const auto asked = ask_again_.find(record); asked != ask_again_.end()) return asked->second;
  const WallTime first = kept.stored.window ? kept.stored.window->ask_again : kept.stored.stored;
  return first + jitter(kept.held.fingerprint);
}

std::optional<WallTime> Renewal::next_question() const {
  std::optional<WallTime> next;
  for (const auto& [record, kept] : holdings_->certificates())
    if (const auto at = question_at(record, kept); at && (!next || *at < *next)) next = at;
  return next;
}

void Renewal::start_asking() {
  const auto next = next_question();
  if (asking_ || !next || *next > clock_.wall_now()) return;
  asking_ = true;
  asio::co_spawn(executor_, ask_for_windows(shared_from_this()), asio::detached);
}

Awaitable<void> Renewal::ask_for_windows(std::shared_ptr<Renewal> self) {
  const auto holdings = self->holdings_;
  std::erase_if(self->ask_again_, [&](const auto& asked) { return !holdings->certificate(asked.first); });
  std::vector<std::string> due;
  for (const auto& [record, kept] : self->holdings_->certificates())
    if (const auto at = self->question_at(record, kept); at && *at <= self->clock_.wall_now()) due.push_back(record);
  try {
    for (const std::string& record : due)
      if (self->is_of_term(holdings)) co_await self->ask_for_window(record);
  } catch (const std::exception& unexpected) {
    self->ports_.log->error("renewal information: {}", printable(unexpected.what()));
    for (const std::string& record : due) self->ask_again_[record] = self->clock_.wall_now() + no_windows;
  }
  if (!self->is_of_term(holdings)) co_return;
  self->asking_ = false;
  self->wake();
}

Awaitable<void> Renewal::ask_for_window(std::string record) {
  const KeptCertificate* kept = holdings_->certificate(record);
  if (kept == nullptr || stopped_) co_return;
  const auto found = resolvers_.find(kept->stored.resolver);
  if (found == resolvers_.end()) co_return;
  const auto resolver = found->second;
  Client* client = resolver->client(kept->stored.ca);
  if (client == nullptr) co_return;
  const std::string fingerprint = kept->held.fingerprint;
  auto answer = co_await client->renewal_info(kept->certificate->renewal_id());
  const WallTime now = clock_.wall_now();
  if (!answer) {
    const auto& trouble = answer.error();
    std::optional<Duration> retry_after;
    if (trouble.not_before && *trouble.not_before > now) retry_after = *trouble.not_before - now;
    ask_again_[record] = ask_again_at(now, retry_after);
    ports_.log->warn("renewal information for {}: {}", record, printable(describe(trouble.failure)));
    co_return;
  }
  ask_again_[record] = now + no_windows;
  if (!*answer) co_return;
  ask_again_[record] = (**answer).ask_again + jitter(fingerprint) / 10;
  co_await keep_window(std::move(record), fingerprint, std::move(**answer));
}

Awaitable<void> Renewal::keep_window(std::string record, std::string fingerprint, RenewalWindow window) {
  const KeptCertificate* kept = holdings_->certificate(record);
  if (kept == nullptr || kept->held.fingerprint != fingerprint) co_return;  // replaced meanwhile
  StoredCertificate stored = kept->stored;
  const bool is_new = !stored.window || stored.window->start != window.start || stored.window->end != window.end;
  if (is_new)
    ports_.log->info("certificate for {}: the CA suggests to renew between {} and {}{}", stored.names.front().text(),
                     time_text(window.start), time_text(window.end),
                     window.explanation_url.empty() ? "" : ", see " + printable(window.explanation_url));
  window.ask_again = std::chrono::floor<std::chrono::seconds>(window.ask_again);
  window.start = std::chrono::floor<std::chrono::seconds>(window.start);
  window.end = std::chrono::floor<std::chrono::seconds>(window.end);
  stored.window = std::move(window);
  auto saved = co_await holdings_->keep(std::move(stored));
  if (!saved) ports_.log->error("{}", printable(describe(saved.error())));
}

}  // namespace gatehouse::acme
