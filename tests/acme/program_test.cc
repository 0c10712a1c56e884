#include "acme/program.h"

#include "acme/program_solver.h"
#include "base/file_descriptor.h"
#include "tests/doubles/acme/run.h"
#include "tests/doubles/temporary_directory.h"

#include <gtest/gtest.h>
#include <boost/asio/detached.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

namespace gatehouse::acme {
namespace {

using namespace std::chrono_literals;

class Running : public testing::Test {
 protected:
  std::string script(const std::string& text, const std::string& name = "program") {
    const auto path = directory_.write(name, "#!/bin/sh\n" + text);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path.string();
  }
  ProgramCall call(const std::string& text) { return {script(text), {}, {}, 60s}; }
  // Its output, or what went wrong with "PROGRAM" for its path.
  std::string run(const ProgramCall& call) {
    const auto output = run_to_end(io_, run_program(system_, call));
    if (output) return *output;
    std::string words = output.error().detail;
    if (const auto at = words.find(call.path); at != std::string::npos) words.replace(at, call.path.size(), "PROGRAM");
    return words;
  }
  std::string contents(const std::string& name) {
    return (std::stringstream() << std::ifstream(directory_ / name).rdbuf()).str();
  }
  // A pipe in the file system that is held open by whoever is to be seen alive.
  int make_fifo() {
    const std::string path = (directory_ / "fifo").string();
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    return ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  }
  // Waits until something was written, or the last writer has gone.
  static short await(int fifo) {
    pollfd wanted{fifo, POLLIN, 0};
    return ::poll(&wanted, 1, 20'000) == 1 ? wanted.revents : short{0};
  }
  // The program has the pipe open and said so.
  static void read_up(int fifo) {
    ASSERT_TRUE(await(fifo) & POLLIN);
    char up[3];
    ASSERT_EQ(::read(fifo, up, sizeof up), 3);
  }

  const TemporaryDirectory directory_;
  asio::io_context io_;
  ManualClock clock_;
  SystemClock system_;
};

TEST_F(Running, arguments_and_environment_reach_it_unchanged) {
  ProgramCall with = call("printf '<%s>' \"$@\" \"$NAME\" \"$HOME\"\n");
  with.arguments = {"a b", "$(id)", ""};
  with.environment = {{"NAME", "va;lue"}, {"HOME", "/elsewhere"}};
  EXPECT_EQ(run(with), "<a b><$(id)><><va;lue></elsewhere>");
}

TEST_F(Running, output_and_errors_are_heard) { EXPECT_EQ(run(call("echo one; echo two >&2")), "one\ntwo\n"); }

TEST_F(Running, a_failure_tells_status_and_output) {
  EXPECT_EQ(run(call("echo 'no such zone' >&2; exit 3")), "program PROGRAM failed with exit status 3: no such zone");
  EXPECT_EQ(run(call("exit 1")), "program PROGRAM failed with exit status 1");
}

TEST_F(Running, what_cannot_be_started_is_told) {
  EXPECT_EQ(run({"/nowhere/program", {}, {}, 60s}), "program PROGRAM cannot be started: No such file or directory");
  const auto plain = directory_.write("plain", "not executable");
  EXPECT_EQ(run({plain.string(), {}, {}, 60s}), "program PROGRAM cannot be started: Permission denied");
}

TEST_F(Running, a_flood_of_output_is_cut_and_does_not_stop_it) {
  const std::string output = run(call("head -c 300000 /dev/zero | tr '\\0' x"));
  EXPECT_EQ(output, std::string(max_program_output, 'x'));
}

TEST_F(Running, it_has_no_input_and_no_descriptor_of_ours) {
  const FileDescriptor forgotten(::fcntl(STDERR_FILENO, F_DUPFD, 200));  // without O_CLOEXEC
  const std::string number = std::to_string(forgotten.number());
  EXPECT_EQ(run(call("cat; test -e /proc/$$/fd/2 && echo 2; test -e /proc/$$/fd/" + number + " || echo closed")),
            "2\nclosed\n");
}

TEST_F(Running, it_has_a_process_group_of_its_own) {
  // Number and group (proc(5)); the shell's name has no space in it.
  std::istringstream ids(run(call("cut -d ' ' -f 1,5 /proc/$$/stat")));
  int number = 0, group = 0;
  ASSERT_TRUE(ids >> number >> group);
  EXPECT_EQ(number, group);
}

TEST_F(Running, it_takes_signals_as_any_program_does) {
  const auto handling = ::signal(SIGPIPE, SIG_IGN);
  sigset_t terminate, before;
  ::sigemptyset(&terminate);
  ::sigaddset(&terminate, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &terminate, &before);
  EXPECT_EQ(run(call("kill -PIPE $$")), "program PROGRAM was ended by signal 13");
  EXPECT_EQ(run(call("kill -TERM $$")), "program PROGRAM was ended by signal 15");
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::signal(SIGPIPE, handling);
}

TEST_F(Running, something_it_leaves_behind_is_not_waited_for) {
  const int fifo = make_fifo();
  const std::string left =
      "(echo up >&3; exec tail -f /dev/null) 3>" + (directory_ / "fifo").string() + " & echo started $!";
  const std::string output = run(call(left));
  ASSERT_TRUE(output.starts_with("started ")) << output;
  read_up(fifo);
  ::kill(std::stoi(output.substr(8)), SIGKILL);
  EXPECT_TRUE(await(fifo) & POLLHUP);
  ::close(fifo);
}

TEST_F(Running, after_the_limit_it_is_killed_with_all_it_started) {
  const int fifo = make_fifo();
  const std::string forever = "exec 3>" + (directory_ / "fifo").string() +
                              "; echo asking the provider; trap '' TERM; tail -f /dev/null & echo up >&3; wait";
  const ProgramCall endless{script(forever), {}, {}, 30s};
  std::optional<Result<std::string>> result;
  asio::co_spawn(io_, run_program(clock_, endless),
                 [&](std::exception_ptr, Result<std::string> ended) { result = std::move(ended); });
  io_.poll();
  read_up(fifo);
  while (clock_.sleepers() == 0) io_.run_one();
  clock_.advance(30s);
  while (!result) io_.run_one();
  ASSERT_FALSE(*result);
  EXPECT_EQ(result->error().detail,
            "program " + endless.path + " took longer than 30 s and was killed: asking the provider");
  EXPECT_TRUE(await(fifo) & POLLHUP) << "its child lives";
  ::close(fifo);
}

TEST_F(Running, it_is_killed_when_nobody_waits_any_more) {
  const int fifo = make_fifo();
  {
    asio::io_context io;
    const ProgramCall endless =
        call("exec 3>" + (directory_ / "fifo").string() + "; echo up >&3; exec tail -f /dev/null");
    asio::co_spawn(io, run_program(clock_, endless), [](std::exception_ptr, const Result<std::string>&) {});
    io.poll();
    read_up(fifo);
  }
  EXPECT_TRUE(await(fifo) & POLLHUP);
  ::close(fifo);
}

TEST_F(Running, as_a_solver_it_is_called_as_lego_calls_it) {
  const std::string program = script(
      "echo \"$@ / $GATEHOUSE_ACME_ACTION $GATEHOUSE_ACME_FQDN $GATEHOUSE_ACME_VALUE "
      "$GATEHOUSE_ACME_HOST\" >> " +
      (directory_ / "calls").string());
  DnsChallengeSettings dns;
  dns.follow_aliases = false;
  dns.propagation.check = DnsPropagationSettings::Check::none;
  ProgramSolver solver(system_, dns, {program});
  // RFC 8555 has no example; this is the digest of "token.thumbprint" in base64url.
  const Challenge challenge{*HostName::parse("a.test"), "token", "token.thumbprint"};
  const std::string value = dns_answer(challenge)->value;
  EXPECT_EQ(value.size(), 43u);
  EXPECT_TRUE(run_to_end(io_, solver.present(challenge)));
  EXPECT_TRUE(run_to_end(io_, solver.clean_up(challenge)));
  const std::string rest = "_acme-challenge.a.test. " + value;
  EXPECT_EQ(contents("calls"), "present " + rest + " / present " + rest + " a.test\n" +  //
                                   "cleanup " + rest + " / cleanup " + rest + " a.test\n");
}

TEST_F(Running, as_a_solver_its_failure_is_the_solvers) {
  DnsChallengeSettings dns;
  dns.follow_aliases = false;
  ProgramSolver solver(system_, dns, {script("echo no permission; exit 1")});
  const auto shown = run_to_end(io_, solver.present({*HostName::parse("a.test"), "token", "key"}));
  ASSERT_FALSE(shown);
  EXPECT_TRUE(shown.error().detail.ends_with("failed with exit status 1: no permission")) << shown.error().detail;
}

}  // namespace
}  // namespace gatehouse::acme
