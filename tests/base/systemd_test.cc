#include "base/systemd.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <filesystem>

namespace gatehouse {
namespace {

// The service manager's end: a datagram socket at `name` (a path, or abstract after `@`).
class Manager {
 public:
  explicit Manager(std::string name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, sizeof(address.sun_path) - 1);
    std::size_t length = offsetof(sockaddr_un, sun_path) + name.size() + 1;
    if (name.starts_with('@')) {
      address.sun_path[0] = '\0';
      --length;
    }
    if (::bind(fd_.number(), reinterpret_cast<sockaddr*>(&address), static_cast<socklen_t>(length)) != 0)
      throw std::runtime_error("bind " + name);
  }

  // The next message, or "" when none is there.
  std::string heard() const {
    std::array<char, 512> text{};
    const ssize_t n = ::recv(fd_.number(), text.data(), text.size(), MSG_DONTWAIT);
    return n <= 0 ? "" : std::string(text.data(), static_cast<std::size_t>(n));
  }

 private:
  FileDescriptor fd_;
};

class SystemdTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "systemd.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    for (const char* name : variables) ::unsetenv(name);
  }
  void TearDown() override {
    for (const char* name : variables) ::unsetenv(name);
    std::filesystem::remove_all(folder_);
  }

  static constexpr std::array variables{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                        "LISTEN_PID",    "LISTEN_FDS",    "LISTEN_FDNAMES"};
  static void set(const char* name, const std::string& value) { ::setenv(name, value.c_str(), 1); }
  static ServiceStart take(int first_fd = 3) { return take_service_environment(::getpid(), first_fd); }

  std::filesystem::path folder_;
};

TEST_F(SystemdTest, without_systemd_there_is_nothing_and_calls_are_silent) {
  const ServiceStart start = take();
  EXPECT_FALSE(start.notifier.active());
  EXPECT_FALSE(start.watchdog);
  EXPECT_TRUE(start.sockets.empty());
  start.notifier.ready("serving");
}

TEST_F(SystemdTest, tells_a_path_socket_how_the_service_is_doing) {
  const std::string path = folder_ / "notify";
  const Manager manager(path);
  set("NOTIFY_SOCKET", path);
  const ServiceStart start = take();
  ASSERT_TRUE(start.notifier.active());
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);

  start.notifier.ready("serving 3 routes");
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=serving 3 routes");
  start.notifier.reloading(TimePoint(std::chrono::microseconds(1234)));
  EXPECT_EQ(manager.heard(), "RELOADING=1\nMONOTONIC_USEC=1234");
  start.notifier.watchdog();
  EXPECT_EQ(manager.heard(), "WATCHDOG=1");
  start.notifier.status("draining");
  EXPECT_EQ(manager.heard(), "STATUS=draining");
  start.notifier.stopping("waiting for 2 sessions");
  EXPECT_EQ(manager.heard(), "STOPPING=1\nSTATUS=waiting for 2 sessions");
}

TEST_F(SystemdTest, speaks_to_an_abstract_socket) {
  const std::string name = "@" + folder_.filename().string();
  const Manager manager(name);
  set("NOTIFY_SOCKET", name);
  take().notifier.ready("ok");
  EXPECT_EQ(manager.heard(), "READY=1\nSTATUS=ok");
}

TEST_F(SystemdTest, a_status_cannot_smuggle_another_message) {
  const std::string path = folder_ / "notify";
  const Manager manager(path);
  ServiceNotifier(path).status("x\nREADY=1");
  EXPECT_EQ(manager.heard(), "STATUS=x\\nREADY=1");
}

TEST_F(SystemdTest, an_unusable_socket_name_is_silent) {
  EXPECT_FALSE(ServiceNotifier("relative").active());
  EXPECT_FALSE(ServiceNotifier("/" + std::string(200, 'x')).active());
  EXPECT_FALSE(ServiceNotifier("@").active());
  ServiceNotifier((folder_ / "nobody").string()).ready("lost");
}

TEST_F(SystemdTest, reads_the_watchdog_interval) {
  set("WATCHDOG_USEC", "30000000");
  set("WATCHDOG_PID", std::to_string(::getpid()));
  EXPECT_EQ(take().watchdog, std::chrono::seconds(30));
  set("WATCHDOG_USEC", "500");
  EXPECT_EQ(take().watchdog, std::chrono::microseconds(500));
}

TEST_F(SystemdTest, a_watchdog_of_another_process_or_of_nonsense_is_none) {
  set("WATCHDOG_USEC", "30000000");
  set("WATCHDOG_PID", "1");
  EXPECT_FALSE(take().watchdog);
  for (const char* text : {"0", "-5", "soon", "99999999999999999999"}) {
    set("WATCHDOG_USEC", text);
    EXPECT_FALSE(take().watchdog) << text;
  }
}

// Two sockets at descriptors n and n+1, where the caller no longer owns them.
int two_sockets_in_a_row() {
  const int first = 200;
  for (int i = 0; i < 2; ++i) {
    const FileDescriptor socket(::socket(AF_INET, SOCK_STREAM, 0));
    if (::dup2(socket.number(), first + i) < 0) throw std::runtime_error("dup2");
  }
  return first;
}

TEST_F(SystemdTest, takes_passed_sockets_with_their_names) {
  const int first = two_sockets_in_a_row();
  set("LISTEN_PID", std::to_string(::getpid()));
  set("LISTEN_FDS", "2");
  set("LISTEN_FDNAMES", "web:websecure");
  const ServiceStart start = take(first);
  ASSERT_EQ(start.sockets.size(), 2u);
  EXPECT_EQ(start.sockets[0].name, "web");
  EXPECT_EQ(start.sockets[0].fd.number(), first);
  EXPECT_EQ(start.sockets[1].name, "websecure");
  EXPECT_EQ(::fcntl(first, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr);
}

TEST_F(SystemdTest, sockets_without_names_have_empty_ones) {
  const int first = two_sockets_in_a_row();
  set("LISTEN_PID", std::to_string(::getpid()));
  set("LISTEN_FDS", "2");
  const ServiceStart start = take(first);
  ASSERT_EQ(start.sockets.size(), 2u);
  EXPECT_EQ(start.sockets[1].name, "");
}

TEST_F(SystemdTest, leaves_what_is_not_a_socket_or_not_there) {
  const FileDescriptor file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::dup2(file.number(), 210), 210);
  set("LISTEN_PID", std::to_string(::getpid()));
  set("LISTEN_FDS", "2147483647");
  EXPECT_TRUE(take(210).sockets.empty());
  EXPECT_EQ(::fcntl(210, F_GETFD), 0);
  ::close(210);
}

TEST_F(SystemdTest, sockets_of_another_process_are_not_ours) {
  set("LISTEN_PID", "1");
  set("LISTEN_FDS", "1");
  EXPECT_TRUE(take(200).sockets.empty());
}

}  // namespace
}  // namespace gatehouse
