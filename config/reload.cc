#include "config/reload.h"

#include "config/problem_list.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace gatehouse {
namespace {

constexpr auto ticket_key_check = std::chrono::minutes(10);

Awaitable<void> follow(std::shared_ptr<ManifestsWatcher> watcher, std::function<void()> on_change) {
  auto running = watcher->run(std::move(on_change));
  co_await std::move(running);
}

bool same_log(const Settings& a, const Settings& b) {
  return a.log.level == b.log.level && a.log.format == b.log.format && a.log.file_path == b.log.file_path;
}

bool same_access_log(const Settings& a, const Settings& b) {
  if (!a.access_log || !b.access_log) return a.access_log.has_value() == b.access_log.has_value();
  return a.access_log->format == b.access_log->format && a.access_log->file_path == b.access_log->file_path;
}

// But for what translation reads.
bool same_cluster(const std::optional<KubernetesSettings>& a, const std::optional<KubernetesSettings>& b) {
  if (!a || !b) return a.has_value() || !b;
  return a->access == b->access && a->reports == b->reports && a->leader_election == b->leader_election &&
         a->ticket_keys_secret == b->ticket_keys_secret;
}

// What cannot be changed while the program runs.
void warn_of_restart(const Settings& at_start, const Settings& fresh, std::vector<Problem>& problems) {
  const auto warn = [&](const char* key) {
    problems.push_back({"", 0, 0, Severity::warning, key, "the change takes effect at the next start"});
  };
  if (at_start.workers != fresh.workers) warn("workers");
  if (!same_log(at_start, fresh)) warn("log");
  if (!same_access_log(at_start, fresh)) warn("accessLog");
  if (!same_cluster(at_start.kubernetes, fresh.kubernetes)) warn("providers.kubernetes");
}

}  // namespace

Reload::Reload(asio::any_io_executor executor, Clock& clock, Settings settings, std::vector<Problem> warnings,
               Ports ports)
    : executor_(executor),
      clock_(clock),
      ports_(std::move(ports)),
      at_start_(settings),
      settings_problems_(std::move(warnings)),
      assembly_(clock, Assembly::Purpose::serve),
      resolver_(executor, clock, ports_.resolve, [this] { note_change(); }),
      changed_(executor, TimePoint::max()) {
  take(std::move(settings));
}

void Reload::start() { publish(); }

Awaitable<void> Reload::run() {
  asio::co_spawn(executor_, rotate_ticket_keys(), asio::detached);
  running_ = true;
  if (watcher_) follow_watcher();
  co_await follow_changes();
}

void Reload::reload_settings() {
  auto loaded = ports_.load_settings();
  settings_problems_ = std::move(loaded.problems);
  if (loaded.settings) {
    warn_of_restart(at_start_, *loaded.settings, settings_problems_);
    take(std::move(*loaded.settings));
  } else if (watcher_) {
    watcher_->rescan();
  }
  note_change();
}

void Reload::use_certificates(std::vector<ObtainedCertificate> obtained) {
  obtained_ = std::move(obtained);
  input_.obtained = obtained_;
  if (translation_.snapshot) note_change();
}

void Reload::use_challenges(std::shared_ptr<const tls::ChallengeBoard> board) {
  challenges_ = board ? std::move(board) : std::make_shared<const tls::ChallengeBoard>();
  input_.challenges = challenges_;
  if (!translation_.snapshot) return;
  auto snapshot = std::make_shared<Snapshot>(*translation_.snapshot);
  snapshot->generation = ++generation_;
  snapshot->challenges = challenges_;
  translation_.snapshot = std::move(snapshot);
  hand_out({}, {}, Duration::zero());
}

void Reload::take(Settings settings) {
  settings_ = std::move(settings);
  assembly_problems_.clear();
  input_ = assembly_.assemble(settings_, assembly_problems_);
  input_.obtained = obtained_;
  input_.challenges = challenges_;
  if (input_.certificates.size() == settings_.tls.certificates.size()) certificates_loaded_ = true;
  bool same_directory = watcher_ && settings_.manifests && watcher_->directory() == settings_.manifests->directory;
  if (same_directory)
    watcher_->rescan();
  else
    change_watcher();
}

void Reload::change_watcher() {
  if (watcher_) watcher_->stop();
  if (watcher_ && watcher_->has_read()) former_ = watcher_;
  watcher_ = nullptr;
  if (!settings_.manifests) return former_.reset();
  watcher_ = std::make_shared<ManifestsWatcher>(executor_, clock_, settings_.manifests->directory);
  if (running_) follow_watcher();
}

void Reload::follow_watcher() {
  asio::co_spawn(executor_, follow(watcher_, [this] { note_change(); }), asio::detached);
}

void Reload::note_change() {
  only_cluster_changed_ = false;
  wake();
}

void Reload::wake() {
  last_change_ = clock_.now();
  if (first_change_) return;
  first_change_ = last_change_;
  changed_.cancel();
}

Awaitable<void> Reload::quiet_after_change() {
  while (!first_change_) {
    error_code woken;
    co_await changed_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  for (;;) {
    TimePoint due = std::min(last_change_ + quiet, *first_change_ + longest_wait);
    if (clock_.now() >= due) break;
    co_await clock_.sleep_until(due);
  }
  first_change_.reset();
}

Awaitable<void> Reload::follow_changes() {
  for (;;) {
    co_await quiet_after_change();
    publish();
  }
}

Awaitable<void> Reload::rotate_ticket_keys() {
  for (;;) {
    co_await clock_.sleep_until(clock_.now() + ticket_key_check);
    assembly_.rotate_ticket_keys();
  }
}

void Reload::publish() {
  if (watcher_ && !only_cluster_changed_) watcher_->refresh();
  if (watcher_ && watcher_->has_read()) former_.reset();
  const TimePoint began = clock_.now();
  translation_ = translate_now();
  translation_.snapshot->generation = ++generation_;
  const Duration translating = clock_.now() - began;
  resolver_.want(*translation_.names_to_resolve);

  const auto before = std::exchange(problems_, gather_problems());
  if (before == problems_) return hand_out({}, {}, translating);
  hand_out(difference(problems_, before), difference(before, problems_), translating);
}

Translation Reload::translate_now() {
  const bool only_cluster = std::exchange(only_cluster_changed_, true);
  if (!settings_.kubernetes || !cluster_) {
    cluster_in_force_ = false;
    rehearsal_.reset();
    return translate_with(false, translator_);
  }
  kubernetes::TouchedObjects touched{.beyond = true};
  if (cluster_->take_touched) touched = cluster_->take_touched();
  if (cluster_in_force_ && only_cluster) {
    auto amended = translator_.amend(sources(true), input_, resolver_.addresses(), touched);
    if (amended) {
      tell_secrets(*amended);
      return std::move(*amended);
    }
  }
  if (!cluster_in_force_ && !rehearsal_) rehearsal_.emplace();
  Translation made = translate_with(true, cluster_in_force_ ? translator_ : *rehearsal_);
  tell_secrets(made);
  if (!cluster_in_force_ && !cluster_->has_synced()) return translate_with(false, translator_);
  // Ten thousand certificates, say, are not read again.
  if (!std::exchange(cluster_in_force_, true)) translator_ = std::move(*std::exchange(rehearsal_, std::nullopt));
  return made;
}

std::vector<TranslationSource> Reload::sources(bool with_cluster) const {
  const auto& in_files = former_ ? former_->objects() : watcher_ ? watcher_->objects() : no_objects_;
  const auto& in_cluster = with_cluster ? cluster_->objects() : no_objects_;
  return {{&in_files, &input_.manifests, nullptr},
          {&in_cluster, &input_.kubernetes, cluster_ ? cluster_->secret_awaited : nullptr}};
}

Translation Reload::translate_with(bool cluster, Translator& translator) const {
  return translator.translate(sources(cluster), input_, resolver_.addresses());
}

// As long as it has not synced, after each translation: it may wait for just that.
void Reload::tell_secrets(const Translation& made) {
  const auto& wanted = made.secrets_in_use.back();
  if (!cluster_->want_secrets || (cluster_in_force_ && wanted == wanted_secrets_)) return;
  wanted_secrets_ = cluster_->want_secrets(*wanted) ? wanted : nullptr;
}

void Reload::hand_out(std::vector<Problem> appeared, std::vector<Problem> solved, Duration translating) {
  ports_.publish({translation_.snapshot, problems_, std::move(appeared), std::move(solved),
                  translation_.certificate_requests, complete(), synced(), translating});
}

std::vector<Problem> Reload::gather_problems() const {
  std::vector<Problem> all = settings_problems_;
  const auto add = [&](const std::vector<Problem>& some) { all.insert(all.end(), some.begin(), some.end()); };
  add(assembly_problems_);
  if (watcher_) add(watcher_->problems());
  if (settings_.kubernetes && cluster_) add(cluster_->problems());
  add(*translation_.problems);
  add(resolver_.problems());
  return all;
}

}  // namespace gatehouse
