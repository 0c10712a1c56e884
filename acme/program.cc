#include "acme/program.h"

#include "acme/time_limit.h"
#include "base/file_descriptor.h"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

namespace gatehouse::acme {
namespace {

constexpr Duration killed_within = std::chrono::seconds(5);

Failure trouble(const ProgramCall& call, const std::string& words) {
  return Failure(FailureKind::challenge_failed, "program " + call.path + " " + words);
}

// A child with a process group of its own. Killed at the latest when this goes; reaped then only if that needs no
// wait: a thread of ours is worth more than an entry in the process table.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (reaped_) return;
    kill_group();
    reap();
  }

  pid_t pid() const { return pid_; }
  // The group's number stays taken until its leader is reaped: nobody else can be hit.
  void kill_group() const { ::kill(-pid_, SIGKILL); }
  // How it ended; nothing when it has not yet.
  std::optional<siginfo_t> reap() {
    siginfo_t end{};
    const int result = ::waitid(P_PID, static_cast<id_t>(pid_), &end, WEXITED | WNOHANG);
    if (result != 0 || end.si_pid == 0) return std::nullopt;
    reaped_ = true;
    return end;
  }

 private:
  pid_t pid_;
  bool reaped_ = false;
};

struct Pipe {
  FileDescriptor reading, writing;
};

std::optional<Pipe> make_pipe() {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return std::nullopt;
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);  // the program's end stays blocking
  return Pipe{FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

// Our environment with the call's variables in place of any of the same name.
std::vector<std::string> environment_of(const ProgramCall& call) {
  std::vector<std::string> all;
  for (const auto& [name, value] : call.environment) all.push_back(name + "=" + value);
  const auto is_set = [&](std::string_view entry) {
    const std::string_view its_name = entry.substr(0, entry.find('='));
    return std::any_of(call.environment.begin(), call.environment.end(),
                       [&](const auto& variable) { return variable.first == its_name; });
  };
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (!is_set(*entry)) all.emplace_back(*entry);
  return all;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// What posix_spawn is told to do in the child before the program begins.
class Preparation {
 public:
  explicit Preparation(int output) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
  }
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;
  ~Preparation() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

Result<pid_t> spawn(const ProgramCall& call, int output) {
  const Preparation preparation(output);
  std::vector<std::string> arguments{call.path};
  arguments.insert(arguments.end(), call.arguments.begin(), call.arguments.end());
  auto environment = environment_of(call);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, call.path.c_str(), preparation.actions(), preparation.attributes(),
                                  pointers_to(arguments).data(), pointers_to(environment).data());
  if (error != 0) return trouble(call, std::string("cannot be started: ") + std::strerror(error));
  return pid;
}

// By number: glibc 2.36 declares its pidfd_open() without C linkage. Closed on exec.
int open_process(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

// What the program says, and how long to listen.
struct Listening {
  asio::posix::stream_descriptor output;
  asio::posix::stream_descriptor process;  // a pidfd: readable when the program has ended
  std::string text = {};
  bool ended = false;
};

void keep(std::string& text, std::string_view more) {
  text += more.substr(0, max_program_output - std::min(max_program_output, text.size()));
}

// Reads on when nothing more is kept: a full pipe would stop the program. Something it left behind may hold the pipe
// open, so its end counts, not the pipe's.
Awaitable<void> listen(Listening& listening) {
  std::array<char, max_program_output> block;
  error_code error;
  while (!listening.ended && !error) {
    const std::size_t size = co_await listening.output.async_read_some(
        asio::buffer(block), asio::redirect_error(asio::use_awaitable, error));
    keep(listening.text, std::string_view(block.data(), size));
  }
}

Awaitable<void> await_end(Listening& listening) {
  error_code error;
  co_await listening.process.async_wait(asio::posix::stream_descriptor::wait_read,
                                        asio::redirect_error(asio::use_awaitable, error));
  listening.ended = true;
  listening.output.cancel(error);
}

Awaitable<void> listen_to_the_end(Listening& listening) {
  using namespace asio::experimental::awaitable_operators;
  co_await (listen(listening) && await_end(listening));
}

// What was written just before the end and is still in the pipe.
void read_rest(Listening& listening) {
  std::array<char, max_program_output> block;
  const ssize_t size = ::read(listening.output.native_handle(), block.data(), block.size());
  if (size > 0) keep(listening.text, std::string_view(block.data(), static_cast<std::size_t>(size)));
}

std::string saying(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
  return text.empty() ? "" : ": " + text;
}

Failure too_late(const ProgramCall& call, std::string text) {
  const auto limit = std::chrono::duration_cast<std::chrono::seconds>(call.limit);
  return trouble(call,
                 "took longer than " + std::to_string(limit.count()) + " s and was killed" + saying(std::move(text)));
}

Result<std::string> verdict(const ProgramCall& call, const siginfo_t& end, std::string text) {
  if (end.si_code == CLD_EXITED && end.si_status == 0) return text;
  const std::string how = end.si_code == CLD_EXITED ? "failed with exit status " : "was ended by signal ";
  return trouble(call, how + std::to_string(end.si_status) + saying(std::move(text)));
}

}  // namespace

Awaitable<Result<std::string>> run_program(Clock& clock, ProgramCall call) {
  auto pipe = make_pipe();
  if (!pipe) co_return trouble(call, std::string("gets no pipe: ") + std::strerror(errno));
  auto pid = spawn(call, pipe->writing.number());
  if (!pid) co_return pid.error();
  pipe->writing = FileDescriptor();
  Child child(*pid);
  FileDescriptor process(open_process(child.pid()));
  if (!process) co_return trouble(call, std::string("cannot be watched: ") + std::strerror(errno));
  const auto executor = co_await asio::this_coro::executor;
  Listening listening{asio::posix::stream_descriptor(executor, pipe->reading.release()),
                      asio::posix::stream_descriptor(executor, process.release())};
  const bool in_time = co_await ends_before(clock, clock.now() + call.limit, listen_to_the_end(listening));
  if (!in_time) {
    child.kill_group();
    co_await ends_before(clock, clock.now() + killed_within, await_end(listening));
  }
  const auto end = child.reap();
  read_rest(listening);
  if (!in_time) co_return too_late(call, std::move(listening.text));
  if (!end) co_return trouble(call, "ended unseen");
  co_return verdict(call, *end, std::move(listening.text));
}

}  // namespace gatehouse::acme
