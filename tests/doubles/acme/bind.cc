#include "tests/doubles/acme/bind.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace gatehouse::acme {
namespace {

// Free for UDP and TCP when asked; whoever takes it meanwhile makes the test try another one.
Endpoint free_port() {
  asio::io_context io;
  const auto loopback = asio::ip::address_v4::loopback();
  const asio::ip::tcp::acceptor tcp(io, {loopback, 0});
  return {loopback, tcp.local_endpoint().port()};
}

std::string key_clause(const std::string& name, const std::string& algorithm) {
  return "key \"" + name + "\" { algorithm " + algorithm + "; secret \"" + Bind::secret + "\"; };\n";
}

}  // namespace

bool Bind::installed() { return ::access(program, X_OK) == 0; }

Bind::Bind() {
  for (int tries = 0;; ++tries) {
    endpoint_ = free_port();
    write_configuration();
    start();
    try {
      await_running();
      return;
    } catch (const std::runtime_error&) {
      stop();
      if (tries == 3) throw;
    }
  }
}

Bind::~Bind() { stop(); }

void Bind::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void Bind::write_configuration() {
  const std::string here = directory_.path().string();
  const std::string port = std::to_string(endpoint_.port);
  directory_.write("named.conf",
                   "options { directory \"" + here + "\"; listen-on port " + port +
                       " { 127.0.0.1; }; listen-on-v6 { none; }; pid-file none; session-keyfile none; recursion no; "
                       "dnssec-validation no; notify no; allow-transfer { none; }; empty-zones-enable no; "
                       "managed-keys-directory \"" +
                       here + "\"; };\ncontrols {};\n" + key_clause("gatehouse", "hmac-sha256") +
                       key_clause("gatehouse-sha512", "hmac-sha512") + key_clause("stranger", "hmac-sha256") +
                       "zone \"example.test\" { type primary; file \"example.test.zone\"; update-policy { "
                       "grant gatehouse zonesub TXT; grant gatehouse-sha512 zonesub TXT; }; };\n");
  directory_.write("example.test.zone",
                   "$TTL 60\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\nns1 A 127.0.0.1\n"
                   "www A 127.0.0.1\n_acme-challenge.alias CNAME _acme-challenge.challenges\n");
}

void Bind::start() {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
  log_ = FileDescriptor(ends[0]);
  const FileDescriptor writing(ends[1]);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, writing.number(), STDERR_FILENO);
  const std::string configuration = (directory_ / "named.conf").string();
  std::array<std::string, 6> words{program, "-g", "-n", "1", "-c", configuration};
  std::array<char*, 7> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  const int error = ::posix_spawn(&pid_, program, &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) throw std::runtime_error("named cannot be started");
}

// It logs to standard error that it is running, after its zones are loaded.
void Bind::await_running() {
  std::string log;
  while (log.find(" running\n") == std::string::npos) {
    pollfd wanted{log_.number(), POLLIN, 0};
    std::array<char, 4096> block;
    const ssize_t size =
        ::poll(&wanted, 1, 20'000) == 1 ? ::read(log_.number(), block.data(), block.size()) : ssize_t{0};
    if (size <= 0) throw std::runtime_error("named does not serve:\n" + log);
    log.append(block.data(), static_cast<std::size_t>(size));
  }
  if (log.find("could not listen") != std::string::npos || log.find("address in use") != std::string::npos)
    throw std::runtime_error("named does not listen:\n" + log);
}

}  // namespace gatehouse::acme
