// Reload: the only writer of snapshots. Files and the API server's objects change, names resolve to other addresses,
// the operator asks for a reload: it waits for quiet (10 ms without a further change, 100 ms at most), reads what
// changed, translates, and publishes the result. What cannot be understood changes nothing: the last good settings,
// objects and certificates stay in force and a problem says why.
//
// Control thread only; what it hands out in Published may go anywhere.
#pragma once

#include "config/assembly.h"
#include "config/manifests_watcher.h"
#include "config/name_resolver.h"
#include "config/problem.h"
#include "config/settings.h"
#include "config/translation.h"
#include "tls/challenge_board.h"

#include <boost/asio/steady_timer.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gatehouse {

// What one publication tells.
struct Publication {
  SnapshotPtr snapshot;
  std::vector<Problem> problems;  // all there are now
  std::vector<Problem> appeared;  // those of them that are new
  std::vector<Problem> solved;    // those that are gone
  // What the ACME resolvers are asked for; the same object as long as that is the same.
  std::shared_ptr<const std::vector<CertificateRequest>> certificate_requests;
  bool complete = false;          // every provider was read whole at least once
  bool synced = false;            // besides, certificates were read and every name was asked for
  Duration translating{};         // what it took; zero: the routes are those before
};

// The API server's objects, as Reload looks at them, on the control thread. Each change is followed by
// note_cluster_change(). Objects take no part before they have been read whole: a Service still to come would make its
// routes answer 503, a Secret still to come would have a certificate ordered.
struct ClusterSource {
  std::function<const kubernetes::ClusterObjects&()> objects;
  // Every kind was read whole, of Secrets at least those last wanted. What was published once goes on being published,
  // whatever becomes of it.
  std::function<bool()> has_synced;
  std::function<std::vector<Problem>()> problems;
  // Which Secrets routes name: after each translation until the cluster has synced, later whenever that changes. What
  // is there then need not be whole. False: not now, they are to be told again. Empty: nobody wants to know.
  std::function<bool(const SecretNames&)> want_secrets;
  // See TranslationSource. Empty: none ever is.
  std::function<bool(const ObjectName&)> secret_awaited = nullptr;
  // Which objects are others than when it was last asked. Empty: any may be.
  std::function<kubernetes::TouchedObjects()> take_touched = nullptr;
};

class Reload {
 public:
  static constexpr Duration quiet = std::chrono::milliseconds(10);
  static constexpr Duration longest_wait = std::chrono::milliseconds(100);

  struct Ports {
    std::function<void(const Publication&)> publish;
    std::function<SettingsOrProblems()> load_settings;  // reads the settings anew
    ResolveName resolve;
  };

  // `settings`: loaded without error, with the warnings that loading gave. Outlives what runs on the executor.
  Reload(asio::any_io_executor executor, Clock& clock, Settings settings, std::vector<Problem> warnings, Ports ports);

  // Before start(). What it refers to outlives this. Its objects take part while there is providers.kubernetes.
  void use_cluster(ClusterSource cluster) { cluster_ = std::move(cluster); }
  // Objects, problems or has_synced() have changed.
  void note_cluster_change() { wake(); }

  // Reads, translates and publishes for the first time, before it returns. Names are still to be resolved then.
  void start();
  // After start(): follows changes until its io_context stops.
  Awaitable<void> run();

  // SIGHUP: settings, certificate files and every manifest are read again. Settings with an error change nothing but
  // the problems.
  void reload_settings();

  // What ACME has. Certificates obtained are shown from the next publication on, which comes soon (before start(): from
  // the first one on). Answers to challenges are published at once, with the routes in force; a change that waits for
  // quiet goes on waiting. Null: no challenge is pending.
  void use_certificates(std::vector<ObtainedCertificate> obtained);
  void use_challenges(std::shared_ptr<const tls::ChallengeBoard> board);

  // Of all TLS contexts.
  const Settings& settings() const { return settings_; }
  const std::vector<Problem>& problems() const { return problems_; }
  // Once true, it stays true: what could be read once serves on.
  bool complete() const {
    return translation_.snapshot != nullptr && (!watcher_ || watcher_->has_read() || former_) &&
           (!settings_.kubernetes || cluster_in_force_);
  }
  // The same, as long as names resolve.
  bool synced() const { return complete() && certificates_loaded_ && !resolver_.pending(); }
  // Which of the cluster's objects are ours, and what they may do.
  const ProviderRules& cluster_rules() const { return input_.kubernetes; }
  const std::shared_ptr<tls::TicketKeys>& ticket_keys() const { return assembly_.ticket_keys(); }

 private:
  void take(Settings settings);
  void change_watcher();
  void follow_watcher();
  void note_change();
  void wake();
  Awaitable<void> quiet_after_change();
  Awaitable<void> follow_changes();
  Awaitable<void> rotate_ticket_keys();
  void publish();
  std::vector<TranslationSource> sources(bool with_cluster) const;
  Translation translate_with(bool cluster, Translator& translator) const;
  Translation translate_now();
  void tell_secrets(const Translation& made);
  void hand_out(std::vector<Problem> appeared, std::vector<Problem> solved, Duration translating);
  std::vector<Problem> gather_problems() const;

  asio::any_io_executor executor_;
  Clock& clock_;
  Ports ports_;
  const Settings at_start_;
  Settings settings_;
  std::vector<Problem> settings_problems_;
  std::vector<Problem> assembly_problems_;

  Assembly assembly_;
  std::vector<ObtainedCertificate> obtained_;
  std::shared_ptr<const tls::ChallengeBoard> challenges_ = std::make_shared<const tls::ChallengeBoard>();
  TranslationInput input_;
  NameResolver resolver_;
  std::shared_ptr<ManifestsWatcher> watcher_;  // null: no providers.manifests
  // Of the directory named before, stopped: its objects stay in force until the new one could be read.
  std::shared_ptr<ManifestsWatcher> former_;
  std::optional<ClusterSource> cluster_;
  std::shared_ptr<const SecretNames> wanted_secrets_;  // as the cluster was told
  bool cluster_in_force_ = false;  // what is published was made of it
  Translator translator_;
  std::optional<Translator> rehearsal_;  // of its objects, until then
  bool only_cluster_changed_ = false;  // since the last translation
  std::uint64_t generation_ = 0;
  bool certificates_loaded_ = false;  // every certificate file the settings name was read at least once
  const kubernetes::ClusterObjects no_objects_;
  Translation translation_;
  std::vector<Problem> problems_;

  bool running_ = false;
  asio::steady_timer changed_;  // never expires; cancelled to wake follow_changes
  std::optional<TimePoint> first_change_;
  TimePoint last_change_{};
};

}  // namespace gatehouse
