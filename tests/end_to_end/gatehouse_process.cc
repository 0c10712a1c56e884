#include "tests/end_to_end/gatehouse_process.h"

#include <boost/json/parse.hpp>

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <sstream>

namespace gatehouse::end_to_end {
namespace {

std::string text_of(const std::filesystem::path& path) {
  return (std::stringstream() << std::ifstream(path).rdbuf()).str();
}

}  // namespace

bool comes(const std::function<bool()>& what, Duration limit) {
  constexpr int pause_ms = 5;
  const SystemClock clock;
  const TimePoint end = clock.now() + limit;
  while (!what()) {
    if (clock.now() > end) return false;
    ::poll(nullptr, 0, pause_ms);
  }
  return true;
}

Outcome run_program(std::vector<std::string> words, const std::filesystem::path& folder) {
  static std::atomic<int> number = 0;
  const auto output = folder / ("output-" + std::to_string(++number));
  words[0] = "/usr/bin/" + words[0];
  acme::ChildProcess process(words, {{"HOME", folder.string()}, {"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}}, output);
  const auto status = process.ended_within(std::chrono::minutes(1));
  Outcome outcome{status.value_or(-1), text_of(output)};
  std::filesystem::remove(output);
  return outcome;
}

GatehouseProcess::GatehouseProcess(std::string name, Settings settings, std::filesystem::path folder)
    : name_(std::move(name)), settings_(std::move(settings)), folder_(std::move(folder)) {
  write_settings();
  start();
}

void GatehouseProcess::write_settings() {
  const auto address = [](const Endpoint& endpoint) { return "{address: '" + endpoint.text() + "'"; };
  const std::string resolver =
      settings_.certificate_resolver.empty() ? "" : "certResolver: " + settings_.certificate_resolver;
  std::ofstream(folder_ / (name_ + ".yaml"))
      << "entryPoints:\n  web: " << address(web()) << ", asDefault: true" << settings_.web
      << "}\n  websecure: " << address(websecure()) << ", asDefault: true, http: {tls: {" << resolver << "}}"
      << settings_.websecure << "}\n  " << settings_.ssh_name << ": " << address(ssh()) << settings_.ssh
      << "}\n  admin: " << address(admin()) << "}\nproviders:\n  kubernetes: {allowLocalAddresses: true, "
      << settings_.kubernetes << "}\nworkers: 2\n"
      << settings_.rest;
}

void GatehouseProcess::start() {
  process_.reset();
  auto environment = settings_.environment;
  environment.try_emplace("POD_NAME", name_);
  environment.try_emplace("POD_NAMESPACE", "edge");
  const std::vector<std::string> words{GATEHOUSE_PROGRAM, "run", "--config", (folder_ / (name_ + ".yaml")).string()};
  process_ = std::make_unique<acme::ChildProcess>(words, environment, folder_ / (name_ + ".log"));
}

Message ask(const Endpoint& endpoint, const std::string& host, const std::string& path) {
  try {
    RawPeer peer = RawPeer::connect(endpoint);
    peer.send("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n");
    return peer.read_message();
  } catch (const std::runtime_error&) {
    return {};  // refused
  }
}

Message GatehouseProcess::get(const std::string& host, const std::string& path) const { return ask(web(), host, path); }

Message GatehouseProcess::ask_admin(const std::string& path) const { return ask(admin(), "localhost", path); }

boost::json::value GatehouseProcess::routes() const {
  error_code unreadable;
  auto routes = boost::json::parse(ask_admin("/api/routes").body, unreadable);
  if (unreadable || !routes.is_object()) return {};
  auto entry_points = routes.at("entryPoints");
  for (auto& entry_point : entry_points.as_array()) entry_point.as_object().erase("addresses");
  return entry_points;
}

std::string GatehouseProcess::log() const { return text_of(folder_ / (name_ + ".log")); }

long GatehouseProcess::mebibytes() const {
  std::ifstream pages("/proc/" + std::to_string(process_->pid()) + "/statm");
  long all = 0, resident = 0;
  pages >> all >> resident;
  return resident * ::sysconf(_SC_PAGESIZE) >> 20;
}

std::string shown_certificate(const Endpoint& endpoint, const std::string& host) {
  const TemporaryDirectory folder;
  const auto shown = run_program({"sh", "-c",
                                  "openssl s_client -connect " + endpoint.text() + " -servername " + host +
                                      " </dev/null 2>/dev/null | openssl x509"},
                                 folder.path());
  return shown.status == 0 ? shown.text : "";
}

}  // namespace gatehouse::end_to_end
