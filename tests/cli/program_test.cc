// The serving program as a whole, in this process: real sockets, files and signals.
#include "cli/commands.h"

#include "tests/doubles/held_port.h"
#include "tests/doubles/temporary_directory.h"
#include "tests/doubles/thread_scheduling.h"

#include <gtest/gtest.h>
#include <boost/asio/ip/tcp.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <sstream>
#include <thread>

namespace gatehouse {
namespace {

// Hears what a program tells its service manager.
class ServiceManager {
 public:
  explicit ServiceManager(const std::filesystem::path& path)
      : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    timeval limit{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) std::abort();
  }
  ~ServiceManager() { ::close(socket_); }

  // Reads messages until one holds `word`; false when none comes.
  bool hears(const std::string& word) const {
    std::array<char, 1024> buffer;
    for (;;) {
      auto count = ::recv(socket_, buffer.data(), buffer.size(), 0);
      if (count <= 0) return false;
      if (std::string_view(buffer.data(), static_cast<std::size_t>(count)).find(word) != std::string_view::npos)
        return true;
    }
  }

 private:
  int socket_;
};

class Serving : public testing::Test {
 protected:
  Serving() : manager_(root_ / "notify") {
    std::filesystem::create_directory(root_ / "manifests");
    root_.write("gatehouse.yaml", settings());
    ::setenv("NOTIFY_SOCKET", (root_ / "notify").c_str(), 1);
  }
  ~Serving() override { stop(); }

  std::string settings(const std::string& more = "") const {
    return "entryPoints:\n  web: {address: '127.0.0.1:" + std::to_string(web_.number()) +
           "'}\n  admin: {address: '127.0.0.1:" + std::to_string(admin_.number()) + "'}\n" + more +
           "providers: {manifests: {directory: " + (root_ / "manifests").string() +
           "}}\nlog: {filePath: " + (root_ / "log").string() +
           "}\naccessLog: {filePath: " + (root_ / "access").string() + "}\nworkers: 2\n";
  }

  void start() {
    thread_ = std::thread([this] {
      std::string file = (root_ / "gatehouse.yaml").string();
      const char* arguments[] = {"gatehouse", "run", "--config", file.c_str()};
      std::ostringstream out, err;
      exit_code_ = run_command_line(4, arguments, {out, err});
    });
    ASSERT_TRUE(manager_.hears("READY=1"));
  }

  int stop() {
    if (!thread_.joinable()) return exit_code_;
    ::kill(::getpid(), SIGTERM);
    thread_.join();
    return exit_code_;
  }

  // The first line of the answer.
  static std::string ask(int port, const std::string& path, const std::string& host = "a.test") {
    asio::ip::tcp::iostream connection;
    connection.expires_after(std::chrono::seconds(20));
    connection.connect(asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), static_cast<unsigned short>(port)));
    connection << "GET " << path << " HTTP/1.1\r\nHost: " << host << "\r\nConnection: close\r\n\r\n" << std::flush;
    std::string line;
    std::getline(connection, line);
    return line;
  }

  void reload() {
    ::kill(::getpid(), SIGHUP);
    ASSERT_TRUE(manager_.hears("RELOADING=1"));
    ASSERT_TRUE(manager_.hears("READY=1"));
  }

  TemporaryDirectory root_;
  const HeldPort web_;
  const HeldPort admin_;
  ServiceManager manager_;
  std::thread thread_;
  int exit_code_ = -1;
};

TEST_F(Serving, ServesReloadsAndStops) {
  root_.write(
      "manifests/a.yaml",
      "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: a}\nspec: {ingressClassName: gatehouse, "
      "rules: [{host: a.test, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: gone, port: "
      "{number: 80}}}}]}}]}\n");
  start();
  EXPECT_EQ(ask(admin_.number(), "/ping", "localhost").substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ(ask(admin_.number(), "/ready", "localhost").substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ(ask(web_.number(), "/").substr(0, 12), "HTTP/1.1 503");
  EXPECT_EQ(ask(web_.number(), "/", "b.test").substr(0, 12), "HTTP/1.1 404");

  const HeldPort more;
  root_.write("gatehouse.yaml", settings("  more: {address: '127.0.0.1:" + std::to_string(more.number()) + "'}\n"));
  reload();
  EXPECT_EQ(ask(more.number(), "/").substr(0, 12), "HTTP/1.1 503");
  root_.write("gatehouse.yaml", settings());
  reload();
  EXPECT_EQ(ask(web_.number(), "/").substr(0, 12), "HTTP/1.1 503");
  EXPECT_EQ(stop(), exit_well);
}

TEST_F(Serving, WorkersGoFirstWhereTheyShareACoreWithControl) {
  const auto own = scheduling_of(0);
  start();
  reload();  // so it is past its start
  int deferred = 0, hurried = 0;
  for (const ThreadScheduling& thread : scheduling_of_all_threads()) {
    deferred += thread.nice >= 10 && thread.nice > own.nice ? 1 : 0;
    hurried += thread.nice == own.nice && thread.slice < own.slice ? 1 : 0;
  }
  EXPECT_GE(deferred, 1);
  EXPECT_EQ(hurried, kernel_knows_slices() ? 2 : 0) << "as many as there are workers";
  EXPECT_EQ(stop(), exit_well);
}

TEST_F(Serving, BrokenSettingsOnReloadKeepItServing) {
  start();
  root_.write("gatehouse.yaml", "entryPoints: [\n");
  reload();
  EXPECT_EQ(ask(admin_.number(), "/ping", "localhost").substr(0, 12), "HTTP/1.1 200");
  EXPECT_EQ(stop(), exit_well);
}

TEST_F(Serving, ATakenAddressEndsItAtTheStart) {
  asio::io_context context;
  asio::ip::tcp::acceptor taken(context, {asio::ip::address_v4::loopback(), web_.number()});
  std::string file = (root_ / "gatehouse.yaml").string();
  const char* arguments[] = {"gatehouse", "run", "--config", file.c_str()};
  std::ostringstream out, err;
  EXPECT_EQ(run_command_line(4, arguments, {out, err}), exit_problem);
}

TEST_F(Serving, WrongSettingsEndItAtTheStart) {
  root_.write("gatehouse.yaml", "entryPoints: {web: {adress: ':80'}}\n");
  std::string file = (root_ / "gatehouse.yaml").string();
  const char* arguments[] = {"gatehouse", "run", "--config", file.c_str()};
  std::ostringstream out, err;
  EXPECT_EQ(run_command_line(4, arguments, {out, err}), exit_problem);
  EXPECT_NE(err.str().find("gatehouse.yaml:1:"), std::string::npos) << err.str();
}

}  // namespace
}  // namespace gatehouse
