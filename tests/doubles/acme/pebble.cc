#include "tests/doubles/acme/pebble.h"

#include "tls/internal_ca.h"
#include "tls/new_certificate.h"

#include <boost/json.hpp>

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sstream>
#include <stdexcept>

namespace gatehouse::acme {
namespace {

namespace fs = std::filesystem;

constexpr const char* pebble = "/usr/bin/pebble";
constexpr const char* dns_server = "/usr/bin/pebble-challtestsrv";

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool can_connect(std::uint16_t port) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool connected = ::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::close(descriptor);
  return connected;
}

std::string text_of(const fs::path& path) { return (std::stringstream() << std::ifstream(path).rdbuf()).str(); }

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

std::string on_loopback(const HeldPort& port) { return "127.0.0.1:" + std::to_string(port.number()); }

}  // namespace

ChildProcess::ChildProcess(const std::vector<std::string>& command,
                           const std::map<std::string, std::string>& environment, const fs::path& log) {
  std::vector<std::string> words = command, settings;
  for (const auto& [name, value] : environment) settings.push_back(name + "=" + value);
  const auto arguments = pointers(words), variables = pointers(settings);
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(output, 1);
    ::dup2(output, 2);
    ::close_range(3, ~0U, 0);  // listeners of this process's doubles among them, which Asio does not mark
    ::execve(arguments[0], arguments.data(), variables.data());
    ::_exit(127);
  }
  ::close(output);
}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool ChildProcess::running() {
  if (pid_ < 0) return false;
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return true;
  note_end(status);
  return false;
}

void ChildProcess::note_end(int status) {
  pid_ = -1;
  status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

// Never when it has ended: to -1 would be to all processes there are.
void ChildProcess::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

std::optional<int> ChildProcess::ended_within(Duration limit) {
  constexpr int pause_ms = 2;
  const TimePoint end = SystemClock().now() + limit;
  while (running()) {
    if (SystemClock().now() > end) return std::nullopt;
    ::poll(nullptr, 0, pause_ms);
  }
  return status_;
}

bool Pebble::installed() { return ::access(pebble, X_OK) == 0 && ::access(dns_server, X_OK) == 0; }

Pebble::Pebble(PebbleOptions options) {
  const fs::path configuration = write_configuration(options);
  dns_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{dns_server, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01",
                               on_loopback(dns_port_), "-management", on_loopback(dns_management_port_), "-http01", "",
                               "-https01", "", "-tlsalpn01", ""},
      std::map<std::string, std::string>{}, directory_ / "dns.log");
  options.environment.try_emplace("PEBBLE_VA_NOSLEEP", "1");
  options.environment.try_emplace("PEBBLE_WFE_NONCEREJECT", "5");
  options.environment.try_emplace("PEBBLE_WFE_ORDERS_PER_PAGE", "100");
  server_ = std::make_unique<ChildProcess>(
      std::vector<std::string>{pebble, "-config", configuration, "-dnsserver",
                               options.dns_server.empty() ? on_loopback(dns_port_) : options.dns_server},
      options.environment, directory_ / "pebble.log");
  await_listening(dns_management_port_, *dns_);
  await_listening(port_, *server_);
  await_listening(management_port_, *server_);
}

std::size_t Pebble::orders() const {
  constexpr std::string_view mark = "Added order ";
  const std::string log = text_of(directory_ / "pebble.log");
  std::size_t count = 0;
  for (auto at = log.find(mark); at != std::string::npos; at = log.find(mark, at + 1)) ++count;
  return count;
}

fs::path Pebble::write_configuration(const PebbleOptions& options) {
  const WallTime now = SystemClock().wall_now();
  const auto ca = tls::InternalCa::load_or_create(directory_ / "ca", now).value();
  const auto certificate = ca->issue(HostName::parse("localhost").value(), now).value();
  ca_pem_ = ca->root_pem();
  boost::json::object keys;
  for (const auto& [id, key] : options.external_keys) keys[id] = key;
  const boost::json::object settings{{"listenAddress", on_loopback(port_)},
                                     {"managementListenAddress", on_loopback(management_port_)},
                                     {"certificate", directory_.write("certificate.pem", certificate->pem()).string()},
                                     {"privateKey", directory_.write("key.pem", certificate->key_pem()).string()},
                                     {"httpPort", http_port_.number()},
                                     {"tlsPort", tls_port_.number()},
                                     {"ocspResponderURL", ""},
                                     {"externalAccountBindingRequired", !keys.empty()},
                                     {"externalAccountMACKeys", keys}};
  return directory_.write("pebble.json", boost::json::serialize(boost::json::object{{"pebble", settings}}));
}

void Pebble::await_listening(const HeldPort& port, ChildProcess& process) {
  constexpr int pause_ms = 5, most_pauses = 4000;
  for (int i = 0; i < most_pauses && process.running(); ++i) {
    if (can_connect(port.number())) return;
    ::poll(nullptr, 0, pause_ms);
  }
  throw std::runtime_error("it does not listen:\n" + text_of(directory_ / "dns.log") +
                           text_of(directory_ / "pebble.log"));
}

}  // namespace gatehouse::acme
