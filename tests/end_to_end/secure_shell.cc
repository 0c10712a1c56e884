#include "tests/end_to_end/secure_shell.h"

#include "tests/end_to_end/gatehouse_process.h"

#include <pwd.h>
#include <unistd.h>

#include <stdexcept>

namespace gatehouse::end_to_end {
namespace {

constexpr const char* server_program = "/usr/sbin/sshd";
constexpr const char* client_program = "/usr/bin/ssh";

std::string user() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry == nullptr ? "root" : entry->pw_name;
}

bool answers(const Endpoint& endpoint) {
  try {
    return RawPeer::connect(endpoint).read_until("\n").starts_with("SSH-2.0-");
  } catch (const std::runtime_error&) {
    return false;
  }
}

}  // namespace

bool SecureShell::installed() { return ::access(server_program, X_OK) == 0 && ::access(client_program, X_OK) == 0; }

SecureShell::SecureShell() {
  if (::geteuid() == 0) std::filesystem::create_directories("/run/sshd");  // sshd run by root refuses to start without
  const auto host_key = key("host_key"), client_key = key("client_key");
  folder_.write("sshd_config", "ListenAddress " + endpoint().text() + "\nHostKey " + host_key.string() +
                                   "\nAuthorizedKeysFile " + client_key.string() +
                                   ".pub\nAuthenticationMethods publickey\nPidFile none\nUsePAM no\nStrictModes no\n"
                                   "DisableForwarding yes\nPermitTTY no\n");
  const std::vector<std::string> words{server_program, "-D", "-e", "-f", (folder_ / "sshd_config").string()};
  server_ = std::make_unique<acme::ChildProcess>(words, std::map<std::string, std::string>{}, folder_ / "sshd.log");
  if (!comes([&] { return answers(endpoint()); })) throw std::runtime_error("sshd does not listen");
}

std::filesystem::path SecureShell::key(const std::string& name) const {
  const auto made =
      run_program({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", (folder_ / name).string()}, folder_.path());
  if (made.status != 0) throw std::runtime_error("ssh-keygen: " + made.text);
  return folder_ / name;
}

std::unique_ptr<acme::ChildProcess> SecureShell::session(const Endpoint& by, const std::string& command,
                                                         const std::filesystem::path& output) const {
  const std::vector<std::string> words{client_program,
                                       "-F",
                                       "none",
                                       "-n",
                                       "-p",
                                       std::to_string(by.port),
                                       "-i",
                                       (folder_ / "client_key").string(),
                                       "-o",
                                       "BatchMode=yes",
                                       "-o",
                                       "IdentitiesOnly=yes",
                                       "-o",
                                       "StrictHostKeyChecking=no",
                                       "-o",
                                       "UserKnownHostsFile=/dev/null",
                                       "-o",
                                       "LogLevel=ERROR",
                                       user() + "@" + by.address.to_string(),
                                       command};
  return std::make_unique<acme::ChildProcess>(
      words, std::map<std::string, std::string>{{"HOME", folder_.path().string()}, {"PATH", "/usr/bin:/bin"}}, output);
}

}  // namespace gatehouse::end_to_end
