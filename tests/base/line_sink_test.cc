#include "base/line_sink.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

namespace gatehouse {
namespace {

namespace fs = std::filesystem;

class LineSinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "line_sink.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const char* name) const { return (folder_ / name).string(); }
  static std::string content(const std::string& path) {
    std::ifstream file(path);
    return (std::stringstream() << file.rdbuf()).str();
  }

  fs::path folder_;
};

struct Pipe {
  FileDescriptor read;
  FileDescriptor write;

  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
    read = FileDescriptor(ends[0]);
    write = FileDescriptor(ends[1]);
  }

  std::string read_until_end() {
    write = FileDescriptor();
    std::string all;
    std::array<char, 4096> buffer{};
    for (ssize_t n; (n = ::read(read.number(), buffer.data(), buffer.size())) > 0;)
      all.append(buffer.data(), static_cast<std::size_t>(n));
    return all;
  }
};

TEST_F(LineSinkTest, writes_every_line_in_order_before_it_ends) {
  std::string expected;
  {
    auto sink = LineSink::open_file(path("log"), {}).value();
    for (int i = 0; i < 10000; ++i) {
      sink->write("line " + std::to_string(i));
      expected += "line " + std::to_string(i) + "\n";
    }
  }
  EXPECT_EQ(content(path("log")), expected);
}

TEST_F(LineSinkTest, appends_to_what_is_there_and_others_cannot_read_it) {
  LineSink::open_file(path("log"), {}).value()->write("one");
  LineSink::open_file(path("log"), {}).value()->write("two");
  EXPECT_EQ(content(path("log")), "one\ntwo\n");
  EXPECT_EQ(fs::status(path("log")).permissions() & fs::perms::others_all, fs::perms::none);
}

TEST_F(LineSinkTest, gathers_lines_of_several_threads_whole) {
  {
    auto sink = LineSink::open_file(path("log"), {.gather = std::chrono::milliseconds(1)}).value();
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&sink, t] {
        for (int i = 0; i < 1000; ++i) sink->write(std::string(100, static_cast<char>('a' + t)));
      });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(sink->dropped(), 0u);
  }
  std::istringstream lines(content(path("log")));
  std::array<int, 4> seen{};
  for (std::string line; std::getline(lines, line);) {
    ASSERT_EQ(line, std::string(100, line[0]));
    ++seen[static_cast<std::size_t>(line[0] - 'a')];
  }
  EXPECT_EQ(seen, (std::array<int, 4>{1000, 1000, 1000, 1000}));
}

TEST_F(LineSinkTest, an_unusable_path_is_an_error_that_names_it) {
  const auto sink = LineSink::open_file(path("missing/log"), {});
  ASSERT_FALSE(sink);
  EXPECT_EQ(sink.error().kind, FailureKind::bad_configuration);
  EXPECT_NE(sink.error().detail.find("missing/log"), std::string::npos);
}

TEST_F(LineSinkTest, after_a_rotation_new_lines_go_to_the_new_file) {
  {
    auto sink = LineSink::open_file(path("log"), {}).value();
    fs::rename(path("log"), path("log.1"));
    ASSERT_TRUE(sink->reopen());
    EXPECT_TRUE(fs::exists(path("log")));
    sink->write("after");
  }
  EXPECT_EQ(content(path("log")), "after\n");
  EXPECT_EQ(content(path("log.1")), "");
}

TEST_F(LineSinkTest, a_failed_reopen_keeps_the_old_file) {
  fs::create_directory(folder_ / "logs");
  {
    auto sink = LineSink::open_file(path("logs/log"), {}).value();
    fs::rename(folder_ / "logs", folder_ / "moved");
    EXPECT_FALSE(sink->reopen());
    sink->write("still here");
  }
  EXPECT_EQ(content(path("moved/log")), "still here\n");
}

TEST_F(LineSinkTest, a_reader_that_stopped_reading_blocks_neither_writer_nor_end) {
  Pipe pipe;
  {
    auto sink = LineSink::on_descriptor(pipe.write.number(), {.capacity_bytes = 10'000});
    for (int i = 0; i < 5000; ++i) sink->write(std::string(99, 'x'));
    EXPECT_GT(sink->dropped(), 0u);
  }
  // What did arrive is whole lines, but for the last.
  std::istringstream lines(pipe.read_until_end());
  for (std::string line; std::getline(lines, line) && !lines.eof();) ASSERT_EQ(line, std::string(99, 'x'));
}

TEST_F(LineSinkTest, a_line_larger_than_the_capacity_is_dropped_and_counted) {
  Pipe pipe;
  {
    auto sink = LineSink::on_descriptor(pipe.write.number(), {.capacity_bytes = 100});
    sink->write(std::string(100, 'x'));
    sink->write("fits");
    EXPECT_EQ(sink->dropped(), 1u);
  }
  EXPECT_EQ(pipe.read_until_end(), "fits\n");
}

TEST_F(LineSinkTest, a_full_disk_is_counted) {
  auto sink = LineSink::open_file("/dev/full", {}).value();
  sink->write("lost");
  while (sink->dropped() == 0) std::this_thread::yield();
  EXPECT_EQ(sink->dropped(), 1u);
}

}  // namespace
}  // namespace gatehouse
