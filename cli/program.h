// The program while it serves: ★ every object, in the order they need each other, and what happens between start
// and stop. One control thread (the caller's) watches, resolves, translates and listens to signals; the workers of
// Server serve. From top to bottom: settings → log → server → files and names → reload → cluster → certificates →
// signals → service manager.
#pragma once

#include "acme/renewals.h"
#include "base/deadline.h"
#include "base/log.h"
#include "base/systemd.h"
#include "cli/cluster_member.h"
#include "cli/configuration.h"
#include "config/reload.h"
#include "config/system_resolver.h"
#include "proxy/admin.h"
#include "proxy/server.h"

#include <boost/asio/signal_set.hpp>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

namespace gatehouse {

// What the admin pages may ask for from any thread.
struct Standing {
  std::atomic<bool> synced{false};
  std::atomic<bool> stopping{false};
  std::atomic<std::shared_ptr<const std::string>> problems_json{std::make_shared<const std::string>("[]\n")};
};

class Program {
 public:
  // Between two attempts to listen on an address that was taken.
  static constexpr Duration listen_again = std::chrono::seconds(5);

  // `access`: to the API server, when there is providers.kubernetes.
  Program(ConfigurationSource source, Settings settings, std::vector<Problem> warnings, ServiceStart start,
          ProgramLog log, std::shared_ptr<LineSink> access_lines, std::optional<kubernetes::Access> access);

  // Serves until SIGTERM or SIGINT, then drains. False: a required entry point could not be opened at the start.
  bool run();

 private:
  SettingsOrProblems load_settings();
  acme::Renewals::Ports renewal_ports();
  Server::Options server_options(const Settings& settings) const;
  AdminSource admin_source(const Settings& settings);
  void join_cluster(kubernetes::Access access);
  void publish(const Publication& publication);
  void listen(const SnapshotPtr& snapshot);
  void report(const Publication& publication);
  bool required_entry_points_listen() const;
  void await_signal();
  void on_signal(int number);
  void reopen_logs();

  Awaitable<void> keep_listening();
  Awaitable<void> feed_watchdog(Duration every);
  Awaitable<void> stop_after_drain();
  void tell_cut(const std::vector<CutConnection>& cut) const;
  Awaitable<void> leave_cluster();
  void drained();
  void stop_if_done();
  Awaitable<void> end();
  Duration longest(Duration LifeCycleSettings::*limit) const;

  // Coroutines that are cut off end with control_: what they still use then is above it.
  SystemClock clock_;
  Deadlines deadlines_{clock_};
  asio::io_context control_{1};
  const ConfigurationSource source_;
  const ServiceStart start_;
  const ProgramLog log_;
  const std::shared_ptr<LineSink> access_lines_;  // null: no access log
  Standing standing_;
  Admin admin_;
  Server server_;
  SystemResolver names_;
  Reload reload_;
  std::unique_ptr<ClusterMember> member_;  // null: no providers.kubernetes
  acme::Renewals renewals_;
  asio::signal_set signals_;
  std::vector<std::string> not_listening_;  // what could not be opened, with words
  bool settings_read_ = false;  // the resolvers may have changed
  std::shared_ptr<const std::vector<CertificateRequest>> requested_;  // of them, last
  bool synced_ = false;  // as last published
  bool drained_ = false, left_cluster_ = false, ending_ = false;
  bool notify_ready_ = false;  // the service manager waits for the next publication
};

}  // namespace gatehouse
